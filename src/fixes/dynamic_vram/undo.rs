//! The form of our code: the function, and the statements that call it.

use super::insert::{NAME, defined};
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::{Edit, Source};

pub(super) fn undo(source: &Source) -> Vec<Edit> {
    let definitions = source.root().parts().into_iter().filter_map(|node| {
        let name = node.field("name").filter(|_| node.kind() == "function_definition")?;
        let name = source.slice(name);
        name.starts_with(NAME).then(|| defined(source, name).map(|definition| (name, definition))).flatten()
    });
    let mut edits = Vec::new();
    for (name, definition) in definitions {
        let before = source.text()[..definition.start_byte()].trim_end_matches(['\r', '\n']);
        let end = definition.start_byte() + source.slice(definition).trim_end().len();
        edits.push(if before.trim_start_matches('\u{feff}').is_empty() {
            let after = source.text()[end..].trim_start_matches(['\r', '\n']);
            Edit::replace(before.len()..source.text().len() - after.len(), "")
        } else {
            Edit::replace(before.len()..end, "")
        });
        walk(&mut source.root().walk(), |node| {
            let called = node.field("right").and_then(|right| right.field("function"));
            if node.kind() == "assignment" && called.is_some_and(|called| source.slice(called) == name) {
                let start = source.line_start(node.start_byte());
                // With the line ending before it: the call was put behind a statement.
                let before = source.text()[..start]
                    .trim_end_matches(['\r', '\n'])
                    .len()
                    .max(source.text()[..start].len().saturating_sub(2));
                edits.push(Edit::replace(before..source.line_end(node.end_byte()), ""));
            }
            true
        });
    }
    edits
}
