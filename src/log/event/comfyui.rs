//! Lines of ComfyUI.

use memchr::memchr;

use super::{Event, Run, Startup};
use crate::log::LoadKind;
use crate::log::number::{MB, amount, bytes, number};
use crate::log::remark::RemarkKind;

/// A line that begins with a bracket.
pub(super) fn bracket(text: &str) -> Option<Event<'_>> {
    text.starts_with("[START] Security scan").then_some(Event::Start(Startup::Begins(0)))
}

/// Any other line.
pub(super) fn recognise(text: &str) -> Option<Event<'_>> {
    let run = run(text).map(Event::Run);
    run.or_else(|| start(text).map(Event::Start))
        .or_else(|| remark(text).map(|kind| Event::Fault(super::Fault::Remark(kind))))
}

fn run(text: &str) -> Option<Run<'_>> {
    Some(match text.as_bytes()[0] {
        b'g' if text == "got prompt" => Run::Queued,
        b'P' if text.starts_with("Prompt executed in ") => Run::Executed(seconds(&text["Prompt executed in ".len()..])),
        b'P' if text == "Processing interrupted" => Run::Interrupted,
        b'R' => {
            let model = text.strip_prefix("Requested to load ")?.trim();
            (!model.is_empty() && !model.contains(' ')).then_some(Run::Requested(model))?
        }
        b'l' => loaded(text)?,
        b'm' if text.starts_with("model weight dtype ") => Run::Made(LoadKind::Diffusion),
        b'C' if text.starts_with("CLIP") && text.contains("model load device: ") => Run::Made(LoadKind::TextEncoder),
        b'V' if text.starts_with("VAE load device: ") => Run::Made(LoadKind::Vae),
        b'M' => {
            let (model, rest) = text.strip_prefix("Model ")?.split_once(" prepared for dynamic VRAM loading. ")?;
            Run::Staged(model, amount(rest, MB)?)
        }
        b'i' => Run::Refused(text.strip_prefix("invalid prompt: ")?),
        b'0'..=b'9' => {
            let (models, rest) = text.split_once(' ')?;
            (rest == "models unloaded.").then(|| models.parse().ok().map(Run::Unloaded))??
        }
        _ => return None,
    })
}

/// `12.50 seconds`, and from ten minutes on `00:12:30`.
fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(plain) = text.strip_suffix(" seconds") {
        return number(plain).map(|(seconds, _)| seconds);
    }
    let parts = text.split(':').map(|part| part.parse::<f64>().ok());
    parts.into_iter().try_fold(0.0, |sum, part| Some(sum * 60.0 + part?))
}

/// `loaded completely; 10.00 MB usable, 22.46 MB loaded, full load: True`, and without units before that.
fn loaded(text: &str) -> Option<Run<'_>> {
    if let Some(rest) = text.strip_prefix("loading in lowvram mode ") {
        return Some(Run::Loaded { is_partial: true, loaded: amount(rest, MB), offloaded: None, has_units: false });
    }
    let rest = text.strip_prefix("loaded ")?;
    let (rest, is_partial) = match rest.strip_prefix("completely") {
        Some(rest) => (rest, false),
        None => (rest.strip_prefix("partially")?, true),
    };
    // With a colon, a model was made smaller, which is no load.
    if let Some(list) = rest.strip_prefix(';') {
        let of = |what: &str| list.split(',').find(|part| part.ends_with(what)).and_then(|part| amount(part, MB));
        return Some(Run::Loaded {
            is_partial,
            loaded: of("MB loaded"),
            offloaded: of("MB offloaded"),
            has_units: true,
        });
    }
    let (_, rest) = number(rest.strip_prefix(' ')?)?;
    Some(Run::Loaded { is_partial, loaded: amount(rest, MB), offloaded: None, has_units: false })
}

fn start(text: &str) -> Option<Startup<'_>> {
    Some(match text.as_bytes()[0] {
        b'*' if text.starts_with("** ComfyUI startup time") => Startup::Begins(1),
        b'*' => Startup::Arguments(text.strip_prefix("** Command line: ")?),
        b'P' if text == "Prestartup times for custom nodes:" => Startup::Times(false),
        b'I' if text == "Import times for custom nodes:" => Startup::Times(true),
        b'C' if text.starts_with("Checkpoint files will always be loaded safely") => Startup::Begins(3),
        b'S' => Startup::VramState(text.strip_prefix("Set vram state to: ")?),
        b'T' if text.starts_with("To see the GUI go to: ") => Startup::Ready,
        b'T' => {
            let (vram, rest) = number(text.strip_prefix("Total VRAM ")?)?;
            Startup::Memory(bytes(vram, MB), amount(rest.split_once("total RAM ")?.1, MB)?)
        }
        b'E' => Startup::Pinned(amount(text.strip_prefix("Enabled pinned memory ")?, MB)?),
        b'D' if text == "DynamicVRAM support detected and enabled" => Startup::Dynamic(None),
        b'D' => {
            let rest = text.strip_prefix("Device: ")?;
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let name = name.trim_end_matches(" :");
            let card = rest.rsplit_once(" : ").map_or(rest, |(card, _)| card);
            Startup::Device(name, card.trim_matches([' ', ':']))
        }
        b'N' | b'U' if text.contains("DynamicVRAM support") => {
            Startup::Dynamic(Some(text.split(". DynamicVRAM").next().unwrap_or(text)))
        }
        // An error report says these in a list.
        b'-' => {
            let (name, value) = text.strip_prefix("- **")?.split_once(":** ")?;
            match name {
                "Arguments" => Startup::Arguments(value),
                _ => Startup::Version(name.strip_suffix(" Version")?, value),
            }
        }
        _ => {
            // No name is longer, and no other line of a start has a colon so early.
            let colon = memchr(b':', &text.as_bytes()[..text.len().min(50)])?;
            let (name, version) = (text[..colon].strip_suffix(" version")?, text.get(colon + 2..)?);
            (!name.is_empty() && !version.is_empty()).then_some(Startup::Version(name, version))?
        }
    })
}

fn remark(text: &str) -> Option<RemarkKind> {
    Some(match text.as_bytes()[0] {
        b'M' if text.starts_with("Multiple NVIDIA GPUs detected") => RemarkKind::SingleGpuOnWindows,
        b'M' if text.starts_with("Multiple NVIDIA GPUs are visible on Windows") => RemarkKind::PinnedMemoryOnWindows,
        b'N' if text.starts_with("Node '") => {
            let (class, rest) = text["Node '".len()..].split_once('\'')?;
            rest.contains("not found").then(|| RemarkKind::NodeNotFound { class: class.to_owned() })?
        }
        b'S' => {
            let (path, _) = text.strip_prefix("STASH: '")?.split_once("' is dirty")?;
            RemarkKind::Stashed { path: path.to_owned() }
        }
        b'C' => {
            if let Some(rest) = text.strip_prefix("Cannot execute because node ") {
                let (class, _) = rest.split_once(" does not exist")?;
                return Some(RemarkKind::NodeNotFound { class: class.to_owned() });
            }
            let (path, why) = text.strip_prefix("Cannot import ")?.split_once(" module for custom nodes")?;
            let why = why.trim_start_matches([':', ' ']);
            RemarkKind::ImportFailed { path: path.to_owned(), why: Some(why.to_owned()).filter(|why| !why.is_empty()) }
        }
        b'F' => {
            let (path, why) = text.strip_prefix("Failed to execute startup-script: ")?.split_once(" / ")?;
            RemarkKind::ImportFailed { path: path.to_owned(), why: Some(why.to_owned()) }
        }
        _ => return None,
    })
}
