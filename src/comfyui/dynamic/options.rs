//! The options of ComfyUI's command line, read from where they are added to the parser.

use std::collections::BTreeMap;

use tree_sitter::Node;

use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::syntax::last_name;

/// `c` of `a.b.c`.
pub(super) fn last<'t>(source: &'t Source, node: Node<'t>) -> Option<&'t str> {
    last_name(node).map(|name| source.slice(name))
}

/// An option of the command line.
pub(super) struct Flag {
    /// As it is written, with its dashes.
    pub(super) option: String,
    /// Has it no value, and is False unless it is given?
    pub(super) is_switch: bool,
    /// Does it have a value where it is not given?
    pub(super) has_default: bool,
}

/// The options by the name of their attribute in `args`.
pub(super) fn flags(options: &Source) -> BTreeMap<String, Flag> {
    let mut flags = BTreeMap::new();
    walk(&mut options.root().walk(), |node| {
        if node.kind() == "call"
            && node.field("function").and_then(|function| last(options, function)) == Some("add_argument")
        {
            let arguments = node.field("arguments").map(|arguments| arguments.parts()).unwrap_or_default();
            let names = arguments.iter().filter_map(|argument| text(options, *argument));
            let Some(option) = names.into_iter().find(|name| name.starts_with("--")) else { return true };
            let keyword = |name: &str| {
                let is_it = |node: &&Node<'_>| node.field("name").is_some_and(|own| options.slice(own) == name);
                arguments.iter().filter(|node| node.kind() == "keyword_argument").find(is_it)?.field("value")
            };
            let dest = keyword("dest").and_then(|dest| text(options, dest));
            let attribute = dest.map_or_else(|| option.trim_start_matches('-').replace('-', "_"), str::to_owned);
            let is_switch = keyword("action").and_then(|action| text(options, action)) == Some("store_true");
            let has_default = keyword("default").is_some();
            flags.insert(attribute, Flag { option: option.to_owned(), is_switch, has_default });
        }
        true
    });
    flags
}

/// What is in the quotes of a plain string.
fn text<'t>(source: &'t Source, node: Node<'t>) -> Option<&'t str> {
    let parts = if node.kind() == "string" { node.parts() } else { Vec::new() };
    parts.into_iter().find(|part| part.kind() == "string_content").map(|content| source.slice(content))
}
