//! Lines of the node.
//!
//! It has called itself `MULTIGPU_DISTORCHV2`, `MultiGPU_DisTorch2`, `MultiGPU DisTorch V2` and more, and always so in
//! brackets.

use super::{Event, Fault, Node, Table, Title};
use crate::log::load::{Preserved, Quota};
use crate::log::number::{GB, MB, amount, bytes, count, number};
use crate::log::remark::RemarkKind;

/// A line that begins with a name in brackets, if that is one of the node's.
pub(super) fn bracket(text: &str) -> Option<Event<'_>> {
    let (name, rest) = text[1..].split_once(']')?;
    let start = name.get(..8)?;
    if name.starts_with("CHECKPOINT_META") {
        return Some(Event::Node(name, Node::CheckpointPart(rest.trim_start().starts_with("CLIP"))));
    }
    start.eq_ignore_ascii_case("MultiGPU").then(|| Event::Node(name, said(name, rest.trim_ascii())))
}

/// A line of the node without a name.
pub(super) fn bare(text: &str) -> Option<Event<'_>> {
    // Version 1.
    if let Some(rest) = text.strip_prefix("MultiGPU: ") {
        return Some(Event::Node("MultiGPU", said("MultiGPU", rest)));
    }
    None
}

fn said<'t>(name: &str, text: &'t str) -> Node<'t> {
    let first = text.as_bytes().first();
    let understood = match first {
        Some(b'F') => text
            .strip_prefix("Full allocation string:")
            .map(|string| Node::Banner(string.trim_start()))
            .or_else(|| text.strip_prefix("Final Allocation String:").map(|string| Node::FinalString(string.trim())))
            .or_else(|| {
                text.strip_prefix("Final CLIP Allocation String:").map(|string| Node::FinalString(string.trim()))
            })
            .or_else(|| text.strip_prefix("Failed to register nodes for ").map(register_failed)),
        Some(b'A') => assigning(text),
        Some(b'G') => text.starts_with("GPU-ONLY MODE").then_some(Node::GpuOnly),
        Some(b'R') => text
            .strip_prefix("Ratio(%) Mode - ")
            .and_then(|rest| rest.split_once(" -> "))
            .map(|(string, _)| Node::Ratio(string.trim()))
            .or_else(|| {
                text.strip_prefix("Registration complete. Final mappings:").map(|list| Node::Mappings(list.trim()))
            }),
        Some(b'P') => text.strip_prefix("Preserving ").and_then(preserved).map(Node::Preserved),
        Some(b'D') => text
            .strip_prefix("DisTorch loading completed.")
            .map(|rest| Node::Completed(rest.trim().strip_prefix("Total memory:").and_then(|total| amount(total, MB)))),
        Some(b'T') => {
            text.strip_prefix("Total memory:").and_then(|total| amount(total, MB)).map(Node::Total).or_else(|| {
                text.strip_prefix("To prevent an OOM error, set 'virtual_vram_gb' to at least ").map(advice)
            })
        }
        Some(b'U') => text.starts_with("Using static allocation").then_some(Node::LoadBegins),
        _ => None,
    };
    let understood = understood.or_else(|| warning(text));
    understood.unwrap_or(match () {
        () if name.starts_with("MultiGPU DisTorch") => Node::Other,
        () if name.contains("Core Patching") && text.contains("partially_load") => Node::Other,
        () if ["Core Patching", "DEBUG", "Initialization"].iter().any(|part| name.contains(part)) => Node::Import,
        () if name == "MultiGPU" => Node::Import,
        () => Node::Other,
    })
}

/// What was given to a device, or is left for one.
fn assigning(text: &str) -> Option<Node<'_>> {
    if text.starts_with("All model blocks have been allocated") {
        return Some(Node::AllAllocated);
    }
    let rest = text.strip_prefix("Assigning ")?;
    if let Some(rest) = rest.strip_prefix("remaining ") {
        let (amount, rest) = number(rest)?;
        let device = rest.split_once("wildcard device '")?.1.split_once('\'')?.0;
        return Some(Node::Remaining(Quota { device: device.to_owned(), bytes: bytes(amount, MB) }));
    }
    let (given, rest) = number(rest)?;
    let (device, rest) = rest.strip_prefix("MB of model to ")?.split_once(" (requested ")?;
    Some(Node::Assigning { device, bytes: bytes(given, MB), requested: amount(rest, MB)? })
}

/// `2 head layer(s) (10.00 MB) on compute device: cuda:0`.
fn preserved(text: &str) -> Option<Preserved> {
    let (layers, rest) = text.split_once(' ')?;
    let (size, rest) = rest.split_once("(s) (")?.1.split_once(')')?;
    let device = rest.split_once("device: ")?.1;
    Some(Preserved { layers: count(layers)?, bytes: amount(size, MB)?, device: device.trim().to_owned() })
}

fn register_failed(text: &str) -> Node<'_> {
    let (module, why) = text.split_once(": ").unwrap_or((text, ""));
    Node::Remark(Fault::Remark(RemarkKind::RegisterFailed { module: module.to_owned(), why: why.to_owned() }))
}

/// The line behind that of a model that is too large; the two become one remark.
fn advice(text: &str) -> Node<'_> {
    Node::Remark(Fault::Remark(RemarkKind::ModelTooLarge {
        device: String::new(),
        model_bytes: 0,
        limit_bytes: 0,
        at_least_gb: number(text).map(|(gb, _)| gb),
    }))
}

fn warning(text: &str) -> Option<Node<'_>> {
    let remark = |kind| Some(Node::Remark(Fault::Remark(kind)));
    if let Some(rest) = text.strip_prefix("WARNING: ").unwrap_or(text).strip_prefix("Model size (") {
        let (model, rest) = number(rest)?;
        let (device, limit) = rest.split_once("available VRAM on")?.1.rsplit_once(" (")?;
        return remark(RemarkKind::ModelTooLarge {
            device: device.trim_matches([':', ' ']).to_owned(),
            model_bytes: bytes(model, GB),
            limit_bytes: amount(limit, GB)?,
            at_least_gb: None,
        });
    }
    if let Some((class, rest)) = text.split_once(' ')
        && rest.starts_with("missing 'model_patches_models' attribute")
    {
        return remark(RemarkKind::MissingAttribute { class: class.to_owned() });
    }
    if let Some(rest) = text.strip_prefix("comfy_aimdo has no context for ") {
        let device = rest.split([';', ',', ' ']).next().filter(|device| !device.is_empty());
        return remark(RemarkKind::AimdoMissing { device: device.map(str::to_owned) });
    }
    if let Some(rest) = text.strip_prefix("comfy_aimdo init_device(") {
        let (device, rest) = rest.split_once(')')?;
        let device = device.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("cuda:{device}"));
        return rest.ends_with("False").then_some(Node::Remark(Fault::Remark(RemarkKind::AimdoMissing { device })));
    }
    None
}

/// The title of a table.
pub(super) fn title(text: &str) -> Option<Event<'static>> {
    let rest = text.strip_prefix("DisTorch")?;
    let (rest, is_legacy) = rest.strip_prefix('2').map_or((rest, true), |rest| (rest, false));
    let rest = rest.strip_prefix(' ')?;
    let (rest, is_clip) = rest.strip_prefix("CLIP ").map_or((rest, false), |rest| (rest, true));
    let table = match rest.strip_prefix("Model ")? {
        "Virtual VRAM Analysis" => Table::Virtual,
        "Device Allocations" => Table::Devices,
        "Layer Distribution" => Table::Layers,
        "Final Device/Layer Assignments" => Table::Assigned,
        _ => return None,
    };
    Some(Event::Title(Title { table, is_legacy, is_clip }))
}
