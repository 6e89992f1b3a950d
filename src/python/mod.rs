//! Python files: text with a syntax tree, byte edits, and the flow of values through the code.
//!
//! Nothing here knows what the tool looks for, or why: that is for [`crate::fixes`].

pub mod calls;
pub(crate) mod field;
pub mod flow;
pub mod imports;
pub mod lines;
pub mod origin;
pub mod package;
pub mod query;
pub mod reach;
pub mod skim;
pub mod source;
pub mod syntax;

pub use lines::{Place, Places};
pub use package::{FileId, Package};
pub use source::{Source, Unreadable};
