//! The form of our code: the function, and the statements that call it.

use super::insert::{NAME, defined};
use crate::edit::Edit;
use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::source::walk;

pub(super) fn undo(source: &Source) -> Vec<Edit> {
    let definitions = source.root().parts().into_iter().filter_map(|node| {
        let name = node.field("name").filter(|_| node.kind() == "function_definition")?;
        let name = source.slice(name);
        name.starts_with(NAME).then(|| defined(source, name).map(|definition| (name, definition))).flatten()
    });
    let mut edits = Vec::new();
    for (name, definition) in definitions {
        let end = definition.start_byte() + source.slice(definition).trim_end().len();
        let newlines = source.newline_at(definition.start_byte()).repeat(3);
        let end = end + source.text()[end..].strip_prefix(&newlines).map_or(0, |_| newlines.len());
        edits.push(Edit::replace(definition.start_byte()..end, ""));
        walk(&mut source.root().walk(), |node| {
            let called = node.field("right").and_then(|right| right.field("function"));
            if node.kind() == "assignment" && called.is_some_and(|called| source.slice(called) == name) {
                let start = source.line_start(node.start_byte());
                let end = source.line_end(node.end_byte());
                let newline = source.newline_at(node.start_byte()).len();
                edits.push(Edit::replace(start..(end + newline).min(source.text().len()), ""));
            }
            true
        });
    }
    edits
}
