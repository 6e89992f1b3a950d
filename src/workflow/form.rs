//! Where in a document the workflow is, and how it is written.

use anyhow::{Result, anyhow, bail};

use super::json::{Json, Kind, Value};
use super::node::{Graph, Node};
use super::{api, ui};
use crate::advice::Advise as _;

/// Texts of JSON in texts of JSON. Some programs encode it twice or three times.
const MOST_TEXTS: u32 = 4;

/// How a workflow is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the frontend saves it
    Ui,
    /// As the API takes it
    Api,
}

/// A text that was read as a workflow.
pub(super) struct Document {
    pub(super) json: Json,
    /// Is the JSON not the text itself, but encoded within it?
    pub(super) is_within_text: bool,
    pub(super) form: Form,
    pub(super) graphs: Vec<Graph>,
    pub(super) nodes: Vec<Node>,
}

/// Reads the workflow in a text.
pub(super) fn read(text: String) -> Result<Document> {
    within(text, 0)
}

/// Reads it in a text within so many others.
fn within(text: String, around: u32) -> Result<Document> {
    let json = Json::parse(text)?;
    let is_within_text = around > 0;
    for candidate in candidates(json.root()) {
        if ui::is_ui(candidate) {
            let (graphs, nodes) = ui::read(candidate)?;
            return Ok(Document { json, is_within_text, form: Form::Ui, graphs, nodes });
        }
        if api::is_prompt(candidate) {
            let (graphs, nodes) = api::read(candidate);
            return Ok(Document { json, is_within_text, form: Form::Api, graphs, nodes });
        }
        if around < MOST_TEXTS
            && let Some(inner) = candidate.text()
            && inner.trim_start().starts_with(['{', '"'])
        {
            return within(inner.into_owned(), around + 1);
        }
    }
    bail!(anyhow!("JSON, but not a workflow: {}", what(json.root())).help(
        "name a file that ComfyUI saved or exported: a workflow has a list of `nodes`, and one for the API has nodes \
         with a `class_type`"
    ));
}

/// Where the workflow can be: the document itself; under `workflow`, or as what is to be queued, under `prompt`; in
/// ComfyUI's history, which has entries of the form `{"prompt": [number, id, prompt, ...]}`.
fn candidates(root: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let mut members = root.members();
    let only = members.next().filter(|_| members.next().is_none()).map(|(_, value)| value);
    let run = |entry: Value<'_>| entry.get("prompt").and_then(|run| run.element(2));
    let inner = [root.get("workflow"), root.get("prompt")];
    [Some(root)].into_iter().chain(inner).chain([run(root), only.and_then(run)]).flatten()
}

/// What a document is instead.
fn what(root: Value<'_>) -> &'static str {
    let is_run = |value: Value<'_>| value.get("prompt").is_some_and(|run| run.kind() == Kind::Array);
    match root.kind() {
        Kind::Object if root.members().next().is_none() => "it is empty",
        Kind::Object if root.members().all(|(_, value)| is_run(value)) => "the history of several runs",
        Kind::Object => "it has neither a list of `nodes`, nor nodes with a `class_type`",
        _ => "it is no object",
    }
}
