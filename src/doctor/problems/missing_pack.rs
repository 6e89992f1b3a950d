//! A workflow needs loaders that are not there, because the pack that they wrap is not.

use std::path::{Path, PathBuf};

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Finding, Pack, Problem, Rank, Step};
use crate::inputs::names;
use crate::log::RemarkKind;
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "missing-pack",
    title: "Loaders of a workflow are missing",
    about: "The node wraps loaders of other packs, and registers them only if it finds those packs, by the names of their folders. \
            Without ComfyUI-GGUF there are no GGUF loaders: they are red, and ComfyUI refuses the workflow with \"Node not found\".",
    help: "Install ComfyUI-GGUF in a folder of that name.",
    sources: &[
        "https://github.com/city96/ComfyUI-GGUF",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/42",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/56",
    ],
    rank: Rank::Stops,
    find,
};

/// The pack: a part of the names of its loaders, its folder, and where it is from.
const GGUF: (&str, &str, &str) = ("GGUF", "ComfyUI-GGUF", "https://github.com/city96/ComfyUI-GGUF");

fn find(facts: &Facts) -> Answer {
    clues::both(in_workflows(facts), in_log(facts))
}

/// Classes that the workflows need, and the node does not register.
fn in_workflows(facts: &Facts) -> Answer {
    facts.node.get()?;
    let packs = facts.packs.get()?;
    let mut is_known = false;
    for (path, read) in facts.read_workflows() {
        is_known = true;
        let missing = read.findings.found.iter().find(|found| is_about(found));
        if let Some(missing) = missing {
            let mut finding = found(facts, packs, &missing.nodes[0].class);
            let nodes = missing.nodes.iter().map(|node| Evidence::node(missing.message.clone(), path, &*node.id));
            finding.evidence.splice(0..0, nodes);
            return Ok(vec![finding]);
        }
    }
    if is_known { Ok(Vec::new()) } else { Err(String::from("no workflow is known (--workflow)")) }
}

/// Is it a class that is missing because a pack is?
pub(super) fn is_about(found: &crate::checks::Finding) -> bool {
    found.check.id == "missing-class" && found.nodes.first().is_some_and(|node| node.class.contains(GGUF.0))
}

/// A class that ComfyUI did not know.
fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let packs = facts.packs.get()?;
    let unknown = start.remarks.iter().rev().find_map(|remark| match &remark.kind {
        RemarkKind::NodeNotFound { class } if names::is_own(class) && class.contains(GGUF.0) => Some((remark, class)),
        _ => None,
    });
    let Some((remark, class)) = unknown else { return Ok(Vec::new()) };
    // It may have been installed since.
    if packs.iter().any(|pack| pack.name == GGUF.1) {
        return Ok(Vec::new());
    }
    Ok(vec![found(facts, packs, class).because(Evidence::log(remark.text.clone(), remark.line))])
}

fn found(facts: &Facts, packs: &[Pack], class: &str) -> Finding {
    let folder = facts.installation.custom_nodes.first().cloned().unwrap_or_default();
    let same: Vec<&Pack> = packs.iter().filter(|pack| plain(&pack.name).contains(&plain(GGUF.1))).collect();
    let disabled = same.iter().find(|pack| pack.is_disabled);
    match (same.iter().find(|pack| !pack.is_disabled), disabled) {
        (Some(pack), _) => {
            let message =
                format!("`{class}` is missing: the node does not look for {} in a folder `{}`", GGUF.1, pack.name);
            PROBLEM.finding(message, renamed(facts, &pack.path)).because(Evidence::file("it is here", &pack.path, None))
        }
        (None, Some(pack)) => {
            let message = format!("`{class}` is missing, because {} is disabled", GGUF.1);
            PROBLEM.finding(message, renamed(facts, &pack.path)).because(Evidence::file("it is here", &pack.path, None))
        }
        (None, None) => {
            let message = format!("`{class}` is missing, because {} is not installed", GGUF.1);
            let step = Step::Command(format!("git clone {} {}", GGUF.2, quoted(&folder.join(GGUF.1))));
            PROBLEM.finding(message, step).because(Evidence::file(format!("it has no folder {}", GGUF.1), folder, None))
        }
    }
}

/// What gives a folder the name that the node looks for.
fn renamed(facts: &Facts, path: &Path) -> Step {
    let target: PathBuf = path.with_file_name(GGUF.1);
    Step::Command(if clues::is_windows(facts) {
        format!("ren {} {}", quoted(path), GGUF.1)
    } else {
        format!("mv {} {}", quoted(path), quoted(&target))
    })
}

/// Letters and digits only, as the node compares names since 2.6.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}
