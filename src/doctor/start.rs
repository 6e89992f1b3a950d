//! What ComfyUI is to be started with, so that a repaired node and its workflows work.

use std::path::{Path, PathBuf};

use super::clues::{self, Way};
use super::problems::{OF_START, gpu_order};
use super::{Facts, Finding, Problem, Rank, Step};
use crate::text::listed;

/// What ComfyUI is to be started with.
#[derive(Debug, Default)]
pub struct Start {
    /// What starts it now, each with the place that says so; none if that is not known.
    pub launches: Vec<StartedBy>,
    /// What is to be changed about it, each with its step.
    pub changes: Vec<Finding>,
    /// Options that are given, and not needed any more once the node is repaired.
    pub spare: Vec<String>,
    /// What is unknown, and why.
    pub unknown: Vec<(&'static Problem, String)>,
}

/// Something that starts ComfyUI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedBy {
    /// Its file; none for a running process and for a log.
    pub file: Option<PathBuf>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The arguments behind `main.py`.
    pub arguments: Vec<String>,
}

/// What ComfyUI is to be started with, by the problems that are about its start.
pub fn start(facts: &Facts) -> Start {
    let mut start = Start { launches: launches(facts), spare: spare(facts), ..Start::default() };
    for problem in OF_START {
        match (problem.find)(facts) {
            // What a command solves is no matter of the start, and notes are none of work.
            Ok(found) => start.changes.extend(found.into_iter().filter(is_of_start)),
            Err(why) => start.unknown.push((problem, why)),
        }
    }
    if start.unknown.iter().any(|(problem, _)| **problem == gpu_order::PROBLEM)
        && let Some(precaution) = gpu_order::precaution(facts)
    {
        start.unknown.retain(|(problem, _)| **problem != gpu_order::PROBLEM);
        start.changes.push(precaution);
    }
    together(&mut start.changes);
    start
}

fn is_of_start(finding: &Finding) -> bool {
    finding.rank < Rank::Note && !matches!(finding.step, Step::Command(_))
}

fn launches(facts: &Facts) -> Vec<StartedBy> {
    let started = |way: Way<'_>| match way {
        Way::Launch(launch) => StartedBy {
            file: launch.file.clone(),
            line: launch.line.and_then(|line| usize::try_from(line).ok()),
            arguments: launch.arguments.clone(),
        },
        Way::Log(arguments, _) => StartedBy { file: None, line: None, arguments: arguments.to_vec() },
    };
    let mut all: Vec<StartedBy> = Vec::new();
    for way in clues::ways(facts) {
        let way = started(way);
        if !all.contains(&way) {
            all.push(way);
        }
    }
    all
}

/// The options that turn dynamic VRAM off: with the repair, the node acts with it too.
fn spare(facts: &Facts) -> Vec<String> {
    let Some(comfyui) = facts.comfyui.ok() else { return Vec::new() };
    let Some(option) = comfyui.dynamic.switches.off.first() else { return Vec::new() };
    let given = clues::ways(facts).into_iter().filter(|way| way.has(option));
    let mut names: Vec<String> = given.map(|way| way.name()).collect();
    names.dedup();
    if names.is_empty() { Vec::new() } else { vec![format!("`{option}` ({})", listed(names))] }
}

/// Makes edits of the same line one, which the last of them has: each was made of the line as it is.
fn together(changes: &mut [Finding]) {
    for at in 1..changes.len() {
        let (earlier, later) = changes.split_at_mut(at);
        let same = earlier.iter_mut().rev().find(|finding| finding.step.is_of_line_of(&later[0].step));
        if let Some(Finding { step: Step::Edit { after: first, .. }, .. }) = same
            && let Step::Edit { before, after, .. } = &mut later[0].step
            && let Some(both) = both(before, first, after)
        {
            after.clone_from(&both);
            *first = both;
        }
    }
}

/// A line with two changes of it; None if they are about the same part.
fn both(line: &str, one: &str, other: &str) -> Option<String> {
    let (mut first, mut second) = (replaced(line, one), replaced(line, other));
    if second.0 < first.0 {
        std::mem::swap(&mut first, &mut second);
    }
    let ((from, to, text), (from2, to2, text2)) = (first, second);
    (to <= from2).then(|| format!("{}{text}{}{text2}{}", &line[..from], &line[to..from2], &line[to2..]))
}

/// What of a line is replaced in another, and by what.
fn replaced<'o>(line: &str, other: &'o str) -> (usize, usize, &'o str) {
    let same = |(a, b): &(char, char)| a == b;
    let from: usize = line.chars().zip(other.chars()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
    let ends = line[from..].chars().rev().zip(other[from..].chars().rev());
    let end: usize = ends.take_while(same).map(|(c, _)| c.len_utf8()).sum();
    (from, line.len() - end, &other[from..other.len() - end])
}

impl StartedBy {
    /// The file and the line, for people; None if it has no file.
    pub fn place(&self) -> Option<(&Path, Option<usize>)> {
        Some((self.file.as_deref()?, self.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_line_are_made_together() {
        let line = "python main.py --port 8188";
        let all = "python main.py --cuda-device all --port 8188";
        let pinned = "python main.py --disable-pinned-memory --port 8188";
        let order = "set CUDA_DEVICE_ORDER=PCI_BUS_ID& python main.py --port 8188";
        let of = |one, other| both(line, one, other).unwrap();
        assert_eq!(of(all, order), "set CUDA_DEVICE_ORDER=PCI_BUS_ID& python main.py --cuda-device all --port 8188");
        assert_eq!(of(order, all), of(all, order));
        assert_eq!(of(all, pinned).split_whitespace().count(), 7);
        assert_eq!(both(line, "python main.py --port 1", "python main.py --port 2"), None);
    }
}
