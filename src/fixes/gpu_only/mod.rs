//! gpu-only: the listed GPUs share the bytes that no quota covers, unless a wildcard is named.
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
//! The statement that assigns the remainder is the one that stores the result of a subtraction under a key that may be
//! the default. The names it uses do not matter.

mod evidence;
mod guard;
mod insert;
mod remainder;
mod undo;

use std::ops::Range;

use tree_sitter::Node;

use self::evidence::{LeftOver, Marks};
use self::guard::Guard;
use self::remainder::Remainder;
use super::{About, Accounting, Contract, Definition, Fix, LOOKED_FOR, Site, Standing, State, Status, Subject, Survey};
use crate::allocator::{Policy, bytes};
use crate::edit::Edit;
use crate::python::flow::value::Spot;
use crate::python::flow::{Seeds, Store};
use crate::python::syntax::{any, enclosing};
use crate::python::{FileId, Source};

/// The fix.
pub const GPU_ONLY: Fix = Fix::new(&GpuOnly);

/// The remainder goes to the CPU unless a wildcard is named.
pub const CPU_FALLBACK: State = State {
    name: "cpu-fallback",
    meaning: "the remainder goes to the CPU unless a wildcard is named",
    standing: Standing::Repairable,
    arities: None,
};

/// Repaired by hand, with a mistake.
pub const FAULTY: State = State {
    name: "faulty",
    meaning: "repaired by hand, with a mistake",
    standing: Standing::Repairable,
    arities: None,
};

/// The remainder is shared by the listed GPUs unless a wildcard is named.
pub const SHARED: State = State {
    name: "shared",
    meaning: "the remainder is shared by the listed GPUs unless a wildcard is named",
    standing: Standing::InOrder,
    arities: None,
};

static ABOUT: About = About {
    id: "gpu-only",
    rule_name: "GpuOnly",
    title: "Share the bytes that no quota covers among the listed GPUs",
    problem: "The bytes that no quota covers go to the wrong device",
    description: "The bytes that the quotas (`cuda:0,12gb;cuda:1,16gb`) do not cover go to the CPU although no wildcard \
                  was named, or a wildcard that was named (`cpu,*`) is ignored.",
    help: "Share them among the listed GPUs in proportion to their quotas, unless a wildcard is named. `distorch-fix \
           apply` does so, and runs the result before it is written.",
    repair: "Share the remainder among the listed GPUs",
    absent: "no byte quotas were found",
    states: &[CPU_FALLBACK, FAULTY, SHARED],
    is_one_repair: true,
    reads_items: false,
    is_in_allocation: true,
    query: include_str!("../../../patches/gpu-only.scm"),
    needles: &["cpu", "*'", "*\"", "\\*", "[*]", "None"],
};

struct GpuOnly;

impl Definition for GpuOnly {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn seed(&self, source: &Source, capture: &str, node: Node<'_>, seeds: &mut Seeds) {
        let is_default = capture == "gpu-only.default" || (capture == "gpu-only.none" && may_be_default(source, node));
        if is_default {
            seeds.texts.insert(node.id());
        }
    }

    fn survey(&self, subject: &Subject<'_>, _accounting: Accounting) -> Survey {
        survey(subject)
    }

    fn verdict(&self, survey: &Survey) -> String {
        let verdict = match survey.status {
            Status::Needed if survey.count(CPU_FALLBACK) > 0 => "bytes that no quota covers go to the CPU",
            Status::Needed => FAULTY.meaning,
            Status::NotUnderstood => "the code that places the bytes that no quota covers was not found",
            Status::InOrder | Status::NotApplicable => "the listed GPUs share the bytes that no quota covers",
        };
        verdict.to_owned()
    }

    fn undo(&self, source: &Source, _sites: &[&Site]) -> Vec<Edit> {
        undo::undo(source)
    }

    fn bind(&self, survey: &Survey, _is_left: bool, contract: &mut Contract) {
        contract.repairs_policy = survey.is_edited();
        if survey.is_edited() || survey.status == Status::InOrder {
            contract.policy = Policy::GpuOnly;
        }
        let mut edits = survey.sites.iter().flat_map(|site| &site.edits);
        contract.logs_shared = edits.any(|(_, edit)| edit.text.contains(bytes::SHARED));
    }
}

/// May a `None` be a default wildcard? It is if it is a name's value, alone or under some condition, or a parameter's
/// default in a function that looks for wildcards.
fn may_be_default(source: &Source, none: Node<'_>) -> bool {
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

/// The most statements that may assign a remainder, and defaults of one of them, that are examined. No real file has
/// nearly as many.
const MOST: usize = 16;

fn survey(subject: &Subject<'_>) -> Survey {
    let mut left_over = LeftOver::default();
    let mut wildcards = Marks::of_wildcards(subject);
    let stores: Vec<_> = subject.flow.stores.iter().filter(|store| wildcards.concern(subject, store)).collect();
    let found: Vec<_> =
        stores.into_iter().filter_map(|store| Remainder::of(subject, store, &mut left_over)).take(MOST + 1).collect();
    if let Some(last) = found.iter().find(|remainder| remainder.store.texts.len() > MOST).or(found.get(MOST)) {
        let site = Site::new(last.store.spot, State::OPAQUE, "one of too many places that may receive the remainder");
        return Survey::new(GPU_ONLY, vec![site], None);
    }
    let unmarked = unmarked(subject, &mut wildcards, &mut left_over);
    if found.is_empty() || !unmarked.is_empty() {
        let sites = if unmarked.is_empty() { unexplained(subject) } else { unmarked };
        return Survey::new(GPU_ONLY, sites, None);
    }
    let (others, remainders): (Vec<_>, Vec<_>) = found.into_iter().partition(Remainder::serves_other_modes);
    if remainders.is_empty() {
        let note = "byte quotas share their default device with the other modes here; left as it is";
        return Survey::new(GPU_ONLY, Vec::new(), Some(note.to_owned()));
    }
    let mut sites = Vec::new();
    let mut wrapped: Vec<(FileId, Range<usize>)> = Vec::new();
    // What adds to a device's share comes before what only records it.
    let (adding, noting): (Vec<_>, Vec<_>) = remainders.iter().partition(|remainder| remainder.adds());
    for remainder in adding.into_iter().chain(noting) {
        let store = &remainder.store.spot;
        let is_inside =
            |(file, range): &(FileId, Range<usize>)| *file == store.file && range.contains(&store.node.start_byte());
        if !wrapped.iter().any(is_inside) {
            sites.extend(remainder.sites(&mut wrapped));
        }
    }
    // Everything else that is stored under the default must not be stored under None.
    for store in &subject.flow.stores {
        let known = remainders.iter().any(|remainder| remainder.store.spot == store.spot);
        let shares =
            remainders.iter().any(|remainder| remainder.store.texts.iter().any(|text| store.texts.contains(text)));
        let inside = wrapped.iter().any(|(file, range): &(FileId, Range<usize>)| {
            *file == store.spot.file && range.contains(&store.spot.node.start_byte())
        });
        let left = others.iter().any(|other| other.store.function == store.function);
        if !known && shares && !inside && !left {
            sites.extend(other_store(subject, store));
        }
    }
    // Half a repair would break the code: without its default, the part that was not understood would store under None.
    let stuck = sites.iter().any(|site| site.state == State::OPAQUE);
    for site in sites.iter_mut().filter(|site| stuck && site.state.needs_fix()) {
        site.state = State::OPAQUE;
        site.edits.clear();
    }
    let mut survey = Survey::new(GPU_ONLY, sites, None);
    if stuck {
        survey.status = Status::NotUnderstood;
    }
    survey
}

/// Another store under the default, such as `if wildcard not in final: final[wildcard] = 0`.
fn other_store(subject: &Subject<'_>, store: &Store<'_>) -> Option<Site> {
    let source = subject.source(store.spot.file)?;
    let key = remainder::key(store)?;
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
        State::OPAQUE
    } else if store.texts.iter().any(|text| text.node.kind() != "none") {
        CPU_FALLBACK
    } else {
        FAULTY
    };
    let edits = edits.unwrap_or_default().into_iter().map(|edit| (store.spot.file, edit)).collect();
    Some(Site::new(spot, state, "stores under the wildcard device, named or not").with(edits))
}

/// Statements that give the remainder to a device that may be the CPU, in code that recognises no wildcard. Whether the
/// CPU gets it by name or by default is unknown.
fn unmarked<'p>(subject: &Subject<'p>, wildcards: &mut Marks<'p>, left_over: &mut LeftOver<'p>) -> Vec<Site> {
    let mut quotas = Marks::of_quotas(subject);
    let stores = subject.flow.stores.iter();
    let stores: Vec<_> =
        stores.filter(|store| !wildcards.concern(subject, store) && quotas.concern(subject, store)).collect();
    let remainders = stores.into_iter().filter_map(|store| Remainder::of(subject, store, left_over));
    let message =
        "gives the remainder to a device that may be the CPU, but the code that recognises wildcards was not found";
    let site = |remainder: Remainder<'_, 'p>| Site::new(remainder.store.spot, State::OPAQUE, message);
    remainders.filter(Remainder::may_be_of_bytes).map(site).collect()
}

/// The code for wildcards was found, but not the code for the remainder.
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
                    State::OPAQUE,
                    "looks for a wildcard, but the device that then gets the remainder was not found",
                ));
            }
        }
    }
    sites
}

/// Does any of these identifiers (or this whole expression) occur in `node`?
fn mentions(source: &Source, node: Node<'_>, wanted: &[&str]) -> bool {
    any(node, |inner| {
        matches!(inner.kind(), "identifier" | "attribute" | "subscript" | "boolean_operator")
            && wanted.contains(&source.slice(inner))
    })
}
