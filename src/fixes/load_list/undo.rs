//! Recognises the stars that this tool inserts. Subscripts such as `item[-4]` look like anybody's, and stay.

use std::ops::Range;

use super::ANY;
use crate::edit::Edit;
use crate::fixes::Site;
use crate::python::Source;

pub(super) fn undo(source: &Source, sites: &[&Site]) -> Vec<Edit> {
    let stars = sites.iter().filter(|site| site.state == ANY).filter_map(|site| star(source, &site.range));
    stars.map(|star| Edit::replace(star, "")).collect()
}

/// `*_, ` before a pattern's first or second name.
fn star(source: &Source, pattern: &Range<usize>) -> Option<Range<usize>> {
    let text = &source.text()[pattern.clone()];
    let at = text.find("*_")?;
    let in_front = text[..at].trim_end();
    let end = at + text[at..].find(", ")? + 2;
    let is_ours = text[at + 1..end - 2].chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_ours && (in_front.is_empty() || in_front.ends_with(['(', '[', ','])))
        .then(|| pattern.start + at..pattern.start + end)
}
