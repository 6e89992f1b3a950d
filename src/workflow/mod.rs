//! Workflows: files of ComfyUI's frontend and its API, and what their loader nodes are set to.
//!
//! ```text
//! container: JSON in a file of any kind ─> json: values with their places ─> ui, api: nodes ─> loader: what each is set to
//! ```
//!
//! A workflow is read as a whole before anything is said about it, and nothing in it is trusted: sizes, nesting and the
//! number of nodes have limits.

mod api;
pub mod change;
mod container;
mod effective;
mod encoding;
mod form;
pub mod json;
mod known;
pub mod loader;
pub mod node;
pub mod pieces;
mod ui;
mod uses;

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

pub use container::Container;
pub use encoding::Encoding;
pub use form::{Form, NotAWorkflow};
pub use loader::{Held, Loader};
pub use node::{Graph, Mode, Node};
pub use uses::Use;

use self::form::Document;
use self::json::Json;

/// A workflow.
#[derive(Debug, Clone)]
pub struct Workflow {
    container: Container,
    json: Json,
    form: Form,
    graphs: Vec<Graph>,
    nodes: Vec<Node>,
    by_class: HashMap<String, usize>,
}

/// What is said first of a file that cannot be read.
pub fn unreadable(path: &Path) -> String {
    format!("{}: cannot be read as a workflow", path.display())
}

impl Workflow {
    /// Reads a file: JSON, or what ComfyUI saves with the workflow that made it. Of several workflows in it, the first
    /// that can be read counts, and what the frontend saved before what ran.
    pub fn open(path: &Path) -> Result<Self> {
        container::open(path).and_then(|(file, length)| Self::read(file, length)).with_context(|| unreadable(path))
    }

    /// Reads a file that is open, at its beginning, and has this length in bytes.
    pub fn read(file: impl Read + Seek, length: u64) -> Result<Self> {
        let (container, texts) = container::read(file, length)?;
        let mut texts = texts.into_iter().map(|text| Self::in_container(container, text));
        // There is at least one.
        let first = texts.next().unwrap_or_else(|| bail!("it holds no workflow"));
        first.or_else(|error| texts.find_map(Result::ok).ok_or(error))
    }

    /// Reads the text of a JSON file. The workflow can be inside of another object, under `workflow` or `prompt`.
    pub fn parse(text: String) -> Result<Self> {
        Self::in_container(Container::Json(Encoding::UTF8), text)
    }

    fn in_container(container: Container, text: String) -> Result<Self> {
        let Document { json, is_within_text, form, graphs, nodes } = form::read(text)?;
        let container = match container {
            Container::Json(_) if is_within_text => Container::Text,
            other => other,
        };
        let by_class = graphs.iter().enumerate().filter_map(|(at, graph)| Some((graph.class.clone()?, at))).collect();
        Ok(Self { container, json, form, graphs, nodes, by_class })
    }

    /// What it was in. Only in a [`Container::Json`] is its text that of the file.
    pub fn container(&self) -> Container {
        self.container
    }

    /// Do its values stand at the same places in the file as in its text?
    pub fn has_places(&self) -> bool {
        matches!(self.container, Container::Json(encoding) if encoding.is_plain())
    }

    /// Its text.
    pub fn text(&self) -> &str {
        self.json.text()
    }

    /// Its values.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// How it is written.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Was it made for the API?
    fn is_api(&self) -> bool {
        self.form == Form::Api
    }

    /// Its graphs, the outermost one first.
    pub fn graphs(&self) -> &[Graph] {
        &self.graphs
    }

    /// The nodes of all graphs.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
}

#[cfg(test)]
mod tests;
