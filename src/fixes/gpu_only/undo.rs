//! Recognises this tool's own code: the default that is None, and the branch that shares the remainder.

use tree_sitter::Node;

use super::remainder::NO_DEFAULT;
use crate::edit::Edit;
use crate::python::Source;
use crate::python::source::walk;
use crate::python::syntax::enclosing;

/// What the inserted code logs.
const LOGGED: &str = "GPU-ONLY MODE: Distributed remaining ";

pub(super) fn undo(source: &Source) -> Vec<Edit> {
    let text = source.text().as_bytes();
    let defaults = memchr::memmem::find_iter(text, NO_DEFAULT);
    let defaults = defaults.map(|at| Edit::replace(at..at + NO_DEFAULT.len(), quoted(source)));
    let inserted = memchr::memmem::find_iter(text, LOGGED).filter_map(|at| original(source, at));
    defaults.chain(inserted.flatten()).collect()
}

/// `"cpu"`, in the kind of quotes that the file uses more.
fn quoted(source: &Source) -> &'static str {
    let count = |quote| memchr::memchr_iter(quote, source.text().as_bytes()).count();
    if count(b'\'') > count(b'"') { "'cpu'" } else { "\"cpu\"" }
}

/// The edits that remove the test around the original statements, and the other branch, which logs at this place.
fn original(source: &Source, logged: usize) -> Option<Vec<Edit>> {
    let text = source.root().descendant_for_byte_range(logged, logged)?;
    let shares = enclosing(text, &["if_statement"])?;
    let test = enclosing(shares.parent()?, &["if_statement"])?;
    let otherwise = test.child_by_field_name("alternative").filter(|branch| branch.kind() == "else_clause")?;
    let statements = test.child_by_field_name("consequence").filter(|block| block.kind() == "block")?;
    let is_around = otherwise.byte_range().contains(&shares.start_byte());
    let start = source.line_start(statements.start_byte());
    if !is_around || start <= test.start_byte() {
        return None;
    }
    let unit = source.indent_unit(statements).len();
    let mut edits = vec![Edit::replace(source.line_start(test.start_byte())..start + unit, "")];
    let end = last_end(statements);
    let strings = source.multi_line_strings(&(start..end));
    let mut line = start;
    while let Some(next) = source.text()[line..end].find('\n').map(|newline| line + newline + 1) {
        line = next;
        let in_string = strings.iter().any(|string| string.start < line && line < string.end);
        if !in_string && !source.line_at(line).trim().is_empty() {
            edits.push(Edit::replace(line..line + unit, ""));
        }
    }
    edits.push(Edit::replace(source.line_end(end)..test.end_byte(), ""));
    Some(edits)
}

/// The end of the last statement in a block, without the comments after it.
fn last_end(block: Node<'_>) -> usize {
    let mut end = block.start_byte();
    walk(&mut block.walk(), |node| {
        if node.parent() == Some(block) {
            end = node.end_byte();
        }
        node == block
    });
    end
}
