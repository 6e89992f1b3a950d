//! What a log of ComfyUI says about the loads of models.

mod load;
mod start;

use serde::Serialize;

pub use load::{HeadReport, LoadDevice, LoadMode, LoadOutcome, LoadReport, LoaderMatch, PlannedDevice, PlannedLoad};
pub use start::{
    FailedPackReport, PromptEnd, PromptReport, RemarkKindReport, RemarkReport, SeenDeviceReport, StartReport,
};

use super::{Located, Outcome};
use crate::log::{Asked, Counts, Encoding, End, Load, Log, Outcome as LoadEnd, Prompt, Start};
use crate::seen::step::spills;
use crate::seen::{About, Installed, Step, silence};
use crate::text::counted;

/// The version of the document format. It changes if a reader of the last one could misread the new one; added
/// properties do not change it.
const SCHEMA: u32 = 1;

/// The report of `log`. Sizes named `*_bytes` are bytes as the log gives them, which is rounded: to 0.01 MB, or to 0.01 GB
/// in the device table. Devices are named as torch names them. Lines are counted from 1.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogReport {
    /// The version of this document's format. Properties may be added without a new version.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: u32,
    /// The version of distorch-fix.
    pub version: &'static str,
    /// The log; `null` for standard input.
    pub file: Option<Located>,
    /// Other logs of the same installation.
    pub other_files: Vec<Located>,
    /// How its text is encoded.
    pub encoding: &'static str,
    /// Its lines.
    pub lines: u64,
    /// Its bytes.
    pub bytes: u64,
    /// The starts of ComfyUI, in the order of the log. What comes before the first start in the log is one too.
    pub starts: Vec<StartReport>,
    /// Loads that are only counted because the log is large, by their outcome as far as single lines show it. They are not
    /// judged.
    pub earlier: Vec<CountReport>,
    /// Why the log says nothing about DisTorch2, if it does not.
    pub silence: Option<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// All in one sentence.
    pub verdict: String,
    /// The command to run next, or what else to do.
    pub next: Option<NextReport>,
    /// The exit code of the run.
    pub exit_code: u8,
    /// Were all starts asked for?
    #[serde(skip)]
    pub is_whole: bool,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NextReport {
    /// What it is for.
    pub what: String,
    /// A command to paste.
    pub command: Option<String>,
}

/// How many loads ended in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CountReport {
    /// How they ended.
    pub outcome: LoadOutcome,
    /// How many.
    pub loads: u64,
}

/// Where a log is from.
#[derive(Debug, Clone, Default)]
pub struct LogSource {
    /// The log; None for standard input.
    pub file: Option<Located>,
    /// Other logs of the same installation.
    pub others: Vec<Located>,
    /// What is known of that installation.
    pub installed: Installed,
}

impl LogReport {
    /// The report about a log. Of each server only the newest start counts, unless `all` do. `about` tells what else is
    /// known of a load, and `next` how a step is made.
    pub fn new<'a>(
        log: &Log,
        source: &LogSource,
        all: bool,
        about: impl Fn(&Start, &Prompt, &Load) -> About<'a>,
        next: impl Fn(Step) -> NextReport,
    ) -> Self {
        let counts = |at: usize| all || is_newest(log, at);
        let counting = log.starts.iter().enumerate().filter(|(at, _)| counts(*at));
        let starts: Vec<&Start> = counting.map(|(_, start)| start).collect();
        let loads: Vec<(&Start, &Load)> =
            starts.iter().flat_map(|start| start::loads(start).map(|load| (*start, load))).collect();
        let prompts: Vec<&Prompt> = starts.iter().flat_map(|start| &start.prompts).collect();
        let silence = silence::of(log, &starts, &source.installed);
        let is_stale = source.installed.is_stale();
        let step = Step::of(&loads, &prompts, silence.as_ref(), is_stale);
        let loads: Vec<&Load> = loads.into_iter().map(|(_, load)| load).collect();
        let is_wrong =
            loads.iter().any(|load| load.is_as_asked() == Some(false)) || all && log.earlier.not_as_asked > 0;
        let outcome = if is_wrong { Outcome::Found } else { Outcome::InOrder };
        let verdict = silence.as_ref().map_or_else(|| verdict(&loads, &prompts), |silence| silence.why.clone());
        let reports = log.starts.iter().enumerate().map(|(at, start)| StartReport::new(start, counts(at), &about));
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            file: source.file.clone(),
            other_files: source.others.clone(),
            encoding: encoding(log.encoding),
            lines: log.lines,
            bytes: log.bytes,
            starts: reports.collect(),
            earlier: earlier(&log.earlier),
            silence: silence.map(|silence| silence.why),
            notes: if is_stale { vec![STALE.to_owned()] } else { Vec::new() },
            verdict,
            next: step.map(next),
            exit_code: outcome.code(),
            is_whole: all,
        }
    }

    /// How the run ended.
    pub fn outcome(&self) -> Outcome {
        if self.exit_code == 0 { Outcome::InOrder } else { Outcome::Found }
    }
}

const STALE: &str =
    "the node's files were changed after this log was last written, so ComfyUI has not been started since";

/// Is it the newest start of its server?
fn is_newest(log: &Log, at: usize) -> bool {
    let source = &log.starts[at].source;
    log.starts[at + 1..].iter().all(|later| later.source != *source)
}

fn encoding(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16Le => "UTF-16LE",
        Encoding::Utf16Be => "UTF-16BE",
        Encoding::Mixed => "several encodings",
    }
}

/// Loads that are no longer kept.
fn earlier(counts: &Counts) -> Vec<CountReport> {
    let all = [
        (LoadOutcome::Distributed, counts.distributed),
        (LoadOutcome::Reused, counts.reused),
        (LoadOutcome::Standard, counts.standard),
        (LoadOutcome::Inert, counts.inert),
        (LoadOutcome::Failed, counts.failed),
        (LoadOutcome::Unknown, counts.unknown),
    ];
    all.into_iter().filter(|(_, loads)| *loads > 0).map(|(outcome, loads)| CountReport { outcome, loads }).collect()
}

/// All loads in one sentence, and what else went wrong in another.
fn verdict(loads: &[&Load], prompts: &[&Prompt]) -> String {
    let with = |answer: Option<bool>| -> Vec<&Load> {
        loads.iter().filter(|load| load.is_as_asked() == answer).copied().collect()
    };
    let (right, wrong, unknown) = (with(Some(true)), with(Some(false)), with(None));
    let all = counted(loads.len(), "load");
    let first = match (loads.len(), right.len(), wrong.len()) {
        (0, ..) => "No model was loaded.".to_owned(),
        _ if loads.iter().all(|load| load.asked == Asked::Nothing) => {
            "Nothing was to be distributed: the loader nodes have neither a string nor virtual VRAM.".to_owned()
        }
        (_, 0, 0) => "Whether any load did what was asked is unknown.".to_owned(),
        (1, 1, 0) => format!("The load did what was asked: {}.", words(&right)),
        (some, right_ones, 0) if some == right_ones => format!("All {all} did what was asked: {}.", words(&right)),
        (_, some, 0) => format!("{some} of {all} did what was asked: {}.", words(&right)),
        (1, _, 1) => format!("The load did not do what was asked: {}.", words(&wrong)),
        (_, _, some) => format!("{some} of {all} did not do what was asked: {}.", words(&wrong)),
    };
    let spilled = loads.iter().filter(|load| spills(load)).count();
    let failed = prompts.iter().filter(|prompt| prompt.end == End::Failed && !prompt.loads.iter().any(has_failed));
    let failed = failed.count();
    let is_more_known = !right.is_empty() || !wrong.is_empty();
    let unknown = unknown.iter().filter(|_| is_more_known).count();
    let more = [
        (unknown, format!("Of {unknown}, that is unknown.")),
        (spilled, format!("Of {spilled}, a part that no quota covers is on the CPU.")),
        (failed, format!("{} failed for another reason.", counted(failed, "prompt"))),
    ];
    more.into_iter().filter(|(count, _)| *count > 0).fold(first, |out, (_, more)| out + " " + &more)
}

fn has_failed(load: &Load) -> bool {
    matches!(load.outcome, LoadEnd::Failed { .. })
}

/// `2 distributed, 1 standard`
fn words(loads: &[&Load]) -> String {
    worded(&totals(loads.iter().copied()))
}

/// `2 distributed, 1 standard loading`.
pub(crate) fn worded(totals: &[CountReport]) -> String {
    let words: Vec<String> = totals.iter().map(|count| format!("{} {}", count.loads, count.outcome.words())).collect();
    words.join(", ")
}

/// Loads by their outcome.
fn totals<'l>(loads: impl Iterator<Item = &'l Load>) -> Vec<CountReport> {
    let mut totals: Vec<CountReport> = Vec::new();
    for load in loads {
        let outcome = LoadOutcome::of(&load.outcome);
        match totals.iter_mut().find(|count| count.outcome == outcome) {
            Some(count) => count.loads += 1,
            None => totals.push(CountReport { outcome, loads: 1 }),
        }
    }
    totals.sort_by_key(|count| count.outcome);
    totals
}
