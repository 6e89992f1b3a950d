//! For code scanning and editors: [SARIF 2.1.0].
//!
//! A rule for each fix, a result for each finding, and the repair with it. Errors are not results but notifications of
//! the invocation.
//!
//! [SARIF 2.1.0]: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

mod checks;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use serde_sarif::sarif;

use super::{Render, Screen};
use crate::fixes::Fix;
use crate::report::{
    ConflictReport, Level, Located, Outcome, Point, Problem, Replacement, Report, SiteReport, workspace,
};
use crate::text::visible;

/// The placeholder for the root of the code in paths.
const ROOT: &str = "%SRCROOT%";
/// The rule for conflicts with the ComfyUI.
const CONFLICT: &str = "comfyui";
/// The beginning of the URI of an absolute path.
const FILE: &str = "file:///";
/// The characters that need no escape in a URI: the unreserved ones of RFC 3986, and slashes.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Writes SARIF.
pub(super) struct Sarif;

impl Render<Report> for Sarif {
    fn render(&self, report: &Report, screen: &mut Screen) -> Result<()> {
        Ok(screen.document(&document(report)?)?)
    }
}

/// The report as a SARIF document.
fn document(report: &Report) -> Result<String> {
    let workspace = workspace();
    let from = Writer { workspace: &workspace };
    let rules = Fix::ALL.iter().copied().map(rule).chain([conflict_rule()]).collect();
    document_of(report.version, rules, from.invocation(report), from.results(report))
}

/// A document of one run.
fn document_of(
    version: &str,
    rules: Vec<sarif::ReportingDescriptor>,
    invocation: sarif::Invocation,
    results: Vec<sarif::Result>,
) -> Result<String> {
    let driver = sarif::ToolComponent::builder()
        .name("distorch-fix")
        .version(version)
        .semantic_version(version)
        .rules(rules)
        .build();
    let run = sarif::Run::builder()
        .tool(sarif::Tool::builder().driver(driver).build())
        .invocations(vec![invocation])
        .column_kind(json!("unicodeCodePoints"))
        .results(results)
        .build();
    let sarif = sarif::Sarif::builder()
        .schema("https://json.schemastore.org/sarif-2.1.0.json")
        .version(json!("2.1.0"))
        .runs(vec![run])
        .build();
    Ok(serde_json::to_string_pretty(&sarif)? + "\n")
}

/// The rule for conflicts with the ComfyUI, after those of the fixes.
fn conflict_rule() -> sarif::ReportingDescriptor {
    descriptor(
        CONFLICT,
        "ComfyUI",
        "The pack and this ComfyUI are incompatible",
        "The pack imports something that this ComfyUI or the pack itself does not have, or replaces something \
         of ComfyUI's by its own on which ComfyUI's code fails.",
        "Update ComfyUI, or install a version of the node that was made for this one. `distorch-fix apply` does not \
         change this.",
    )
}

/// A fix as a rule.
fn rule(fix: Fix) -> sarif::ReportingDescriptor {
    let about = fix.about();
    descriptor(about.id, about.rule_name, about.problem, about.description, about.help)
}

fn descriptor(id: &str, name: &str, short: &str, full: &str, help: &str) -> sarif::ReportingDescriptor {
    let text = |text: &str| sarif::MultiformatMessageString::builder().text(text.replace('`', "")).build();
    sarif::ReportingDescriptor::builder()
        .id(id)
        .name(name)
        .short_description(text(short))
        .full_description(text(full))
        .help(sarif::MultiformatMessageString::builder().text(help.replace('`', "")).markdown(help).build())
        .default_configuration(sarif::ReportingConfiguration::builder().level(json!("error")).build())
        .build()
}

/// Writes paths from the root of the code.
struct Writer<'w> {
    workspace: &'w Path,
}

impl Writer<'_> {
    fn results(&self, report: &Report) -> Vec<sarif::Result> {
        let mut results = Vec::new();
        for checkout in &report.checkouts {
            let mut whole = Vec::new();
            for (fix, site) in checkout.findings() {
                let repair = if !fix.about().is_one_repair {
                    self.repair(fix, site.edits.iter().collect())
                } else if whole.contains(&fix) {
                    None
                } else {
                    // Only right together: the first of the fix's results has all edits.
                    whole.push(fix);
                    let sites = checkout.findings().filter(|(other, _)| *other == fix);
                    self.repair(fix, sites.flat_map(|(_, site)| &site.edits).collect())
                };
                results.push(self.result(fix, site, repair));
            }
            results.extend(checkout.conflicts.iter().map(|conflict| self.conflict(conflict)));
        }
        results
    }

    fn result(&self, fix: Fix, site: &SiteReport, repair: Option<sarif::Fix>) -> sarif::Result {
        let level = match Level::of(site) {
            Level::Warning => sarif::ResultLevel::Warning,
            Level::Error => sarif::ResultLevel::Error,
        };
        let state = BTreeMap::from([(String::from("state"), json!(site.state))]);
        let location = self.location(&site.path, Some(region(site.start, site.end)));
        let index = Fix::ALL.iter().position(|other| *other == fix).and_then(|index| i64::try_from(index).ok());
        let mut result = sarif::Result::builder()
            .rule_id(fix.name())
            .level(level)
            .message(message(&visible(&site.said())))
            .locations(vec![location])
            .properties(sarif::PropertyBag::builder().additional_properties(state).build())
            .build();
        result.rule_index = index;
        result.fixes = repair.map(|repair| vec![repair]);
        result
    }

    fn conflict(&self, conflict: &ConflictReport) -> sarif::Result {
        let kind = BTreeMap::from([(String::from("kind"), json!(conflict.kind))]);
        let text = format!("{}; {}", conflict.message, conflict.help);
        let mut result = sarif::Result::builder()
            .rule_id(CONFLICT)
            .level(sarif::ResultLevel::Error)
            .message(message(&visible(&text)))
            .locations(vec![self.location(&conflict.path, Some(region(conflict.start, conflict.end)))])
            .properties(sarif::PropertyBag::builder().additional_properties(kind).build())
            .build();
        result.rule_index = i64::try_from(Fix::ALL.len()).ok();
        result
    }

    /// Replacements as SARIF has them: by file, in order, each once. `None` if there are none.
    fn repair(&self, fix: Fix, edits: Vec<&Replacement>) -> Option<sarif::Fix> {
        let mut files: BTreeMap<String, BTreeMap<(usize, usize, &str), &Replacement>> = BTreeMap::new();
        for edit in edits {
            let key = (edit.start.byte, edit.end.byte, edit.text.as_str());
            files.entry(self.uri(&edit.path)).or_default().insert(key, edit);
        }
        let change = |(uri, edits): (String, BTreeMap<_, &Replacement>)| {
            let replacements = edits.into_values().map(|edit| {
                sarif::Replacement::builder()
                    .deleted_region(region(edit.start, edit.end))
                    .inserted_content(sarif::ArtifactContent::builder().text(edit.text.as_str()).build())
                    .build()
            });
            sarif::ArtifactChange::builder()
                .artifact_location(artifact(uri))
                .replacements(replacements.collect::<Vec<_>>())
                .build()
        };
        let changes: Vec<_> = files.into_iter().map(change).collect();
        (!changes.is_empty())
            .then(|| sarif::Fix::builder().description(message(fix.about().repair)).artifact_changes(changes).build())
    }

    fn invocation(&self, report: &Report) -> sarif::Invocation {
        let notifications = report.problems().map(|(level, problem)| self.notification(level, problem));
        sarif::Invocation::builder()
            .execution_successful(report.outcome != Outcome::Failed)
            .exit_code(i64::from(report.exit_code))
            .tool_execution_notifications(notifications.collect::<Vec<_>>())
            .build()
    }

    fn notification(&self, level: Level, problem: &Problem) -> sarif::Notification {
        let place = problem.place.map(|place| {
            sarif::Region::builder().start_line(number(place.line)).start_column(number(place.column)).build()
        });
        let mut notification = sarif::Notification::builder()
            .level(json!(level.to_string()))
            .message(message(&problem.to_string()))
            .build();
        notification.locations = problem.path.as_ref().map(|path| vec![self.location(path, place)]);
        notification
    }

    fn location(&self, path: &Located, region: Option<sarif::Region>) -> sarif::Location {
        let mut physical = sarif::PhysicalLocation::builder().artifact_location(artifact(self.uri(path))).build();
        physical.region = region;
        sarif::Location::builder().physical_location(physical).build()
    }

    /// Relative to the root of the code; absolute on another drive of Windows.
    fn uri(&self, path: &Located) -> String {
        let path = path.from(self.workspace);
        let scheme = if Path::new(&path).is_absolute() { FILE } else { "" };
        format!("{scheme}{}", utf8_percent_encode(&path, ENCODED))
    }
}

fn artifact(uri: String) -> sarif::ArtifactLocation {
    let is_below_root = !uri.starts_with(FILE);
    let mut artifact = sarif::ArtifactLocation::builder().uri(uri).build();
    artifact.uri_base_id = is_below_root.then(|| ROOT.to_owned());
    artifact
}

fn region(start: Point, end: Point) -> sarif::Region {
    sarif::Region::builder()
        .start_line(number(start.line))
        .start_column(number(start.column))
        .end_line(number(end.line))
        .end_column(number(end.column))
        .byte_offset(number(start.byte))
        .byte_length(number(end.byte - start.byte))
        .build()
}

fn message(text: &str) -> sarif::Message {
    sarif::Message::builder().text(text).build()
}

/// Places in files of at most [`MAX_BYTES`](crate::python::source::MAX_BYTES) fit.
fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
