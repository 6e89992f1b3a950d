//! What is known of a value: an over-approximation that only grows when paths meet.

use std::rc::Rc;

use tree_sitter::Node;

pub use super::record::{LENGTHS, Record, Shape, WORLDS, Worlds};

/// A node together with the number of its file in the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spot<'p> {
    /// Index of the file.
    pub file: usize,
    /// The node in that file's tree.
    pub node: Node<'p>,
}

/// A whole number, by world; nothing where the world does not get here.
pub type Number = [Option<i64>; WORLDS];

/// A key of a mapping, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key<'p> {
    /// A whole number.
    Number(i64),
    /// What stands between the quotes of a string.
    Text(&'p str),
}

/// Something that can be called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Callable<'p> {
    /// A `def` or `lambda` of the package, with the scope around it.
    Function(Spot<'p>, Option<ScopeId>),
    /// A `def` of the package whose first parameter is the object that it was read from.
    Method(Spot<'p>, Option<ScopeId>),
    /// A class of the package.
    Class(Spot<'p>),
    /// An object of a class of the package.
    Object(Spot<'p>),
    /// `collections.namedtuple(…)` of this many fields.
    NamedTuple(usize),
    /// Calling it gives a list of records.
    Source,
    /// `operator.itemgetter(…)`: each index with the node it was written as.
    Getter(Rc<[(i64, Spot<'p>)]>),
    /// `functools.partial(…)`: what is called, and what it is given first.
    Partial(Rc<(Value<'p>, Vec<Value<'p>>)>),
    /// `functools.cmp_to_key(…)`: what is called with any two elements.
    Compared(Rc<Value<'p>>),
    /// A name of another module of the package, looked up when it is used.
    Imported(usize, &'p str),
    /// Another module of the package.
    Module(usize),
}

/// The number of a scope that functions were defined in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScopeId(pub usize);

/// Values nested deeper than this, and tuples longer than [`WIDEST`], are not told apart: it bounds what a hostile
/// file can make of `x = (x, x)`.
const DEEPEST: u8 = 5;
const WIDEST: usize = 8;

/// The most functions, or texts, that a value is known to be one of. Where there are so many there may be more.
pub const MOST: usize = 64;

/// What may be known of a value. Every part is a possibility of its own; all parts empty means that nothing
/// interesting can be here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Value<'p> {
    /// It may be a record.
    pub record: Option<Record>,
    /// Iterating over it may give this.
    pub element: Option<Rc<Value<'p>>>,
    /// It may be a tuple or list with just these elements.
    pub fields: Option<Rc<[Value<'p>]>>,
    /// It may be a mapping with these values.
    pub values: Option<Rc<Value<'p>>>,
    /// Which of them stand under which keys, if all of the mapping's keys are known.
    pub keyed: Option<Rc<[(Key<'p>, Value<'p>)]>>,
    /// It may be one of these, in these worlds.
    pub callables: Vec<(Callable<'p>, Worlds)>,
    /// It may be the text written at one of these places.
    pub texts: Vec<Spot<'p>>,
    /// It may be a tuple that the package writes out, of nothing interesting, and not of as many elements as a record had
    /// first. To count its elements from the end would not be the same.
    pub other: bool,
    /// It is this whole number.
    pub number: Option<Number>,
    /// It is a truth value that may hold in the first set of worlds and fail in the second.
    pub truth: Option<(Worlds, Worlds)>,
    /// How many containers are around the innermost part.
    pub(super) depth: u8,
}

impl<'p> Value<'p> {
    /// A value that is one of the things that can be called.
    pub fn callable(callable: Callable<'p>) -> Self {
        Self { callables: vec![(callable, Worlds::ALL)], ..Self::default() }
    }

    /// A record.
    pub fn record(record: Record) -> Self {
        Self { record: Some(record), ..Self::default() }
    }

    /// Something that gives `element` when iterated over.
    pub fn list_of(element: Self) -> Self {
        let element = element.plain();
        let depth = element.depth + 1;
        if element.is_dull() || depth > DEEPEST {
            return Self::default();
        }
        Self { element: Some(Rc::new(element)), depth, ..Self::default() }
    }

    /// A tuple of these elements.
    pub fn tuple(fields: Vec<Self>) -> Self {
        let depth = fields.iter().map(|field| field.depth).max().unwrap_or(0) + 1;
        if fields.iter().all(Self::is_dull) || depth > DEEPEST {
            return Self::default();
        }
        if fields.len() > WIDEST {
            return Self::list_of(fields.iter().fold(Self::default(), |all, field| all.join(field)));
        }
        Self { fields: Some(fields.into()), depth, ..Self::default() }
    }

    /// A mapping with such values.
    pub fn mapping(values: Self) -> Self {
        let values = values.plain();
        let depth = values.depth + 1;
        if values.is_dull() || depth > DEEPEST {
            return Self::default();
        }
        Self { values: Some(Rc::new(values)), depth, ..Self::default() }
    }

    /// A mapping with just these values under these keys.
    pub fn keyed(pairs: Vec<(Key<'p>, Self)>) -> Self {
        let all = pairs.iter().fold(Self::default(), |all, (_, value)| all.join(value));
        let depth = all.depth + 1;
        let dull = depth > DEEPEST || pairs.len() > WIDEST || pairs.iter().all(|(_, value)| value.is_dull());
        if dull { Self::mapping(all) } else { Self { keyed: Some(pairs.into()), depth, ..Self::mapping(all) } }
    }

    /// What stands under this text, if all of the mapping's keys are known.
    pub fn under_text(&self, key: &str) -> Option<Self> {
        let keyed = self.keyed.as_ref()?;
        let held = keyed.iter().find(|(known, _)| *known == Key::Text(key));
        Some(held.map(|(_, value)| value.clone()).unwrap_or_default())
    }

    /// What stands under this number in each world, if all of the mapping's keys are known.
    pub fn under(&self, key: Number) -> Option<Self> {
        let keyed = self.keyed.as_ref()?;
        let mut out: Option<Self> = None;
        for world in (0..WORLDS).filter(|world| key[*world].is_some()) {
            let here = Worlds::ALL.filter(|other| other == world);
            let held = keyed.iter().find(|(known, _)| key[world].map(Key::Number) == Some(*known));
            let value = held.map(|(_, value)| value.restrict(here)).unwrap_or_default();
            out = Some(out.map_or_else(|| value.clone(), |known| known.join(&value)));
        }
        out
    }

    /// A whole number in these worlds.
    pub fn number(number: i64, worlds: Worlds) -> Self {
        Self { number: Some(std::array::from_fn(|world| worlds.has(world).then_some(number))), ..Self::default() }
    }

    /// The value without what holds of it only here and now: its number, its truth.
    pub fn plain(self) -> Self {
        Self { number: None, truth: None, ..self }
    }

    /// Nothing is known of it that could matter.
    pub fn is_dull(&self) -> bool {
        self.record.is_none()
            && self.element.is_none()
            && self.fields.is_none()
            && self.values.is_none()
            && self.keyed.is_none()
            && self.callables.is_empty()
            && self.texts.is_empty()
            && !self.other
            && self.number.is_none()
            && self.truth.is_none()
    }

    /// May it be a tuple of the package's own that is not as long as a record was first?
    pub fn may_be_other(&self) -> bool {
        self.other || self.fields.as_ref().is_some_and(|fields| i64::try_from(fields.len()) != Ok(LENGTHS[0]))
    }

    /// Is there nothing to it but that it can be called?
    pub fn is_only_callable(&self) -> bool {
        Self { callables: Vec::new(), ..self.clone() }.is_dull()
    }

    /// Does a record come with it, itself or inside?
    pub fn carries_record(&self) -> bool {
        self.record.is_some()
            || self.element.as_ref().is_some_and(|element| element.carries_record())
            || self.values.as_ref().is_some_and(|values| values.carries_record())
            || self.fields.as_ref().is_some_and(|fields| fields.iter().any(Self::carries_record))
    }

    /// Is it, or may it be, a function (and not just an object or a module)?
    pub fn carries_function(&self) -> bool {
        self.callables.iter().any(|(callable, _)| !matches!(callable, Callable::Object(_) | Callable::Module(_)))
    }

    /// What iterating over it gives. Iterating over a record gives its parts, which are not followed.
    pub fn iterated(&self) -> Self {
        let element = self.element.as_deref().cloned().unwrap_or_default();
        self.fields.iter().flat_map(|fields| fields.iter()).fold(element, |all, field| all.join(field)).plain()
    }

    /// What is left of it in `worlds`.
    pub fn restrict(&self, worlds: Worlds) -> Self {
        if worlds == Worlds::ALL || self.is_dull() {
            return self.clone();
        }
        let inner = |value: &Rc<Self>| {
            let left = value.restrict(worlds);
            (!left.is_dull()).then(|| Rc::new(left))
        };
        Self {
            record: self.record.and_then(|record| record.restrict(worlds)),
            element: self.element.as_ref().and_then(inner),
            fields: self.fields.as_ref().map(|fields| fields.iter().map(|field| field.restrict(worlds)).collect()),
            values: self.values.as_ref().and_then(inner),
            keyed: self.keyed.clone(),
            callables: self
                .callables
                .iter()
                .map(|(callable, known)| (callable.clone(), known.and(worlds)))
                .filter(|(_, left)| !left.is_empty())
                .collect(),
            texts: self.texts.clone(),
            other: self.other,
            number: self.number.map(|number| std::array::from_fn(|w| number[w].filter(|_| worlds.has(w)))),
            truth: self.truth.map(|(yes, no)| (yes.and(worlds), no.and(worlds))),
            depth: self.depth,
        }
    }

    /// Either value: what holds where two paths meet.
    pub fn join(&self, other: &Self) -> Self {
        if self == other {
            return self.clone();
        }
        let mut callables = self.callables.clone();
        for (callable, worlds) in &other.callables {
            if let Some((_, known)) = callables.iter_mut().find(|(known, _)| known == callable) {
                *known = known.or(*worlds);
            } else if callables.len() < MOST {
                callables.push((callable.clone(), *worlds));
            }
        }
        let mut texts = self.texts.clone();
        let new = other.texts.iter().filter(|text| !self.texts.contains(text));
        texts.extend(new.take(MOST.saturating_sub(self.texts.len())));
        let fields = match (&self.fields, &other.fields) {
            (Some(a), Some(b)) if a.len() == b.len() => Some(a.iter().zip(b.iter()).map(|(a, b)| a.join(b)).collect()),
            (Some(a), None) => Some(Rc::clone(a)),
            (None, b) => b.clone(),
            // Tuples of different lengths: only what iterating gives is kept.
            (Some(_), Some(_)) => None,
        };
        let mut element = join_inner(self.element.as_ref(), other.element.as_ref());
        if fields.is_none() && (self.fields.is_some() || other.fields.is_some()) {
            element = Some(Rc::new(self.iterated().join(&other.iterated())));
        }
        Self {
            record: match (self.record, other.record) {
                (Some(a), Some(b)) => Some(a.join(b)),
                (a, b) => a.or(b),
            },
            element,
            fields,
            values: join_inner(self.values.as_ref(), other.values.as_ref()),
            keyed: self.keyed.clone().filter(|keyed| other.keyed.as_ref() == Some(keyed)),
            callables,
            texts,
            other: self.other || other.other,
            number: match (self.number, other.number) {
                (Some(a), Some(b)) => join_numbers(a, b),
                _ => None,
            },
            truth: match (self.truth, other.truth) {
                (Some((a, b)), Some((c, d))) => Some((a.or(c), b.or(d))),
                _ => None,
            },
            depth: self.depth.max(other.depth),
        }
    }
}

fn join_inner<'p>(a: Option<&Rc<Value<'p>>>, b: Option<&Rc<Value<'p>>>) -> Option<Rc<Value<'p>>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Rc::new(a.join(b))),
        (a, b) => a.or(b).cloned(),
    }
}

fn join_numbers(a: Number, b: Number) -> Option<Number> {
    let mut out = a;
    for (mine, theirs) in out.iter_mut().zip(b) {
        match (*mine, theirs) {
            (Some(a), Some(b)) if a != b => return None,
            (None, _) => *mine = theirs,
            _ => {}
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_differ_in_one_world_are_unknown() {
        let worlds = |length| Worlds::ALL.filter(|world| LENGTHS[world] == length);
        let offset = Value::number(0, worlds(4)).join(&Value::number(1, worlds(5)));
        assert_eq!(offset.number, Some([Some(0), Some(1)]));
        assert_eq!(Value::number(0, Worlds::ALL).join(&Value::number(1, Worlds::ALL)).number, None);
    }
}
