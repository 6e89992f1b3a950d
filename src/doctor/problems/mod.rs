//! The problems, each in a module of its own.

mod load_list;

use super::Problem;

/// Every problem: of those of the same rank, what is to be dealt with first comes first.
pub static PROBLEMS: &[&Problem] = &[&load_list::PROBLEM];
