//! What was changed in a workflow.

use std::path::Path;

use super::{NodeMode, Patch};
use crate::text::shown;
use crate::workflow::Workflow;
use crate::workflow::change::{Change, Fate, Touched};

/// The report about a workflow that was to be changed.
#[derive(Debug)]
pub struct WorkflowChangeReport {
    /// The file, relative to the current folder if it is below that.
    pub path: String,
    /// The loaders that were to be changed.
    pub nodes: Vec<ChangedNode>,
    /// The changes, if there are any.
    pub patch: Option<Patch>,
    /// How many loaders could be converted to ones that could be set.
    pub convertible: usize,
    /// How it ended.
    pub ending: ChangeEnding,
}

/// A loader that was to be changed.
#[derive(Debug)]
pub struct ChangedNode {
    /// Its id as in ComfyUI's prompts.
    pub id: String,
    /// Its title, if it has one of its own.
    pub title: Option<String>,
    /// Its class.
    pub class: String,
    /// Does it run?
    pub mode: NodeMode,
    /// What happened to it.
    pub fate: NodeFate,
    /// What else to know about it.
    pub notes: Vec<String>,
}

/// What happened to a loader.
#[derive(Debug)]
pub enum NodeFate {
    /// It was changed in these ways.
    Changed(Vec<String>),
    /// It was as wanted already.
    Same,
    /// It was left as it is.
    Left {
        /// Why.
        why: String,
        /// What to do.
        help: String,
    },
}

/// How changing a workflow ended.
#[derive(Debug, PartialEq, Eq)]
pub enum ChangeEnding {
    /// It has nothing to change.
    NoLoaders,
    /// Nothing was to be changed.
    Nothing,
    /// It was a dry run.
    DryRun,
    /// It could not be written.
    Failed,
    /// It was written.
    Written {
        /// Where to, if not to the file itself.
        to: Option<String>,
        /// Does ComfyUI list it among its workflows, so that it may be open there?
        is_listed: bool,
    },
}

impl WorkflowChangeReport {
    /// The report about a change that ended so.
    pub fn new(path: &Path, workflow: &Workflow, change: &Change, ending: ChangeEnding) -> Self {
        let name = path.file_name().map_or(path, Path::new);
        let patch = (workflow.text() != change.text).then(|| Patch::of_workflow(name, workflow.text(), &change.text));
        let nodes = change.nodes.iter().map(ChangedNode::new).collect();
        Self { path: shown(path), nodes, patch, convertible: change.convertible, ending }
    }

    /// Were all loaders changed that were to be changed?
    pub fn is_complete(&self) -> bool {
        self.ending != ChangeEnding::NoLoaders
            && !self.nodes.iter().any(|node| matches!(node.fate, NodeFate::Left { .. }))
    }
}

impl ChangedNode {
    fn new(node: &Touched) -> Self {
        Self {
            id: node.id.clone(),
            title: node.title.clone(),
            class: node.class.clone(),
            mode: node.mode.into(),
            fate: match &node.fate {
                Fate::Changed { what } => NodeFate::Changed(what.clone()),
                Fate::Same => NodeFate::Same,
                Fate::Left { why, help } => NodeFate::Left { why: why.clone(), help: help.clone() },
            },
            notes: node.notes.clone(),
        }
    }
}
