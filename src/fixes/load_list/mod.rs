//! load-list: items are read by what their fields mean, whatever their number.
//!
//! ```text
//! before  for size, name, module, params in loading:       total = sum(item[0] for item in loading)
//! after   for *_, size, name, module, params in loading:   total = sum(item[-4] for item in loading)
//! ```
//!
//! `_load_list()` used to return 4 fields and now returns more, with the new ones in front. So counting from the end is
//! right for any number of fields, and means the same for 4 as before. With offload accounting the size is the first
//! field instead: `a, *_, b, c, d` and `item[0]`.

mod index;
mod judge;
mod length_test;
mod release;
mod roles;
mod spread;
mod undo;
mod unpack;

use tree_sitter::Node;

use self::judge::Judge;
use super::{About, Accounting, Contract, Definition, Fix, Site, Standing, State, Status, Subject, Survey};
use crate::edit::Edit;
use crate::python::flow::{Form, Seeds};
use crate::python::{Package, Source};

/// The fix.
pub const LOAD_LIST: Fix = Fix::new(&LoadList);

/// The numbers of fields that items have had, fewest first.
pub const ARITIES: [i64; 2] = [4, 5];

/// A site that is right for items of the fewest fields only.
pub const LEGACY: State = State {
    name: "legacy",
    meaning: "for 4 fields only",
    standing: Standing::Repairable,
    arities: Some(&[ARITIES[0]]),
};

/// A site that is right for items of the most fields only.
pub const FIVE_ONLY: State = State {
    name: "five-only",
    meaning: "for 5 fields only",
    standing: Standing::InOrder,
    arities: Some(&[ARITIES[1]]),
};

/// A site that is right whatever the number of fields.
pub const ANY: State =
    State { name: "any", meaning: "for any number of fields", standing: Standing::InOrder, arities: Some(&ARITIES) };

static ABOUT: About = About {
    id: "load-list",
    rule_name: "LoadList",
    title: "Read load-list items of any number of fields",
    problem: "Load-list items are read for one number of fields only",
    description: "ComfyUI puts new fields in front of the items of a load list. Code that unpacks four fields stops with \
                  \"too many values to unpack\", and code that counts from the front reads another field without any \
                  error.",
    help: "Count from the end: `for *_, size, name, module, params in load_list`, `item[-4]`. `distorch-fix apply` does \
           so, and runs the result before it is written.",
    repair: "Read items of any number of fields",
    absent: "no code that reads a load list was found",
    states: &[LEGACY, FIVE_ONLY, ANY],
    is_one_repair: false,
    reads_items: true,
    is_in_allocation: false,
    query: include_str!("../../../patches/load-list.scm"),
    needles: &[super::SOURCE_NAME],
};

struct LoadList;

impl Definition for LoadList {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn seed(&self, source: &Source, capture: &str, node: Node<'_>, seeds: &mut Seeds) {
        if capture == "load-list.method" {
            seeds.sources.extend(source_expression(source, node).map(|node| node.id()));
        }
    }

    fn survey(&self, subject: &Subject<'_>, accounting: Accounting) -> Survey {
        survey(subject, accounting)
    }

    fn verdict(&self, survey: &Survey) -> String {
        verdict(survey)
    }

    fn undo(&self, source: &Source, sites: &[&Site]) -> Vec<Edit> {
        undo::undo(source, sites)
    }

    fn bind(&self, survey: &Survey, is_left: bool, contract: &mut Contract) {
        contract.arities = match survey {
            _ if is_left => &ARITIES[..1],
            _ if survey.count(FIVE_ONLY) > 0 => &ARITIES[1..],
            _ => &ARITIES,
        };
        // A repair of code that is never run does not choose a size.
        let mut used = survey.sites.iter().filter(|site| site.unused.is_none());
        contract.counts_as_asked = used.any(|site| !site.edits.is_empty());
    }

    fn release(&self, package: &Package, survey: &Survey) -> Option<&'static str> {
        release::release(package, survey)
    }
}

fn survey(subject: &Subject<'_>, accounting: Accounting) -> Survey {
    let judge = Judge::new(subject, accounting);
    let mut sites = Vec::new();
    let mut stuck = !subject.flow.gave_up.is_empty();
    for used in &subject.flow.uses {
        if let Some(site) = judge.site(used) {
            // Other code may use items correctly. Code of the checkout that cannot be repaired does not.
            stuck |= site.state == State::OPAQUE && !matches!(used.form, Form::Escape | Form::Search);
            sites.push(site);
        }
    }
    for spot in &subject.flow.gave_up {
        sites.push(Site::new(*spot, State::OPAQUE, "too deep or too large to follow"));
    }
    let note = judge
        .by_guide
        .get()
        .then(|| "repaired by hand as in the guide, which uses module_offload_mem as the size".to_owned());
    let mut survey = Survey::new(LOAD_LIST, sites, note);
    if stuck {
        survey.status = Status::NotUnderstood;
    }
    survey
}

fn verdict(survey: &Survey) -> String {
    let (count, opaque) = (survey.sites.len(), survey.count(State::OPAQUE));
    if survey.status == Status::NotUnderstood {
        return if opaque == 1 {
            "1 place that reads a load list".to_owned()
        } else {
            format!("{opaque} places that read a load list")
        };
    }
    let states = ABOUT.states.iter().chain(&[State::OPAQUE]);
    let parts: Vec<_> = states.map(|state| (survey.count(*state), state.meaning)).filter(|(n, _)| *n > 0).collect();
    let how = match parts[..] {
        [(_, what)] if count > 1 => format!(", all {what}"),
        [(_, what)] => format!(", {what}"),
        _ => format!(": {}", parts.iter().map(|(n, what)| format!("{n} {what}")).collect::<Vec<_>>().join(", ")),
    };
    let places = if count == 1 { "1 place reads".to_owned() } else { format!("{count} places read") };
    let unused = match survey.sites.iter().filter(|site| site.unused.is_some()).count() {
        0 => String::new(),
        all if all == count => ", in code that is never run".to_owned(),
        some => format!(", {some} of them in code that is never run"),
    };
    let note = survey.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
    format!("{places} a load list{how}{unused}{note}")
}

/// The expression around the method's name that, when called, returns a load list: the attribute, or the `getattr`
/// call.
fn source_expression<'t>(source: &Source, name: Node<'t>) -> Option<Node<'t>> {
    let parent = name.parent()?;
    if parent.kind() == "attribute" {
        return (parent.child_by_field_name("attribute") == Some(name)).then_some(parent);
    }
    let call = parent.parent().filter(|list| list.kind() == "argument_list")?.parent()?;
    let function = call.child_by_field_name("function")?;
    (source.slice(function) == "getattr").then_some(call)
}
