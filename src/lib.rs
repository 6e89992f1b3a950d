//! Repairs a ComfyUI-MultiGPU checkout so that `DisTorch2` works with current ComfyUI.
//!
//! A run goes through this picture from left to right; each step knows only the ones before it.
//!
//! ```text
//! install      pipeline ─────────────────────────────────────────────────      store       report      render
//! Checkout  →  Sources  →  Surveys   →  Repair     →  Judgement  →  Proof  →   written  →  said     →  shown
//! where is     its files,  what is      the texts     works it      does the   or not      built       to people
//! it?          parsed      found, and   with all      with its      result run at all      once, of    or as a
//!                          its states   edits made    ComfyUI?      right?                 all facts   document
//! ```
//!
//! The [`fixes`] survey, and [`verify`] runs the code.
//!
//! [`allocator`] computes the right answers that [`verify`] compares with. [`plan`] reads the header of a model's file and
//! asks the same allocator which part goes to which device. [`stages`] does so for all models of a [`workflow`], whose files
//! [`models`] finds, and says what lies there at the same time.
//!
//! [`comfyui`] reads which fields the load-list items of a ComfyUI have, and judges a survey by them. Both can be read
//! from any revision of a repository as well as from disk. [`loaders`] judges which loaders of the node act there.
//!
//! [`log`] reads what a running ComfyUI printed: which models it loaded, and what became of them.
//!
//! [`doctor`] puts all that is known of an installation together, and looks for problems in it.
//!
//! The result of a `check` is kept in a [`cache`]; what is written never comes from there.
//!
//! [`commands`] calls the steps, and [`render`] shows their results; if asked, without what [`redact`] finds private in
//! them. An error carries [`advice`] on what to do about it. To see what is searched for and inserted, start with the
//! `patches` folder of the repository; to see how it is found, with [`python::flow`]; to see how a fix uses both, with
//! [`fixes::load_list`].

pub mod advice;
pub mod allocator;
pub mod cache;
pub mod checks;
pub mod cli;
pub mod comfyui;
pub mod commands;
pub mod doctor;
pub mod edit;
pub mod fixes;
pub mod guard;
pub mod inputs;
pub mod install;
pub mod lint;
pub mod loaders;
pub mod log;
pub mod machine;
pub mod models;
pub mod parallel;
pub mod pipeline;
pub mod plan;
pub mod python;
pub mod redact;
pub mod render;
pub mod report;
pub mod revert;
pub mod seen;
pub mod stages;
pub mod store;
mod text;
pub mod verify;
pub mod workflow;
