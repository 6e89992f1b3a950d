//! The last run, as the log shows it.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{prose, section, sentence, some, wide};
use crate::allocator::gigabytes;
use crate::doctor::Known;
use crate::report::DoctorReport;
use crate::report::doctor::{RunDevice, RunLoad, RunReport};
use crate::text::counted;

#[derive(Serialize, Deserialize)]
pub(super) enum Run {
    Seen(Seen),
    /// Why not.
    Unknown(String),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Seen {
    about: Vec<String>,
    loads: Vec<Load>,
}

#[derive(Serialize, Deserialize)]
struct Load {
    model: String,
    line: u64,
    string: Option<String>,
    devices: Vec<Device>,
    outcome: String,
    /// The class of its colours.
    rank: String,
}

#[derive(Serialize, Deserialize)]
struct Device {
    name: String,
    planned: Amount,
    assigned: Amount,
}

/// An amount, and its part of the largest one of the load in percent.
#[derive(Serialize, Deserialize)]
struct Amount {
    text: String,
    percent: f64,
}

impl Run {
    pub(super) fn new(report: &DoctorReport) -> Self {
        match &report.run {
            Known::Is(run) => Self::Seen(Seen::new(run)),
            Known::Unknown(why) => Self::Unknown(why.clone()),
        }
    }

    pub(super) fn markup(&self) -> Markup {
        let content = match self {
            Self::Seen(seen) => seen.markup(),
            Self::Unknown(why) => html! { p.card { "Unknown, because " (sentence(why)) } },
        };
        section("run", "The last run", &content)
    }
}

impl Seen {
    fn new(run: &RunReport) -> Self {
        let mut about = vec![format!("{}, {} since the last start", run.log.shown(), counted(run.prompts, "prompt"))];
        about.extend(run.comfyui.as_ref().map(|version| format!("ComfyUI {version}")));
        about.extend(run.time.as_ref().map(|time| format!("ended {time}")));
        about.extend(run.outdated.as_ref().map(|why| format!("not about the installation as it is now: {why}")));
        Self { about, loads: some(&run.loads).map(Load::new).collect() }
    }

    fn markup(&self) -> Markup {
        html! {
            p.lead { (self.about.join("; ")) }
            @if self.loads.is_empty() { p.card { "No model was loaded." } }
            @else { ol.card.loads { @for load in &self.loads { (load.markup()) } } }
        }
    }
}

impl Load {
    fn new(load: &RunLoad) -> Self {
        let rank = match load.is_right {
            Some(true) => "good",
            Some(false) => "wrong",
            None => "unknown",
        };
        Self {
            model: load.model.clone().unwrap_or_else(|| "a model".to_owned()),
            line: load.line,
            string: load.string.clone(),
            devices: some(&load.devices).map(|device| Device::new(device, &load.devices)).collect(),
            outcome: load.outcome.clone(),
            rank: rank.to_owned(),
        }
    }

    fn markup(&self) -> Markup {
        html! {
            li class=(self.rank) {
                h3 { (self.model) " " span.outcome { (prose(&self.outcome)) } }
                p.faint {
                    "line " (self.line)
                    @if let Some(string) = &self.string { ", by " code { (string) } }
                }
                @if !self.devices.is_empty() { (wide("Planned and assigned", &self.table())) }
            }
        }
    }

    fn table(&self) -> Markup {
        html! {
            table.fold {
                thead {
                    tr {
                        th scope="col" { "Device" }
                        th.amount scope="col" { span.key.planned {} "Planned" }
                        th.amount scope="col" { span.key.assigned {} "Assigned" }
                        td {}
                    }
                }
                tbody {
                    @for device in &self.devices {
                        tr {
                            th scope="row" { (device.name) }
                            td.amount data-name="planned" { (device.planned.text) }
                            td.amount data-name="assigned" { (device.assigned.text) }
                            td.bars {
                                (device.planned.bar("planned"))
                                (device.assigned.bar("assigned"))
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Device {
    fn new(device: &RunDevice, all: &[RunDevice]) -> Self {
        let amounts = all.iter().flat_map(|device| [device.planned_bytes, device.assigned_bytes]);
        let largest = gigabytes(amounts.flatten().max().unwrap_or_default());
        let amount = |bytes: Option<u64>| Amount::new(bytes.map(gigabytes), largest);
        Self {
            name: device.device.clone(),
            planned: amount(device.planned_bytes),
            assigned: amount(device.assigned_bytes),
        }
    }
}

impl Amount {
    fn new(gb: Option<f64>, largest_gb: f64) -> Self {
        let text = gb.map_or_else(|| "unknown".to_owned(), |gb| format!("{gb:.2} GB"));
        let part = if largest_gb > 0.0 { gb.unwrap_or_default() / largest_gb } else { 0.0 };
        Self { text, percent: part * 100.0 }
    }

    fn bar(&self, class: &str) -> Markup {
        html! { div class={ "bar " (class) } style=(format!("width: {:.1}%", self.percent)) {} }
    }
}
