//! What the loader nodes of workflows are set to.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::{Outcome, Problem};
use crate::inputs::{Classes, Kind, KnownBy, Literal};
use crate::text::shown;
use crate::workflow::{Container, Form, Held, Loader, Mode, Workflow};

/// The version of the document format. It changes if a reader of the last one could misread the new one; added
/// properties do not change it.
const SCHEMA: u32 = 1;

/// The report of `workflow show`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WorkflowsReport {
    /// The version of this document's format. Properties may be added without a new version.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: u32,
    /// The version of distorch-fix.
    pub version: &'static str,
    /// The report about each file, in the order in which they were named; those of a folder by path.
    pub files: Vec<WorkflowReport>,
}

/// The report about a file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WorkflowReport {
    /// The file, relative to the current folder if it is below that.
    pub path: String,
    /// How the workflow is written; `null` if it could not be read.
    pub form: Option<WorkflowForm>,
    /// The kind of the file, such as `JSON` or `PNG`; `null` if it could not be read.
    pub container: Option<&'static str>,
    /// How many nodes the workflow has, each counted at each use.
    pub nodes: usize,
    /// The loader nodes in the order of the file, inner ones behind the instance of their subgraph.
    pub loaders: Vec<LoaderNodeReport>,
    /// What else there is to say about the file.
    pub notes: Vec<&'static str>,
    /// Why it could not be read.
    pub error: Option<Problem>,
}

/// How a workflow is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WorkflowForm {
    /// As the frontend saves it.
    Ui,
    /// As the API takes it.
    Api,
}

/// The report about a loader node.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LoaderNodeReport {
    /// Its id as in ComfyUI's prompts: those of the instances of subgraphs around it and its own, with colons.
    pub id: String,
    /// Its title, if it has one of its own.
    pub title: Option<String>,
    /// Its class.
    pub class: String,
    /// What kind of loader it is.
    pub kind: LoaderKind,
    /// Does it run? It does not if an instance around it does not.
    pub mode: NodeMode,
    /// How its inputs are known.
    pub known_by: InputsKnownBy,
    /// The model files.
    pub models: Vec<SettingReport>,
    /// Its allocations: one, or one for the model and one for the text encoder. None for a loader without a device.
    pub parts: Vec<PartReport>,
}

/// What kind of loader a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LoaderKind {
    /// It distributes its model: `DisTorch2`.
    Distorch2,
    /// It is one of the first `DisTorch`.
    Distorch,
    /// It puts its model on one device.
    Multigpu,
    /// It has no device of its own.
    Plain,
}

/// Does a node run?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NodeMode {
    /// It runs.
    Active,
    /// It is passed by.
    Bypassed,
    /// It is left out, with everything that needs it.
    Muted,
}

/// How the inputs of a class are known, and with them which value is which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum InputsKnownBy {
    /// Read from the source of what is installed.
    Source {
        /// The file, relative to the installation, with slashes.
        file: String,
        /// Counted from 1.
        line: usize,
    },
    /// From the table of releases.
    Release {
        /// The release.
        release: String,
    },
    /// Guessed from the pattern of the values: device, number, device, text.
    Pattern,
}

/// One allocation of a loader node.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PartReport {
    /// Which, if there are several, such as `unet` and `clip`.
    pub label: Option<String>,
    /// The compute device.
    pub device: SettingReport,
    /// The allocation string; `null` if the class has none.
    pub string: Option<SettingReport>,
    /// The virtual VRAM in GB; `null` if the class has none.
    pub virtual_vram: Option<SettingReport>,
    /// The device that lends memory for it; `null` if the class has none.
    pub donor: Option<SettingReport>,
}

/// What an input is set to.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SettingReport {
    /// The input.
    pub input: String,
    /// Where its value comes from.
    pub origin: SettingOrigin,
    /// The value; `null` if it is not known, or none.
    pub value: SettingValue,
    /// Where it stands in the file: the first byte, and the one behind the last. `null` if it does not stand there, or if
    /// the file is not JSON.
    pub span: Option<[usize; 2]>,
    /// The node that it is linked to.
    pub from: Option<String>,
    /// Why it is not known.
    pub why: Option<&'static str>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SettingOrigin {
    /// It stands in the file: with the node, an instance of a subgraph around it, or a primitive node.
    Stored,
    /// It is not in the file, so the default takes effect.
    Default,
    /// It is not in the file, and the API knows no defaults.
    Absent,
    /// Another node gives it, when the workflow runs.
    Linked,
    /// It is not known.
    Unknown,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum SettingValue {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// No value, or one of another kind.
    None,
}

impl Default for WorkflowsReport {
    fn default() -> Self {
        Self { schema: SCHEMA, version: env!("CARGO_PKG_VERSION"), files: Vec::new() }
    }
}

impl WorkflowsReport {
    /// Adds the report about another file.
    pub fn add(&mut self, file: WorkflowReport) {
        self.files.push(file);
    }

    /// How the run ended.
    pub fn outcome(&self) -> Outcome {
        if self.files.iter().any(|file| file.error.is_some()) { Outcome::Failed } else { Outcome::InOrder }
    }
}

impl WorkflowReport {
    /// The report about a workflow, with what is known of its classes.
    pub fn new(path: &Path, workflow: &Workflow, classes: &Classes) -> Result<Self> {
        let uses = workflow.uses()?;
        let loaders = workflow.loaders_of(uses.iter().cloned(), classes);
        Ok(Self {
            path: shown(path),
            form: Some(match workflow.form() {
                Form::Ui => WorkflowForm::Ui,
                Form::Api => WorkflowForm::Api,
            }),
            container: Some(workflow.container().name()),
            nodes: uses.len(),
            loaders: loaders.map(|loader| LoaderNodeReport::new(&loader, workflow.has_places())).collect(),
            notes: notes(workflow.container()),
            error: None,
        })
    }

    /// The report about a file that could not be read.
    pub fn failed(path: &Path, error: Problem) -> Self {
        Self {
            path: shown(path),
            form: None,
            container: None,
            nodes: 0,
            loaders: Vec::new(),
            notes: Vec::new(),
            error: Some(error),
        }
    }
}

fn notes(container: Container) -> Vec<&'static str> {
    match container {
        Container::Json(encoding) if !encoding.is_utf8() => {
            vec!["the file is UTF-16, as some editors and PowerShell write it; ComfyUI reads UTF-8 only"]
        }
        _ => Vec::new(),
    }
}

impl LoaderNodeReport {
    fn new(loader: &Loader<'_, '_>, has_places: bool) -> Self {
        let class = loader.class;
        let setting = |at: usize| SettingReport::new(loader, at, has_places);
        let parts = class.parts.iter().map(|part| PartReport {
            label: part.label.clone(),
            device: setting(part.device),
            string: part.string.map(setting),
            virtual_vram: part.virtual_vram.map(setting),
            donor: part.donor.map(setting),
        });
        Self {
            id: loader.id.clone(),
            title: loader.node.title.clone(),
            class: class.name.clone(),
            kind: match class.kind {
                Kind::DisTorch2 => LoaderKind::Distorch2,
                Kind::DisTorch => LoaderKind::Distorch,
                Kind::MultiGpu => LoaderKind::Multigpu,
                Kind::Plain | Kind::Other => LoaderKind::Plain,
            },
            mode: loader.mode.into(),
            known_by: match &class.known_by {
                KnownBy::Source { file, line } => InputsKnownBy::Source { file: file.clone(), line: *line },
                KnownBy::Release(release) => InputsKnownBy::Release { release: release.clone() },
                KnownBy::Pattern => InputsKnownBy::Pattern,
            },
            models: class.models().map(|(at, _)| setting(at)).collect(),
            parts: parts.collect(),
        }
    }
}

impl From<Mode> for NodeMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Active => Self::Active,
            Mode::Bypassed => Self::Bypassed,
            Mode::Muted => Self::Muted,
        }
    }
}

impl SettingReport {
    fn new(loader: &Loader<'_, '_>, at: usize, has_places: bool) -> Self {
        let widget = &loader.class.widgets[at];
        let (mut value, mut span, mut from, mut why) = (None, None, None, None);
        let origin = match &loader.settings[at] {
            Held::Stored { value: stored, site } => {
                value = Some(stored);
                span = has_places.then_some([site.start, site.end]);
                SettingOrigin::Stored
            }
            Held::Default => {
                value = widget.default.as_ref();
                SettingOrigin::Default
            }
            Held::Absent => SettingOrigin::Absent,
            Held::Linked { to } => {
                from = Some(to.clone());
                SettingOrigin::Linked
            }
            Held::Unknown { why: reason } => {
                why = Some(*reason);
                SettingOrigin::Unknown
            }
        };
        Self { input: widget.name.clone(), origin, value: SettingValue::of(value), span, from, why }
    }
}

impl SettingValue {
    fn of(value: Option<&Literal>) -> Self {
        match value {
            Some(Literal::Text(text)) => Self::Text(text.clone()),
            // JSON has no infinity.
            Some(Literal::Number(number)) if number.is_finite() => Self::Number(*number),
            Some(Literal::Boolean(boolean)) => Self::Boolean(*boolean),
            _ => Self::None,
        }
    }
}
