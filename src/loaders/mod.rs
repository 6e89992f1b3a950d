//! Which loaders of `DisTorch2` act in a ComfyUI with dynamic VRAM, and which have no effect.
//!
//! ```text
//! Facts of ComfyUI     which patcher its own loaders give to a model, and when that is a dynamic one  ┐
//! ComfyUI-GGUF         the patcher that its loaders put in that one's place                           ├→  Loaders
//! the node             the attributes that an object must have to be marked; Marks                    ┘
//! ```
//!
//! `DisTorch2` replaces `ModelPatcher.partially_load`. A dynamic patcher never comes there.

mod gguf;
mod judge;
mod marked;
mod warning;

pub use gguf::{Installed, Pack, find};
pub use judge::{Beside, Effect, Loader, Loaders, Marks, Reason, judge};
pub use marked::attributes;
