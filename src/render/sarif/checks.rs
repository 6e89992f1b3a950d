//! Workflows as SARIF: a rule for each check, and a result for each finding.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;
use serde_sarif::sarif;

use super::{Sarif, Writer, descriptor, document_of, message, region};
use crate::checks::{CHECKS, Check};
use crate::lint::Level;
use crate::render::{Render, Screen};
use crate::report::{self, CheckedFile, ChecksReport, FindingReport, Outcome, workspace};
use crate::text::visible;

impl Render<ChecksReport> for Sarif {
    fn render(&self, report: &ChecksReport, screen: &mut Screen) -> Result<()> {
        let workspace = workspace();
        let from = Writer { workspace: &workspace };
        let results = report.files.iter().flat_map(|file| file.findings.iter().map(|found| from.found(file, found)));
        let notifications = report.files.iter().filter_map(|file| {
            let mut notification = from.notification(report::Level::Error, file.error.as_ref()?);
            notification.locations = Some(vec![from.location(&file.path, None)]);
            Some(notification)
        });
        let invocation = sarif::Invocation::builder()
            .execution_successful(report.outcome() != Outcome::Failed)
            .exit_code(i64::from(report.exit_code))
            .tool_execution_notifications(notifications.collect::<Vec<_>>())
            .build();
        let rules = CHECKS.iter().map(|check| rule(check)).collect();
        Ok(screen.document(&document_of(report.version, rules, invocation, results.collect())?)?)
    }
}

fn rule(check: &Check) -> sarif::ReportingDescriptor {
    let mut rule = descriptor(check.id, &name(check.id), check.title, check.about, check.help);
    rule.default_configuration =
        Some(sarif::ReportingConfiguration::builder().level(json!(level(check.level))).build());
    rule
}

/// `not-distributed` as `NotDistributed`.
fn name(id: &str) -> String {
    let word = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    id.split('-').map(word).collect()
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

impl Writer<'_> {
    fn found(&self, file: &CheckedFile, found: &FindingReport) -> sarif::Result {
        let place = found.start.zip(found.end).map(|(start, end)| region(start, end));
        let nodes: Vec<&str> = found.nodes.iter().map(|node| node.id.as_str()).collect();
        let mut properties = BTreeMap::from([(String::from("nodes"), json!(nodes))]);
        properties.extend(found.command.as_ref().map(|command| (String::from("command"), json!(command))));
        let mut result = sarif::Result::builder()
            .rule_id(found.check)
            .level(match found.level {
                Level::Note => sarif::ResultLevel::Note,
                Level::Warning => sarif::ResultLevel::Warning,
                Level::Error => sarif::ResultLevel::Error,
            })
            .message(message(&found.said().lines().map(visible).collect::<Vec<_>>().join("\n")))
            .locations(vec![self.location(&file.path, place)])
            .properties(sarif::PropertyBag::builder().additional_properties(properties).build())
            .build();
        result.rule_index =
            CHECKS.iter().position(|check| check.id == found.check).and_then(|index| i64::try_from(index).ok());
        result
    }
}
