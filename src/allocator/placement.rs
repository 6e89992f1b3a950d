//! Which block goes where.

use super::error::AllocationError;
use super::machine::Device;
use super::model::{Accounting, Block, Model};
use super::number::float_of;
use super::table::DeviceRow;

/// Where a block goes, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Row of the device table.
    pub device: usize,
    /// Why there. Blocks of one name each have their own reason, though all share the last one's device.
    pub reason: Reason,
}

/// Why a block goes where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The first device with room for it.
    Quota,
    /// No device had room for it: it stays on the compute device, above that device's quota.
    Orphan,
    /// It is smaller than the [threshold](tiny_threshold), or has no bias attribute: it stays on the compute device,
    /// and counts towards no quota.
    Tiny,
    /// It is the head of a CLIP model: it stays on the compute device, whose quota is reduced by the bytes of all
    /// heads.
    Head,
}

/// The bytes below which a block is not worth moving: a ten-thousandth of the model. A float, as the node compares it.
pub fn tiny_threshold(total_bytes: u64) -> f64 {
    float_of(total_bytes) * 0.0001
}

/// Is it, by its name, the head of a CLIP model? Such names contain `embed`, `wte` or `wpe`, in upper or lower case.
/// The node also looks for `token_embedding` and `position_embedding`, which `embed` covers.
pub fn is_clip_head(block: &Block) -> bool {
    // No character beyond ASCII has one of these letters as its lower case, so bytes will do.
    let name = block.name.as_bytes();
    let begins =
        |rest: &[u8], keyword: &[u8]| rest.get(..keyword.len()).is_some_and(|s| s.eq_ignore_ascii_case(keyword));
    (0..name.len()).any(|at| match name[at] {
        b'e' | b'E' => begins(&name[at..], b"embed"),
        b'w' | b'W' => begins(&name[at..], b"wte") || begins(&name[at..], b"wpe"),
        _ => false,
    })
}

/// Places every block: in load list order, from the last to the first, on the first device of the table that has room
/// left for all of it. Returns one entry per block of the model, in its order.
///
/// # Errors
/// [`AllocationError::NoComputeDevice`] if a block is left for a compute device that the table does not have.
pub fn place(
    model: &Model,
    accounting: Accounting,
    devices: &[DeviceRow],
    compute: &Device,
    clip: bool,
) -> Result<Vec<Placed>, AllocationError> {
    let blocks = model.blocks();
    let threshold = tiny_threshold(model.total_bytes(accounting));
    let compute_row = devices.iter().position(|row| row.device == *compute);
    // An index beyond the table stands for a compute device that the table does not have.
    let home = compute_row.unwrap_or(devices.len());
    let reason_to_stay = |block: &Block| {
        if clip && is_clip_head(block) {
            Reason::Head
        } else if float_of(block.bytes(accounting)) >= threshold && block.has_bias {
            Reason::Quota
        } else {
            Reason::Tiny
        }
    };
    let mut placements: Vec<Placed> =
        blocks.iter().map(|block| Placed { device: home, reason: reason_to_stay(block) }).collect();

    let mut room: Vec<f64> = devices.iter().map(DeviceRow::allocated_bytes).collect();
    let heads = blocks.iter().zip(&placements).filter(|(_, placed)| placed.reason == Reason::Head);
    let head_bytes = heads.fold(0_u64, |total, (block, _)| total.saturating_add(block.bytes(accounting)));
    if let Some(row) = compute_row.filter(|_| head_bytes > 0) {
        room[row] = (room[row] - float_of(head_bytes)).max(0.0);
    }

    for (block, placed) in blocks.iter().zip(&mut placements).rev() {
        if placed.reason != Reason::Quota {
            continue;
        }
        let bytes = float_of(block.bytes(accounting));
        match room.iter().position(|&left| left >= bytes) {
            Some(row) => {
                room[row] -= bytes;
                placed.device = row;
            }
            None => placed.reason = Reason::Orphan,
        }
    }
    unite_names(model, &mut placements);

    if compute_row.is_none() && placements.iter().any(|placed| placed.device == home) {
        return Err(AllocationError::NoComputeDevice(compute.clone()));
    }
    Ok(placements)
}

/// Puts blocks of one name where the node put the last of them: tiny ones last of all and in load list order, the
/// others before and from the last to the first.
fn unite_names(model: &Model, placements: &mut [Placed]) {
    if !model.has_repeats() {
        return;
    }
    for index in 0..placements.len() {
        if placements[index].reason == Reason::Tiny {
            placements[model.first_of_name(index)].device = placements[index].device;
        }
    }
    for index in 0..placements.len() {
        placements[index].device = placements[model.first_of_name(index)].device;
    }
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
