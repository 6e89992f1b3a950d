//! Whether dynamic VRAM is active when this ComfyUI runs.

use super::launch::{Way, ways};
use crate::comfyui::{DynamicVram, Switches};
use crate::doctor::{Evidence, Facts, Step};
use crate::log;

/// The option that turns it off, if that of this ComfyUI is unknown.
const OFF: &str = "--disable-dynamic-vram";
/// The package that it needs.
const AIMDO: &str = "comfy-aimdo";
/// The first release of torch that it works with.
const TORCH: (u32, u32) = (2, 8);

/// What shows that it is active; None if it is not.
///
/// # Errors
///
/// Why that is unknown.
pub(in crate::doctor) fn active(facts: &Facts) -> Result<Option<Evidence>, String> {
    let comfyui = facts.comfyui.get()?;
    let dynamic = &comfyui.dynamic;
    if dynamic.state == DynamicVram::Absent {
        return Ok(None);
    }
    if let Ok(start) = facts.last_start() {
        match &start.dynamic_vram {
            Some(log::DynamicVram::Enabled) => {
                return Ok(Some(Evidence::log("ComfyUI says that dynamic VRAM is enabled", start.line)));
            }
            Some(log::DynamicVram::Disabled { .. }) => return Ok(None),
            None => {}
        }
    }
    let ways = ways(facts);
    let Some((first, rest)) = ways.split_first() else {
        return Err(String::from(
            "it is not known how ComfyUI is started, so neither is whether dynamic VRAM is active",
        ));
    };
    let is_on = asked_for(dynamic.state, &dynamic.switches, *first)?;
    for way in rest {
        if asked_for(dynamic.state, &dynamic.switches, *way)? != is_on {
            return Err(format!(
                "{} and {} differ in whether dynamic VRAM is on, and it is not known which one starts ComfyUI",
                first.name(),
                way.name()
            ));
        }
    }
    if !is_on || !is_supported(facts)? {
        return Ok(None);
    }
    let off = dynamic.switches.off.first().map_or("no option", String::as_str);
    let text = match dynamic.switches.off.first() {
        Some(_) => format!("dynamic VRAM is on, since `{off}` is not given"),
        None => String::from("dynamic VRAM is on"),
    };
    Ok(Some(first.evidence(text)))
}

/// Do the arguments leave it on, or turn it on?
fn asked_for(state: DynamicVram, switches: &Switches, way: Way<'_>) -> Result<bool, String> {
    let is_off = switches.off.iter().any(|option| way.has(option));
    match state {
        DynamicVram::Absent => Ok(false),
        _ if is_off => Ok(false),
        DynamicVram::ByDefault(_) => Ok(true),
        DynamicVram::OnRequest(_) => Ok(switches.on.iter().any(|option| way.has(option))),
        DynamicVram::Unclear(_) => Err(String::from("when this ComfyUI uses dynamic VRAM was not understood")),
    }
}

/// Does the machine have what it needs?
fn is_supported(facts: &Facts) -> Result<bool, String> {
    if facts.package(AIMDO)?.is_none() {
        return Ok(false);
    }
    if let Some(torch) = facts.package("torch")? {
        let mut parts = torch.split('.').map_while(|part| part.parse::<u32>().ok());
        if let (Some(major), Some(minor)) = (parts.next(), parts.next())
            && (major, minor) < TORCH
        {
            return Ok(false);
        }
    }
    if facts.machine.is_wsl {
        return Err(String::from("whether dynamic VRAM works in WSL depends on the version of ComfyUI"));
    }
    facts.machine.gpus.as_ref().map(|cards| !cards.is_empty()).map_err(Clone::clone)
}

/// What turns it off.
pub(in crate::doctor) fn turn_off(facts: &Facts) -> Step {
    let switches = facts.comfyui.ok().map(|comfyui| &comfyui.dynamic.switches);
    let off = switches.and_then(|switches| switches.off.first()).map_or(OFF, String::as_str);
    match ways(facts).first() {
        Some(way) => way.start_with(facts, off, &[]),
        None => Step::Advice(format!("start ComfyUI with `{off}`")),
    }
}
