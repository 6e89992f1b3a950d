//! A plan as a document for programs. `schema/plan.schema.json` says what the fields mean; the tests check that they
//! agree.

use serde::{Serialize, Serializer};

use super::StagesReport;
use crate::allocator::{Accounting, AssignmentRow, Block, LayerRow, Placed, Policy, Reason, Remainder};
use crate::plan::fit::{Place, Proposal};
use crate::plan::lora::Matched;
use crate::plan::types::name_of;
use crate::plan::{Level, Plan, Planned, Run, Usage, Warning};

/// Increases when a field changes its meaning or is removed.
const VERSION: u32 = 1;

/// The report of `plan`.
#[derive(Serialize)]
#[serde(untagged)]
pub enum PlanReport {
    /// Of models that were named
    Models(Box<ModelsReport>),
    /// Of a workflow
    Workflow(Box<StagesReport>),
}

/// Where each part of every model goes, and strings that fit, if those were asked for.
pub struct ModelsReport {
    /// The plan.
    pub plan: Plan,
    /// Strings that fit, the best first.
    pub proposals: Option<Vec<Proposal>>,
}

impl Serialize for ModelsReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plan = &self.plan;
        let usage = plan.options.policies.last().map(|&policy| plan.usage(policy)).unwrap_or_default();
        PlanObject::new(plan, &usage, self.proposals.as_deref()).serialize(serializer)
    }
}

#[derive(Serialize)]
struct PlanObject<'p> {
    version: u32,
    fits: bool,
    accounting: &'static str,
    headroom_bytes: u64,
    ram_known: bool,
    notes: &'p [String],
    devices: Vec<DeviceObject<'p>>,
    models: Vec<ModelObject<'p>>,
    together: Vec<UsageObject<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposals: Option<Vec<ProposalObject<'p>>>,
}

impl<'p> PlanObject<'p> {
    fn new(plan: &'p Plan, usage: &'p [Usage], proposals: Option<&'p [Proposal]>) -> Self {
        Self {
            version: VERSION,
            fits: plan.fits(),
            accounting: match plan.options.accounting {
                Accounting::Resident => "resident",
                Accounting::Offload => "offload",
            },
            headroom_bytes: plan.options.headroom_bytes,
            ram_known: plan.devices.ram_known,
            notes: &plan.devices.notes,
            devices: plan
                .devices
                .machine
                .listed()
                .map(|(device, bytes)| DeviceObject::new(device.as_str(), bytes))
                .collect(),
            models: plan.models.iter().map(|planned| ModelObject::new(plan, planned)).collect(),
            together: usage.iter().map(UsageObject::new).collect(),
            proposals: proposals.map(|proposals| proposals.iter().map(ProposalObject::new).collect()),
        }
    }
}

#[derive(Serialize)]
struct DeviceObject<'p> {
    device: &'p str,
    total_bytes: u64,
}

impl<'p> DeviceObject<'p> {
    fn new(device: &'p str, total_bytes: u64) -> Self {
        Self { device, total_bytes }
    }
}

#[derive(Serialize)]
struct ModelObject<'p> {
    name: &'p str,
    origin: &'p str,
    allocation_string: &'p str,
    architecture: Option<&'static str>,
    text_encoder: bool,
    weight_type: Option<&'static str>,
    cast_type: Option<&'static str>,
    resident_bytes: u64,
    offload_bytes: u64,
    reserve_bytes: u64,
    unlisted_bytes: u64,
    order_known: bool,
    order_doubt: Option<&'p str>,
    ignored_tensors: &'p [String],
    loras: Vec<LoraObject<'p>>,
    layers: Vec<LayerObject<'p>>,
    runs: Vec<RunObject<'p>>,
}

impl<'p> ModelObject<'p> {
    fn new(plan: &'p Plan, planned: &'p Planned) -> Self {
        let modules = &planned.named.modules;
        let runs = planned.runs.iter().map(|run| RunObject::new(planned, run, planned.is_alike(&plan.options)));
        Self {
            name: &planned.named.name,
            origin: &planned.named.origin,
            allocation_string: planned.string.text(),
            architecture: modules.architecture,
            text_encoder: modules.is_text_encoder,
            weight_type: modules.types.map(|types| name_of(types.weights)),
            cast_type: modules.types.and_then(|types| types.cast).map(name_of),
            resident_bytes: modules.model.total_bytes(Accounting::Resident),
            offload_bytes: modules.model.total_bytes(Accounting::Offload),
            reserve_bytes: modules.reserve_bytes,
            unlisted_bytes: modules.unlisted_bytes,
            order_known: modules.ordered,
            order_doubt: modules.doubt.as_deref(),
            ignored_tensors: &modules.ignored,
            loras: modules.patched.files.iter().map(LoraObject::new).collect(),
            layers: planned.runs[0].allocation.layers.iter().map(LayerObject::new).collect(),
            runs: runs.collect(),
        }
    }
}

#[derive(Serialize)]
struct LoraObject<'p> {
    file: &'p str,
    known: usize,
    unknown: &'p [String],
}

impl<'p> LoraObject<'p> {
    fn new(file: &'p Matched) -> Self {
        Self { file: &file.name, known: file.known, unknown: &file.unknown }
    }
}

#[derive(Serialize)]
struct LayerObject<'p> {
    kind: &'p str,
    layers: usize,
    bytes: u64,
    percent: f64,
}

impl<'p> LayerObject<'p> {
    fn new(row: &'p LayerRow) -> Self {
        Self { kind: &row.kind, layers: row.blocks, bytes: row.bytes, percent: row.percent }
    }
}

#[derive(Serialize)]
struct RunObject<'p> {
    mode: &'static str,
    final_allocation_string: &'p str,
    log_line: Option<String>,
    remainder: RemainderObject<'p>,
    devices: Vec<RowObject<'p>>,
    assignments: Vec<AssignmentObject<'p>>,
    placements: Vec<PlacedObject<'p>>,
    warnings: Vec<WarningObject>,
}

impl<'p> RunObject<'p> {
    fn new(planned: &'p Planned, run: &'p Run, alike: bool) -> Self {
        let allocation = &run.allocation;
        let rows = allocation.devices.iter().zip(run.resident_bytes.iter().zip(&run.counted_bytes));
        let devices = rows.map(|(row, (&resident_bytes, &counted_bytes))| RowObject {
            device: row.device.as_str(),
            total_bytes: row.total_bytes,
            fraction: row.fraction,
            allocated_gb: row.allocated_gb,
            dist_percent: row.dist_percent,
            counted_bytes,
            resident_bytes,
            free_bytes: i128::from(row.total_bytes) - i128::from(resident_bytes),
        });
        let blocks = planned.named.modules.model.blocks().iter().zip(&allocation.placements);
        let placed = |(block, placed): (&'p Block, &Placed)| {
            let device = allocation.devices[placed.device].device.as_str();
            PlacedObject::new(block, device, placed.reason)
        };
        Self {
            mode: match (alike, run.policy) {
                (true, _) => "both",
                (false, Policy::CpuFallback) => "current",
                (false, Policy::GpuOnly) => "repaired",
            },
            final_allocation_string: &allocation.allocation_string,
            log_line: allocation.remainder.log_line(),
            remainder: RemainderObject::new(&allocation.remainder),
            devices: devices.collect(),
            assignments: allocation.assignments.iter().map(AssignmentObject::new).collect(),
            placements: blocks.map(placed).collect(),
            warnings: run.warnings.iter().map(WarningObject::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct RemainderObject<'p> {
    to: &'static str,
    device: Option<&'p str>,
    bytes: f64,
    gpus: usize,
}

impl<'p> RemainderObject<'p> {
    fn new(remainder: &'p Remainder) -> Self {
        let (to, device, bytes, gpus) = match remainder {
            Remainder::None => ("nobody", None, 0.0, 0),
            Remainder::Wildcard { device, bytes } => ("wildcard", Some(device.as_str()), *bytes, 0),
            Remainder::Shared { bytes, gpus } => ("gpus", None, *bytes, *gpus),
            Remainder::Unassigned { bytes } => ("unassigned", None, *bytes, 0),
        };
        Self { to, device, bytes, gpus }
    }
}

#[derive(Serialize)]
struct RowObject<'p> {
    device: &'p str,
    total_bytes: u64,
    fraction: f64,
    allocated_gb: f64,
    dist_percent: f64,
    counted_bytes: u64,
    resident_bytes: u64,
    free_bytes: i128,
}

#[derive(Serialize)]
struct AssignmentObject<'p> {
    device: &'p str,
    tiny: bool,
    layers: usize,
    bytes: u64,
    percent: f64,
}

impl<'p> AssignmentObject<'p> {
    fn new(row: &'p AssignmentRow) -> Self {
        let AssignmentRow { device, tiny, blocks, bytes, percent } = row;
        Self { device: device.as_str(), tiny: *tiny, layers: *blocks, bytes: *bytes, percent: *percent }
    }
}

#[derive(Serialize)]
struct PlacedObject<'p> {
    layer: &'p str,
    kind: &'p str,
    resident_bytes: u64,
    offload_bytes: u64,
    device: &'p str,
    reason: &'static str,
}

impl<'p> PlacedObject<'p> {
    fn new(block: &'p Block, device: &'p str, reason: Reason) -> Self {
        let reason = match reason {
            Reason::Quota => "quota",
            Reason::Orphan => "orphan",
            Reason::Tiny => "tiny",
            Reason::Head => "head",
        };
        let Block { name, kind, resident_bytes, offload_bytes, .. } = block;
        Self { layer: name, kind, resident_bytes: *resident_bytes, offload_bytes: *offload_bytes, device, reason }
    }
}

#[derive(Serialize)]
struct WarningObject {
    name: &'static str,
    level: &'static str,
    text: String,
}

impl WarningObject {
    fn new(warning: &Warning) -> Self {
        let level = match warning.level() {
            Level::Misfit => "misfit",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        Self { name: warning.name(), level, text: warning.to_string() }
    }
}

#[derive(Serialize)]
struct UsageObject<'p> {
    device: &'p str,
    total_bytes: u64,
    model_bytes: &'p [u64],
    free_bytes: i128,
}

impl<'p> UsageObject<'p> {
    fn new(usage: &'p Usage) -> Self {
        Self {
            device: usage.device.as_str(),
            total_bytes: usage.total_bytes,
            model_bytes: &usage.model_bytes,
            free_bytes: i128::from(usage.total_bytes) - i128::from(usage.used_bytes()),
        }
    }
}

#[derive(Serialize)]
struct ProposalObject<'p> {
    strings: &'p [String],
    place: &'static str,
    together: bool,
    quantisation: Option<&'static str>,
    saved_bytes: u64,
}

impl<'p> ProposalObject<'p> {
    fn new(proposal: &'p Proposal) -> Self {
        Self {
            strings: &proposal.strings,
            place: match proposal.place {
                Place::GpuOnly => "gpu-only",
                Place::WithCpu => "with-cpu",
            },
            together: proposal.together,
            quantisation: proposal.smaller.map(|(name, _)| name),
            saved_bytes: proposal.smaller.map_or(0, |(_, saved)| saved),
        }
    }
}
