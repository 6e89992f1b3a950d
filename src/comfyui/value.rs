//! What names hold while a `_load_list` is read: the values of Python that items are made of.

use std::collections::BTreeMap;

use tree_sitter::Node;

/// What a field may be known to hold. Both come from `named_modules()`, and are followed from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The name of a module.
    Name,
    /// A module.
    Module,
}

/// One field of a tuple.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Field<'t> {
    /// Its expression.
    pub(super) node: Node<'t>,
    /// What it holds, if that is known.
    pub(super) mark: Option<Mark>,
}

/// A tuple that is written out.
pub(super) type Tuple<'t> = Vec<Field<'t>>;

/// The most tuples that one name may hold, and the most fields of one; beyond that they are not followed.
const MOST: usize = 16;

/// What an expression may be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'t> {
    /// Of this truth value.
    Truth(bool),
    /// What this says.
    Mark(Mark),
    /// One of these tuples.
    Tuples(Vec<Tuple<'t>>),
    /// A list, or another iterable of items.
    List(List<'t>),
    /// Made by this, which is not followed.
    Other(Node<'t>),
}

/// A list of items, of which any number may be in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct List<'t> {
    /// Each with the place where it is added.
    pub(super) items: Vec<(Tuple<'t>, Node<'t>)>,
    /// Where, and why, it may hold something else.
    pub(super) doubt: Option<(Node<'t>, &'static str)>,
}

impl<'t> List<'t> {
    /// A list with `value` in it, added `at` this place.
    pub(super) fn of(value: &Value<'t>, at: Node<'t>) -> Self {
        match value {
            Value::Tuples(tuples) => {
                Self { items: tuples.iter().map(|tuple| (tuple.clone(), at)).collect(), doubt: None }
            }
            _ => Self::doubtful(at, "this item is not a tuple that is written out here"),
        }
    }

    pub(super) fn doubtful(at: Node<'t>, why: &'static str) -> Self {
        Self { items: Vec::new(), doubt: Some((at, why)) }
    }

    /// Whatever is in either.
    pub(super) fn join(&mut self, other: &Self) {
        let new = other.items.iter().filter(|item| !self.items.contains(item)).cloned().collect::<Vec<_>>();
        self.items.extend(new);
        self.doubt = self.doubt.or(other.doubt);
    }

    /// One of the items.
    pub(super) fn element(&self, at: Node<'t>) -> Value<'t> {
        if self.doubt.is_some() {
            return Value::Other(at);
        }
        Value::Tuples(self.items.iter().map(|(tuple, _)| tuple.clone()).collect()).bounded(at)
    }
}

impl<'t> Value<'t> {
    /// It, as a field that this expression stands for.
    pub(super) fn field(&self, node: Node<'t>) -> Field<'t> {
        Field { node, mark: if let Self::Mark(mark) = self { Some(*mark) } else { None } }
    }

    /// What is in each of `count` fields, if this is a tuple of that many.
    pub(super) fn fields(&self, count: usize, at: Node<'t>) -> Option<Vec<Self>> {
        let Self::Tuples(tuples) = self else { return None };
        let value = |field: &Field<'t>| field.mark.map_or(Self::Other(field.node), Self::Mark);
        let mut all = tuples.iter().map(|tuple| -> Vec<_> { tuple.iter().map(value).collect() });
        let first = all.next()?;
        let join = |mine: Vec<Self>, theirs: Vec<Self>| {
            let same = mine.len() == theirs.len();
            same.then(|| mine.iter().zip(&theirs).map(|(mine, theirs)| mine.join(theirs, at)).collect())
        };
        all.try_fold(first, join).filter(|fields| fields.len() == count)
    }

    /// Either of them, where two paths meet `at` this place.
    pub(super) fn join(&self, other: &Self, at: Node<'t>) -> Self {
        match (self, other) {
            _ if self == other => self.clone(),
            (Self::Tuples(mine), Self::Tuples(theirs)) => {
                let mut both = mine.clone();
                both.extend(theirs.iter().filter(|tuple| !mine.contains(tuple)).cloned());
                Self::Tuples(both).bounded(at)
            }
            (Self::List(mine), Self::List(theirs)) => {
                let mut both = mine.clone();
                both.join(theirs);
                Self::List(both)
            }
            _ => Self::Other(at),
        }
    }

    /// `self + other`.
    pub(super) fn plus(&self, other: &Self, at: Node<'t>) -> Self {
        match (self, other) {
            (Self::Tuples(mine), Self::Tuples(theirs)) => {
                let with = |first: &Tuple<'t>| theirs.iter().map(|second| [&first[..], second].concat()).collect();
                Self::Tuples(mine.iter().flat_map(|first| -> Vec<_> { with(first) }).collect()).bounded(at)
            }
            (Self::List(_), Self::List(_)) => self.join(other, at),
            _ => Self::Other(at),
        }
    }

    /// Itself, unless it is more than can be followed.
    pub(super) fn bounded(self, at: Node<'t>) -> Self {
        match &self {
            Self::Tuples(tuples) if tuples.len() > MOST || tuples.iter().any(|tuple| tuple.len() > MOST) => {
                Self::Other(at)
            }
            _ => self,
        }
    }
}

/// Where one path through the function stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Path<'t> {
    /// What each name holds.
    pub(super) names: BTreeMap<&'t str, Value<'t>>,
    /// It has returned, raised, or left its loop.
    pub(super) ended: bool,
}

impl<'t> Path<'t> {
    /// Lets another path run into this one.
    pub(super) fn merge(&mut self, other: Self, at: Node<'t>) {
        if other.ended {
            return;
        }
        if self.ended {
            *self = other;
            return;
        }
        for (name, value) in other.names {
            let joined = self.names.get(name).map_or_else(|| value.clone(), |mine| mine.join(&value, at));
            self.names.insert(name, joined);
        }
    }
}
