//! What is wrong in a workflow with its loader nodes, and what to do about it.
//!
//! A check is a module with a [`Check`], and its line in [`CHECKS`]. It looks at the [`Context`], and says only what
//! follows from what is known. What it would need and does not have is [`Unchecked`], once for each file.

mod changed_value;
mod command;
mod context;
mod control_net;
mod device;
mod donor;
mod dynamic_vram;
mod eviction;
mod fit;
mod linked;
mod missing_class;
mod model_file;
mod no_device;
mod not_distributed;
mod other_outputs;
mod plain_loader;
mod room;
mod shifted;
mod string;
mod surroundings;
mod text_encoder;
mod unchecked;
mod unused_device;
mod virtual_vram;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

pub use command::Told;
pub use context::{Context, Gpus, Known};
pub use surroundings::{Checked, Hardware, Installed, examine, packs};

pub use crate::lint::Level;
use crate::workflow::Loader;
use crate::workflow::node::Node;

/// Something to look for.
pub struct Check {
    /// Its name, in every output.
    pub id: &'static str,
    /// How much most of its findings matter.
    pub level: Level,
    /// What is wrong, as a title.
    pub title: &'static str,
    /// What it looks for, and why that matters: whole sentences.
    pub about: &'static str,
    /// What to do.
    pub help: &'static str,
    find: fn(&Context<'_>) -> Vec<Finding>,
}

/// All checks, in the order in which their findings are shown.
pub static CHECKS: [&Check; 20] = [
    &missing_class::CHECK,
    &shifted::CHECK,
    &changed_value::CHECK,
    &string::CHECK,
    &linked::CHECK,
    &no_device::CHECK,
    &device::CHECK,
    &donor::CHECK,
    &not_distributed::CHECK,
    &plain_loader::CHECK,
    &model_file::CHECK,
    &dynamic_vram::CHECK,
    &control_net::CHECK,
    &fit::CHECK,
    &unused_device::CHECK,
    &room::CHECK,
    &eviction::CHECK,
    &virtual_vram::CHECK,
    &other_outputs::CHECK,
    &text_encoder::CHECK,
];

/// Something that a check found.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The check.
    pub check: &'static Check,
    /// How much it matters.
    pub level: Level,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do, if there is more to say than the step.
    pub help: Option<String>,
    /// The nodes that it is about.
    pub nodes: Vec<NodeRef>,
    /// The value that it is about.
    pub value: Option<ValueRef>,
    /// The command that does it.
    pub step: Option<Step>,
}

/// A node in a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRef {
    /// Its id, as in ComfyUI's prompts.
    pub id: String,
    /// Its class.
    pub class: String,
    /// Its title, if it has one of its own.
    pub title: Option<String>,
    /// Where it stands in the file, in bytes.
    pub span: Range<usize>,
}

/// A value in a workflow, and the part of it that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueRef {
    /// Where it stands in the file, in bytes; None if it is not in it.
    pub site: Option<Range<usize>>,
    /// The value as text.
    pub text: String,
    /// The part of the text, in bytes.
    pub part: Range<usize>,
}

/// A command of this program that does what is to be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// `workflow set STRING --node ID`
    Set {
        /// The string.
        string: String,
        /// The node.
        node: String,
        /// Which of its allocations, if it has several.
        part: Option<String>,
    },
    /// `workflow set --fit`
    Fit,
    /// `workflow convert`
    Convert,
    /// `apply`
    Apply,
}

/// What could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked {
    /// The check.
    pub check: &'static Check,
    /// What is missing, as the end of a sentence with "because".
    pub why: String,
}

/// What was found in a workflow.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Worst first for each node, the nodes in the order of the file.
    pub found: Vec<Finding>,
    /// What could not be checked.
    pub unchecked: Vec<Unchecked>,
}

/// Runs every check.
pub fn check(context: &Context<'_>) -> Findings {
    let mut found = merged(CHECKS.iter().flat_map(|check| (check.find)(context)));
    let ids: HashSet<&str> = found.iter().flat_map(|finding| &finding.nodes).map(|node| node.id.as_str()).collect();
    let positions = context.positions(&ids);
    let order = |finding: &Finding| {
        let at = finding.nodes.first().and_then(|node| positions.get(&node.id));
        (finding.nodes.len() != 1, at.copied().unwrap_or(usize::MAX), std::cmp::Reverse(finding.level))
    };
    found.sort_by_key(order);
    Findings { found, unchecked: unchecked::unchecked(context) }
}

/// Notes that say the same of several nodes, as one.
fn merged(findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    for finding in findings {
        let says_the_same = |other: &&mut Finding| {
            (other.check, other.level, &other.message, &other.step, other.value.is_none())
                == (finding.check, Level::Note, &finding.message, &finding.step, finding.value.is_none())
        };
        match merged.iter_mut().find(says_the_same) {
            Some(other) if finding.value.is_none() => other.nodes.extend(finding.nodes),
            _ => merged.push(finding),
        }
    }
    merged
}

impl Check {
    fn finding(&'static self, message: impl Into<String>) -> Finding {
        Finding {
            check: self,
            level: self.level,
            message: message.into(),
            help: None,
            nodes: Vec::new(),
            value: None,
            step: None,
        }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Check {}

impl Finding {
    fn at(self, loader: &Loader<'_, '_>, context: &Context<'_>) -> Self {
        self.of(vec![context.reference(loader)])
    }

    fn of(self, nodes: Vec<NodeRef>) -> Self {
        Self { nodes, ..self }
    }

    fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    fn step(self, step: Step) -> Self {
        Self { step: Some(step), ..self }
    }

    /// About a whole value.
    fn value(self, text: &str, site: Option<Range<usize>>) -> Self {
        let value = ValueRef { site, text: text.to_owned(), part: 0..text.len() };
        Self { value: Some(value), ..self }
    }
}

impl NodeRef {
    fn new(id: String, node: &Node, span: Range<usize>) -> Self {
        let title = node.title.clone().filter(|title| *title != node.class);
        Self { id, class: node.class.clone(), title, span }
    }
}

#[cfg(test)]
mod tests;
