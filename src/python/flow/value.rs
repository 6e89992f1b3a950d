//! What is known about a value: an over-approximation that only grows when paths meet.

use std::rc::Rc;

use tree_sitter::Node;

pub use super::item::{Arities, COUNT, Item, Shape};
use crate::python::package::FileId;

/// A node together with its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spot<'p> {
    /// The file.
    pub file: FileId,
    /// The node in that file's tree.
    pub node: Node<'p>,
}

/// A whole number for each arity; `None` where it is unknown, or where no path of that arity gets here.
pub type Number = [Option<i64>; COUNT];

/// A count as Python code has it: a number that may be subtracted from.
pub fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A key of a mapping, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key<'p> {
    /// A whole number.
    Number(i64),
    /// The content of a string literal.
    Text(&'p str),
}

/// Something that can be called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Callable<'p> {
    /// A `def` or `lambda` of the package, with the scope around it.
    Function(Spot<'p>, Option<ScopeId>),
    /// A `def` of the package that gets the object it was read from as its first argument.
    Method(Spot<'p>, Option<ScopeId>),
    /// A class of the package.
    Class(Spot<'p>),
    /// An object of a class of the package.
    Object(Spot<'p>),
    /// `collections.namedtuple(…)` of this many fields.
    NamedTuple(usize),
    /// Calling it gives a list of items.
    Source,
    /// `operator.itemgetter(…)`: each index with the node it was written as.
    Getter(Rc<[(i64, Spot<'p>)]>),
    /// `functools.partial(…)`: what is called, and its first arguments.
    Partial(Rc<(Value<'p>, Vec<Value<'p>>)>),
    /// `functools.cmp_to_key(…)`: the function that is called with any two elements.
    Compared(Rc<Value<'p>>),
    /// A name of another module of the package, looked up when it is used.
    Imported(FileId, &'p str),
    /// Another module of the package.
    Module(FileId),
}

/// The number of a scope that functions were defined in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScopeId(pub usize);

/// Values nested deeper than this, and tuples longer than [`WIDEST`], are not distinguished. That bounds what a hostile
/// file can do with `x = (x, x)`.
const DEEPEST: u8 = 5;
const WIDEST: usize = 8;

/// The most functions, or texts, that a value is known to be one of. If there are as many, there may be more.
pub const MOST: usize = 64;

/// What may be known about a value. Every part is a possibility of its own. If all are empty, nothing interesting can
/// be here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Value<'p> {
    /// It may be an item.
    pub item: Option<Item>,
    /// Iterating over it may give this.
    pub element: Option<Rc<Value<'p>>>,
    /// It may be a tuple or list of exactly these elements.
    pub fields: Option<Rc<[Value<'p>]>>,
    /// It may be a mapping with these values.
    pub values: Option<Rc<Value<'p>>>,
    /// The value under each key, if all of the mapping's keys are known.
    pub keyed: Option<Rc<[(Key<'p>, Value<'p>)]>>,
    /// It may be one of these, for these arities.
    pub callables: Vec<(Callable<'p>, Arities)>,
    /// It may be the text written at one of these places.
    pub texts: Vec<Spot<'p>>,
    /// It may be a tuple display of the package, of nothing interesting, and of another length than the shortest item.
    /// An index from the end would read another element of it.
    pub other: bool,
    /// It is this whole number.
    pub number: Option<Number>,
    /// It is a truth value that may hold for the first set of arities and fail for the second.
    pub truth: Option<(Arities, Arities)>,
    /// How many containers are around the innermost part.
    pub(super) depth: u8,
}

impl<'p> Value<'p> {
    /// A callable.
    pub fn callable(callable: Callable<'p>) -> Self {
        Self { callables: vec![(callable, Arities::ALL)], ..Self::default() }
    }

    /// An item.
    pub fn item(item: Item) -> Self {
        Self { item: Some(item), ..Self::default() }
    }

    /// Something that gives `element` when iterated over.
    pub fn list_of(element: Self) -> Self {
        let element = element.without_constants();
        let depth = element.depth + 1;
        if element.is_bottom() || depth > DEEPEST {
            return Self::default();
        }
        Self { element: Some(Rc::new(element)), depth, ..Self::default() }
    }

    /// A tuple of these elements.
    pub fn tuple(fields: Vec<Self>) -> Self {
        let depth = fields.iter().map(|field| field.depth).max().unwrap_or(0) + 1;
        if fields.iter().all(Self::is_bottom) || depth > DEEPEST {
            return Self::default();
        }
        if fields.len() > WIDEST {
            return Self::list_of(fields.iter().fold(Self::default(), |all, field| all.join(field)));
        }
        Self { fields: Some(fields.into()), depth, ..Self::default() }
    }

    /// A mapping with such values.
    pub fn mapping(values: Self) -> Self {
        let values = values.without_constants();
        let depth = values.depth + 1;
        if values.is_bottom() || depth > DEEPEST {
            return Self::default();
        }
        Self { values: Some(Rc::new(values)), depth, ..Self::default() }
    }

    /// A mapping of exactly these keys and values.
    pub fn keyed(pairs: Vec<(Key<'p>, Self)>) -> Self {
        let all = pairs.iter().fold(Self::default(), |all, (_, value)| all.join(value));
        let depth = all.depth + 1;
        let bottom = depth > DEEPEST || pairs.len() > WIDEST || pairs.iter().all(|(_, value)| value.is_bottom());
        if bottom { Self::mapping(all) } else { Self { keyed: Some(pairs.into()), depth, ..Self::mapping(all) } }
    }

    /// The value under this text, if all of the mapping's keys are known.
    pub fn under_text(&self, key: &str) -> Option<Self> {
        let keyed = self.keyed.as_ref()?;
        let held = keyed.iter().find(|(known, _)| *known == Key::Text(key));
        Some(held.map(|(_, value)| value.clone()).unwrap_or_default())
    }

    /// The value under this number for each arity, if all of the mapping's keys are known.
    pub fn under(&self, key: Number) -> Option<Self> {
        let keyed = self.keyed.as_ref()?;
        let mut out: Option<Self> = None;
        for nth in (0..COUNT).filter(|nth| key[*nth].is_some()) {
            let here = Arities::ALL.filter(|other| other == nth);
            let held = keyed.iter().find(|(known, _)| key[nth].map(Key::Number) == Some(*known));
            let value = held.map(|(_, value)| value.restrict(here)).unwrap_or_default();
            out = Some(out.map_or_else(|| value.clone(), |known| known.join(&value)));
        }
        out
    }

    /// A whole number, for these arities.
    pub fn number(number: i64, arities: Arities) -> Self {
        Self { number: Some(std::array::from_fn(|nth| arities.has(nth).then_some(number))), ..Self::default() }
    }

    /// The value without its number and its truth, which hold only here and now.
    pub fn without_constants(self) -> Self {
        Self { number: None, truth: None, ..self }
    }

    /// Is nothing known about it that could matter?
    pub fn is_bottom(&self) -> bool {
        self.item.is_none()
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

    /// May it be a tuple of the package's own that has another length than the shortest item, `fewest`?
    pub fn may_be_other(&self, fewest: i64) -> bool {
        self.other || self.fields.as_ref().is_some_and(|fields| as_i64(fields.len()) != fewest)
    }

    /// Is it nothing but a callable?
    pub fn is_only_callable(&self) -> bool {
        Self { callables: Vec::new(), ..self.clone() }.is_bottom()
    }

    /// Is it an item, or does it contain one?
    pub fn carries_item(&self) -> bool {
        self.item.is_some()
            || self.element.as_ref().is_some_and(|element| element.carries_item())
            || self.values.as_ref().is_some_and(|values| values.carries_item())
            || self.fields.as_ref().is_some_and(|fields| fields.iter().any(Self::carries_item))
    }

    /// Is it, or may it be, a function (and not just an object or a module)?
    pub fn carries_function(&self) -> bool {
        self.callables.iter().any(|(callable, _)| !matches!(callable, Callable::Object(_) | Callable::Module(_)))
    }

    /// What iterating over it gives. Iterating over an item gives its elements, which are not followed.
    pub fn iterated(&self) -> Self {
        let element = self.element.as_deref().cloned().unwrap_or_default();
        self.fields
            .iter()
            .flat_map(|fields| fields.iter())
            .fold(element, |all, field| all.join(field))
            .without_constants()
    }

    /// The part of it for `arities`.
    pub fn restrict(&self, arities: Arities) -> Self {
        if arities == Arities::ALL || self.is_bottom() {
            return self.clone();
        }
        let inner = |value: &Rc<Self>| {
            let left = value.restrict(arities);
            (!left.is_bottom()).then(|| Rc::new(left))
        };
        Self {
            item: self.item.and_then(|item| item.restrict(arities)),
            element: self.element.as_ref().and_then(inner),
            fields: self.fields.as_ref().map(|fields| fields.iter().map(|field| field.restrict(arities)).collect()),
            values: self.values.as_ref().and_then(inner),
            keyed: self.keyed.clone(),
            callables: self
                .callables
                .iter()
                .map(|(callable, known)| (callable.clone(), known.and(arities)))
                .filter(|(_, left)| !left.is_empty())
                .collect(),
            texts: self.texts.clone(),
            other: self.other,
            number: self.number.map(|number| std::array::from_fn(|nth| number[nth].filter(|_| arities.has(nth)))),
            truth: self.truth.map(|(yes, no)| (yes.and(arities), no.and(arities))),
            depth: self.depth,
        }
    }

    /// Either value: what is known where two paths meet.
    pub fn join(&self, other: &Self) -> Self {
        if self == other {
            return self.clone();
        }
        let mut callables = self.callables.clone();
        for (callable, arities) in &other.callables {
            if let Some((_, known)) = callables.iter_mut().find(|(known, _)| known == callable) {
                *known = known.or(*arities);
            } else if callables.len() < MOST {
                callables.push((callable.clone(), *arities));
            }
        }
        let mut texts = self.texts.clone();
        let new = other.texts.iter().filter(|text| !self.texts.contains(text));
        texts.extend(new.take(MOST.saturating_sub(self.texts.len())));
        let fields = match (&self.fields, &other.fields) {
            (Some(a), Some(b)) if a.len() == b.len() => Some(a.iter().zip(b.iter()).map(|(a, b)| a.join(b)).collect()),
            (Some(a), None) => Some(Rc::clone(a)),
            (None, b) => b.clone(),
            // Tuples of different lengths: only the result of iterating is kept.
            (Some(_), Some(_)) => None,
        };
        let mut element = join_inner(self.element.as_ref(), other.element.as_ref());
        if fields.is_none() && (self.fields.is_some() || other.fields.is_some()) {
            element = Some(Rc::new(self.iterated().join(&other.iterated())));
        }
        Self {
            item: match (self.item, other.item) {
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
    fn numbers_that_differ_for_one_arity_are_unknown() {
        let only = |wanted| Arities::ALL.filter(|nth| nth == wanted);
        let offset = Value::number(0, only(0)).join(&Value::number(1, only(1)));
        assert_eq!(offset.number, Some([Some(0), Some(1)]));
        assert_eq!(Value::number(0, Arities::ALL).join(&Value::number(1, Arities::ALL)).number, None);
    }
}
