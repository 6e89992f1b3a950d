//! Where in a document the workflow is, and how it is written.

use std::fmt;

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

/// The context of an error about a document that is JSON, but no workflow.
#[derive(Debug, Clone, Copy)]
pub struct NotAWorkflow;

impl fmt::Display for NotAWorkflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON, but not a workflow")
    }
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
    let found = candidates(json.root()).find_map(|candidate| Some((candidate.id(), held(candidate)?)));
    if let Some((at, held)) = found {
        let (form, (graphs, nodes)) = match (held, json.value(at)) {
            (Held::Ui, workflow) => (Form::Ui, ui::read(workflow)?),
            (Held::Api, prompt) => (Form::Api, api::read(prompt)),
            (Held::Text(inner), _) if around < MOST_TEXTS => return within(inner, around + 1),
            (Held::Text(_), _) => bail!(
                anyhow!("a text of JSON in more than {MOST_TEXTS} others").help("name the file that ComfyUI saved")
            ),
        };
        return Ok(Document { json, is_within_text, form, graphs, nodes });
    }
    let error = anyhow!("{}", what(json.root())).help(
        "name a file that ComfyUI saved or exported: a workflow has a list of `nodes`, and one for the API has nodes \
         with a `class_type`",
    );
    Err(error.context(NotAWorkflow))
}

/// What there is at a place of a document.
enum Held {
    Ui,
    Api,
    /// JSON as a text
    Text(String),
}

fn held(value: Value<'_>) -> Option<Held> {
    if ui::is_ui(value) {
        return Some(Held::Ui);
    }
    if api::is_prompt(value) {
        return Some(Held::Api);
    }
    let text = value.text().filter(|text| text.trim_start().starts_with(['{', '"']))?;
    Some(Held::Text(text.into_owned()))
}

/// Where the workflow can be: the document itself; under `workflow`, or as what is to be queued, under `prompt`; in
/// ComfyUI's history, which has entries of the form `{"prompt": [number, id, prompt, ...]}`.
fn candidates(root: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let mut members = root.members();
    let only = members.next().filter(|_| members.next().is_none()).map(|(_, value)| value);
    let inner = [root.get("workflow"), root.get("prompt")];
    [Some(root)].into_iter().chain(inner).chain([ran(root), only.and_then(ran)]).flatten()
}

/// What ran, in an entry of the history.
fn ran(entry: Value<'_>) -> Option<Value<'_>> {
    entry.get("prompt")?.element(2)
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
