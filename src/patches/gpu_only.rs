//! gpu-only: what the byte quotas do not cover is shared by the listed GPUs, unless a wildcard is named.
//!
//! ```text
//! before  wildcard = "cpu"                      after  wildcard = None
//!         …                                            …
//!         if remaining > 0:                            if remaining > 0:
//!             final[wildcard] += remaining                 if wildcard is not None:
//!                                                              final[wildcard] += remaining
//!                                                          else:
//!                                                              <patches/gpu-only.py>
//! ```
//!
//! The statement that assigns the remainder is the one that stores something left over by a subtraction under a key
//! that may be the default; which names it uses for that does not matter.

mod guard;
mod insert;

use std::ops::Range;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use tree_sitter::Node;

use self::guard::Guard;
use super::{Fix, LOOKED_FOR, Site, State, Status, Subject, Survey, enclosing};
use crate::python::flow::Store;
use crate::python::flow::value::Spot;
use crate::python::source::walk;
use crate::python::{Edit, Source};

/// May a `None` be a default wildcard: is it what a name is given, among others or under some condition, or what a
/// parameter is given in a function that looks for wildcards?
pub(super) fn may_be_default(source: &Source, none: Node<'_>) -> bool {
    let mut value = none;
    while let Some(outer) = value.parent() {
        match outer.kind() {
            "parenthesized_expression"
            | "conditional_expression"
            | "boolean_operator"
            | "expression_list"
            | "tuple"
            | "argument_list" => {}
            // `next((…), None)`, `found.get(key, None)`
            "call" => {
                let called = outer.child_by_field_name("function");
                let name = called.map(|called| called.child_by_field_name("attribute").unwrap_or(called));
                if !name.is_some_and(|name| matches!(source.slice(name), "next" | "get")) {
                    return false;
                }
            }
            "assignment" => return outer.child_by_field_name("right") == Some(value),
            "default_parameter" | "typed_default_parameter" => {
                let function = enclosing(outer, &["function_definition"]);
                return function.is_some_and(|function| {
                    let text = source.slice(function);
                    text.contains("'*'") || text.contains("\"*\"")
                });
            }
            _ => return false,
        }
        value = outer;
    }
    false
}

/// Statements that may assign a remainder, and defaults of one of them, that are looked at. No file has nearly so many.
const MOST: usize = 16;

pub(super) fn survey(subject: &Subject<'_>) -> Survey {
    let mut left_over = LeftOver::default();
    let mut wildcards = Wildcards::of(subject);
    let remainders = subject
        .flow
        .stores
        .iter()
        .filter(|store| wildcards.concern(subject, store))
        .filter_map(|store| Remainder::of(subject, store, &mut left_over));
    let remainders: Vec<_> = remainders.take(MOST + 1).collect();
    if let Some(last) = remainders.iter().find(|remainder| remainder.store.texts.len() > MOST).or(remainders.get(MOST))
    {
        let site = Site::new(last.store.spot, State::Opaque, "one of too many places that may get the remainder");
        return Survey::new(Fix::GpuOnly, vec![site], None);
    }
    if remainders.is_empty() {
        return Survey::new(Fix::GpuOnly, unexplained(subject), None);
    }
    if remainders.iter().any(Remainder::serves_other_modes) {
        let note = "byte quotas share their default device with the other modes here; left as it is";
        return Survey::new(Fix::GpuOnly, Vec::new(), Some(note.to_owned()));
    }
    let mut sites = Vec::new();
    let mut wrapped = Vec::new();
    for remainder in &remainders {
        sites.extend(remainder.sites(&mut wrapped));
    }
    // What else is stored under the default must not be stored under None.
    for store in &subject.flow.stores {
        let known = remainders.iter().any(|remainder| remainder.store.spot == store.spot);
        let shares =
            remainders.iter().any(|remainder| remainder.store.texts.iter().any(|text| store.texts.contains(text)));
        let inside = wrapped.iter().any(|(file, range): &(usize, Range<usize>)| {
            *file == store.spot.file && range.contains(&store.spot.node.start_byte())
        });
        if !known && shares && !inside {
            sites.extend(other_store(subject, store));
        }
    }
    // Half a repair is none: without its default, what is not understood would store under None.
    let stuck = sites.iter().any(|site| site.state == State::Opaque);
    for site in sites.iter_mut().filter(|site| stuck && site.state.needs_fix()) {
        site.state = State::Opaque;
        site.edits.clear();
    }
    let mut survey = Survey::new(Fix::GpuOnly, sites, None);
    if stuck {
        survey.status = Status::NotUnderstood;
    }
    survey
}

/// The statement that assigns the remainder.
struct Remainder<'s, 'p> {
    source: &'p Source,
    store: &'s Store<'p>,
    subject: &'s Subject<'p>,
    statement: Node<'p>,
    /// What is stored into.
    container: Node<'p>,
    /// The key.
    key: Node<'p>,
    /// What is left over.
    amount: Node<'p>,
}

impl<'s, 'p> Remainder<'s, 'p> {
    fn of(subject: &'s Subject<'p>, store: &'s Store<'p>, left_over: &mut LeftOver<'p>) -> Option<Self> {
        let source = subject.source(store.spot.file)?;
        let subscript = store.spot.node;
        let (container, key) = (subscript.child_by_field_name("value")?, subscript.child_by_field_name("subscript")?);
        let assignment = subscript.parent()?;
        let right = assignment.child_by_field_name("right")?;
        let amount = match assignment.kind() {
            "augmented_assignment" if assignment.child_by_field_name("operator")?.kind() == "+=" => right,
            "assignment" => added_to(source, container, right),
            _ => return None,
        };
        let statement = enclosing(assignment, &["expression_statement"])?;
        let remainder = Self { source, store, subject, statement, container, key, amount };
        let fits = left_over.is_it(source, store.function, amount)
            && (!remainder.is_fixed() || remainder.otherwise_named().is_some());
        fits.then_some(remainder)
    }

    /// Is the key the default itself, not a name that may also hold a wildcard?
    fn is_fixed(&self) -> bool {
        self.store.texts.iter().any(|text| text.file == self.store.spot.file && text.node == self.key)
    }

    /// The `else` with a fixed key, of an `if` that stores the same amount under the wildcard that was named.
    fn otherwise_named(&self) -> Option<Node<'p>> {
        let block = self.statement.parent()?;
        let branch = block.parent().filter(|branch| branch.kind() == "else_clause")?;
        let named = branch.parent()?.child_by_field_name("consequence")?;
        let mut stores = false;
        walk(&mut named.walk(), |node| {
            let left = node.child_by_field_name("left").filter(|left| left.kind() == "subscript");
            let into = left.and_then(|left| left.child_by_field_name("value"));
            stores |= into.is_some_and(|into| self.source.slice(into) == self.source.slice(self.container))
                && node.child_by_field_name("right").is_some_and(|right| self.mentions_amount(right));
            !stores
        });
        stores.then_some(block)
    }

    /// Some early versions treat all modes in one function: byte quotas in a branch of it, and behind the branches the
    /// default device for whatever mode it is. Without that default the other modes would not do what they did.
    fn serves_other_modes(&self) -> bool {
        let is_branch = |node: Node<'p>| {
            let condition = node.child_by_field_name("condition").filter(|_| node.kind() == "if_statement");
            condition.is_some_and(|condition| {
                !self.mentions_amount(condition) && !mentions(self.source, condition, &[self.source.slice(self.key)])
            })
        };
        let mut outermost = None;
        let mut inner = self.statement;
        while let Some(outer) = inner.parent().filter(|outer| outer.id() != self.store.function.id()) {
            if is_branch(outer) {
                outermost = Some(outer.byte_range());
            }
            inner = outer;
        }
        let Some(branches) = outermost else { return false };
        self.subject.flow.stores.iter().any(|other| {
            other.function == self.store.function
                && other.texts.iter().any(|text| self.store.texts.contains(text))
                && other.spot.node.start_byte() > branches.end
        })
    }

    fn sites(&self, wrapped: &mut Vec<(usize, Range<usize>)>) -> Vec<Site> {
        if self.is_fixed() {
            return vec![self.fixed()];
        }
        let mut sites = Vec::new();
        for text in &self.store.texts {
            let Some(source) = self.subject.source(text.file) else { continue };
            if text.node.kind() != "none" {
                let site = Site::new(*text, State::CpuFallback, "makes the CPU the wildcard device when none is named");
                sites.push(site.with(vec![(text.file, no_default(source, *text))]));
            }
        }
        let guard = Guard::around(self.source, self.statement, self.key);
        let file = self.store.spot.file;
        let spot = Spot { file, node: self.statement };
        let defaults = !sites.is_empty();
        let (state, message, edits) =
            guard.map_or_else(|| self.unguarded(defaults, wrapped), |guard| self.behind(&guard, defaults));
        let edits = edits.into_iter().map(|edit| (file, edit)).collect();
        sites.push(Site::new(spot, state, message).with(edits));
        sites
    }

    /// The remainder goes to the CPU in so many words where no wildcard is named: it is shared there instead.
    fn fixed(&self) -> Site {
        let message = "gives what the quotas leave over to the CPU when no wildcard is named";
        let spot = Spot { file: self.store.spot.file, node: self.statement };
        let edit = self.otherwise_named().and_then(|block| {
            let near = self.statement..=self.statement;
            let lines = insert::share(self.source, self.store.function, self.container, self.amount, near, Some(block));
            insert::in_place_of(self.source, block.parent()?.parent()?, block, &lines)
        });
        match edit {
            Some(edit) => Site::new(spot, State::CpuFallback, message).with(vec![(spot.file, edit)]),
            None => Site::new(spot, State::Opaque, message),
        }
    }

    /// No test of the wildcard around.
    fn unguarded(&self, defaults: bool, wrapped: &mut Vec<(usize, Range<usize>)>) -> (State, String, Vec<Edit>) {
        let (state, message) = if defaults {
            (State::CpuFallback, "gives what the quotas leave over to the wildcard device, named or not")
        } else {
            (State::Faulty, "stores what the quotas leave over under None when no wildcard is named")
        };
        if mentions(self.source, self.amount, &[self.source.slice(self.key)]) {
            return (
                State::Opaque,
                format!("{message}, added to what it has in a way that is not understood"),
                Vec::new(),
            );
        }
        match self.wrap(wrapped) {
            Some(edits) => (state, message.to_owned(), edits),
            None => (State::Opaque, format!("{message}; its lines are shared with other statements"), Vec::new()),
        }
    }

    /// No test of the wildcard around: the statements that use it go behind one.
    fn wrap(&self, wrapped: &mut Vec<(usize, Range<usize>)>) -> Option<Vec<Edit>> {
        let block = self.statement.parent()?;
        let tested = block.parent().filter(|parent| {
            parent.kind() == "if_statement"
                && parent.child_by_field_name("consequence") == Some(block)
                && parent.child_by_field_name("alternative").is_none()
                && parent.child_by_field_name("condition").is_some_and(|condition| self.mentions_amount(condition))
        });
        let (first, last) = match tested {
            Some(_) => (first_statement(block)?, last_statement(block)?),
            None => self.run(),
        };
        let first = self.behind_assignment(first);
        wrapped.push((self.store.spot.file, first.start_byte()..last.end_byte()));
        let (test, mut edits) = self.test();
        let otherwise = if tested.is_some() { "else:".to_owned() } else { format!("elif {} > 0:", self.amount_text()) };
        let share = insert::share(self.source, self.store.function, self.container, self.amount, first..=last, None);
        edits.extend(insert::behind_test(self.source, block, first, last, &test, Some((otherwise, share)))?);
        Some(edits)
    }

    /// The neighbours of the statement, up to the first on each side that does not use the wildcard.
    fn run(&self) -> (Node<'p>, Node<'p>) {
        let uses = |node: &Node<'p>| mentions(self.source, *node, &[self.source.slice(self.key)]);
        let mut first = self.statement;
        while let Some(before) = first.prev_named_sibling().filter(|node| uses(node)) {
            first = before;
        }
        let mut last = self.statement;
        while let Some(after) = last.next_named_sibling().filter(|node| uses(node)) {
            last = after;
        }
        (first, last)
    }

    /// The first statement from `first` on before which the key has its last value.
    fn behind_assignment(&self, first: Node<'p>) -> Node<'p> {
        let key = self.source.slice(self.key);
        let mut start = first;
        let mut next = Some(first);
        while let Some(node) = next.filter(|node| node.start_byte() < self.statement.start_byte()) {
            let mut assigned = false;
            walk(&mut node.walk(), |inner| {
                assigned |= inner.kind() == "assignment"
                    && inner.child_by_field_name("left").is_some_and(|left| self.source.slice(left) == key);
                !assigned
            });
            next = node.next_named_sibling();
            if let (true, Some(behind)) = (assigned, next) {
                start = behind;
            }
        }
        start
    }

    /// The test that a wildcard was named, and what has to change in the key for it.
    fn test(&self) -> (String, Vec<Edit>) {
        let named = |key: Node<'p>| {
            key.child_by_field_name("left").filter(|_| {
                key.kind() == "boolean_operator"
                    && key
                        .child_by_field_name("right")
                        .is_some_and(|right| self.store.texts.iter().any(|text| text.node == right))
            })
        };
        let key = if self.key.kind() == "parenthesized_expression" {
            self.key.named_child(0).unwrap_or(self.key)
        } else {
            self.key
        };
        match named(key) {
            // `final[wildcard or "cpu"]`: the default itself becomes None, so the rest is the test.
            Some(left) => (format!("if {}:", self.source.slice(left)), Vec::new()),
            None => (format!("if {} is not None:", self.source.slice(self.key)), Vec::new()),
        }
    }

    /// A test is there already: the repair was made by hand, or by this tool.
    fn behind(&self, guard: &Guard<'p>, defaults: bool) -> (State, String, Vec<Edit>) {
        let mut faults = Vec::new();
        let mut edits = Vec::new();
        if let Some(flag) = guard.flag.filter(|flag| !guard::is_ever_set(self.source, self.store.function, *flag)) {
            faults.push(format!(
                "`{}` is never set, so a wildcard that is named is passed over",
                self.source.slice(flag)
            ));
            edits.push(Edit::replace(
                guard.condition.byte_range(),
                format!("{} is not None", self.source.slice(self.key)),
            ));
            edits.extend(guard::without_flag(self.source, self.store.function, guard.condition, flag));
        }
        let share = |instead_of: Option<Node<'p>>| {
            let near = self.statement..=self.statement;
            insert::share(self.source, self.store.function, self.container, self.amount, near, instead_of)
        };
        match guard.otherwise {
            None => {
                faults.push("what the quotas leave over is dropped when no wildcard is named".to_owned());
                edits.extend(insert::otherwise(self.source, guard.branches, &share(None)));
            }
            Some(body) => {
                let found = self.faults(body);
                if !found.is_empty() {
                    faults.extend(found);
                    if guard.leaves {
                        return (State::Opaque, faults.join("; "), Vec::new());
                    }
                    match insert::in_place_of(self.source, guard.branches, body, &share(Some(body))) {
                        Some(edit) => edits.push(edit),
                        None => return (State::Opaque, faults.join("; "), Vec::new()),
                    }
                }
            }
        }
        if faults.is_empty() && !defaults {
            return (State::Shared, "shares what the quotas leave over unless a wildcard is named".to_owned(), edits);
        }
        let state = if defaults { State::CpuFallback } else { State::Faulty };
        if faults.is_empty() {
            faults.push("gives what the quotas leave over to the default wildcard device".to_owned());
        }
        (state, faults.join("; "), edits)
    }

    /// What is wrong with a branch that shares by hand.
    fn faults(&self, body: Node<'p>) -> Vec<String> {
        let mut faults = Vec::new();
        let mut cuda = false;
        let mut cut = false;
        walk(&mut body.walk(), |node| {
            let text = self.source.slice(node);
            if node.kind() == "string_content" && text.trim_end_matches(':') == "cuda" {
                cuda = true;
            }
            let is_int = |function: Node<'p>| self.source.slice(function) == "int";
            if node.kind() == "call"
                && node.child_by_field_name("function").is_some_and(is_int)
                && self.mentions_amount(node)
            {
                cut = true;
            }
            true
        });
        if cuda {
            faults.push("shares among cuda devices only, forgetting xpu, npu, mps and others".to_owned());
        }
        if cut {
            faults.push("int() drops bytes".to_owned());
        }
        if !self.mentions_amount(body) && !mentions_kind(body, "raise_statement") {
            faults.push("what the quotas leave over is dropped when no wildcard is named".to_owned());
        }
        faults
    }

    fn amount_text(&self) -> &'p str {
        self.source.slice(self.amount)
    }

    fn mentions_amount(&self, node: Node<'p>) -> bool {
        mentions(self.source, node, &names(self.source, self.amount))
    }
}

fn without_parentheses(node: Node<'_>) -> Node<'_> {
    let mut node = node;
    while let Some(inner) = node.named_child(0).filter(|_| node.kind() == "parenthesized_expression") {
        node = inner;
    }
    node
}

/// `container[key] = container[key] + amount`, in any order: the amount. Otherwise the whole right side.
fn added_to<'p>(source: &'p Source, container: Node<'p>, right: Node<'p>) -> Node<'p> {
    let right = without_parentheses(right);
    let side = |field| right.child_by_field_name(field).map(without_parentheses);
    let sides = (side("left"), side("right"));
    let is_sum = right.kind() == "binary_operator"
        && right.child_by_field_name("operator").is_some_and(|plus| plus.kind() == "+");
    let holds = |node: Node<'p>| source.slice(node).starts_with(source.slice(container));
    match sides {
        (Some(left), Some(amount)) if is_sum && holds(left) => amount,
        (Some(amount), Some(right)) if is_sum && holds(right) => amount,
        _ => right,
    }
}

/// For each function (by its node's id) the names that something is subtracted from, or that are given to it.
#[derive(Default)]
struct LeftOver<'p>(HashMap<usize, HashSet<&'p str>>);

impl<'p> LeftOver<'p> {
    /// Is it something left over: a difference, or a name that something is subtracted from in this function?
    fn is_it(&mut self, source: &'p Source, function: Node<'p>, amount: Node<'p>) -> bool {
        if is_difference(amount) {
            return true;
        }
        let known = self.0.entry(function.id()).or_insert_with(|| Self::names(source, function));
        known.contains(source.slice(amount)) || names(source, amount).iter().any(|name| known.contains(name))
    }

    fn names(source: &'p Source, function: Node<'p>) -> HashSet<&'p str> {
        let mut found = HashSet::default();
        walk(&mut function.walk(), |node| {
            let left = || node.child_by_field_name("left").map(|left| source.slice(left));
            match node.kind() {
                "augmented_assignment"
                    if node.child_by_field_name("operator").is_some_and(|operator| operator.kind() == "-=") =>
                {
                    found.extend(left());
                }
                "assignment" if node.child_by_field_name("right").is_some_and(is_difference) => found.extend(left()),
                // A helper is given what is left over.
                "parameters" => found.extend(names(source, node)),
                _ => {}
            }
            true
        });
        found
    }
}

fn is_difference(node: Node<'_>) -> bool {
    let mut found = false;
    walk(&mut node.walk(), |inner| {
        found |= inner.kind() == "binary_operator"
            && inner.child_by_field_name("operator").is_some_and(|minus| minus.kind() == "-");
        !found
    });
    found
}

/// Another store under the default, such as `if wildcard not in final: final[wildcard] = 0`.
fn other_store(subject: &Subject<'_>, store: &Store<'_>) -> Option<Site> {
    let source = subject.source(store.spot.file)?;
    let key = store.spot.node.child_by_field_name("subscript")?;
    let statement = enclosing(store.spot.node, &["expression_statement"])?;
    if Guard::around(source, statement, key).is_some() {
        return None;
    }
    let spot = Spot { file: store.spot.file, node: statement };
    let block = statement.parent()?;
    let test = block.parent().filter(|outer| {
        outer.kind() == "if_statement"
            && outer.child_by_field_name("alternative").is_none()
            && outer
                .child_by_field_name("condition")
                .is_some_and(|condition| mentions(source, condition, &[source.slice(key)]))
            && block.named_child_count() == 1
    });
    let whole = test.unwrap_or(statement);
    let header = format!("if {} is not None:", source.slice(key));
    let edits = insert::behind_test(source, whole.parent()?, whole, whole, &header, None);
    let state = if edits.is_none() {
        State::Opaque
    } else if store.texts.iter().any(|text| text.node.kind() != "none") {
        State::CpuFallback
    } else {
        State::Faulty
    };
    let edits = edits.unwrap_or_default().into_iter().map(|edit| (store.spot.file, edit)).collect();
    Some(Site::new(spot, state, "stores under the wildcard device, named or not").with(edits))
}

/// Where wildcards are recognised. A store may only be that of the remainder if its function, or that of its default,
/// has to do with this.
struct Wildcards<'p> {
    /// The asterisks that are looked for.
    markers: Vec<Spot<'p>>,
    /// The names of the functions that look for them.
    functions: Vec<&'p str>,
    /// What is known of functions (by their nodes' ids).
    known: HashMap<usize, bool>,
}

impl<'p> Wildcards<'p> {
    fn of(subject: &Subject<'p>) -> Self {
        let mut found = Self { markers: Vec::new(), functions: Vec::new(), known: HashMap::default() };
        if subject.flow.stores.is_empty() {
            return found;
        }
        for file in &subject.flow.files {
            let Some(source) = subject.source(*file) else { continue };
            for (_, node) in LOOKED_FOR.captures(source).into_iter().filter(|(name, _)| *name == "gpu-only.marker") {
                found.markers.push(Spot { file: *file, node });
                let function = enclosing(node, &["function_definition"]);
                found.functions.extend(
                    function.and_then(|function| function.child_by_field_name("name")).map(|name| source.slice(name)),
                );
            }
        }
        found
    }

    fn concern(&mut self, subject: &Subject<'p>, store: &Store<'p>) -> bool {
        let of_text = |text: &Spot<'p>| {
            let function = enclosing(text.node, &["function_definition"])?;
            Some(Spot { file: text.file, node: function })
        };
        let function = Spot { file: store.spot.file, node: store.function };
        std::iter::once(function).chain(store.texts.iter().take(MOST).filter_map(of_text)).any(|function| {
            if let Some(known) = self.known.get(&function.node.id()) {
                return *known;
            }
            let looked_for = self.looked_for_in(subject, function);
            self.known.insert(function.node.id(), looked_for);
            looked_for
        })
    }

    /// Does a function look for wildcards, itself or by calling one that does?
    fn looked_for_in(&self, subject: &Subject<'p>, function: Spot<'p>) -> bool {
        let range = function.node.byte_range();
        let inside = |marker: &Spot<'p>| marker.file == function.file && range.contains(&marker.node.start_byte());
        if self.markers.iter().any(inside) {
            return true;
        }
        let Some(source) = subject.source(function.file) else { return false };
        let mut calls = false;
        walk(&mut function.node.walk(), |node| {
            let called = node.child_by_field_name("function").filter(|_| node.kind() == "call");
            let name = called.map(|called| called.child_by_field_name("attribute").unwrap_or(called));
            calls |= name.is_some_and(|name| self.functions.contains(&source.slice(name)));
            !calls
        });
        calls
    }
}

/// Wildcards are recognised, but what is done with the remainder is not.
fn unexplained(subject: &Subject<'_>) -> Vec<Site> {
    let mut sites = Vec::new();
    for file in &subject.flow.files {
        let Some(source) = subject.source(*file) else { continue };
        for (_, node) in LOOKED_FOR.captures(source).into_iter().filter(|(name, _)| *name == "gpu-only.marker") {
            let tested = node
                .parent()
                .and_then(|string| string.parent())
                .is_some_and(|outer| outer.kind() == "comparison_operator");
            if tested && enclosing(node, &["function_definition"]).is_some() {
                let spot = Spot { file: *file, node };
                sites.push(Site::new(
                    spot,
                    State::Opaque,
                    "looks for a wildcard, but what then gets the remainder was not found",
                ));
            }
        }
    }
    sites
}

/// `"cpu"` becomes `None`, with a comment saying why where there is room for one.
fn no_default(source: &Source, text: Spot<'_>) -> Edit {
    let range = text.node.byte_range();
    let rest = &source.text()[range.end..source.line_end(range.end)];
    let is_whole = text.node.parent().is_some_and(|parent| parent.kind() == "assignment");
    let comment = if is_whole && rest.trim().is_empty() {
        "  # no default: GPU-only unless the allocation string names a wildcard"
    } else {
        ""
    };
    Edit::replace(range, format!("None{comment}"))
}

/// The identifiers in an expression.
fn names<'p>(source: &'p Source, node: Node<'p>) -> Vec<&'p str> {
    let mut names = Vec::new();
    walk(&mut node.walk(), |inner| {
        if inner.kind() == "identifier" {
            names.push(source.slice(inner));
        }
        true
    });
    names
}

/// Does any of these identifiers (or this whole expression) stand somewhere in `node`?
fn mentions(source: &Source, node: Node<'_>, wanted: &[&str]) -> bool {
    let mut found = false;
    walk(&mut node.walk(), |inner| {
        found |= matches!(inner.kind(), "identifier" | "attribute" | "subscript" | "boolean_operator")
            && wanted.contains(&source.slice(inner));
        !found
    });
    found
}

fn mentions_kind(node: Node<'_>, kind: &str) -> bool {
    let mut found = false;
    walk(&mut node.walk(), |inner| {
        found |= inner.kind() == kind;
        !found
    });
    found
}

fn first_statement(block: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = block.walk();
    block.named_children(&mut cursor).find(|child| child.kind() != "comment")
}

fn last_statement(block: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = block.walk();
    block.named_children(&mut cursor).filter(|child| child.kind() != "comment").last()
}
