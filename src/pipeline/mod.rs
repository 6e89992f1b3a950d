//! The steps from a checkout to what is known about it. Each is a function of the ones before it.
//!
//! ```text
//! read       survey      edits       judge         prove
//! Sources →  Surveys  →  Repair  →   Judgement  →  Proof
//! ```
//!
//! All their results together are [`Facts`]. Nothing is written or shown here; a report is built from the facts once
//! they are complete.

mod facts;
mod judge;
mod look;
mod memory;
mod prove;
mod refusal;
mod repair;
mod sources;
mod survey;

pub use facts::{Acted, Facts};
pub use judge::{Judgement, judge, loaders_of};
pub use look::look;
pub use memory::{Asked, Memory};
pub use prove::Proof;
pub use refusal::{not_understood, not_verified};
pub use repair::{Change, Repair, edits_of};
pub use sources::{Sources, Unread};
pub use survey::{Surveys, spared};
