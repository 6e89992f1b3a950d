//! Diffusion models that make each other leave the compute device.

use super::context::{Allotment, loads_diffusion};
use super::{Check, Context, Finding, Level};

pub(super) const CHECK: Check = Check {
    id: "eviction",
    level: Level::Note,
    title: "Two diffusion models take turns on a device",
    about: "Virtual VRAM of more than 0, even beside an allocation string, makes the node unload every other model from the \
            compute device before it loads this one. Two models with it, such as the high and low noise models of WAN 2.2, are \
            then loaded anew for every run. That is needed if they do not fit together. If they do, it only costs time, and is a \
            warning.",
    help: "If both fit, give both an allocation string and set their virtual VRAM to 0.",
    find,
};

/// Allocations of diffusion models that make each other leave a device, by device.
pub(super) fn groups<'a>(context: &'a Context<'_>) -> Vec<(String, Vec<Allotment<'a>>)> {
    let mut groups: Vec<(String, Vec<Allotment<'a>>)> = Vec::new();
    for allotment in context.allotments() {
        let is_clip = allotment.part.label.as_deref() == Some("clip");
        if !allotment.evicts() || is_clip || !loads_diffusion(allotment.loader.class) {
            continue;
        }
        let Some(compute) = allotment.compute.filter(|compute| *compute != "cpu") else { continue };
        match groups.iter_mut().find(|(device, _)| device == compute) {
            Some((_, group)) => group.push(allotment),
            None => groups.push((compute.to_owned(), vec![allotment])),
        }
    }
    groups.retain(|(_, group)| group.len() > 1);
    groups
}

fn find(context: &Context<'_>) -> Vec<Finding> {
    let findings = groups(context).into_iter().filter_map(|(device, group)| {
        let nodes: Vec<_> = group.iter().map(|allotment| context.reference(allotment.loader)).collect();
        let ids: Vec<&str> = group.iter().map(|allotment| allotment.loader.id.as_str()).collect();
        let fit = fit_together(context, &ids);
        let (level, fits) = match fit {
            Some(false) => return None,
            Some(true) => (Level::Warning, ", though they fit together"),
            None => (Level::Note, ""),
        };
        let message = format!("their virtual VRAM makes them unload each other's model from {device}{fits}");
        let have_strings = group.iter().all(|allotment| allotment.string.is_some_and(|string| !string.is_empty()));
        let help = match (have_strings, fit) {
            (true, Some(true)) => "set virtual_vram_gb to 0 in them: beside a string, it does nothing else",
            (true, _) => {
                "if both fit together, set virtual_vram_gb to 0 in them: beside a string, it does nothing else"
            }
            (false, _) => "if both fit together, give them allocation strings and set virtual_vram_gb to 0",
        };
        Some(CHECK.finding(message).of(nodes).with_level(level).help(help))
    });
    findings.collect()
}

/// Is there room for the models of these nodes at the same time, with what a computation needs? None if that is not known.
fn fit_together(context: &Context<'_>, ids: &[&str]) -> Option<bool> {
    let staged = context.known.staged.as_ref()?.as_ref().ok()?;
    if !staged.unknown.is_empty() || staged.devices.assumed {
        return None;
    }
    let policy = *staged.options.policies.last()?;
    let mut used: Vec<(&crate::allocator::Device, u64, u64)> = Vec::new();
    for id in ids {
        let model = staged.models.iter().find(|model| model.load.node.id == *id && model.planned.is_some())?;
        let run = model.planned.as_ref()?.run(policy);
        for (row, bytes) in run.allocation.devices.iter().zip(&run.resident_bytes) {
            match used.iter_mut().find(|(device, ..)| **device == row.device) {
                Some((_, sum, _)) => *sum = sum.saturating_add(*bytes),
                None => used.push((&row.device, *bytes, row.total_bytes)),
            }
        }
    }
    let headroom = staged.options.headroom_bytes;
    let has_room = |(device, sum, total): &(&crate::allocator::Device, u64, u64)| {
        if device.is_cpu() {
            !staged.devices.ram_known || sum <= total
        } else {
            *sum == 0 || sum.saturating_add(headroom) <= *total
        }
    };
    Some(used.iter().all(has_room))
}
