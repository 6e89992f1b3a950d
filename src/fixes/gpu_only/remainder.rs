//! The statement that assigns the remainder, and what repairs it.

use std::ops::Range;

use tree_sitter::Node;

use super::evidence::{LeftOver, is_subtracted};
use super::guard::{self, Guard};
use super::{CPU_FALLBACK, FAULTY, SHARED, insert, mentions};
use crate::edit::Edit;
use crate::fixes::{Site, State, Subject};
use crate::python::field::Fields as _;
use crate::python::flow::value::Spot;
use crate::python::flow::{Store, updated};
use crate::python::source::walk;
use crate::python::syntax::{any, enclosing, identifiers};
use crate::python::{FileId, Source};

/// The statement that assigns the remainder.
pub(super) struct Remainder<'s, 'p> {
    source: &'p Source,
    pub(super) store: &'s Store<'p>,
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
    pub(super) fn of(subject: &'s Subject<'p>, store: &'s Store<'p>, left_over: &mut LeftOver<'p>) -> Option<Self> {
        let source = subject.source(store.spot.file)?;
        let node = store.spot.node;
        let (container, key) = (container(source, store)?, key(store)?);
        let amount = if node.kind() == "pair" {
            let mapping = node.parent()?;
            let is_other = |other: &Node<'p>| other.kind() == "pair" && *other != node;
            if mapping.parts().iter().any(is_other) {
                return None;
            }
            // Another mapping than the container is changed.
            let copied = mapping.part(0).filter(|first| first.kind() == "dictionary_splat");
            let is_same =
                |copied: Node<'p>| copied.part(0).is_some_and(|it| source.slice(it) == source.slice(container));
            if copied.is_some_and(|copied| !is_same(copied)) {
                return None;
            }
            added_to(source, container, node.child_by_field_name("value")?)
        } else {
            let assignment = node.parent()?;
            let right = assignment.child_by_field_name("right")?;
            match assignment.kind() {
                "augmented_assignment" if assignment.child_by_field_name("operator")?.kind() == "+=" => right,
                "assignment" => added_to(source, container, right),
                _ => return None,
            }
        };
        let statement = enclosing(node, &["expression_statement"])?;
        let remainder = Self { source, store, subject, statement, container, key, amount };
        let fits = left_over.is_it(source, store.function, amount)
            && (!remainder.is_fixed() || remainder.otherwise_named().is_some());
        fits.then_some(remainder)
    }

    /// Is it added to the value in the container?
    pub(super) fn adds(&self) -> bool {
        let node = self.store.spot.node;
        let value = if node.kind() == "pair" {
            node.child_by_field_name("value")
        } else {
            node.parent()
                .filter(|outer| outer.kind() == "assignment")
                .and_then(|outer| outer.child_by_field_name("right"))
        };
        value != Some(self.amount)
    }

    /// Is the key the default itself, not a name that may also hold a wildcard?
    pub(super) fn is_fixed(&self) -> bool {
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

    /// Some early versions handle all modes in one function: byte quotas in a branch, and after the branches the
    /// default device for every mode. Without that default the other modes would change.
    pub(super) fn serves_other_modes(&self) -> bool {
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

    /// May it be the remainder of byte quotas, if no wildcards were recognised? Not if the CPU is never its default, if
    /// it is a parameter that nothing is added to, or if the function is about another mode: shares in percent, or the
    /// modules of the model, which byte quotas do not measure themselves.
    pub(super) fn may_be_of_bytes(&self) -> bool {
        let has_default = self.store.texts.iter().any(|text| text.node.kind() != "none");
        let is_amount = self.adds() || is_subtracted(self.source, self.store.function, self.amount);
        let is_of_other_mode = |node: Node<'p>| match node.kind() {
            "string_content" => self.source.slice(node) == "%",
            "identifier" => self.source.slice(node) == "named_modules",
            _ => false,
        };
        has_default && is_amount && !any(self.store.function, is_of_other_mode)
    }

    pub(super) fn sites(&self, wrapped: &mut Vec<(FileId, Range<usize>)>) -> Vec<Site> {
        if self.is_fixed() {
            return vec![self.fixed()];
        }
        let mut sites = Vec::new();
        let guard = Guard::around(self.source, self.statement, self.key);
        let is_never_used = guard.as_ref().is_some_and(|guard| self.is_told_by_flag(guard));
        for text in &self.store.texts {
            let Some(source) = self.subject.source(text.file) else { continue };
            if text.node.kind() != "none" && !is_never_used {
                let site = Site::new(*text, CPU_FALLBACK, "makes the CPU the wildcard device when none is named");
                sites.push(site.with(vec![(text.file, no_default(source, *text))]));
            }
        }
        let file = self.store.spot.file;
        let spot = Spot { file, node: self.statement };
        let defaults = !sites.is_empty();
        let (state, message, edits) =
            guard.map_or_else(|| self.unguarded(defaults, wrapped), |guard| self.behind(&guard, defaults));
        let edits = edits.into_iter().map(|edit| (file, edit)).collect();
        sites.push(Site::new(spot, state, message).with(edits));
        sites
    }

    /// Does a flag say whether a wildcard was named, so that the default is never used? It does if it is set wherever
    /// the wildcard gets another value, and only there.
    fn is_told_by_flag(&self, guard: &Guard<'p>) -> bool {
        let Some(flag) = guard.flag.filter(|_| self.key.kind() == "identifier") else { return false };
        let is_default = |value: &Node<'p>| self.store.texts.iter().any(|text| within(text.node, *value));
        let blocks = |name: &str, wanted: &dyn Fn(&Node<'p>) -> bool| {
            let given = guard::assigned(self.source, self.store.function, name);
            let given = given.into_iter().filter(|(_, value)| wanted(value));
            given.map(|(target, _)| guard::block_of(target).map(|block| block.id())).collect::<Vec<_>>()
        };
        let named = blocks(self.source.slice(self.key), &|value| !is_default(value));
        let set = blocks(self.source.slice(flag), &|value| !matches!(value.kind(), "false" | "none"));
        !named.is_empty()
            && named.iter().all(|block| set.contains(block))
            && set.iter().all(|block| named.contains(block))
    }

    /// The code names the CPU for the remainder if there is no wildcard: it is shared there instead.
    fn fixed(&self) -> Site {
        let message = "gives the remainder to the CPU when no wildcard is named";
        let spot = Spot { file: self.store.spot.file, node: self.statement };
        let edit = self.otherwise_named().and_then(|block| {
            let near = self.statement..=self.statement;
            let lines = insert::share(self.source, self.store.function, self.container, self.amount, near, Some(block));
            insert::in_place_of(self.source, block.parent()?.parent()?, block, &lines)
        });
        match edit {
            Some(edit) => Site::new(spot, CPU_FALLBACK, message).with(vec![(spot.file, edit)]),
            None => Site::new(spot, State::OPAQUE, message),
        }
    }

    /// No test of the wildcard encloses it.
    fn unguarded(&self, defaults: bool, wrapped: &mut Vec<(FileId, Range<usize>)>) -> (State, String, Vec<Edit>) {
        let (state, message) = if defaults {
            (CPU_FALLBACK, "gives the remainder to the wildcard device, named or not")
        } else {
            (FAULTY, "stores the remainder under None when no wildcard is named")
        };
        if mentions(self.source, self.amount, &[self.source.slice(self.key)]) {
            return (
                State::OPAQUE,
                format!("{message}, and adds it to the device's share in a way that is not understood"),
                Vec::new(),
            );
        }
        match self.wrap(wrapped) {
            Some(edits) => (state, message.to_owned(), edits),
            None => (State::OPAQUE, format!("{message}; it shares a line with other statements"), Vec::new()),
        }
    }

    /// No test of the wildcard encloses it: the statements that use it are put under one.
    fn wrap(&self, wrapped: &mut Vec<(FileId, Range<usize>)>) -> Option<Vec<Edit>> {
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
        let range = first.start_byte()..last.end_byte();
        let is_shared = |(file, other): &(FileId, Range<usize>)| {
            *file == self.store.spot.file && other.start < range.end && range.start < other.end
        };
        if wrapped.iter().any(is_shared) {
            return None;
        }
        wrapped.push((self.store.spot.file, range));
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

    /// The test whether a wildcard was named, and the edits to the key that it needs.
    fn test(&self) -> (String, Vec<Edit>) {
        let named = |key: Node<'p>| {
            key.child_by_field_name("left").filter(|_| {
                key.kind() == "boolean_operator"
                    && key
                        .child_by_field_name("right")
                        .is_some_and(|right| self.store.texts.iter().any(|text| text.node == right))
            })
        };
        let key =
            if self.key.kind() == "parenthesized_expression" { self.key.part(0).unwrap_or(self.key) } else { self.key };
        match named(key) {
            // `final[wildcard or "cpu"]`: the default itself becomes None, so the rest is the test.
            Some(left) => (format!("if {}:", self.source.slice(left)), Vec::new()),
            None => (format!("if {} is not None:", self.source.slice(self.key)), Vec::new()),
        }
    }

    /// There is a test already: the repair was made by hand, or by this tool.
    fn behind(&self, guard: &Guard<'p>, defaults: bool) -> (State, String, Vec<Edit>) {
        let mut faults = Vec::new();
        let mut edits = Vec::new();
        if let Some(flag) = guard.flag.filter(|flag| !guard::is_ever_set(self.source, self.store.function, *flag)) {
            faults.push(format!("`{}` is never set, so a named wildcard is ignored", self.source.slice(flag)));
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
                faults.push("drops the remainder when no wildcard is named".to_owned());
                edits.extend(insert::otherwise(self.source, guard.branches, &share(None)));
            }
            Some(body) => {
                let found = self.faults(body);
                if !found.is_empty() {
                    faults.extend(found);
                    if guard.leaves {
                        return (State::OPAQUE, faults.join("; "), Vec::new());
                    }
                    match insert::in_place_of(self.source, guard.branches, body, &share(Some(body))) {
                        Some(edit) => edits.push(edit),
                        None => return (State::OPAQUE, faults.join("; "), Vec::new()),
                    }
                }
            }
        }
        if faults.is_empty() && !defaults {
            return (SHARED, "shares the remainder unless a wildcard is named".to_owned(), edits);
        }
        let state = if defaults { CPU_FALLBACK } else { FAULTY };
        if faults.is_empty() {
            faults.push("gives the remainder to the default wildcard device".to_owned());
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
        if !self.mentions_amount(body) && !any(body, |inner| inner.kind() == "raise_statement") {
            faults.push("drops the remainder when no wildcard is named".to_owned());
        }
        faults
    }

    fn amount_text(&self) -> &'p str {
        self.source.slice(self.amount)
    }

    fn mentions_amount(&self, node: Node<'p>) -> bool {
        mentions(self.source, node, &identifiers(self.source, self.amount))
    }
}

/// What is stored into.
fn container<'p>(source: &Source, store: &Store<'p>) -> Option<Node<'p>> {
    let node = store.spot.node;
    if node.kind() == "pair" { updated(source, node) } else { node.child_by_field_name("value") }
}

/// The key that it is stored under.
pub(super) fn key<'p>(store: &Store<'p>) -> Option<Node<'p>> {
    let node = store.spot.node;
    node.child_by_field_name(if node.kind() == "pair" { "key" } else { "subscript" })
}

fn within(inner: Node<'_>, outer: Node<'_>) -> bool {
    outer.start_byte() <= inner.start_byte() && inner.end_byte() <= outer.end_byte()
}

fn without_parentheses(node: Node<'_>) -> Node<'_> {
    let mut node = node;
    while let Some(inner) = node.part(0).filter(|_| node.kind() == "parenthesized_expression") {
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

/// What replaces the default wildcard device, with a comment saying why.
pub(super) const NO_DEFAULT: &str = "None  # no default: GPU-only unless the allocation string names a wildcard";

/// `"cpu"` becomes `None`, with the comment where there is room for one.
fn no_default(source: &Source, text: Spot<'_>) -> Edit {
    let range = text.node.byte_range();
    let rest = &source.text()[range.end..source.line_end(range.end)];
    let is_whole = text.node.parent().is_some_and(|parent| parent.kind() == "assignment");
    Edit::replace(range, if is_whole && rest.trim().is_empty() { NO_DEFAULT } else { "None" })
}

fn first_statement(block: Node<'_>) -> Option<Node<'_>> {
    block.part(0)
}

fn last_statement(block: Node<'_>) -> Option<Node<'_>> {
    block.parts().pop()
}
