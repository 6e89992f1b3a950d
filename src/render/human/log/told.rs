//! A prompt in a line for each load, between the lines of a log that is still being written.

use std::fmt::Write as _;

use super::load::{style, word};
use crate::allocator::readable;
use crate::render::columns::{columns, width, wrapped};
use crate::render::style::{BAD, FAINT};
use crate::report::{LoadOutcome, LoadReport, PromptEnd, PromptReport};
use crate::text::visible;

/// What each line begins with, since it stands between lines of others.
const NAME: &str = "distorch-fix:";

/// The loads of a prompt that has ended.
pub fn told(prompt: &PromptReport) -> String {
    let mut out = String::new();
    for load in &prompt.loads {
        let (style, model, word) = (style(load), load.model.as_deref().unwrap_or("a model"), word(load));
        let begun = format!("{NAME} {}{} {word}", visible(model), node(load));
        let detail = wrapped(&visible(&detail(load)), width(&begun, 0), NAME.len() + 1, columns());
        let begun = begun.strip_prefix(NAME).and_then(|begun| begun.strip_suffix(word)).unwrap_or_default();
        let _ = writeln!(out, "{FAINT}{NAME}{FAINT:#}{begun}{style}{word}{style:#}{detail}");
    }
    let refusal = prompt.remarks.last().map(|remark| format!(": {}", visible(remark.text.trim()))).unwrap_or_default();
    match prompt.end {
        PromptEnd::Rejected => {
            let _ = writeln!(out, "{FAINT}{NAME}{FAINT:#} {BAD}ComfyUI refused the prompt{BAD:#}{refusal}");
        }
        _ if prompt.loads.is_empty() => {
            let _ = writeln!(out, "{FAINT}{NAME} no model was loaded{FAINT:#}");
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
    let spills = if load.spills { ", which no quota covers" } else { "" };
    match (&load.why, given.is_empty()) {
        (Some(_), _) if load.outcome == LoadOutcome::Standard && load.is_as_asked == Some(true) => String::new(),
        (Some(why), _) => format!(": {why}"),
        (None, false) => format!(": {}{spills}", given.join(", ")),
        (None, true) => load.total_bytes.map(|bytes| format!(": {}", readable(bytes))).unwrap_or_default(),
    }
}
