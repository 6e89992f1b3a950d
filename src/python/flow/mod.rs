//! Follows values through a package, with an abstract interpreter.
//!
//! Every function is followed once with unknown arguments, and again for each call in the package whose arguments are
//! interesting. A value is interesting if it comes from a *source* (calling it gives a list of items: tuples whose
//! length differs between [arities](value::Arities)) or from a *text* (a string literal that the caller asked about).
//! Each use of an item is noted as a [`Use`], each store under a text as a [`Store`].
//!
//! It over-approximates: where paths meet, a value may be anything it was on either of them. It is bounded: nesting,
//! call depth and the number of steps all have limits, and places beyond them are reported in [`Flow::gave_up`], not
//! guessed. An item may have one of several arities, and the code may test which. So every path carries the set of
//! arities for which it is taken, and numbers and truth values may differ between them.

mod bind;
mod builtin;
mod call;
mod case;
mod class;
mod container;
mod eval;
mod exec;
mod item;
mod names;
mod notes;
mod parameters;
pub mod scope;
mod truth;
pub mod value;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use tree_sitter::Node;

pub use self::case::is_star;
pub use self::container::updated;
use self::names::{Facts, Owner};
use self::notes::Notes;
pub use self::notes::{Flow, Form, Store, Takes, Use};
use self::scope::{Frame, Scopes, State};
use self::value::{Arities, COUNT, ScopeId, Spot, Value};
use super::field::Fields as _;
use super::package::{FileId, Package};
use super::source::Source;

/// What to follow, as node ids of one file.
#[derive(Default)]
pub struct Seeds {
    /// Expressions that, when called, give a list of items.
    pub sources: HashSet<usize>,
    /// Texts to follow: the content of string literals, or literals of another kind.
    pub texts: HashSet<usize>,
}

/// The deepest nesting of expressions and statements that is followed.
const DEEPEST: usize = 120;
/// The deepest nesting of calls that is followed.
const CALLS: usize = 12;
/// The most steps, about a second's worth.
const STEPS: usize = 2_000_000;
/// How often everything is followed again because attributes or module names turned out to hold more than was known.
const ROUNDS: usize = 4;

/// What to follow through a package.
pub struct Interest<'s> {
    /// The files to begin with.
    pub files: Vec<FileId>,
    /// The files whose functions are followed at every call: texts come from them, or go there. Functions of other
    /// files are followed only for items.
    pub text_files: Vec<FileId>,
    /// The numbers of elements that an item may have when it is made, fewest first.
    pub arities: [i64; COUNT],
    /// What to follow in each file that is reached.
    pub seeds: &'s dyn Fn(&Source) -> Seeds,
}

/// Follows values through the package.
pub fn follow<'p>(package: &'p Package, interest: &Interest<'_>) -> Flow<'p> {
    let mut follower = Follower {
        package,
        interest,
        modules: HashMap::default(),
        facts: Facts::default(),
        scopes: Scopes::default(),
        memo: HashMap::default(),
        notes: Notes::default(),
        methods: HashMap::default(),
        shared: HashSet::default(),
        newly_shared: false,
        missed: HashSet::default(),
        own_names: HashMap::default(),
        measuring: false,
        steps: 0,
        depth: 0,
        calls: 0,
    };
    let mut settled = false;
    for _ in 0..ROUNDS {
        follower.start_over();
        for file in &interest.files {
            follower.module(*file);
        }
        let escaped = follower.notes.has_escape();
        let news = std::mem::take(&mut follower.newly_shared);
        if follower.facts.are_settled(escaped) && !news {
            settled = true;
            break;
        }
    }
    let mut flow = follower.notes.finish();
    if !settled && flow.gave_up.is_empty() {
        // One name's value depends on another's, and so on, for more rounds than are followed.
        let file = flow.files.first().copied().unwrap_or(FileId::FIRST);
        flow.gave_up.extend(package.source(file).ok().map(|source| Spot { file, node: source.root() }));
    }
    flow
}

/// The functions directly in the classes of a file, by name.
type Methods<'p> = HashMap<&'p str, Vec<Node<'p>>>;

struct Module {
    seeds: Seeds,
    /// Files whose names it takes with `import *`.
    stars: Vec<FileId>,
    done: bool,
}

type Call<'p> = (Spot<'p>, Option<ScopeId>, Arities, Vec<(&'p str, Value<'p>)>);

struct Follower<'p, 's> {
    package: &'p Package,
    interest: &'s Interest<'s>,
    modules: HashMap<FileId, Module>,
    facts: Facts<'p>,
    scopes: Scopes<'p>,
    /// Results of calls; nothing yet for those in progress.
    memo: HashMap<Call<'p>, Value<'p>>,
    notes: Notes<'p>,
    methods: HashMap<FileId, Methods<'p>>,
    /// Names that a function changes for an enclosing one, and whether one was new in this round.
    shared: HashSet<&'p str>,
    newly_shared: bool,
    /// Methods that were looked up on `self` and not found.
    missed: HashSet<&'p str>,
    /// The names that a function (by its node's id) gives values itself.
    own_names: HashMap<usize, HashSet<&'p str>>,
    /// The argument of `len` is being evaluated.
    measuring: bool,
    steps: usize,
    depth: usize,
    calls: usize,
}

impl<'p> Follower<'p, '_> {
    /// How many elements the shortest item has.
    fn fewest(&self) -> i64 {
        self.interest.arities[0]
    }

    fn start_over(&mut self) {
        self.memo.clear();
        self.notes = Notes::default();
        self.modules.values_mut().for_each(|module| module.done = false);
    }

    /// Follows a file's own statements and all its functions, once. False if it cannot be read.
    fn module(&mut self, file: FileId) -> bool {
        let Ok(source) = self.package.source(file) else { return false };
        let seeds = self.interest.seeds;
        let module =
            self.modules.entry(file).or_insert_with(|| Module { seeds: seeds(source), stars: Vec::new(), done: false });
        if module.done {
            return true;
        }
        module.done = true;
        self.notes.file(file);
        let spot = Spot { file, node: source.root() };
        let mut frame = Frame::new(spot, None);
        let mut state = State::new(Arities::ALL);
        self.block(&mut frame, &mut state, spot.node);
        self.follow_pending(&mut frame, state);
        true
    }

    fn text(&self, file: FileId, node: Node<'p>) -> &'p str {
        self.package.source(file).map_or("", |source| source.slice(node))
    }

    fn is_source(&self, file: FileId, node: Node<'p>) -> bool {
        self.modules.get(&file).is_some_and(|module| module.seeds.sources.contains(&node.id()))
    }

    fn is_text(&self, file: FileId, node: Node<'p>) -> bool {
        let Some(module) = self.modules.get(&file).filter(|module| !module.seeds.texts.is_empty()) else {
            return false;
        };
        // A string's quotes are nodes too; its content is the second.
        let content = if node.kind() == "string" { node.part(1) } else { Some(node) };
        content.is_some_and(|content| module.seeds.texts.contains(&content.id()))
    }

    /// Counts one step into `node`. False if it is one too many or too deep.
    fn step(&mut self, frame: &Frame<'p>, node: Node<'p>) -> bool {
        self.steps += 1;
        let fine = self.steps <= STEPS && self.depth < DEEPEST;
        if !fine {
            self.notes.give_up(frame, node);
        }
        fine
    }

    /// A copy of a path for `arities`. Copying is work too, and counts as such.
    fn split(&mut self, state: &State<'p>, arities: Arities) -> State<'p> {
        self.steps += state.names.len() / 4;
        state.within(arities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of the items that each use of `make()` in a text gets, by arity.
    fn lengths(text: &str, arities: [i64; COUNT]) -> Vec<[Option<i64>; COUNT]> {
        let package = Package::new([("a.py".into(), text.as_bytes().to_vec())]);
        let seeds = |source: &Source| {
            let mut seeds = Seeds::default();
            crate::python::source::walk(&mut source.root().walk(), |node| {
                if node.kind() == "identifier" && source.slice(node) == "make" {
                    seeds.sources.insert(node.id());
                }
                true
            });
            seeds
        };
        let files = vec![FileId::FIRST];
        let flow = follow(&package, &Interest { files, text_files: Vec::new(), arities, seeds: &seeds });
        flow.uses.iter().map(|used| std::array::from_fn(|nth| used.item.length(nth))).collect()
    }

    #[test]
    fn the_arities_are_those_of_whoever_asks() {
        let text =
            "for item in make():\n    if len(item) == 2:\n        a, b = item\n    else:\n        a, b, *c = item\n";
        assert_eq!(lengths(text, [2, 3]), [[Some(2), Some(3)], [Some(2), None], [None, Some(3)]]);
        assert_eq!(lengths(text, [6, 7]), [[Some(6), Some(7)]]);
        assert_eq!(lengths("[(1, *item) for item in make()][0][0]", [2, 3]), [[Some(3), Some(4)]]);
    }
}
