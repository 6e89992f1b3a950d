//! Dynamic VRAM: ComfyUI's own patcher that takes over models from `DisTorch2`.

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use super::module::methods;
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::{Place, Source};

/// The option that turns it off, if it is on by default.
pub const OFF: &str = "--disable-dynamic-vram";

/// Whether a ComfyUI has dynamic VRAM. Its patcher is recognised by a method `is_dynamic` that returns True.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DynamicVram {
    /// It has none.
    Absent,
    /// Only if asked for: its patcher is at this place, and no option turns it off.
    OnRequest(Place),
    /// By default: its patcher is at this place, and [`OFF`] turns it off. While it is active, `DisTorch2` has no
    /// effect on safetensors models; `ComfyUI-GGUF` creates its own patchers, and on the CPU ComfyUI creates plain
    /// ones.
    ByDefault(Place),
    /// Its patcher is at this place, but the options of the command line could not be read.
    Unclear(Place),
}

/// Reads `comfy/model_patcher.py`, and `comfy/cli_args.py` if it can be read.
pub(super) fn read(patcher: &Source, options: Option<&Source>) -> DynamicVram {
    let Some(place) = dynamic_class(patcher) else { return DynamicVram::Absent };
    match options {
        None => DynamicVram::Unclear(place),
        Some(options) if has_text(options, OFF) => DynamicVram::ByDefault(place),
        Some(_) => DynamicVram::OnRequest(place),
    }
}

fn dynamic_class(source: &Source) -> Option<Place> {
    let methods = methods(source, "is_dynamic").into_iter();
    let mut dynamic = methods.filter(|(method, _)| returns_true(source, *method)).filter_map(|(_, class)| class);
    dynamic.next().map(|class| source.place(class.start_byte()))
}

fn returns_true(source: &Source, function: Node<'_>) -> bool {
    let mut found = false;
    walk(&mut function.walk(), |node| {
        found |= node.kind() == "return_statement" && node.part(0).is_some_and(|value| source.slice(value) == "True");
        !found
    });
    found
}

/// Is this text a string of the file?
fn has_text(source: &Source, text: &str) -> bool {
    let mut found = false;
    walk(&mut source.root().walk(), |node| {
        found |= node.kind() == "string_content" && source.slice(node) == text;
        !found
    });
    found
}
