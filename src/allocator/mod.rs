//! The reference allocator: what `DisTorch2` computes from an allocation string, a model and a machine.
//!
//! Pure arithmetic, with and without the repair; "the node" in these pages is `DisTorch2`'s own Python. `verify`
//! compares the Python of a checkout with it, step by step, and `plan` uses it to show where a model will go. Every
//! step can be called on its own:
//!
//! ```text
//! AllocationString::parse ─> request ─┬─ byte ───> bytes::share ─> fraction::of_shares ─┐
//!                                     ├─ ratio ───────────────────> fraction::of_ratios ─┤
//!                                     ├─ virtual VRAM ──────> fraction::of_virtual_vram ─┤
//!                                     └─ fraction ───────────────────────────────────────┴─> fractions
//! fractions ─> table::devices ─> placement::place ─> table::assignments
//! ```
//!
//! Source of all formulas: `distorch_2.py` of `ComfyUI-MultiGPU` at its commit 0b438f7, and for [`Policy::GpuOnly`]
//! `patches/gpu-only.py` of this repository.
//!
//! # Numbers A size that is given is a `u64` of bytes. A size that is computed is an `f64` wherever the node has a
//! Python float, with the operations in the node's order: results only agree to the last decimal if every rounding
//! does. Where the node has an integer in between, a float holds it exactly up to 2^53 bytes (8 PiB); beyond that,
//! results can differ. GB is 2^30 bytes, as in the node.
//!
//! # What the node does that may surprise
//! - Mode: letters of *device names* count ([`Mode::Byte`]), and `cpu,*` on its own is an error ([`Mode::Fraction`]).
//! - Amounts: text after a number that it can read is ignored ([`AllocationString::ignored`]).
//! - Quotas: if a device has several, bytes get lost ([`bytes::share`]).
//! - Devices without memory are left out of the fractions, and their bytes are lost ([`fraction::of_shares`]). So are
//!   bytes that four decimals round away, at most 0.00005 of a device's memory.
//! - Lost bytes end up as orphans on the compute device ([`Reason::Orphan`]), above its quota.
//! - Blocks are offered to devices in the order of their names, `cpu` last ([`table::devices`]), not in the string's
//!   order.
//! - Blocks of one name share one place ([`Model::new`]), and blocks without a bias attribute never move
//!   ([`Reason::Tiny`]).
//! - The compute device may be missing among the devices, as long as no block is left for it
//!   ([`AllocationError::NoComputeDevice`]).

pub mod bytes;
pub mod error;
pub mod fraction;
pub mod logged;
mod machine;
pub mod model;
mod number;
pub mod placement;
pub mod request;
pub mod string;
pub mod table;

pub use bytes::{Policy, Remainder, Share};
pub use error::{AllocationError, Expected, ParseError};
pub use logged::Logged;
pub use machine::{Device, Machine};
pub use model::{Accounting, Block, Model};
pub use number::{GB, gigabytes, readable, size};
pub use placement::{Placed, Reason};
pub use request::{Fraction, Mode, Quota, Quotas, Ratio, Request, VirtualVram};
pub use string::{AllocationString, Part, Span, full_allocation, parts};
pub use table::{AssignmentRow, DeviceRow, LayerRow};

/// How to allocate. The default is the repaired node as it loads a diffusion model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Which size of a block counts.
    pub accounting: Accounting,
    /// Who gets the bytes that no quota covers.
    pub policy: Policy,
    /// Is the model a CLIP model, whose heads stay on the compute device?
    pub clip: bool,
}

/// Where everything goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    /// Bytes of the model under the accounting asked for.
    pub total_bytes: u64,
    /// Where the bytes went that no quota covers, for the log line about them.
    pub remainder: Remainder,
    /// What the node's function for the mode returns; in fraction mode, the expert part as it is.
    pub fraction_string: String,
    /// The same with every listed device, which the node logs as "Final Allocation String".
    pub allocation_string: String,
    /// The device table.
    pub devices: Vec<DeviceRow>,
    /// The layer table.
    pub layers: Vec<LayerRow>,
    /// Where each block goes: one entry per block of the model, in its order.
    pub placements: Vec<Placed>,
    /// The assignment table.
    pub assignments: Vec<AssignmentRow>,
}

impl Allocation {
    /// The device of the block with this index in the model; `None` beyond the last block.
    pub fn device_of(&self, block: usize) -> Option<&Device> {
        let placed = self.placements.get(block)?;
        Some(&self.devices[placed.device].device)
    }

    /// Bytes of the blocks on each device, one entry per row of the device table. They add up to the model.
    ///
    /// The model must be the allocated one. The accounting may be the other one: then it tells how much memory is
    /// really occupied by a model that was allocated with the cost of casting.
    pub fn bytes_on(&self, model: &Model, accounting: Accounting) -> Vec<u64> {
        let mut bytes = vec![0_u64; self.devices.len()];
        for (block, placed) in model.blocks().iter().zip(&self.placements) {
            bytes[placed.device] = bytes[placed.device].saturating_add(block.bytes(accounting));
        }
        bytes
    }
}

/// Allocates a model on a machine, in time linear in the blocks.
///
/// # Errors If the node raises an exception because of the machine or the model, or if an allocation is not finite.
pub fn allocate(
    model: &Model,
    machine: &Machine,
    string: &AllocationString,
    options: &Options,
) -> Result<Allocation, AllocationError> {
    let Options { accounting, policy, clip } = *options;
    let total_bytes = model.total_bytes(accounting);
    let mut remainder = Remainder::None;
    let mut fractions = match string.request() {
        Request::Byte(quotas) => {
            let (shares, rest) = bytes::share(total_bytes, quotas, policy);
            remainder = rest;
            fraction::of_shares(&shares, machine)?
        }
        Request::Ratio(ratios) => fraction::of_ratios(total_bytes, ratios, machine)?,
        Request::VirtualVram(request) => fraction::of_virtual_vram(model.weight_bytes(), request, machine)?,
        Request::Fraction(fractions) => fractions.clone(),
    };
    let fraction_string = match string.mode() {
        Mode::Fraction => string.expert().to_owned(),
        _ => fraction::fraction_string(&fractions),
    };
    let mut allocation_string = fraction_string.clone();
    fraction::complete(&mut allocation_string, &mut fractions, machine);

    let compute = string.compute_device();
    let devices = table::devices(&fractions, machine)?;
    let layers = table::layers(model, accounting);
    let placements = placement::place(model, accounting, &devices, compute, clip)?;
    let assignments = table::assignments(model, accounting, &devices, compute, &placements);
    Ok(Allocation {
        total_bytes,
        remainder,
        fraction_string,
        allocation_string,
        devices,
        layers,
        placements,
        assignments,
    })
}
