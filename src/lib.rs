//! Repairs a ComfyUI-MultiGPU checkout so that `DisTorch2` works with current ComfyUI.
//!
//! One run is one pass through this picture, from left to right; each step only knows the ones before it.
//!
//! ```text
//! install      pipeline ─────────────────────────────────────────────────      store       report      render
//! Checkout  →  Sources  →  Surveys   →  Repair     →  Judgement  →  Proof  →   written  →  said     →  shown
//! where is     its files,  what is      the texts     works it      run: is    or not      built       to people
//! it?          parsed      where, in    with all      with its      it right?  at all      once, of    or as a
//!                          which state  edits made    ComfyUI?                             all facts   document
//! ```
//!
//! The [`fixes`] survey, [`verify`] runs the code.
//!
//! [`plan`] reads what a model is made of and asks the same allocator what would go where.
//!
//! Beside that, [`comfyui`] reads what items the load lists of a ComfyUI hold, and judges a survey with them. Both may be
//! read from any revision of a repository as well as from disk.
//!
//! What a `check` came to is kept in a [`cache`]; what is written never comes from there.
//!
//! [`commands`] puts the steps together, [`render`] shows what they gave; [`allocator`] is what is right. To see what is
//! looked for and what is put in, start with the `patches` folder of the repository; to see how it is found, with
//! [`python::flow`]; to see how a fix uses both, with [`fixes::load_list`].

pub mod allocator;
pub mod cache;
pub mod cli;
pub mod comfyui;
pub mod commands;
pub mod fixes;
pub mod install;
pub mod parallel;
pub mod pipeline;
pub mod plan;
pub mod python;
pub mod render;
pub mod report;
pub mod revert;
pub mod store;
mod text;
pub mod verify;
