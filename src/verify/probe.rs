//! Every place that reads a load-list item, run on its own with items of every number of fields that there has been, and
//! of one more.

use std::fmt::Write as _;

use serde_json::Value;
use tree_sitter::Node;

use super::engine::Running;
use super::{Engine, Mismatch, Step, Subject, Verdict};
use crate::allocator::Accounting;
use crate::edit::{Edit, Edits};
use crate::fixes::{Contract, Reading, Site};
use crate::python::field::Fields as _;
use crate::python::flow::is_star;
use crate::python::{FileId, Source};

/// The last fields of an item. The names are what a probe reads; fields in front of these are known by a number.
const FIELDS: [&str; 5] = ["module_offload_mem", "module_mem", "name", "module", "params"];

/// One place with items of one length.
struct Probe {
    /// Its name in a report.
    place: String,
    /// Python that sets `bound`.
    code: String,
    /// The item.
    item: String,
    /// Which other probe it must agree with: the same place as it was before, with items of the fewest fields.
    like: Option<usize>,
    /// Which size it may read where the other probe reads `module_mem`.
    size: Size,
}

/// Which size may be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    /// `module_mem`, as it was.
    Resident,
    /// `module_offload_mem`.
    Offload,
    /// Either: no repair has chosen one.
    Either,
}

/// Probes that are being run.
pub(super) struct Probing {
    probes: Vec<Probe>,
    places: usize,
    running: Option<Running>,
}

/// Starts to probe every site.
pub(super) fn start(subject: &Subject<'_>, contract: &Contract, engine: &Engine) -> Result<Probing, Verdict> {
    let mut probes: Vec<Probe> = Vec::new();
    let mut unread = Vec::new();
    let mut places = 0;
    let surveys = subject.surveys.iter().filter(|survey| survey.fix.about().reads_items);
    for (survey, site) in surveys.flat_map(|survey| survey.sites.iter().map(move |site| (survey, site))) {
        let before = probes.len();
        add((subject, contract), site, subject.is_left(survey), &mut probes, &mut unread);
        places += usize::from(probes.len() > before);
    }
    if let Some(place) = unread.pop() {
        return Err(Verdict::Wrong(Mismatch {
            step: Step::Probe,
            scenario: place,
            expected: "fields of the item".to_owned(),
            given: "something else".to_owned(),
        }));
    }
    let running = (!probes.is_empty()).then(|| engine.start(program(&probes), probes.len()));
    Ok(Probing { probes, places, running })
}

impl Probing {
    /// Compares what the probes read; gives how many places there were.
    pub(super) fn finish(self) -> Result<usize, Verdict> {
        let Some(running) = self.running else { return Ok(0) };
        let bound = running.finish().and_then(|text| bound(&text)).map_err(Verdict::Inconclusive)?;
        if bound.len() != self.probes.len() {
            let reason = format!("{} answers to {} probes", bound.len(), self.probes.len());
            return Err(Verdict::Inconclusive(reason));
        }
        compare(&self.probes, &bound)?;
        Ok(self.places)
    }
}

/// What a probe bound, or why it failed.
type Bound = Result<Vec<String>, String>;

fn compare(probes: &[Probe], bound: &[Bound]) -> Result<(), Verdict> {
    for (at, probe) in probes.iter().enumerate() {
        let expected = probe.like.map(|like| &bound[like]);
        let right = match (&bound[at], expected) {
            (Ok(given), Some(Ok(expected))) => agrees(given, expected, probe.size),
            (given, None) => given.is_ok(),
            _ => false,
        };
        if !right {
            let show = |bound: &Bound| match bound {
                Ok(fields) => fields.join(", "),
                Err(error) => error.clone(),
            };
            return Err(Verdict::Wrong(Mismatch {
                step: Step::Probe,
                scenario: format!("{} with {}", probe.place, probe.item),
                expected: expected.map_or_else(|| "fields of the item".to_owned(), show),
                given: show(&bound[at]),
            }));
        }
    }
    Ok(())
}

/// Adds the probes of a site; to `unread`, if it was repaired to something that cannot be probed.
fn add(
    (subject, contract): (&Subject<'_>, &Contract),
    site: &Site,
    is_left: bool,
    probes: &mut Vec<Probe>,
    unread: &mut Vec<String>,
) {
    let (Ok(before), Ok(after)) = (subject.before.source(site.file), subject.after.source(site.file)) else { return };
    if site.state.is_unknown() {
        return;
    }
    let edits = all_edits(subject, site.file);
    let (start, end) = (moved(&edits, site.range.start), moved_end(&edits, site.range.end));
    let (Some(old), Some(new)) = (
        before.root().descendant_for_byte_range(site.range.start, site.range.end),
        after.root().descendant_for_byte_range(start, end),
    ) else {
        return;
    };
    let place = after.place(start);
    let place = format!("{}:{}: {}", subject.after.path(site.file).display(), place.line, after.slice(new));
    let edited = !site.edits.is_empty();
    let is_for = |arity: i64| site.state.arities.is_none_or(|arities| arities.contains(&arity));
    let mut like = None;
    for reading in &site.readings {
        let (arity, index, item) = (reading.arity, reading.index, item(reading));
        if like.is_none() {
            // What it read before, with the fewest fields that get there.
            let Some(code) = code(before, old, before, old, index) else { return };
            if is_for(arity) {
                like = Some(probes.len());
                probes.push(Probe { place: place.clone(), code, item: item.clone(), like: None, size: Size::Resident });
            }
        }
        if like.is_none() || (is_left && !is_for(arity)) {
            continue;
        }
        // A site that was to be repaired is held to the repair even if its edit was forgotten.
        let size = match subject.accounting {
            _ if !site.state.needs_fix() => Size::Either,
            Accounting::Offload if arity > contract.fewest() => Size::Offload,
            _ => Size::Resident,
        };
        let Some(code) = code(before, old, after, new, index) else {
            unread.push(place);
            return;
        };
        probes.push(Probe { place: place.clone(), code: code.clone(), item, like, size });
        // A site that is right for any number of fields is right for a future one.
        if edited && arity == contract.most() && subject.accounting == Accounting::Resident {
            let item = self::item(&Reading { arity: arity + 1, ..*reading });
            probes.push(Probe { place: place.clone(), code, item, like, size });
        }
    }
}

/// The item that reaches a place, with the elements that were added before and after its fields on the way.
fn item(reading: &Reading) -> String {
    let Reading { arity, lead, trail, .. } = *reading;
    let arity = usize::try_from(arity).unwrap_or(0);
    let more = (0..arity.saturating_sub(FIELDS.len())).map(|at| format!("field {at}"));
    let known = FIELDS.iter().skip(FIELDS.len().saturating_sub(arity)).map(|field| (*field).to_owned());
    let mut parts: Vec<String> = (0..lead.max(0)).map(|at| format!("before {at}")).collect();
    parts.extend(more.chain(known).skip(usize::try_from(-lead).unwrap_or(0)));
    parts.extend((0..trail.max(0)).map(|at| format!("behind {at}")));
    parts.truncate(parts.len().saturating_sub(usize::try_from(-trail).unwrap_or(0)));
    let quoted: Vec<_> = parts.iter().map(|part| format!("{part:?}")).collect();
    format!("({},)", quoted.join(", "))
}

/// Python that sets `bound` to what the node reads of `item`: `new` of `after`, which was `old` in `before`.
fn code(before: &Source, old: Node<'_>, after: &Source, new: Node<'_>, number: Option<i64>) -> Option<String> {
    match new.kind() {
        "pattern_list" | "tuple_pattern" | "list_pattern" | "case_clause" => {
            let is_target = |node: &Node<'_>| new.kind() != "case_clause" || node.kind() == "case_pattern";
            let targets: Vec<_> = new.parts().into_iter().filter(is_target).collect();
            let starred = |target: &Node<'_>| is_star(*target);
            let is_other = |target: &Node<'_>| !starred(target);
            let names = targets
                .iter()
                .enumerate()
                .map(|(at, target)| if starred(target) { "*rest".to_owned() } else { format!("bound_{at}") });
            // The value of each target in the old order: what matters is which target gets which field, not only which
            // fields are read.
            let mut left: Vec<_> = targets.iter().enumerate().filter(|(_, target)| is_other(target)).collect();
            let were: Vec<_> = old.parts().into_iter().filter(is_target).collect();
            let mut kept = Vec::new();
            for was in were.iter().filter(|target| is_other(target)) {
                let found = left.iter().position(|(_, target)| after.slice(**target) == before.slice(*was))?;
                kept.push(format!("bound_{}", left.remove(found).0));
            }
            // Placeholders that took the place of a star do not count.
            left.retain(|(_, target)| !after.slice(**target).starts_with('_'));
            kept.extend(left.iter().map(|(at, _)| format!("bound_{at}")));
            Some(format!("{}, = item; bound = [{}]", names.collect::<Vec<_>>().join(", "), kept.join(", ")))
        }
        "subscript" => {
            let index = new.child_by_field_name("subscript")?;
            let text = after.slice(index);
            if index.kind() == "slice" {
                return Some(format!("bound = list(item[{text}])"));
            }
            // An index that is a variable is replaced by its value; the repair may have put something around it.
            let was = before.slice(old.child_by_field_name("subscript")?);
            let text = match number {
                Some(number) => text.replacen(was, &number.to_string(), 1),
                None => text.to_owned(),
            };
            Some(format!("bound = [item[{text}]]"))
        }
        "integer" | "unary_operator" => Some(format!("bound = [item[{}]]", after.slice(new))),
        "list_splat" => {
            let inner = old.part(0)?;
            let text = after.slice(new).replacen(before.slice(inner), "item", 2);
            Some(format!("bound = [{text}]"))
        }
        _ => None,
    }
}

/// Python that runs the probes and gives what each bound.
fn program(probes: &[Probe]) -> String {
    let mut program = String::from("import json\nBOUND = []\n");
    for probe in probes {
        let _ = write!(
            program,
            "item = {}\ntry:\n    {}\n    BOUND.append([True, bound])\nexcept Exception as error:\n    \
             BOUND.append([False, [str(error)]])\n",
            probe.item, probe.code
        );
    }
    program + "json.dumps(BOUND)\n"
}

/// What each probe bound, from what the program gave.
fn bound(text: &str) -> Result<Vec<Bound>, String> {
    let answers: Vec<(bool, Vec<Value>)> =
        serde_json::from_str(text).map_err(|error| format!("no answers: {error}"))?;
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let bound = |(fine, values): (bool, Vec<Value>)| {
        let values: Vec<_> = values.into_iter().map(text).collect();
        if fine { Ok(values) } else { Err(values.join(", ")) }
    };
    Ok(answers.into_iter().map(bound).collect())
}

fn agrees(given: &[String], expected: &[String], size: Size) -> bool {
    let is_size = |field: &str| field == "module_mem" || field == "module_offload_mem" || field.starts_with("before");
    let agrees = |(given, expected): (&String, &String)| match size {
        Size::Offload if expected == "module_mem" => given == "module_offload_mem",
        Size::Either if is_size(expected) => is_size(given),
        _ => given == expected,
    };
    given.len() == expected.len() && given.iter().zip(expected).all(agrees)
}

pub(super) fn all_edits(subject: &Subject<'_>, file: FileId) -> Edits {
    let sites = subject.surveys.iter().flat_map(|survey| &survey.sites);
    let edits = sites.flat_map(|site| &site.edits).filter(|(of, _)| *of == file).map(|(_, edit)| edit.clone());
    // Overlapping edits are not a repair, so there is nothing to probe.
    Edits::new(edits.collect()).unwrap_or_default()
}

/// The position in the new text of an offset in the old one. Text inserted at the offset comes after it.
pub(super) fn moved(edits: &[Edit], offset: usize) -> usize {
    shifted(offset, edits.iter().filter(|edit| edit.range.1 <= offset && edit.range.0 < offset))
}

/// The same for the end of a node: text inserted there comes before it.
fn moved_end(edits: &[Edit], offset: usize) -> usize {
    shifted(offset, edits.iter().filter(|edit| edit.range.1 <= offset))
}

fn shifted<'e>(offset: usize, edits: impl Iterator<Item = &'e Edit>) -> usize {
    edits.fold(offset, |offset, edit| offset + edit.text.len() - (edit.range.1 - edit.range.0))
}
