//! Judges what the code does with items: each use becomes a site, with its state and its edits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use super::index::{Alike, alike};
use super::unpack::where_it_fits;
use super::{ANY, ARITIES, LEGACY};
use crate::edit::Edit;
use crate::fixes::spare::unused_name;
use crate::fixes::{Accounting, Reading, Site, State, Subject};
use crate::python::flow::value::Item;
use crate::python::flow::{Form, Takes, Use};
use crate::python::{FileId, Source};

/// The fields that every item has had, so far, at its end.
pub(super) const FIELDS: i64 = ARITIES[0];

pub(super) struct Judge<'s, 'p> {
    pub(super) subject: &'s Subject<'p>,
    pub(super) accounting: Accounting,
    /// For each file, the name for fields that are not used.
    unused_names: RefCell<HashMap<FileId, Rc<str>>>,
    /// The subscripts of a function that read the same thing, by what is read.
    pub(super) alike: HashMap<Alike<'p>, Vec<&'s Use<'p>>>,
    /// Whether these are meant for current ComfyUI.
    pub(super) alike_are_new: RefCell<HashMap<Alike<'p>, bool>>,
    /// The functions whose length tests can be repaired.
    pub(super) tested: HashSet<usize>,
    /// Does any place follow the guide: `entry[0], entry[2], entry[3], entry[4]`?
    pub(super) by_guide: Cell<bool>,
}

/// The verdict about a use, before it becomes a site.
pub(super) struct Finding {
    state: State,
    message: String,
    edits: Vec<Edit>,
}

impl Finding {
    pub(super) fn new(state: State, message: impl Into<String>) -> Self {
        Self { state, message: message.into(), edits: Vec::new() }
    }

    pub(super) fn legacy(message: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self { edits, ..Self::new(LEGACY, message) }
    }
}

impl<'s, 'p> Judge<'s, 'p> {
    pub(super) fn new(subject: &'s Subject<'p>, accounting: Accounting) -> Self {
        let mut judge = Self {
            subject,
            accounting,
            unused_names: RefCell::default(),
            alike: HashMap::default(),
            alike_are_new: RefCell::default(),
            tested: HashSet::default(),
            by_guide: Cell::new(false),
        };
        for used in &subject.flow.uses {
            let Some(source) = subject.source(used.spot.file) else { continue };
            match used.form {
                Form::Index(..) => judge.alike.entry(alike(source, used)).or_default().push(used),
                Form::Test if Self::test(source, used).is_some() => {
                    judge.tested.insert(used.function.id());
                    judge.tested.extend(&used.askers);
                }
                _ => {}
            }
        }
        judge
    }

    pub(super) fn unused_name(&self, source: &Source, file: FileId) -> Rc<str> {
        let mut known = self.unused_names.borrow_mut();
        Rc::clone(known.entry(file).or_insert_with(|| unused_name(source).into()))
    }

    pub(super) fn site(&self, used: &Use<'p>) -> Option<Site> {
        let source = self.subject.source(used.spot.file)?;
        let finding = if used.form == Form::Test {
            return Self::test(source, used);
        } else if used.selective && used.item.arities().has(0) {
            return self.selective(used);
        } else if used.caught {
            Finding::new(ANY, "tries one number of fields, then another")
        } else if used.item.mixed {
            Finding::new(State::OPAQUE, "items of different shapes meet here")
        } else {
            match &used.form {
                Form::Unpack => self.unpack(source, used),
                Form::Index(number, index) => self.index(source, used, *number, *index),
                Form::Getter(index) => self.getter(source, used, *index),
                Form::Slice(start, end) => self.slice(source, used, *start, *end),
                Form::Spread(takes) => self.spread(source, used, *takes),
                Form::Cut(takes) => self.cut(source, used, *takes),
                Form::Test | Form::Search => Finding::new(State::OPAQUE, "looks for the fields when it runs"),
                Form::Change => Finding::new(State::OPAQUE, "changes an item, so the order of its fields is unknown"),
                Form::Escape => Finding::new(State::OPAQUE, "passes load-list items to code outside of the checkout"),
            }
        };
        let edits: Vec<_> = finding.edits.into_iter().map(|edit| (used.spot.file, edit)).collect();
        let number = if let Form::Index(number, _) = used.form { Some(number) } else { None };
        let reads = if used.caught { where_it_fits(used) } else { used.item };
        // An item that is cut before it is read cannot be read on its own.
        let looks = matches!(used.form, Form::Spread(Takes { looks: true, .. }));
        let is_cut = looks || edits.iter().all(|(_, edit)| edit.range.0 >= used.spot.node.end_byte());
        let is_read = (edits.is_empty() && !looks) || !is_cut;
        let readings = if is_read { Reading::of(&reads, number) } else { Vec::new() };
        Some(Site { readings, ..Site::new(used.spot, finding.state, finding.message).with(edits) })
    }
}

pub(super) enum Fits {
    /// For every arity that gets here.
    Every,
    /// For the fewest fields only.
    Old,
    /// For the most fields only.
    New,
    /// For no arity.
    Neither,
}

/// For which of the arities that get here does `holds` (of the item's length) hold?
pub(super) fn fits(item: &Item, holds: impl Fn(i64) -> bool) -> Fits {
    let fit = |nth| item.length(nth).map(&holds);
    match (fit(0), fit(1)) {
        (Some(true) | None, Some(true)) | (Some(true), None) => Fits::Every,
        (Some(true), Some(false)) => Fits::Old,
        (Some(false), Some(true)) => Fits::New,
        _ => Fits::Neither,
    }
}
