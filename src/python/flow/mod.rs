//! Follows values through a package: an abstract interpreter.
//!
//! Every function is followed once with arguments of which nothing is known, and again for each call in the package
//! whose arguments are interesting. A value is interesting if it comes from a *source* (calling it gives a list of
//! records: tuples whose length differs between [worlds](value::Worlds)) or from a *text* (a string literal that the
//! caller asked about). What happens to records is noted as [`Use`]s, what is stored under a text as [`Store`]s.
//!
//! It over-approximates: where paths meet, a value may be anything it was on either. It is bounded: nesting, call
//! depth and the number of steps all have limits, and what lies beyond is reported in [`Flow::gave_up`], not guessed.

mod bind;
mod builtin;
mod call;
mod case;
mod class;
mod eval;
mod exec;
pub mod scope;
mod truth;
pub mod value;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use tree_sitter::Node;

pub use self::case::is_star;
use self::scope::{Frame, Scopes, State};
use self::value::{Callable, Number, Record, ScopeId, Spot, Value, Worlds};
use super::field::Fields;
use super::package::Package;
use super::source::{Source, walk};

/// What to follow, as node ids of one file.
#[derive(Default)]
pub struct Seeds {
    /// Expressions that, when called, give a list of records.
    pub sources: HashSet<usize>,
    /// Texts to follow: the content of string literals, or literals of another kind.
    pub texts: HashSet<usize>,
}

/// How a record is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form<'p> {
    /// Unpacked: the node is the pattern.
    Unpack,
    /// One element read: the node is the subscript; its index, by world, and the node of the index.
    Index(Number, Node<'p>),
    /// A part with a fixed end read: the node is the subscript; the bounds as written (a missing start is 0).
    Slice(i64, Option<i64>),
    /// One element read by `itemgetter`: the node is the index.
    Getter(i64),
    /// Spread over the parameters of a function of the package that takes this many more: the node is the splat.
    Spread(usize),
    /// Searched at run time: subscripted by something that cannot be known, or iterated over.
    Search,
    /// Handed to code outside of the package: the node is the call.
    Escape,
    /// Its length compared with that of a record of the first world: the node is the comparison.
    Test,
}

/// A use of a record.
#[derive(Clone, Debug)]
pub struct Use<'p> {
    /// Where.
    pub spot: Spot<'p>,
    /// How.
    pub form: Form<'p>,
    /// The record, as all paths bring it.
    pub record: Record,
    /// The function around, or the module.
    pub function: Node<'p>,
    /// A failure is caught, and dealt with by using the record in another way.
    pub caught: bool,
    /// The function measures records, and passes over those of the worlds in which this one does not get here.
    pub selective: bool,
}

/// A statement that stores something under a followed text: `container[key] = …` or `container[key] += …`.
#[derive(Clone, Debug)]
pub struct Store<'p> {
    /// The subscript on the left.
    pub spot: Spot<'p>,
    /// The literals that may be the key.
    pub texts: Vec<Spot<'p>>,
    /// The function around, or the module.
    pub function: Node<'p>,
}

/// What came of following a package.
#[derive(Default)]
pub struct Flow<'p> {
    /// Every use of a record, in order of file and place.
    pub uses: Vec<Use<'p>>,
    /// Every store under a followed text, in order of file and place.
    pub stores: Vec<Store<'p>>,
    /// Places that were too deep, or too many, to be followed.
    pub gave_up: Vec<Spot<'p>>,
    /// The files that were followed.
    pub files: Vec<usize>,
}

/// Nesting of expressions and statements that is followed.
const DEEPEST: usize = 120;
/// Calls inside calls that are followed.
const CALLS: usize = 12;
/// Steps after which following ends, about a second's worth.
const STEPS: usize = 2_000_000;
/// Times that all is followed again because attributes or module names turned out to hold more than was known.
const ROUNDS: usize = 4;

/// What to follow through a package.
pub struct Interest<'s> {
    /// The files to begin with.
    pub files: Vec<usize>,
    /// The files into which a text is followed, when it is handed to one of their functions. Records are followed into
    /// every file.
    pub text_files: Vec<usize>,
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
        flow: Flow::default(),
        index: HashMap::default(),
        store_index: HashMap::default(),
        others: HashSet::default(),
        methods: HashMap::default(),
        shared: HashSet::default(),
        newly_shared: false,
        missed: HashSet::default(),
        own_names: HashMap::default(),
        heeded: HashMap::default(),
        measuring: false,
        noted: 0,
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
        let escaped = follower.flow.uses.iter().any(|used| used.form == Form::Escape);
        let news = std::mem::take(&mut follower.newly_shared);
        if follower.facts.are_settled(escaped) && !news {
            settled = true;
            break;
        }
    }
    follower.mark_uses();
    let mut flow = follower.flow;
    if !settled && flow.gave_up.is_empty() {
        // What one name holds hangs on another, and so on, further than is followed.
        let file = flow.files.first().copied().unwrap_or_default();
        flow.gave_up.extend(package.source(file).ok().map(|source| Spot { file, node: source.root() }));
    }
    flow.uses.sort_by_key(|used| (used.spot.file, used.spot.node.start_byte(), used.spot.node.end_byte()));
    flow.stores.sort_by_key(|store| (store.spot.file, store.spot.node.start_byte()));
    flow
}

/// Where a name lives that outlives one function, or that one function changes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Home {
    /// An attribute, of whatever object.
    Attribute,
    /// A name of this file's module.
    Module(usize),
    /// A name of the function with this node id, which a function inside of it changes.
    Function(usize),
}

type Lasting<'p> = (Home, &'p str);

/// The functions directly in the classes of a file, by name.
type Methods<'p> = HashMap<&'p str, Vec<Node<'p>>>;

/// What is known of names that outlive a function.
#[derive(Default)]
struct Facts<'p> {
    known: HashMap<Lasting<'p>, Value<'p>>,
    /// What each name was known to hold when it was first read.
    read: HashMap<Lasting<'p>, Value<'p>>,
}

impl<'p> Facts<'p> {
    fn get(&mut self, name: Lasting<'p>) -> Value<'p> {
        let value = self.known.get(&name).cloned().unwrap_or_default();
        self.read.entry(name).or_insert_with(|| value.clone());
        value
    }

    fn add(&mut self, name: Lasting<'p>, value: &Value<'p>) {
        let known = self.known.entry(name).or_default();
        let mut value = value.clone();
        // A function that wraps what the name held before sees itself in its own scope: one scope of each is enough.
        value.callables.retain(|(callable, _)| match callable {
            Callable::Function(spot, _) => {
                !known.callables.iter().any(|(known, _)| matches!(known, Callable::Function(same, _) if same == spot))
            }
            _ => true,
        });
        *known = if known.is_dull() { value } else { known.join(&value) };
    }

    /// Was everything that was read known by then? If not, following must start over with what is known now. A function
    /// that was not known yet only matters if a record was handed to something unknown.
    fn are_settled(&mut self, escaped: bool) -> bool {
        std::mem::take(&mut self.read).into_iter().all(|(name, value)| {
            self.known.get(&name).is_none_or(|known| *known == value || (!escaped && known.is_only_callable()))
        })
    }
}

struct Module {
    seeds: Seeds,
    /// Files whose names it takes with `import *`.
    stars: Vec<usize>,
    done: bool,
}

/// The worlds whose records a function measures, and those whose records it does something with.
#[derive(Default)]
struct Heed {
    measured: Worlds,
    heeded: Worlds,
}

type Call<'p> = (Spot<'p>, Option<ScopeId>, Worlds, Vec<(&'p str, Value<'p>)>);

struct Follower<'p, 's> {
    package: &'p Package,
    interest: &'s Interest<'s>,
    modules: HashMap<usize, Module>,
    facts: Facts<'p>,
    scopes: Scopes<'p>,
    /// Results of calls; nothing yet for those under way.
    memo: HashMap<Call<'p>, Value<'p>>,
    flow: Flow<'p>,
    index: HashMap<(Spot<'p>, bool), usize>,
    store_index: HashMap<Spot<'p>, usize>,
    /// Subscripts that read something else too, when they are reached in another way.
    others: HashSet<Spot<'p>>,
    methods: HashMap<usize, Methods<'p>>,
    /// Names that a function changes for another around it, and whether that was news in this round.
    shared: HashSet<&'p str>,
    newly_shared: bool,
    /// Methods that were looked for on `self` and not known.
    missed: HashSet<&'p str>,
    /// The names that a function (by its node's id) gives values itself.
    own_names: HashMap<usize, HashSet<&'p str>>,
    /// What functions (by their nodes' ids) do with records of which worlds.
    heeded: HashMap<usize, Heed>,
    /// The argument of `len` is being evaluated.
    measuring: bool,
    /// Uses noted so far, the same place counted each time.
    noted: usize,
    steps: usize,
    depth: usize,
    calls: usize,
}

impl<'p> Follower<'p, '_> {
    fn start_over(&mut self) {
        self.memo.clear();
        self.heeded.clear();
        self.index.clear();
        self.store_index.clear();
        self.others.clear();
        self.flow = Flow::default();
        self.modules.values_mut().for_each(|module| module.done = false);
    }

    /// Follows a file's own statements and all its functions, once. False if it cannot be read.
    fn module(&mut self, file: usize) -> bool {
        let Ok(source) = self.package.source(file) else { return false };
        let seeds = self.interest.seeds;
        let module =
            self.modules.entry(file).or_insert_with(|| Module { seeds: seeds(source), stars: Vec::new(), done: false });
        if module.done {
            return true;
        }
        module.done = true;
        self.flow.files.push(file);
        let spot = Spot { file, node: source.root() };
        let mut frame = Frame::new(spot, None);
        let mut state = State::new(Worlds::ALL);
        self.block(&mut frame, &mut state, spot.node);
        self.follow_pending(&mut frame, state);
        true
    }

    fn text(&self, file: usize, node: Node<'p>) -> &'p str {
        self.package.source(file).map_or("", |source| source.slice(node))
    }

    fn is_source(&self, file: usize, node: Node<'p>) -> bool {
        self.modules.get(&file).is_some_and(|module| module.seeds.sources.contains(&node.id()))
    }

    fn is_text(&self, file: usize, node: Node<'p>) -> bool {
        let Some(module) = self.modules.get(&file).filter(|module| !module.seeds.texts.is_empty()) else {
            return false;
        };
        // A string's quotes are nodes too; what is between them is the second.
        let content = if node.kind() == "string" { node.named_child(1) } else { Some(node) };
        content.is_some_and(|content| module.seeds.texts.contains(&content.id()))
    }

    /// Notes a use; the same place met again on other paths is one use.
    fn note(&mut self, frame: &mut Frame<'p>, node: Node<'p>, form: Form<'p>, record: Record) {
        self.noted += 1;
        let spot = Spot { file: frame.file, node };
        let key = (spot, matches!(form, Form::Escape | Form::Search));
        let next = self.flow.uses.len();
        let at = *self.index.entry(key).or_insert(next);
        if at == next {
            self.flow.uses.push(Use { spot, form, record, function: frame.node, caught: false, selective: false });
        } else {
            let known = &mut self.flow.uses[at];
            known.record = known.record.join(record);
            known.record.mixed |= known.form != form;
        }
        if let Some((_, inside)) = frame.tries.last_mut() {
            inside.push(at);
        }
        if self.flow.uses[at].form != Form::Test {
            self.heed(frame, record.worlds());
        }
    }

    /// Notes that the function does something with records of these worlds, other than to measure them.
    fn heed(&mut self, frame: &Frame<'p>, worlds: Worlds) {
        let heeded = &mut self.heeded.entry(frame.node.id()).or_default().heeded;
        *heeded = heeded.or(worlds);
    }

    /// Notes that the function measures records of these worlds.
    fn measure(&mut self, frame: &Frame<'p>, worlds: Worlds) {
        let measured = &mut self.heeded.entry(frame.node.id()).or_default().measured;
        *measured = measured.or(worlds);
    }

    /// Marks the uses in functions that pass over records of some length without a word, and those that serve other
    /// values as well.
    fn mark_uses(&mut self) {
        for used in &mut self.flow.uses {
            used.record.mixed |= self.others.contains(&used.spot);
            used.selective = self.heeded.get(&used.function.id()).is_some_and(|Heed { measured, heeded }| {
                *measured == Worlds::ALL && *heeded != Worlds::ALL && !heeded.is_empty()
            });
        }
    }

    fn store(&mut self, frame: &Frame<'p>, node: Node<'p>, texts: Vec<Spot<'p>>) {
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

    fn give_up(&mut self, frame: &Frame<'p>, node: Node<'p>) {
        let spot = Spot { file: frame.file, node };
        if !self.flow.gave_up.contains(&spot) && self.flow.gave_up.len() < 8 {
            self.flow.gave_up.push(spot);
        }
    }

    /// Counts one step into `node`. False if it is one too many or too deep.
    fn step(&mut self, frame: &Frame<'p>, node: Node<'p>) -> bool {
        self.steps += 1;
        let fine = self.steps <= STEPS && self.depth < DEEPEST;
        if !fine {
            self.give_up(frame, node);
        }
        fine
    }

    /// A copy of a path, as far as it is taken in `worlds`. Copying is work too, and counts as such.
    fn split(&mut self, state: &State<'p>, worlds: Worlds) -> State<'p> {
        self.steps += state.names.len() / 4;
        state.within(worlds)
    }

    /// What a name holds on this path.
    fn look_up(&mut self, frame: &Frame<'p>, state: &State<'p>, node: Node<'p>) -> Value<'p> {
        let name = self.text(frame.file, node);
        if self.shared.contains(name)
            && let home @ Home::Function(_) = self.home(frame, name)
        {
            let inside = self.facts.get((home, name));
            let here = state.names.get(name).or_else(|| self.scopes.find(frame.around, name));
            return here.map_or_else(|| inside.clone(), |here| here.join(&inside)).restrict(state.worlds);
        }
        if let Some(value) = state.names.get(name).or_else(|| self.scopes.find(frame.around, name)) {
            return value.restrict(state.worlds);
        }
        let value = self.global(frame.file, name);
        Self::rebase(frame, node, value).restrict(state.worlds)
    }

    /// Lets the function, or the module, that a name belongs to know what a function inside of it makes of it.
    fn share(&mut self, frame: &Frame<'p>, name: &'p str, value: &Value<'p>) {
        let home = self.home(frame, name);
        if value.is_dull() || home == Home::Function(frame.node.id()) {
            return;
        }
        if let Home::Function(_) = home {
            self.newly_shared |= self.shared.insert(name);
        }
        self.facts.add((home, name), value);
    }

    /// Where a name lives that stands in this function: in the innermost function around that gives it a value.
    fn home(&mut self, frame: &Frame<'p>, name: &str) -> Home {
        let mut around = Some(frame.node);
        while let Some(node) = around {
            if matches!(node.kind(), "function_definition" | "lambda") && self.gives_value(frame.file, node, name) {
                return Home::Function(node.id());
            }
            around = node.parent();
        }
        Home::Module(frame.file)
    }

    /// Does this function itself give the name a value, so that the name is its own?
    fn gives_value(&mut self, file: usize, function: Node<'p>, name: &str) -> bool {
        if !self.own_names.contains_key(&function.id()) {
            let names = self.names_given(file, function);
            self.own_names.insert(function.id(), names);
        }
        self.own_names.get(&function.id()).is_some_and(|names| names.contains(name))
    }

    fn names_given(&self, file: usize, function: Node<'p>) -> HashSet<&'p str> {
        let mut names = HashSet::default();
        let mut others = Vec::new();
        walk(&mut function.walk(), |node| {
            if matches!(node.kind(), "global_statement" | "nonlocal_statement") {
                let mut cursor = node.walk();
                others.extend(node.named_children(&mut cursor).map(|name| self.text(file, name)));
            }
            let field = match node.kind() {
                "assignment" | "augmented_assignment" | "for_statement" => "left",
                "function_definition" | "lambda" if node == function => "parameters",
                "function_definition" | "class_definition" | "named_expression" => "name",
                "as_pattern" => "alias",
                _ => return true,
            };
            if let Some(target) = node.field(field) {
                walk(&mut target.walk(), |inner| {
                    if inner.kind() == "identifier" {
                        names.insert(self.text(file, inner));
                    }
                    !matches!(inner.kind(), "attribute" | "subscript" | "type")
                });
            }
            node == function || !matches!(node.kind(), "function_definition" | "class_definition" | "lambda")
        });
        for name in others {
            names.remove(name);
        }
        names
    }

    /// A module's name: its own, or one it takes with `import *`.
    fn global(&mut self, file: usize, name: &'p str) -> Value<'p> {
        let own = self.facts.get((Home::Module(file), name));
        let stars = self.modules.get(&file).map(|module| module.stars.as_slice()).unwrap_or_default();
        stars
            .iter()
            .fold(own, |value, star| if value.is_dull() { self.facts.get((Home::Module(*star), name)) } else { value })
    }

    /// A text that comes from a module's constant is as if written where the constant is named: the constant itself
    /// may serve others.
    fn rebase(frame: &Frame<'p>, node: Node<'p>, mut value: Value<'p>) -> Value<'p> {
        if !value.texts.is_empty() && !frame.is_module {
            value.texts = vec![Spot { file: frame.file, node }];
        }
        value
    }

    /// Gives a name a value on this path.
    fn assign(&mut self, frame: &Frame<'p>, state: &mut State<'p>, name: &'p str, value: Value<'p>) {
        if frame.is_module || frame.globals.contains(&name) {
            self.facts.add((Home::Module(frame.file), name), &value);
        }
        if frame.outer.contains(&name) {
            self.share(frame, name, &value);
        }
        let hides = state.names.contains_key(name)
            || self.scopes.find(frame.around, name).is_some()
            || self.facts.known.contains_key(&(Home::Module(frame.file), name));
        if hides || !value.is_dull() {
            state.names.insert(name, value);
        }
    }

    /// The value behind a name of another module.
    fn imported(&mut self, frame: &Frame<'p>, node: Node<'p>, file: usize, name: &'p str) -> Value<'p> {
        if !self.module(file) {
            return Value::default();
        }
        let value = self.global(file, name);
        Self::rebase(frame, node, value)
    }

    /// Replaces names of other modules by what they hold.
    fn resolve(&mut self, frame: &Frame<'p>, node: Node<'p>, mut value: Value<'p>) -> Value<'p> {
        for _ in 0..CALLS {
            let Some(at) = value.callables.iter().position(|(callable, _)| matches!(callable, Callable::Imported(..)))
            else {
                break;
            };
            if let (Callable::Imported(file, name), worlds) = value.callables.swap_remove(at) {
                let behind = self.imported(frame, node, file, name).restrict(worlds);
                // Joined with nothing, a number would not be known any more.
                value = if value.is_dull() { behind } else { value.join(&behind) };
            }
        }
        value
    }
}
