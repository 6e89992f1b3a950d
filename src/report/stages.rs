//! The plan of a workflow as a document for programs.

use std::path::Path;

use serde::Serialize;

use crate::allocator::Accounting;
use crate::plan::Usage;
use crate::stages::{Fitted, Kind, Model, Named, Placing, Stage, Staged};
use crate::text::shown;

/// The version of the document format. It changes if a reader of the last one could misread the new one; added
/// properties do not change it.
const SCHEMA: u32 = 1;

/// The report of `plan --workflow`.
#[derive(Debug)]
pub struct StagesReport {
    /// The workflow, relative to the current folder if it is below that.
    pub file: String,
    /// The plan.
    pub staged: Staged,
    /// With `--fit`: the strings to change; None if none fit.
    pub fitted: Option<Option<Fitted>>,
}

impl StagesReport {
    /// The report about a file.
    pub fn new(file: &Path, staged: Staged, fitted: Option<Option<Fitted>>) -> Self {
        Self { file: shown(file), staged, fitted }
    }
}

impl Serialize for StagesReport {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StagesObject::new(self).serialize(serializer)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for StagesReport {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StagesReport".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        StagesObject::json_schema(generator)
    }
}

/// What `distorch-fix plan --workflow FILE --format json` prints. Sizes named `*_bytes` are whole bytes. Devices are named
/// as torch names them.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StagesObject<'s> {
    /// The version of this document's format. Properties may be added without a new version.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// The workflow.
    workflow: &'s str,
    /// Is there room for the weights on every device, at every time, as far as they are known? The exit code is 1 if not.
    fits: bool,
    /// Which size of a layer was counted: `resident` or `offload`.
    accounting: &'static str,
    /// What should stay free on a GPU.
    headroom_bytes: u64,
    /// Was the main memory given? If not, 64 GB were assumed, and nothing is said about whether it is enough.
    ram_known: bool,
    /// The models in the order in which they are first at work.
    models: Vec<ModelObject<'s>>,
    /// The computations with models, in their order.
    stages: Vec<StageObject<'s>>,
    /// The most that lies on each device.
    peaks: Vec<PeakObject<'s>>,
    /// What is not known, each with its reason. The exit code is 2 if there is any.
    unknown: &'s [String],
    /// What is worth knowing.
    notes: Vec<&'s str>,
    /// With `--fit`: the allocation strings to change so that everything fits, with the headroom; empty if everything fits
    /// already, and `null` if nothing was found, or `--fit` was not given.
    changes: Option<Vec<ChangeObject<'s>>>,
}

/// A model of the workflow.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ModelObject<'s> {
    /// Its loader node.
    node: NodeObject<'s>,
    /// `MODEL`, `CLIP`, `VAE`, `CLIP_VISION` or `CONTROL_NET`.
    kind: &'static str,
    /// The names of its files in the node.
    names: &'s [String],
    /// The files.
    files: Vec<String>,
    /// The bytes of its weights; `null` if they are not known.
    weight_bytes: Option<u64>,
    /// The device that computes with it; `null` if it is not known.
    compute: Option<&'s str>,
    /// The allocation string as the node gets it; `null` if it does not distribute the model.
    allocation_string: Option<&'s str>,
    /// What goes wrong when this model is loaded on its own, or could.
    warnings: Vec<String>,
}

/// A node.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct NodeObject<'s> {
    /// Its id, as in ComfyUI's prompts: those of the instances around it and its own, with colons.
    id: &'s str,
    /// Its class.
    class: &'s str,
    /// Its title, if it has one of its own.
    title: Option<&'s str>,
}

/// A computation.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StageObject<'s> {
    /// The nodes that compute: several if they follow each other with the same models.
    nodes: Vec<NodeObject<'s>>,
    /// The models that they need, as indices of `models`.
    models: &'s [usize],
    /// Models that ComfyUI unloads for it, to the main memory.
    unloaded: &'s [usize],
    /// Models that it may unload: that depends on what the computation needs. They are counted as still there.
    in_doubt: &'s [usize],
    /// Does it need the stage before it? If not, their order is what ComfyUI chooses in a first run.
    follows: bool,
    /// What lies on each device.
    devices: Vec<UsageObject<'s>>,
}

/// What lies on a device.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct UsageObject<'s> {
    /// The device.
    device: &'s str,
    /// Its memory.
    total_bytes: u64,
    /// The bytes of each model's weights on it, in the order of `models`.
    model_bytes: &'s [u64],
    /// What no weights take; negative if they take more than there is.
    free_bytes: i128,
}

/// The most that lies on a device.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PeakObject<'s> {
    /// The device.
    device: &'s str,
    /// The bytes of all weights.
    used_bytes: u64,
    /// The first stage in which they lie there, as an index of `stages`.
    stage: usize,
}

/// An allocation string to change.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ChangeObject<'s> {
    /// The model, as an index of `models`.
    model: usize,
    /// What to write into its node.
    string: &'s str,
}

impl<'s> StagesObject<'s> {
    fn new(report: &'s StagesReport) -> Self {
        let staged = &report.staged;
        let peaks = staged.peaks().into_iter().map(|(usage, stage)| {
            let device = staged.stages[stage].usage.iter().find(|known| known.device == usage.device);
            let device = device.map_or("", |known| known.device.as_str());
            PeakObject { device, used_bytes: usage.used_bytes(), stage }
        });
        let changes = report.fitted.as_ref().and_then(Option::as_ref).map(|fitted| &fitted.changes);
        let change = |(model, string): &'s (usize, String)| ChangeObject { model: *model, string };
        Self {
            schema: SCHEMA,
            workflow: &report.file,
            fits: staged.fits(),
            accounting: match staged.options.accounting {
                Accounting::Resident => "resident",
                Accounting::Offload => "offload",
            },
            headroom_bytes: staged.options.headroom_bytes,
            ram_known: staged.devices.ram_known,
            models: staged.models.iter().map(|model| ModelObject::new(model, staged)).collect(),
            stages: staged.stages.iter().map(StageObject::new).collect(),
            peaks: peaks.collect(),
            unknown: &staged.unknown,
            notes: staged.devices.notes.iter().chain(&staged.notes).map(String::as_str).collect(),
            changes: changes.map(|changes| changes.iter().map(change).collect()),
        }
    }
}

impl<'s> ModelObject<'s> {
    fn new(model: &'s Model, staged: &'s Staged) -> Self {
        let load = &model.load;
        let string = match &load.placing {
            Ok(Placing::Distributed(string)) => Some(string.text()),
            _ => None,
        };
        Self {
            node: NodeObject::new(&load.node),
            kind: Kind::name(load.kind),
            names: &load.names,
            files: load.files.iter().flatten().map(|file| shown(file)).collect(),
            weight_bytes: model.named.is_some().then(|| model.bytes()),
            compute: load.placing.is_ok().then(|| model.compute().as_str()),
            allocation_string: string,
            warnings: staged.run(model).into_iter().flat_map(|run| &run.warnings).map(ToString::to_string).collect(),
        }
    }
}

impl<'s> NodeObject<'s> {
    fn new(node: &'s Named) -> Self {
        Self { id: &node.id, class: &node.class, title: node.title.as_deref() }
    }
}

impl<'s> StageObject<'s> {
    fn new(stage: &'s Stage) -> Self {
        Self {
            nodes: stage.nodes.iter().map(NodeObject::new).collect(),
            models: &stage.models,
            unloaded: &stage.unloaded,
            in_doubt: &stage.in_doubt,
            follows: stage.follows,
            devices: stage.usage.iter().map(UsageObject::new).collect(),
        }
    }
}

impl<'s> UsageObject<'s> {
    fn new(usage: &'s Usage) -> Self {
        Self {
            device: usage.device.as_str(),
            total_bytes: usage.total_bytes,
            model_bytes: &usage.model_bytes,
            free_bytes: i128::from(usage.total_bytes) - i128::from(usage.used_bytes()),
        }
    }
}
