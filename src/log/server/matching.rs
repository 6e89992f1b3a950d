//! Which loader node a load belongs to. Only content decides: the devices, the amounts, the kind of model.

use super::super::load::{Asked, Load, LoadKind, Mode, Outcome, Quota, Role};
use super::super::prompt::Banner;
use crate::allocator::{self, AllocationString, Request};

/// How many models of a kind were made by loaders, and for how many of them distribution was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Made {
    pub(super) all: u64,
    pub(super) distributed: u64,
}

/// Finds the loader node of a load by ComfyUI among all of a start, and what it was asked for.
pub(super) fn standard(load: &mut Load, banners: &[Banner], made: impl Fn(LoadKind) -> Made, is_begun_here: bool) {
    load.mode = Mode::Nothing;
    let of_kind = |banner: &&Banner| may_load(banner, load.kind);
    let mut candidates = banners.iter().filter(of_kind).filter(|banner| !banner.is_empty).peekable();
    load.asked = match load.kind.map(made) {
        _ if !is_begun_here => Asked::Unknown,
        _ if candidates.peek().is_none() => Asked::Nothing,
        // Distribution was asked for every model of this kind.
        Some(made) if made.all > 0 && made.all == made.distributed => Asked::Distribution,
        _ => Asked::Unknown,
    };
    if load.asked == Asked::Distribution {
        choose(load, banners, |banner| !banner.is_empty && banner.loads.is_some());
    }
}

/// Finds the loader node of a load by `DisTorch2`.
pub(super) fn distributed(load: &mut Load, banners: &[Banner], is_begun_here: bool) {
    load.asked = Asked::Distribution;
    if load.mode == Mode::Unknown && banners.iter().any(|banner| is_fraction(load, banner)) {
        load.mode = Mode::Fraction;
    }
    let kept = load.clone();
    choose(load, banners, |banner| !banner.is_empty && fits(&kept, banner));
    if !is_begun_here {
        load.banner = None;
    }
}

/// Finds the loads of nodes that ran for this prompt: what they made is loaded for it, so if only one load can be a
/// node's, it is.
pub(super) fn new_ones(loads: &mut [Load], banners: &[Banner], first: usize) {
    let is_known = |load: &Load| matches!(load.outcome, Outcome::Distributed | Outcome::Reused);
    for (index, banner) in banners.iter().enumerate().skip(first).filter(|(_, banner)| !banner.is_empty) {
        let may_be = |load: &Load| {
            may_load(banner, load.kind)
                && (!is_known(load) || (load.banner.is_none_or(|other| other == index) && fits(load, banner)))
        };
        let mut candidates = loads.iter_mut().filter(|load| may_be(load));
        if let (Some(load), None) = (candidates.next(), candidates.next())
            && is_known(load)
        {
            load.banner = Some(index);
            load.string = Some(banner.text.clone()).filter(|text| !text.is_empty());
        }
    }
}

/// Finds the loader node of a load that failed while the node distributed it.
pub(super) fn failed(load: &mut Load, banners: &[Banner], is_begun_here: bool) {
    load.asked = Asked::Distribution;
    choose(load, banners, |banner| !banner.is_empty);
    load.banner = load.banner.filter(|_| is_begun_here);
}

/// Chooses the loader node if only one can be it, and its string if all that can be it have the same.
fn choose(load: &mut Load, banners: &[Banner], fits: impl Fn(&Banner) -> bool) {
    let kind = load.kind;
    let mut candidates = banners.iter().enumerate().filter(|(_, banner)| may_load(banner, kind) && fits(banner));
    let Some((first, banner)) = candidates.next() else { return };
    let (mut is_only, mut is_same) = (true, true);
    for (_, other) in candidates {
        is_only = false;
        is_same &= other.text == banner.text;
    }
    load.banner = is_only.then_some(first);
    load.string = (is_same && !banner.text.is_empty()).then(|| banner.text.clone());
    load.kind = load.kind.or(banner.loads.filter(|_| is_only));
}

fn may_load(banner: &Banner, kind: Option<LoadKind>) -> bool {
    !matches!((banner.loads, kind), (Some(banner), Some(load)) if banner != load)
}

/// Can the lines of a load come of a string? That of a loader of checkpoints is not printed.
fn fits(load: &Load, banner: &Banner) -> bool {
    if banner.text.is_empty() {
        return true;
    }
    // Versions that print no string of fractions put tiny layers elsewhere.
    let tiny = load.assigned.iter().find(|row| row.is_tiny && load.final_string.is_some());
    let compute = tiny.map(|row| row.device.as_str());
    if let (Some(found), Some(asked)) = (compute, banner.compute.as_deref())
        && found != asked
    {
        return false;
    }
    match &load.mode {
        Mode::VirtualVram => banner.string.is_empty() && lends(load, banner),
        Mode::Ratio => load.ratio.as_deref() == Some(banner.string.trim()),
        Mode::Fraction => {
            !banner.string.is_empty()
                && load.final_string.as_deref().is_none_or(|string| string.starts_with(&banner.string))
        }
        Mode::Bytes | Mode::GpuOnly | Mode::Wildcard { .. } => !banner.string.is_empty() && requests(load, banner),
        Mode::Nothing | Mode::Unknown => true,
    }
}

/// Is a string one of fractions, and is that what was done? It is printed in most versions.
fn is_fraction(load: &Load, banner: &Banner) -> bool {
    let is_fraction =
        AllocationString::parse(&banner.text).is_ok_and(|string| string.mode() == allocator::Mode::Fraction);
    is_fraction && fits(&Load { mode: Mode::Fraction, ..load.clone() }, banner)
}

/// Does the table of virtual VRAM show what was asked?
fn lends(load: &Load, banner: &Banner) -> bool {
    let of = |role| load.lent.iter().filter(move |row| row.role == role);
    let recipient = of(Role::Recipient).all(|row| {
        let asked = banner.virtual_vram_gb.map(|gb| super::super::number::bytes(gb, super::super::number::GB));
        banner.compute.as_deref() == Some(&row.object) && asked.is_some_and(|bytes| is_near(bytes, row.bytes, 10))
    });
    let donors = banner.donor.as_deref().unwrap_or_default();
    recipient && donors.split(',').all(|donor| of(Role::Donor).any(|row| row.object == donor))
}

/// Were the amounts of the string requested, in its order? The node stops once the whole model is given away.
fn requests(load: &Load, banner: &Banner) -> bool {
    let Ok(string) = AllocationString::parse(&banner.text) else { return true };
    let Request::Byte(quotas) = string.request() else { return false };
    let mut asked = quotas.listed.iter().filter(|quota| quota.bytes > 0.0);
    load.requested
        .iter()
        .all(|found| asked.next().is_some_and(|quota| is_asked(found, quota.device.as_str(), quota.bytes)))
}

fn is_asked(found: &Quota, device: &str, bytes: f64) -> bool {
    found.device == device && is_near(super::super::number::bytes(bytes, 1.0), found.bytes, 0)
}

/// Are two amounts the same, as far as they are printed: to a hundredth of a MB, or of a GB?
fn is_near(a: u64, b: u64, shift: u32) -> bool {
    a.abs_diff(b) <= 10_486 << shift
}

/// Can a load repeat an earlier one?
pub(super) fn repeats(load: &Load, earlier: &Load) -> bool {
    matches!(earlier.outcome, Outcome::Distributed)
        && load.total_bytes.is_none_or(|total| earlier.total_bytes.is_some_and(|earlier| earlier == total))
        && !matches!((&load.model, &earlier.model), (Some(a), Some(b)) if a != b)
}
