//! Diffusion models that make each other leave the compute device.

use super::context::{Allotment, loads_diffusion};
use super::fit::certain;
use super::{Check, Context, Finding, Level};
use crate::allocator::{Device, gigabytes};
use crate::stages::{MARGIN, Model};

pub(super) const CHECK: Check = Check {
    id: "eviction",
    level: Level::Note,
    title: "Two diffusion models take turns on a device",
    about: "Virtual VRAM of more than 0, even beside an allocation string, makes the node unload every other model from the \
            compute device before it loads this one. Two models with it, such as the high and low noise models of WAN 2.2, are \
            then loaded anew for every run. Without virtual VRAM, ComfyUI asks for room for 1.1 times the whole model there, and \
            unloads others only if there is not as much. If that is known to be there, this is a warning.",
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
        let Some(compute) = allotment.compute else { continue };
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
        let fit = fit_together(context, &ids, &device);
        let (level, fits) = match fit {
            Some(false) => return None,
            Some(true) => (Level::Warning, ", though there is room for them"),
            None => (Level::Note, ""),
        };
        let message = format!("their virtual VRAM makes them unload each other's model from {device}{fits}");
        let have_strings = group.iter().all(|allotment| allotment.string.is_some_and(|string| !string.is_empty()));
        let help = match (have_strings, fit) {
            (true, Some(true)) => "set virtual_vram_gb to 0 in them: the strings say where the models go",
            (true, _) => {
                "if there is room for both, set virtual_vram_gb to 0 in them: the strings say where the models go"
            }
            (false, _) => "if there is room for both, give them allocation strings, and set virtual_vram_gb to 0",
        };
        Some(CHECK.finding(message).of(nodes).with_level(level).help(help))
    });
    findings.collect()
}

/// Is there room for the models of these nodes at the same time, and for as much as ComfyUI asks for while it loads one of them
/// without virtual VRAM? None if that is not known.
fn fit_together(context: &Context<'_>, ids: &[&str], device: &str) -> Option<bool> {
    let staged = certain(context)?;
    let policy = *staged.options.policies.last()?;
    let headroom_gb = gigabytes(staged.options.headroom_bytes);
    let models: Vec<&Model> = ids
        .iter()
        .map(|id| staged.models.iter().find(|model| model.load.node.id == *id && model.planned.is_some()))
        .collect::<Option<_>>()?;
    let on = |model: &Model, device: &Device| {
        let run = model.planned.as_ref()?.run(policy);
        let row = run.allocation.devices.iter().position(|row| row.device == *device)?;
        Some(gigabytes(run.resident_bytes[row]))
    };
    let has_room = |device: &Device, total_bytes: u64| {
        let used: f64 = models.iter().filter_map(|model| on(model, device)).sum();
        device.is_cpu() || used <= 0.0 || used + headroom_gb <= gigabytes(total_bytes)
    };
    let compute = Device::from(device);
    let total_gb = gigabytes(staged.devices.machine.total_bytes(&compute)?);
    let can_load = |model: &&Model| {
        let others = models.iter().filter(|other| other.load.node.id != model.load.node.id);
        let others_gb: f64 = others.filter_map(|other| on(other, &compute)).sum();
        others_gb + gigabytes(model.bytes()) * MARGIN + headroom_gb <= total_gb
    };
    let all_fit = staged.devices.machine.listed().all(|(device, total_bytes)| has_room(device, total_bytes));
    Some(all_fit && models.iter().all(can_load))
}
