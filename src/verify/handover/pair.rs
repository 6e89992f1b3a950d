//! A way before and after the repair.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::program::Way;
use super::slice::{self, Slice};
use crate::edit::Edits;
use crate::fixes::{Handover, Site, Survey};
use crate::python::Source;
use crate::python::syntax::enclosing;
use crate::verify::probe::moved;
use crate::verify::{Mismatch, Step, Subject, Verdict};

/// A way that is run before and after the repair.
pub(super) struct Pair<'v> {
    pub(super) survey: &'v Survey,
    pub(super) handover: &'v Handover,
    /// Does the repair change it?
    pub(super) is_edited: bool,
    /// Where it begins, in the file before.
    pub(super) place: String,
    pub(super) before: Slice,
    pub(super) after: Slice,
}

impl<'v> Pair<'v> {
    /// Cuts out the way of a model, before and after.
    pub(super) fn of(
        subject: &'v Subject<'v>,
        edits: &Edits,
        survey: &'v Survey,
        site: &'v Site,
        handover: &'v Handover,
    ) -> Result<Self, Verdict> {
        const NAME: &str = "harness_way";
        let inconclusive = |reason: String| Verdict::Inconclusive(reason);
        let file = handover.file;
        let sources = subject.before.source(file).ok().zip(subject.after.source(file).ok());
        let (before, after) = sources.ok_or_else(|| inconclusive("its file cannot be read".to_owned()))?;
        let place = format!("{}:{}", before.path().display(), before.place(handover.call.start).line);
        let wrong = |expected: &str, given: &str| {
            Verdict::Wrong(Mismatch {
                step: Step::HandOver,
                scenario: format!("{place}: what the repair is not to change"),
                expected: expected.to_owned(),
                given: given.to_owned(),
            })
        };
        let call = call_at(before, handover.call.start, handover.call.len());
        let call = call.ok_or_else(|| inconclusive(format!("{place}: there is no call")))?;
        let start = moved(edits, handover.call.start);
        let call_after = call_at(after, start, handover.call.len());
        let call_after = call_after.filter(|other| after.slice(*other) == before.slice(call));
        let call_after = call_after.ok_or_else(|| wrong(before.slice(call), "another call"))?;
        let cut = |source, call| {
            slice::cut(source, call, handover, NAME).map_err(|reason| inconclusive(format!("{place}: {reason}")))
        };
        let pair = Self {
            survey,
            handover,
            is_edited: !site.edits.is_empty(),
            place: place.clone(),
            before: cut(before, call)?,
            after: cut(after, call_after)?,
        };
        if pair.is_edited
            && !pair.is_edited_by_another(subject, call)
            && let Some((expected, given)) = pair.idle_difference(site)
        {
            return Err(wrong(expected, given));
        }
        Ok(pair)
    }

    /// The way before (0) or after (1).
    pub(super) fn way(&self, at: usize) -> Way<'_> {
        Way { handover: self.handover, slice: if at == 0 { &self.before } else { &self.after } }
    }

    /// Would it be run in the same way?
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.is_edited == other.is_edited
            && self.before.source.text() == other.before.source.text()
            && self.after.source.text() == other.after.source.text()
            && (self.handover.at, &self.handover.keep) == (other.handover.at, &other.handover.keep)
            && self.handover.through == other.handover.through
    }

    /// Does another fix change the function of the call?
    fn is_edited_by_another(&self, subject: &Subject<'_>, call: Node<'_>) -> bool {
        let Some(function) = enclosing(call, &["function_definition"]) else { return false };
        let others = subject.surveys.iter().filter(|other| other.fix != self.survey.fix);
        let mut edits = others.flat_map(|other| &other.sites).flat_map(|site| &site.edits);
        edits.any(|(file, edit)| {
            *file == self.handover.file && edit.range.0 <= function.end_byte() && edit.range.1 >= function.start_byte()
        })
    }

    /// The first line of what is not run that the repair changes, but for what it puts into other ways.
    fn idle_difference(&self, site: &Site) -> Option<(&str, &str)> {
        let is_this = |other: &&Site| other.file == site.file && other.range == site.range;
        let others = self.survey.sites.iter().filter(|other| !is_this(other));
        let inserted = others.flat_map(|other| &other.edits).flat_map(|(_, edit)| edit.text.lines());
        let inserted: BTreeSet<_> = inserted.map(str::trim).collect();
        let kept = |line: &&str| !inserted.contains(line);
        let expected = self.before.idle.lines().map(str::trim).filter(kept);
        let mut given = self.after.idle.lines().map(str::trim).filter(kept);
        expected
            .map(|expected| (expected, given.next().unwrap_or("nothing")))
            .find(|(expected, given)| expected != given)
    }
}

/// The call of so many bytes at an offset.
pub(super) fn call_at(source: &Source, start: usize, bytes: usize) -> Option<Node<'_>> {
    let found = source.root().descendant_for_byte_range(start, start + bytes)?;
    enclosing(found, &["call"]).filter(|call| call.byte_range() == (start..start + bytes))
}
