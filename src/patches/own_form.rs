//! The form of our own edits, to be recognised where no journal tells of them.
//!
//! What is found here is a guess; whoever asks repairs the result again, and believes it if that gives the present text
//! byte for byte. Subscripts such as `item[-4]` have no form of their own, and stay.

use std::ops::Range;

use tree_sitter::Node;

use super::gpu_only::NO_DEFAULT;
use super::{Fix, State, Survey, enclosing};
use crate::python::source::walk;
use crate::python::{Edit, Package, Source};

/// What the inserted code logs.
const LOGGED: &str = "GPU-ONLY MODE: Distributed remaining ";

/// The edits that would take our edits back, by file and in order of place.
pub fn undo(package: &Package, surveys: &[Survey]) -> Vec<(usize, Vec<Edit>)> {
    let of_file = |file: usize| {
        let source = package.source(file).ok()?;
        let mut edits: Vec<Edit> = Vec::new();
        for survey in surveys {
            match survey.fix {
                Fix::LoadList => {
                    let sites = survey.sites.iter().filter(|site| site.file == file && site.state == State::Any);
                    edits
                        .extend(sites.filter_map(|site| star(source, &site.range)).map(|star| Edit::replace(star, "")));
                }
                Fix::GpuOnly => {
                    let defaults = memchr::memmem::find_iter(source.text().as_bytes(), NO_DEFAULT);
                    edits.extend(defaults.map(|at| Edit::replace(at..at + NO_DEFAULT.len(), quoted(source))));
                    let inserted = memchr::memmem::find_iter(source.text().as_bytes(), LOGGED);
                    edits.extend(inserted.filter_map(|at| original(source, at)).flatten());
                }
            }
        }
        let in_order = crate::python::edit::order(&mut edits);
        (in_order && !edits.is_empty()).then_some((file, edits))
    };
    (0..package.len()).filter_map(of_file).collect()
}

/// `*_, ` in front of a pattern's first or second name.
fn star(source: &Source, pattern: &Range<usize>) -> Option<Range<usize>> {
    let text = &source.text()[pattern.clone()];
    let at = text.find("*_")?;
    let in_front = text[..at].trim_end();
    let end = at + text[at..].find(", ")? + 2;
    let is_ours = text[at + 1..end - 2].chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_ours && (in_front.is_empty() || in_front.ends_with(['(', '[', ','])))
        .then(|| pattern.start + at..pattern.start + end)
}

/// `"cpu"`, in the quotes that the file uses more.
fn quoted(source: &Source) -> &'static str {
    let count = |quote| memchr::memchr_iter(quote, source.text().as_bytes()).count();
    if count(b'\'') > count(b'"') { "'cpu'" } else { "\"cpu\"" }
}

/// What takes away the test around the original statements, and the other branch, which logs at this place.
fn original(source: &Source, logged: usize) -> Option<Vec<Edit>> {
    let text = source.root().descendant_for_byte_range(logged, logged + 1)?;
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

/// The end of the last thing in a block, without the comments behind it.
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
