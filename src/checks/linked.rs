//! Strings that another node gives.

use super::{Check, Context, Finding, Level};
use crate::workflow::Held;

pub(super) const CHECK: Check = Check {
    id: "linked",
    level: Level::Warning,
    title: "Another node gives the allocation string",
    about: "A link into the input of the allocation string wins over what stands in the node. The string that you see there \
            has no effect, and the one that acts is only known when the workflow runs.",
    help: "Change the string in the node that the link comes from, or remove the link.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for allotment in context.allotments() {
        let loader = allotment.loader;
        let Some(widget) = allotment.part.string else { continue };
        let Some(Held::Linked { to }) = loader.settings.get(widget) else { continue };
        let name = &loader.class.widgets[widget].name;
        let hidden = loader.node.values.of_widget(widget, name).map(|id| context.workflow.json().value(id));
        let hidden = hidden.and_then(|value| Some((value.text()?.into_owned(), value.span())));
        let (level, message, value) = match hidden {
            Some((text, site)) if !text.is_empty() => (
                Level::Warning,
                format!("node {to} gives the allocation string; the one in this node has no effect"),
                Some((text, site)),
            ),
            _ => (Level::Note, format!("node {to} gives the allocation string, so it is not checked"), None),
        };
        let finding = CHECK.finding(allotment.label() + &message).at(loader, context).with_level(level);
        let finding = finding.help(format!("change it in node {to}, or remove the link"));
        findings.push(match value {
            Some((text, site)) => finding.value(&text, Some(site)),
            None => finding,
        });
    }
    findings
}
