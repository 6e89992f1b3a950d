//! What is known of the installation, as tables.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::findings::place;
use super::pictures::shows_something;
use super::{prose, section, sentence, some, wide};
use crate::allocator::gigabytes;
use crate::checks::Level;
use crate::doctor::Known;
use crate::report::doctor::{ExaminedWorkflow, FactGroup, FactReport, GpuReport};
use crate::report::{CheckedFile, DoctorReport};

#[derive(Serialize, Deserialize)]
pub(super) struct Facts {
    groups: Vec<Group>,
    gpus: Option<Vec<Gpu>>,
    workflows: Vec<Workflow>,
}

#[derive(Serialize, Deserialize)]
struct Group {
    title: String,
    facts: Vec<Fact>,
}

#[derive(Serialize, Deserialize)]
struct Fact {
    name: String,
    value: Value,
    place: Option<String>,
}

/// A fact, or why it is unknown.
#[derive(Serialize, Deserialize)]
enum Value {
    Is(String),
    Unknown(String),
}

#[derive(Serialize, Deserialize)]
struct Gpu {
    device: Value,
    index: u32,
    name: String,
    total: String,
    free: String,
}

#[derive(Serialize, Deserialize)]
struct Workflow {
    path: String,
    /// Why it could not be read.
    error: Option<String>,
    /// Why there is no picture of it.
    unplanned: Option<String>,
    /// The level and the text of each finding.
    findings: Vec<(String, String)>,
}

impl Facts {
    pub(super) fn new(report: &DoctorReport) -> Self {
        Self {
            groups: some(&report.facts).map(Group::new).collect(),
            gpus: report.gpus.ok().map(|gpus| some(gpus).map(Gpu::new).collect()),
            workflows: some(&report.workflows).map(Workflow::new).collect(),
        }
    }

    pub(super) fn markup(&self) -> Markup {
        let all = html! {
            div.groups { @for group in &self.groups { (group.markup()) } }
            // If they are unknown, the facts about the machine say why.
            @if let Some(gpus) = &self.gpus {
                div.card {
                    h3 { "GPUs" }
                    (wide("GPUs", &table(gpus)))
                    @for why in reasons(gpus) { p.about { "The name in torch is unknown, because " (sentence(why)) } }
                }
            }
            @for workflow in &self.workflows { (workflow.markup()) }
        };
        section("facts", "What was looked at", &all)
    }
}

impl Group {
    fn new(group: &FactGroup) -> Self {
        Self { title: group.title.to_owned(), facts: some(&group.facts).map(Fact::new).collect() }
    }

    fn markup(&self) -> Markup {
        html! {
            div.card {
                h3 { (self.title) }
                dl.facts {
                    @for fact in &self.facts {
                        dt { (fact.name) }
                        dd {
                            (fact.value.markup())
                            @if let Some(place) = &fact.place { " " span.place { (place) } }
                        }
                    }
                }
            }
        }
    }
}

impl Fact {
    fn new(fact: &FactReport) -> Self {
        Self {
            name: fact.name.clone(),
            value: Value::new(&fact.value),
            place: fact.place.as_ref().map(place).filter(|place| Some(place) != fact.value.ok()),
        }
    }
}

impl Value {
    fn new(known: &Known<String>) -> Self {
        match known {
            Known::Is(fact) => Self::Is(fact.clone()),
            Known::Unknown(why) => Self::Unknown(why.clone()),
        }
    }

    fn markup(&self) -> Markup {
        match self {
            Self::Is(text) => prose(text),
            Self::Unknown(why) => html! { span.faint { "unknown, because " (prose(why)) } },
        }
    }
}

impl Gpu {
    fn new(gpu: &GpuReport) -> Self {
        let gb = |bytes: u64| format!("{:.1} GB", gigabytes(bytes));
        Self {
            device: Value::new(&gpu.device),
            index: gpu.index,
            name: gpu.name.clone(),
            total: gb(gpu.total_bytes),
            free: gpu.free_bytes.map_or_else(|| "unknown".to_owned(), gb),
        }
    }
}

/// Why names in torch are unknown, each reason once.
fn reasons(gpus: &[Gpu]) -> BTreeSet<&str> {
    gpus.iter()
        .filter_map(|gpu| match &gpu.device {
            Value::Is(_) => None,
            Value::Unknown(why) => Some(why.as_str()),
        })
        .collect()
}

fn table(gpus: &[Gpu]) -> Markup {
    html! {
        table.fold {
            thead {
                tr {
                    th scope="col" { "In torch" }
                    th scope="col" { "In nvidia-smi" }
                    th scope="col" { "Card" }
                    th.amount scope="col" { "Memory" }
                    th.amount scope="col" { "Free" }
                }
            }
            tbody {
                @for gpu in gpus {
                    tr {
                        th scope="row" {
                            @match &gpu.device {
                                Value::Is(device) => (device),
                                Value::Unknown(_) => "unknown",
                            }
                        }
                        td data-name="in nvidia-smi" { (gpu.index) }
                        td { (gpu.name) }
                        td.amount data-name="memory" { (gpu.total) }
                        td.amount data-name="free" { (gpu.free) }
                    }
                }
            }
        }
    }
}

impl Workflow {
    fn new(workflow: &ExaminedWorkflow) -> Self {
        let CheckedFile { path, findings, error, .. } = &workflow.checks;
        let word = |level| match level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        let unplanned = match &workflow.plan {
            Known::Is(plan) if shows_something(&plan.staged) => None,
            Known::Is(_) => Some("the size of none of its models is known".to_owned()),
            Known::Unknown(why) => Some(why.clone()),
        };
        let findings = some(findings).map(|finding| (word(finding.level).to_owned(), finding.said()));
        Self {
            path: path.shown(),
            error: error.as_ref().map(ToString::to_string),
            unplanned,
            findings: findings.collect(),
        }
    }

    fn markup(&self) -> Markup {
        html! {
            div.card {
                h3 { "Workflow " (self.path) }
                @if let Some(error) = &self.error { p.faint { (error) } }
                @else if self.findings.is_empty() { p.faint { "Its checks found nothing." } }
                @if let Some(why) = &self.unplanned { p.faint { "There is no picture of it, because " (sentence(why)) } }
                dl.facts {
                    @for (level, text) in &self.findings {
                        dt { (level) }
                        dd.text { (prose(text)) }
                    }
                }
            }
        }
    }
}
