//! On Windows, pinned memory fails with several GPUs.

use crate::doctor::clues::{self, Way};
use crate::doctor::{Answer, Evidence, Facts, Finding, Problem, Rank, Step};
use crate::log::{RemarkKind, Start};

pub(super) static PROBLEM: Problem = Problem {
    id: "pinned-memory",
    title: "Pinned memory fails with several GPUs",
    about: "On Windows, copies from pinned memory to a GPU can fail as soon as a process uses several of them: \"HostBuffer.\
            read_file_slice failed\", and then \"CUDA error: out of memory\" on a GPU with room. ComfyUI pins memory by default. Its \
            developers take it for a fault of CUDA.",
    help: "Start ComfyUI with `--disable-pinned-memory`, or with one GPU.",
    sources: &[
        "https://github.com/Comfy-Org/ComfyUI/issues/14250",
        "https://github.com/Comfy-Org/ComfyUI/issues/15255",
        "https://github.com/Comfy-Org/ComfyUI/pull/15737",
    ],
    rank: Rank::Stops,
    find,
};

const OPTION: &str = "--disable-pinned-memory";

fn find(facts: &Facts) -> Answer {
    let ways = clues::ways(facts);
    let pinning: Vec<Way<'_>> = ways.iter().copied().filter(|way| !way.has(OPTION)).collect();
    let start = facts.last_start();
    let failure = start.as_ref().ok().and_then(|start| failed(start));
    let count = visible(facts, start.as_ref().ok().copied(), &ways);
    match (failure, count) {
        (Some(_), _) if pinning.is_empty() && !ways.is_empty() => {
            Err(format!("a copy from memory failed, though ComfyUI is started with `{OPTION}`"))
        }
        (Some(_), Some(0 | 1)) => Err(String::from(
            "a copy from memory failed, but ComfyUI sees one GPU only, with which this is not known to be the cause",
        )),
        (Some((line, text)), count) => {
            let sees = count.map(|count| format!(", and ComfyUI sees {count} GPUs")).unwrap_or_default();
            let message = format!("A copy from pinned memory to a GPU failed{sees}");
            let finding = PROBLEM.finding(message, step(facts, &pinning)).because(Evidence::log(text, line));
            Ok(vec![with_way(finding, &pinning)])
        }
        (None, _) => Ok(risk(facts, start.ok(), &pinning, count).into_iter().collect()),
    }
}

/// What shows that it may fail, if it has not.
fn risk(facts: &Facts, start: Option<&Start>, pinning: &[Way<'_>], count: Option<usize>) -> Option<Finding> {
    let warning = |start: &Start| {
        let remarks = start.remarks.iter();
        let warning = remarks.rev().find(|remark| remark.kind == RemarkKind::PinnedMemoryOnWindows)?;
        Some(Evidence::log(warning.text.clone(), warning.line))
    };
    let first = pinning.first()?;
    let finding = |message: &str| {
        let finding = PROBLEM.finding(message, step(facts, pinning)).ranked(Rank::Costs);
        finding.because(first.evidence(format!("`{OPTION}` is not given")))
    };
    if let Some(warning) = start.and_then(warning) {
        return Some(finding("ComfyUI warns of pinned memory with several GPUs").because(warning));
    }
    // By the source, if it warns of that, and by the arguments.
    let warns = matches!(clues::first_gpu_only(facts), Ok(Some(default)) if default.warns_of_pinned_memory);
    let several = pinning.iter().all(|way| asks_for_several(*way)) && count.is_some_and(|count| count > 1);
    let may_fail = clues::is_windows(facts) && warns && several;
    may_fail.then(|| finding("ComfyUI is started with several GPUs and with pinned memory"))
}

/// Do its arguments ask for several GPUs?
fn asks_for_several(way: Way<'_>) -> bool {
    way.value("--cuda-device").is_some_and(|devices| devices == "all" || devices.contains(','))
        || way.has("--default-device")
        || way.variable("CUDA_VISIBLE_DEVICES").is_some_and(|devices| devices.contains(','))
}

/// How many GPUs ComfyUI sees, as far as that is known.
fn visible(facts: &Facts, start: Option<&Start>, ways: &[Way<'_>]) -> Option<usize> {
    let cards = clues::cards(facts).ok().map(<[_]>::len);
    if cards == Some(1) {
        return Some(1);
    }
    let seen = start.map(|start| start.devices.iter().filter(|device| device.name.starts_with("cuda:")).count());
    if let Some(seen) = seen.filter(|seen| *seen > 1) {
        return Some(seen);
    }
    if start.is_some_and(|start| start.remarks.iter().any(|remark| remark.kind == RemarkKind::SingleGpuOnWindows)) {
        return Some(1);
    }
    let named = ways.first().and_then(|way| {
        let devices = way.value("--cuda-device").or_else(|| way.variable("CUDA_VISIBLE_DEVICES"));
        devices.filter(|devices| *devices != "all").map(|devices| devices.split(',').count())
    });
    named.or(cards)
}

/// The failure, if nothing has succeeded since.
fn failed(start: &Start) -> Option<(u64, &str)> {
    let raised = clues::raised(start)
        .filter(|(_, text, raised)| clues::is_of_pinned_memory(raised) || text.contains("HostBuffer."));
    raised.map(|(line, text, _)| (line, text)).last()
}

fn step(facts: &Facts, pinning: &[Way<'_>]) -> Step {
    match pinning.first() {
        Some(way) => way.start_with(facts, OPTION, &[]),
        None => Step::Advice(format!("start ComfyUI with `{OPTION}`")),
    }
}

fn with_way(finding: Finding, pinning: &[Way<'_>]) -> Finding {
    match pinning.first() {
        Some(way) => finding.because(way.evidence(format!("`{OPTION}` is not given"))),
        None => finding,
    }
}
