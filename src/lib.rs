//! Repairs a ComfyUI-MultiGPU checkout so that `DisTorch2` works with current ComfyUI.
//!
//! A run goes through this picture from left to right; each step knows only the ones before it.
//!
//! ```text
//! install      python         fixes          repair         verify         store
//! Checkout  →  Package     →  Survey      →  Repair      →  Verdict     →  written,
//! where is     its files,     the sites      the texts      does the       or not at all
//! it?          parsed         and their      with all       result run
//!                             states         edits made     as it should?
//! ```
//!
//! [`allocator`] computes the right answers that [`verify`] compares with. [`plan`] reads the header of a model's file and
//! asks the same allocator which part goes to which device.
//!
//! [`comfyui`] reads which fields the load-list items of a ComfyUI have, and judges a survey by them. Both can be read
//! from any revision of a repository as well as from disk.
//!
//! The result of a `check` is kept in a [`cache`]; what is written never comes from there.
//!
//! [`commands`] calls the steps, and [`report`] shows their results. An error carries what to do about it as [`advice`].
//! To see what is searched for and inserted, start with the `patches` folder of the repository; to see how it is found,
//! with [`python::flow`]; to see how a fix uses both, with [`fixes::load_list`].

pub mod advice;
pub mod allocator;
pub mod cache;
pub mod cli;
pub mod comfyui;
pub mod commands;
pub mod fixes;
mod gather;
pub mod install;
pub mod parallel;
pub mod plan;
pub mod python;
pub mod repair;
pub mod report;
pub mod revert;
pub mod store;
pub mod verify;
