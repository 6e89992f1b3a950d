//! A prompt in a line for each load, between the lines of a log that is still being written.

use std::fmt::Write as _;

use super::load::{style, word};
use crate::allocator::readable;
use crate::render::style::{BAD, FAINT};
use crate::report::{LoadReport, PromptEnd, PromptReport};
use crate::text::visible;

/// The loads of a prompt that has ended.
pub fn told(prompt: &PromptReport) -> String {
    let mut out = String::new();
    for load in &prompt.loads {
        let style = style(load);
        let (model, node) = (load.model.as_deref().unwrap_or("a model"), node(load));
        let word = word(load);
        let _ = writeln!(
            out,
            "{FAINT}distorch-fix:{FAINT:#} {}{node} {style}{word}{style:#}{}",
            visible(model),
            visible(&detail(load))
        );
    }
    let refusal = prompt.remarks.last().map(|remark| format!(": {}", visible(remark.text.trim()))).unwrap_or_default();
    match prompt.end {
        PromptEnd::Rejected => {
            let _ = writeln!(out, "{FAINT}distorch-fix:{FAINT:#} {BAD}ComfyUI refused the prompt{BAD:#}{refusal}");
        }
        _ if prompt.loads.is_empty() => {
            let _ = writeln!(out, "{FAINT}distorch-fix: no model was loaded{FAINT:#}");
        }
        _ => {}
    }
    out
}

fn node(load: &LoadReport) -> String {
    match &load.nodes[..] {
        [node] => format!(" (node {})", visible(&node.id)),
        _ => String::new(),
    }
}

/// Where it went, or why it did not.
fn detail(load: &LoadReport) -> String {
    let given =
        load.devices.iter().filter_map(|device| Some((device, device.assigned_bytes.filter(|bytes| *bytes > 0)?)));
    let given: Vec<String> = given.map(|(device, bytes)| format!("{} {}", device.device, readable(bytes))).collect();
    let spills = if load.spills { ", though the string names only GPUs" } else { "" };
    match (&load.why, given.is_empty()) {
        (Some(why), _) => format!(": {why}"),
        (None, false) => format!(": {}{spills}", given.join(", ")),
        (None, true) => load.total_bytes.map(|bytes| format!(": {}", readable(bytes))).unwrap_or_default(),
    }
}
