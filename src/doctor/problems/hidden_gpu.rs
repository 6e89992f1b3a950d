//! ComfyUI sees fewer GPUs than the machine has, because of how it is started.

use crate::doctor::clues::{self, FirstGpu, Way};
use crate::doctor::{Answer, Evidence, Facts, Finding, Problem, Rank, Step};
use crate::log::{RemarkKind, Start};

pub(super) static PROBLEM: Problem = Problem {
    id: "hidden-gpu",
    title: "ComfyUI does not see every GPU",
    about: "ComfyUI uses only the GPUs that it is started with: `--cuda-device` and the variable CUDA_VISIBLE_DEVICES hide all \
            others. On Windows, versions since August 2026 use the first one only, unless they are told which. The node then \
            offers no other, and ComfyUI refuses a workflow that names one: \"Value not in list: compute_device: 'cuda:1'\".",
    help: "Start ComfyUI with `--cuda-device all`, or in older versions without `--cuda-device`, and without \
           CUDA_VISIBLE_DEVICES.",
    sources: &[
        "https://github.com/Comfy-Org/ComfyUI/pull/15737",
        "https://github.com/Comfy-Org/ComfyUI/pull/15813",
        "https://github.com/neuratech-ai/ComfyUI-MultiGPU/issues/1",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/68",
    ],
    rank: Rank::Stops,
    find,
};

/// How ComfyUI's default for Windows is known.
#[derive(Clone, Copy)]
enum Seen {
    /// By its source.
    Source(FirstGpu),
    /// By what it said.
    Log,
}

/// Why GPUs are hidden.
enum Cause<'f> {
    /// `--cuda-device` names some.
    Option(&'f str),
    /// `CUDA_VISIBLE_DEVICES` names some.
    Variable(&'f str),
    /// ComfyUI's default for Windows.
    Default(Seen),
}

fn find(facts: &Facts) -> Answer {
    let refusal = facts.last_start().ok().and_then(|start| refused(facts, start));
    let ways = clues::ways(facts);
    let causes: Vec<(Way<'_>, Option<Cause<'_>>)> = ways.iter().map(|way| (*way, cause(facts, *way))).collect();
    let cards = clues::cards(facts).map(<[_]>::len);
    if let Some(refusal) = refusal {
        return match causes.iter().find_map(|(way, cause)| Some((way, cause.as_ref()?))) {
            Some((way, cause)) => Ok(vec![found(facts, *way, cause).because(refusal)]),
            None => unexplained(facts, &ways, refusal),
        };
    }
    let Some((way, cause)) = causes.iter().find_map(|(way, cause)| Some((way, cause.as_ref()?))) else {
        return if ways.is_empty() {
            Err(String::from("it is not known how ComfyUI is started"))
        } else {
            Ok(Vec::new())
        };
    };
    let visible = cause.visible();
    if visible >= cards? {
        return Ok(Vec::new());
    }
    if let Some((other, _)) = causes.iter().find(|(_, cause)| cause.is_none()) {
        return Err(format!(
            "{} hides GPUs, {} does not, and it is not known which one starts it",
            way.name(),
            other.name()
        ));
    }
    let wanted = clues::wanted_devices(facts);
    let hidden = wanted.iter().find(|(device, ..)| clues::index_of(device).is_some_and(|index| index >= visible));
    match hidden {
        Some((device, path, node)) => Ok(vec![found(facts, *way, cause).because(Evidence::node(
            format!("it names {device}"),
            path,
            node.clone(),
        ))]),
        // Nothing that is known needs the others.
        None if facts.read_workflows().next().is_some() => Ok(Vec::new()),
        None => Ok(vec![found(facts, *way, cause).ranked(Rank::Note)]),
    }
}

/// A line of the log in which ComfyUI refuses a GPU that the machine has.
fn refused(facts: &Facts, start: &Start) -> Option<Evidence> {
    let cards = clues::cards(facts).map(<[_]>::len);
    start.remarks.iter().rev().find_map(|remark| match &remark.kind {
        RemarkKind::ValueNotInList { value, allowed, .. } => {
            let index = clues::index_of(value)?;
            // The other GPUs are not of another kind than CUDA's, and the machine has this one.
            let is_hidden = allowed.iter().any(|device| device.starts_with("cuda:"))
                && cards.as_ref().map_or(true, |count| index < *count);
            is_hidden.then(|| Evidence::log(remark.text.clone(), remark.line))
        }
        _ => None,
    })
}

/// What hides GPUs if ComfyUI is started in this way.
fn cause<'f>(facts: &Facts, way: Way<'f>) -> Option<Cause<'f>> {
    match way.value("--cuda-device") {
        Some("all") => {}
        Some(devices) => return Some(Cause::Option(devices)),
        None if way.variable("CUDA_VISIBLE_DEVICES").is_none() && !way.has("--default-device") => {
            return by_default(facts).map(Cause::Default);
        }
        None => {}
    }
    way.variable("CUDA_VISIBLE_DEVICES").map(Cause::Variable)
}

/// Does ComfyUI take the first GPU only, because nothing says otherwise? By its source, or by what it said.
fn by_default(facts: &Facts) -> Option<Seen> {
    if !clues::is_windows(facts) {
        return None;
    }
    let said = |start: &Start| start.remarks.iter().any(|remark| remark.kind == RemarkKind::SingleGpuOnWindows);
    match clues::first_gpu_only(facts) {
        Ok(Some(default)) => Some(Seen::Source(default)),
        Ok(None) => None,
        Err(_) => facts.last_start().is_ok_and(said).then_some(Seen::Log),
    }
}

impl Cause<'_> {
    /// How many GPUs are left.
    fn visible(&self) -> usize {
        match self {
            Self::Option(devices) | Self::Variable(devices) => {
                devices.split(',').filter(|device| !device.trim().is_empty()).count()
            }
            Self::Default(_) => 1,
        }
    }
}

fn found(facts: &Facts, way: Way<'_>, cause: &Cause<'_>) -> Finding {
    let name = way.name();
    let knows_all = matches!(clues::first_gpu_only(facts), Ok(Some(_)));
    let all = if knows_all { "--cuda-device all" } else { "" };
    let finding = match cause {
        Cause::Option(devices) => PROBLEM
            .finding(
                format!("{name} gives ComfyUI the argument `--cuda-device {devices}`, which hides all other GPUs"),
                way.start_with(facts, all, &["--cuda-device"]),
            )
            .because(way.evidence(format!("`--cuda-device {devices}`"))),
        Cause::Variable(devices) => PROBLEM
            .finding(
                format!("{name} sets CUDA_VISIBLE_DEVICES to `{devices}`, which hides all other GPUs"),
                all_visible(facts, way, devices),
            )
            .because(way.evidence(format!("CUDA_VISIBLE_DEVICES={devices}"))),
        Cause::Default(default) => {
            let pinned = !matches!(default, Seen::Source(default) if !default.warns_of_pinned_memory);
            let more = if pinned { "--cuda-device all --disable-pinned-memory" } else { "--cuda-device all" };
            let finding = PROBLEM
                .finding(
                    format!("{name} does not say which GPUs ComfyUI is to use, and on Windows it then takes the first one only"),
                    way.start_with(facts, more, &[]),
                )
                .because(way.evidence("neither `--cuda-device` nor `--default-device`"));
            match default {
                Seen::Source(FirstGpu { line, .. }) => {
                    let file = facts.installation.comfyui.join("main.py");
                    finding.because(Evidence::file("CUDA_VISIBLE_DEVICES is set to \"0\" here", file, Some(*line)))
                }
                Seen::Log => finding,
            }
        }
    };
    match clues::cards(facts) {
        Ok(cards) if cards.len() > 1 => {
            finding.because(Evidence::output(format!("{} GPUs", cards.len()), "nvidia-smi"))
        }
        _ => finding,
    }
}

/// All GPUs in the variable.
fn all_visible(facts: &Facts, way: Way<'_>, devices: &str) -> Step {
    let count = clues::cards(facts).map_or(2, <[_]>::len);
    let all = (0..count).map(|index| index.to_string()).collect::<Vec<_>>().join(",");
    let edit = match way {
        Way::Launch(launch) => clues::edit_where(
            launch,
            |line| line.contains("CUDA_VISIBLE_DEVICES") && line.contains(devices),
            |line| {
                let at = line.find("CUDA_VISIBLE_DEVICES").unwrap_or_default();
                format!("{}{}", &line[..at], line[at..].replacen(devices, &all, 1))
            },
        ),
        Way::Log(..) => None,
    };
    edit.unwrap_or_else(|| Step::Advice(format!("set CUDA_VISIBLE_DEVICES to {all} where ComfyUI is started")))
}

/// The log shows that a GPU is hidden, and nothing shows why.
fn unexplained(facts: &Facts, ways: &[Way<'_>], refusal: Evidence) -> Answer {
    if let Some(way) = ways.iter().find(|way| way.value("--cuda-device") == Some("all")) {
        return Err(format!(
            "the log shows that a GPU was hidden, and {} starts ComfyUI with all: the log is of another start",
            way.name()
        ));
    }
    let mut excluded = Vec::new();
    if !ways.is_empty() {
        excluded.push("`--cuda-device` is not given");
    }
    if !clues::is_windows(facts) {
        excluded.push("only on Windows ComfyUI takes the first GPU by itself");
    } else if matches!(clues::first_gpu_only(facts), Ok(None)) {
        excluded.push("this ComfyUI does not take the first GPU by itself");
    }
    let excluded = match &excluded[..] {
        [] => String::new(),
        excluded => format!(" ({})", excluded.join("; ")),
    };
    let message = format!(
        "ComfyUI does not see a GPU of the machine; what hides it is unknown{excluded}: look at \
                           CUDA_VISIBLE_DEVICES in the environment that ComfyUI is started from"
    );
    let command =
        if clues::is_windows(facts) { "cmd /c set CUDA_VISIBLE_DEVICES" } else { "printenv CUDA_VISIBLE_DEVICES" };
    Ok(vec![PROBLEM.finding(message, Step::Command(command.into())).because(refusal)])
}
