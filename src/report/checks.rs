//! What is wrong with the loader nodes of workflows.

use std::ops::Range;

use serde::Serialize;

use super::survey::Point;
use super::{Located, Outcome, Problem};
use crate::checks::{Finding, Findings, Level, NodeRef, Step, ValueRef};
use crate::python::Places;
use crate::workflow::Workflow;

/// The version of the document format. It changes if a reader of the last one could misread the new one; added
/// properties do not change it.
const SCHEMA: u32 = 1;

/// The report of `workflow check`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ChecksReport {
    /// The version of this document's format. Properties may be added without a new version.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: u32,
    /// The version of distorch-fix.
    pub version: &'static str,
    /// The report about each file, in the order in which they were named; those of a folder by path.
    pub files: Vec<CheckedFile>,
    /// The exit code of the run.
    pub exit_code: u8,
}

/// What was found in a file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckedFile {
    /// The file, relative to the current folder.
    pub path: Located,
    /// What is wrong: by node in the order of the file, the worst first, and last what is about several nodes.
    pub findings: Vec<FindingReport>,
    /// What could not be checked.
    pub unchecked: Vec<UncheckedReport>,
    /// The commands of all findings, each once.
    pub next: Vec<String>,
    /// Why it could not be read.
    pub error: Option<Problem>,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FindingReport {
    /// The name of the check; docs/checks.md describes it.
    pub check: &'static str,
    /// How much it matters. Notes are about what is not wrong.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// A command that does it.
    pub command: Option<String>,
    /// The nodes that it is about.
    pub nodes: Vec<NodeReport>,
    /// The value that it is about.
    pub value: Option<ValueReport>,
    /// Where it begins: the part of the value, or else the first node. `null` if it does not stand in the file, or if the
    /// file is not JSON.
    pub start: Option<Point>,
    /// Just after where it ends.
    pub end: Option<Point>,
}

/// A node of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NodeReport {
    /// Its id as in ComfyUI's prompts: those of the instances of subgraphs around it and its own, with colons.
    pub id: String,
    /// Its class.
    pub class: String,
    /// Its title, if it has one of its own.
    pub title: Option<String>,
}

/// A value of a node, and the part that a finding is about.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ValueReport {
    /// The value as text.
    pub text: String,
    /// Where the part begins in it, in bytes.
    pub start: usize,
    /// Just after where it ends.
    pub end: usize,
}

/// What could not be checked.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UncheckedReport {
    /// The name of the check.
    pub check: &'static str,
    /// Why.
    pub why: String,
}

impl Default for ChecksReport {
    fn default() -> Self {
        Self { schema: SCHEMA, version: env!("CARGO_PKG_VERSION"), files: Vec::new(), exit_code: 0 }
    }
}

impl ChecksReport {
    /// Adds the report about a file.
    pub fn add(&mut self, file: CheckedFile) {
        let outcome = match &file.error {
            Some(_) => Outcome::Failed,
            None if file.is_wrong() => Outcome::Found,
            None => Outcome::InOrder,
        };
        self.exit_code = self.exit_code.max(outcome.code());
        self.files.push(file);
    }

    /// How the run ended.
    pub fn outcome(&self) -> Outcome {
        match self.exit_code {
            0 => Outcome::InOrder,
            1 => Outcome::Found,
            _ => Outcome::Failed,
        }
    }
}

impl CheckedFile {
    /// The report about a workflow. `command` writes a step as a command.
    pub fn new(path: Located, workflow: &Workflow, findings: &Findings, command: impl Fn(&Step) -> String) -> Self {
        let text = workflow.text();
        let spans: Vec<Option<Range<usize>>> = findings
            .found
            .iter()
            .map(|finding| if workflow.has_places() { span(finding, text) } else { None })
            .collect();
        let places = Places::of(text, spans.iter().flatten().flat_map(|span| [span.start, span.end]).collect());
        let point = |byte: usize| places.at(byte).map(|place| Point { byte, line: place.line, column: place.column });
        let reports: Vec<FindingReport> = findings
            .found
            .iter()
            .zip(spans)
            .map(|(finding, span)| FindingReport {
                check: finding.check.id,
                level: finding.level,
                message: finding.message.clone(),
                help: finding.help.clone(),
                command: finding.step.as_ref().map(&command),
                nodes: finding.nodes.iter().map(NodeReport::new).collect(),
                value: finding.value.as_ref().map(ValueReport::new),
                start: span.as_ref().and_then(|span| point(span.start)),
                end: span.as_ref().and_then(|span| point(span.end)),
            })
            .collect();
        let mut steps: Vec<&Step> = Vec::new();
        for step in findings.found.iter().filter_map(|finding| finding.step.as_ref()) {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        Self {
            path,
            findings: reports,
            unchecked: findings
                .unchecked
                .iter()
                .map(|unchecked| UncheckedReport { check: unchecked.check.id, why: unchecked.why.clone() })
                .collect(),
            next: steps.into_iter().map(command).collect(),
            error: None,
        }
    }

    /// The report about a file that could not be read.
    pub fn failed(path: Located, error: Problem) -> Self {
        Self { path, findings: Vec::new(), unchecked: Vec::new(), next: Vec::new(), error: Some(error) }
    }

    /// Is there more than notes?
    pub fn is_wrong(&self) -> bool {
        self.findings.iter().any(|finding| finding.level > Level::Note)
    }
}

impl FindingReport {
    /// The node, what is wrong with it, and what to do.
    pub(crate) fn said(&self) -> String {
        let node = match &self.nodes[..] {
            [] => String::new(),
            [node] => format!("node {} ({}): ", node.id, node.class),
            nodes => format!("nodes {}: ", nodes.iter().map(|node| node.id.as_str()).collect::<Vec<_>>().join(", ")),
        };
        let help = self.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
        format!("{node}{}{help}", self.message)
    }
}

impl NodeReport {
    fn new(node: &NodeRef) -> Self {
        Self { id: node.id.clone(), class: node.class.clone(), title: node.title.clone() }
    }
}

impl ValueReport {
    fn new(value: &ValueRef) -> Self {
        Self { text: value.text.clone(), start: value.part.start, end: value.part.end }
    }
}

/// Where a finding is in the text of the file.
fn span(finding: &Finding, text: &str) -> Option<Range<usize>> {
    let of_value = finding.value.as_ref().and_then(|value| {
        let site = value.site.clone()?;
        let is_literal = text.get(site.start + 1..site.end - 1) == Some(&*value.text);
        // What is escaped has other places, so that only the whole of it can be shown.
        Some(if is_literal { site.start + 1 + value.part.start..site.start + 1 + value.part.end } else { site })
    });
    of_value.filter(|span| !span.is_empty()).or_else(|| {
        let site = finding.value.as_ref().and_then(|value| value.site.clone());
        site.or_else(|| finding.nodes.first().map(|node| node.span.clone()))
    })
}
