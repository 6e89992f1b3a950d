//! Blocks that go to the CPU by a version's own rule, though byte quotas without a wildcard give it nothing.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::case::Case;
use crate::allocator::{AllocationString, Mode, Model};

/// The CPU, as the node writes it.
const CPU: &str = "cpu";

/// The scenario in which most of a model goes to the CPU, though it should get nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Spill {
    /// How much of the model's bytes, in percent, rounded down.
    pub percent: u64,
    /// The allocation string.
    pub text: String,
}

/// What an analysis by bytes sends to the CPU, if the right answer sends nothing there.
pub(super) fn of(case: &Case, right: &Answer, given: &Answer, model: &Model) -> Option<Spill> {
    let (Answer::Placed(right), Answer::Placed(given)) = (right, given) else { return None };
    let mode = AllocationString::parse(&case.text).ok()?.mode();
    if mode != Mode::Byte || right.iter().any(|device| device == CPU) {
        return None;
    }
    let sizes = model.blocks().iter().map(|block| block.resident_bytes);
    let spilled: u64 = sizes.clone().zip(given).filter(|(_, device)| *device == CPU).map(|(bytes, _)| bytes).sum();
    let percent = (spilled * 100).checked_div(sizes.sum())?;
    (spilled > 0).then(|| Spill { percent, text: case.text.clone() })
}
