//! Loader nodes as they act when the workflow runs: once for each use, through the subgraphs around them.

use std::ops::Range;

use anyhow::Result;

use super::Workflow;
use super::effective::Effective;
use super::node::{Mode, Node};
use super::uses::Use;
use crate::inputs::{Class, Classes, Kind, Literal};

/// A loader node in use.
#[derive(Debug, Clone)]
pub struct Loader<'w, 'c> {
    /// The node.
    pub node: &'w Node,
    /// Which use of it.
    pub used: Use,
    /// Its id as in ComfyUI's prompts: those of the instances around it and its own, with colons.
    pub id: String,
    /// Does it run? No, if an instance around it does not.
    pub mode: Mode,
    /// Its class.
    pub class: &'c Class,
    /// The value of each widget of its class.
    pub settings: Vec<Held>,
}

/// What a widget has in a workflow.
#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    /// A value that stands in the file.
    Stored {
        /// The value.
        value: Literal,
        /// Where it stands: with the node, an instance around it, or a primitive node.
        site: Range<usize>,
    },
    /// Nothing: the frontend takes the default.
    Default,
    /// Nothing, and no frontend gives it one: the node gets nothing.
    Absent,
    /// What another node will give it, which is only known when the workflow runs.
    Linked {
        /// The id of that node.
        to: String,
    },
    /// It is not known.
    Unknown {
        /// Why.
        why: &'static str,
    },
}

impl Loader<'_, '_> {
    /// The value of a widget, if it stands in the file or is its default.
    pub fn value(&self, widget: usize) -> Option<&Literal> {
        match self.settings.get(widget)? {
            Held::Stored { value, .. } => Some(value),
            Held::Default => self.class.widgets[widget].default.as_ref(),
            Held::Absent | Held::Linked { .. } | Held::Unknown { .. } => None,
        }
    }
}

impl Workflow {
    /// The loader nodes in use.
    pub fn loaders<'w, 'c>(&'w self, classes: &'c Classes) -> Result<Vec<Loader<'w, 'c>>> {
        Ok(self.loaders_of(self.uses()?, classes).collect())
    }

    /// The loader nodes among some uses.
    pub fn loaders_of<'w, 'c>(
        &'w self,
        uses: impl IntoIterator<Item = Use>,
        classes: &'c Classes,
    ) -> impl Iterator<Item = Loader<'w, 'c>> {
        let effective = Effective::new(self);
        uses.into_iter().filter_map(move |used| {
            let class = classes.get(&self.nodes[used.node].class).filter(|class| class.kind != Kind::Other)?;
            Some(self.with(&effective, used, class))
        })
    }

    /// A use of a node, with the values of its widgets.
    pub fn loader<'c>(&self, used: Use, class: &'c Class) -> Loader<'_, 'c> {
        self.with(&Effective::new(self), used, class)
    }

    fn with<'c>(&self, effective: &Effective<'_>, used: Use, class: &'c Class) -> Loader<'_, 'c> {
        let settings = class.widgets.iter().enumerate().map(|(at, widget)| effective.held(&used, at, &widget.name));
        Loader {
            node: &self.nodes[used.node],
            settings: settings.collect(),
            id: self.id(used.node, &used.around),
            mode: self.mode(&used),
            class,
            used,
        }
    }
}
