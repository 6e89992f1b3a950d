//! What the code must do when it is run.

use super::load_list::ARITIES;
use crate::allocator::Policy;

/// What the surveys of a package promise about its code. Running it checks that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The numbers of fields of a load-list item that the code is for, fewest first.
    pub arities: &'static [i64],
    /// All that items have had, likewise.
    pub known: &'static [i64],
    /// Must the code count the size that was asked for? If not, either size is fine: no repair has chosen one.
    pub counts_as_asked: bool,
    /// Who gets the bytes that no quota covers.
    pub policy: Policy,
    /// Did the repair decide that? If not, the code did.
    pub repairs_policy: bool,
    /// Does the code log the shared bytes in the words of the reference allocator?
    pub logs_shared: bool,
}

impl Contract {
    /// The fewest fields that an item has had. Only items of more have a second size, `module_offload_mem`.
    pub fn fewest(&self) -> i64 {
        self.known[0]
    }

    /// The most fields that an item has had.
    pub fn most(&self) -> i64 {
        self.known[self.known.len() - 1]
    }
}

impl Default for Contract {
    /// The contract of code that no fix is about.
    fn default() -> Self {
        Self {
            arities: &ARITIES,
            known: &ARITIES,
            counts_as_asked: false,
            policy: Policy::CpuFallback,
            repairs_policy: false,
            logs_shared: false,
        }
    }
}
