//! What a repair must keep to when its code is run.

use crate::allocator::Policy;

/// What the surveys of a package promise of its code, to be held to by running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The numbers of fields of a load-list item that the code is for.
    pub arities: &'static [usize],
    /// Does an item count by the size that was asked for? Otherwise by either: no repair has chosen one.
    pub counts_as_asked: bool,
    /// Who gets the bytes that no quota covers.
    pub policy: Policy,
    /// Does the repair decide that, or is it as the code has it?
    pub repairs_policy: bool,
    /// Does the code log what it shares in the words of the reference allocator?
    pub logs_shared: bool,
}

impl Default for Contract {
    /// What holds of code that no fix says anything about.
    fn default() -> Self {
        Self {
            arities: &[4, 5],
            counts_as_asked: false,
            policy: Policy::CpuFallback,
            repairs_policy: false,
            logs_shared: false,
        }
    }
}
