//! What is noted while values are followed: uses of items, stores under texts, and how functions handle items.

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use tree_sitter::Node;

use super::scope::Frame;
use super::value::{Arities, Item, Number, Spot};
use crate::python::package::FileId;

/// How an item is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form<'p> {
    /// Unpacked: the node is the pattern.
    Unpack,
    /// One element read: the node is the subscript; its index, by arity, and the node of the index.
    Index(Number, Node<'p>),
    /// A slice with a fixed end read: the node is the subscript; the bounds as written (a missing start is 0).
    Slice(i64, Option<i64>),
    /// One element read by `itemgetter`: the node is the index.
    Getter(i64),
    /// Spread over the parameters of a function of the package: the node is the splat.
    Spread(Takes),
    /// Passed as a whole to code that takes this many elements, from the front: the node is the expression.
    Cut(usize),
    /// Searched at run time: subscripted by an unknown value, or iterated over.
    Search,
    /// Changed in place, after a copy to a list: the node is the subscript, or the call.
    Change,
    /// Passed to code outside of the package: the node is the call.
    Escape,
    /// Its length tested in a way that distinguishes the arities: the node is the comparison.
    Test,
}

/// How many elements a function takes of an item that is spread over its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    /// The number that it requires.
    pub least: usize,
    /// The number that it accepts.
    pub most: usize,
    /// It tests whether it got more than it requires.
    pub looks: bool,
}

/// A use of an item.
#[derive(Clone, Debug)]
pub struct Use<'p> {
    /// Where.
    pub spot: Spot<'p>,
    /// How.
    pub form: Form<'p>,
    /// The item, joined over all paths.
    pub item: Item,
    /// The enclosing function, or the module.
    pub function: Node<'p>,
    /// A failure is caught, and handled by using the item in another way.
    pub caught: bool,
    /// The function measures items, and skips those of the arities that do not reach this use.
    pub selective: bool,
    /// The functions (by their nodes' ids) that call this test, and select items by it.
    pub askers: Vec<usize>,
}

/// A statement that stores something under a followed text: `container[key] = …`, `container[key] += …`, or
/// `container.update({key: …})` in one of its forms.
#[derive(Clone, Debug)]
pub struct Store<'p> {
    /// The subscript on the left, or the pair of a dictionary display.
    pub spot: Spot<'p>,
    /// The literals that may be the key.
    pub texts: Vec<Spot<'p>>,
    /// The function around, or the module.
    pub function: Node<'p>,
}

/// The result of following a package.
#[derive(Default)]
pub struct Flow<'p> {
    /// Every use of an item, in order of file and place.
    pub uses: Vec<Use<'p>>,
    /// Every store under a followed text, in order of file and place.
    pub stores: Vec<Store<'p>>,
    /// Places that were too deep to follow, or beyond the limits.
    pub gave_up: Vec<Spot<'p>>,
    /// The files that were followed.
    pub files: Vec<FileId>,
}

/// The most places that are reported as not followed.
const MOST_GIVEN_UP: usize = 8;

/// How a function handles items: the arities that it measures, and those that it does something with.
#[derive(Default)]
struct Handling {
    measured: Arities,
    handled: Arities,
}

/// The notes of one round.
#[derive(Default)]
pub(super) struct Notes<'p> {
    flow: Flow<'p>,
    /// The use at each place. Escapes, searches and changes are kept apart from reads of the same place.
    index: HashMap<(Spot<'p>, bool), usize>,
    store_index: HashMap<Spot<'p>, usize>,
    /// Subscripts that also read something else, on other paths.
    others: HashSet<Spot<'p>>,
    /// What functions (by their nodes' ids) do with items.
    handled: HashMap<usize, Handling>,
    /// For each function that tests the length of items, the functions that call it for that; by their nodes' ids.
    askers: HashMap<usize, HashSet<usize>>,
    /// Number of `note` calls, repeats included.
    count: usize,
}

impl<'p> Notes<'p> {
    /// Notes that a file is followed.
    pub(super) fn file(&mut self, file: FileId) {
        self.flow.files.push(file);
    }

    /// How often a use was noted so far, repeats included.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many uses there are so far.
    pub(super) fn uses(&self) -> usize {
        self.flow.uses.len()
    }

    /// Was an item passed to code outside of the package?
    pub(super) fn has_escape(&self) -> bool {
        self.flow.uses.iter().any(|used| used.form == Form::Escape)
    }

    /// Notes that a failure of these uses is caught, and handled.
    pub(super) fn caught(&mut self, uses: &[usize]) {
        for at in uses {
            self.flow.uses[*at].caught = true;
        }
    }

    /// Notes that a subscript also reads something that is not an item.
    pub(super) fn other(&mut self, frame: &Frame<'p>, node: Node<'p>) {
        self.others.insert(Spot { file: frame.file, node });
    }

    /// The arities of the items that the function has done something with so far.
    pub(super) fn handled(&self, frame: &Frame<'p>) -> Arities {
        self.handled.get(&frame.node.id()).map(|handling| handling.handled).unwrap_or_default()
    }

    /// Notes that the function calls another one that tests the length of items of these arities. Passing an item to it
    /// only measures the item, so what the function had `handled` before the call is all that it handled.
    pub(super) fn asks(&mut self, frame: &Frame<'p>, asked: Node<'p>, arities: Arities, handled: Arities) {
        self.measure(frame, arities);
        self.handled.entry(frame.node.id()).or_default().handled = handled;
        self.askers.entry(asked.id()).or_default().insert(frame.node.id());
    }

    /// Notes a use; the same place met again on other paths is one use.
    pub(super) fn note(&mut self, frame: &mut Frame<'p>, node: Node<'p>, form: Form<'p>, item: Item) {
        self.count += 1;
        let spot = Spot { file: frame.file, node };
        let key = (spot, matches!(form, Form::Escape | Form::Search | Form::Change));
        let next = self.flow.uses.len();
        let at = *self.index.entry(key).or_insert(next);
        if at == next {
            self.flow.uses.push(Use {
                spot,
                form,
                item,
                function: frame.node,
                caught: false,
                selective: false,
                askers: Vec::new(),
            });
        } else {
            let known = &mut self.flow.uses[at];
            known.item = known.item.join(item);
            known.item.mixed |= known.form != form;
        }
        if let Some((_, inside)) = frame.tries.last_mut() {
            inside.push(at);
        }
        if self.flow.uses[at].form != Form::Test {
            self.handle(frame, item.arities());
        }
    }

    /// Notes that the function does something with items of these arities, other than to measure them.
    pub(super) fn handle(&mut self, frame: &Frame<'p>, arities: Arities) {
        let handled = &mut self.handled.entry(frame.node.id()).or_default().handled;
        *handled = handled.or(arities);
    }

    /// Notes that the function measures items of these arities.
    pub(super) fn measure(&mut self, frame: &Frame<'p>, arities: Arities) {
        let measured = &mut self.handled.entry(frame.node.id()).or_default().measured;
        *measured = measured.or(arities);
    }

    /// Marks the uses in functions that silently skip items of some length, and those that also serve other values.
    fn mark(&mut self) {
        let selects = |function: &usize| {
            self.handled.get(function).is_some_and(|Handling { measured, handled }| {
                *measured == Arities::ALL && *handled != Arities::ALL && !handled.is_empty()
            })
        };
        for used in &mut self.flow.uses {
            used.item.mixed |= self.others.contains(&used.spot);
            used.selective = selects(&used.function.id());
            if used.form == Form::Test {
                let askers = self.askers.get(&used.function.id());
                used.askers = askers.into_iter().flatten().filter(|asker| selects(asker)).copied().collect();
                used.selective |= !used.askers.is_empty();
            }
        }
    }

    /// Notes a store; the texts of the same place on other paths are added.
    pub(super) fn store(&mut self, frame: &Frame<'p>, node: Node<'p>, texts: Vec<Spot<'p>>) {
        let spot = Spot { file: frame.file, node };
        let next = self.flow.stores.len();
        let at = *self.store_index.entry(spot).or_insert(next);
        if at == next {
            self.flow.stores.push(Store { spot, texts, function: frame.node });
        } else {
            let known = &mut self.flow.stores[at].texts;
            let new: Vec<_> = texts.into_iter().filter(|text| !known.contains(text)).collect();
            known.extend(new);
        }
    }

    /// Notes a place that is not followed any further.
    pub(super) fn give_up(&mut self, frame: &Frame<'p>, node: Node<'p>) {
        let spot = Spot { file: frame.file, node };
        if !self.flow.gave_up.contains(&spot) && self.flow.gave_up.len() < MOST_GIVEN_UP {
            self.flow.gave_up.push(spot);
        }
    }

    /// The result, in order.
    pub(super) fn finish(mut self) -> Flow<'p> {
        self.mark();
        let mut flow = self.flow;
        flow.uses.sort_by_key(|used| (used.spot.file, used.spot.node.start_byte(), used.spot.node.end_byte()));
        flow.stores.sort_by_key(|store| (store.spot.file, store.spot.node.start_byte()));
        flow
    }
}
