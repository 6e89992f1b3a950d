//! Workflows: files of ComfyUI's frontend and its API, and what their loader nodes are set to.
//!
//! ```text
//! container: JSON in a file of any kind ─> json: values with their places ─> ui, api: nodes ─> loader: what each is set to
//! ```
//!
//! A workflow is read as a whole before anything is said about it, and nothing in it is trusted: sizes, nesting and the
//! number of nodes have limits.

mod api;
pub mod json;
pub mod loader;
pub mod node;
mod ui;

use std::collections::HashMap;

use anyhow::{Result, anyhow, bail};

pub use loader::{Held, Loader, Use};
pub use node::{Graph, Mode, Node};

use self::json::{Json, Value};
use crate::advice::Advise as _;

/// A workflow.
#[derive(Debug, Clone)]
pub struct Workflow {
    json: Json,
    form: Form,
    graphs: Vec<Graph>,
    nodes: Vec<Node>,
    by_class: HashMap<String, usize>,
}

/// How a workflow is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the frontend saves it
    Ui,
    /// As the API takes it
    Api,
}

impl Workflow {
    /// Reads the text of a workflow. It can be inside of another object, under `workflow` or `prompt`.
    pub fn parse(text: String) -> Result<Self> {
        let json = Json::parse(text)?;
        let (form, graphs, nodes) = read(json.root())?;
        let by_class = graphs.iter().enumerate().filter_map(|(at, graph)| Some((graph.class.clone()?, at))).collect();
        Ok(Self { json, form, graphs, nodes, by_class })
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

fn read(root: Value<'_>) -> Result<(Form, Vec<Graph>, Vec<Node>)> {
    let inner = ["workflow", "prompt"].map(|key| root.get(key));
    for candidate in [Some(root)].into_iter().chain(inner).flatten() {
        if ui::is_ui(candidate) {
            let (graphs, nodes) = ui::read(candidate)?;
            return Ok((Form::Ui, graphs, nodes));
        }
        if api::is_prompt(candidate) {
            let (graphs, nodes) = api::read(candidate);
            return Ok((Form::Api, graphs, nodes));
        }
    }
    bail!(
        anyhow!("JSON, but not a workflow: {}", what(root))
            .help("save it in ComfyUI with `Save`, or with `Export (API)`")
    );
}

/// Why a document is no workflow.
fn what(root: Value<'_>) -> &'static str {
    match root.kind() {
        json::Kind::Object => "neither a list of `nodes`, nor nodes with a `class_type`",
        _ => "it is no object",
    }
}
