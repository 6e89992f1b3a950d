//! The last run, as the log shows it.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{section, some};
use crate::doctor::Known;
use crate::report::DoctorReport;
use crate::report::doctor::{RunLoad, RunReport};
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
    outcome: String,
    /// The class of its colours.
    rank: String,
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
            Self::Unknown(why) => html! { p.card { "Unknown: " (why) "." } },
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
            @for load in &self.loads { (load.markup()) }
            @if self.loads.is_empty() { p.card { "No model was loaded." } }
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
            outcome: load.outcome.clone(),
            rank: rank.to_owned(),
        }
    }

    fn markup(&self) -> Markup {
        html! {
            div class={ "card " (self.rank) } {
                h3 { (self.model) " " span.outcome { (self.outcome) } }
                p.about {
                    "line " (self.line)
                    @if let Some(string) = &self.string { ", by " code { (string) } }
                }
            }
        }
    }
}
