//! A compiled model takes more memory, or cannot be compiled.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::log::Raised;

pub(super) static PROBLEM: Problem = Problem {
    id: "torch-compile",
    title: "Compiling the model fails",
    about: "`TorchCompileModel` of ComfyUI compiles a model whose layers are on several devices as a whole, and can take several \
            gigabytes for that. In ComfyUI 0.3.75, layers that are copied in advance (async offload) disturb the compiler; 0.3.76 \
            does not copy them while a model is compiled.",
    help: "Use a compile node that compiles single blocks, such as those of ComfyUI-KJNodes, or none; with ComfyUI 0.3.75, update it \
           or start it with `--disable-async-offload`.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/105",
        "https://github.com/Comfy-Org/ComfyUI/issues/10957",
        "https://github.com/Comfy-Org/ComfyUI/pull/10961",
    ],
    rank: Rank::Stops,
    find,
};

/// The only release that copies layers in advance by default and does so while a model is compiled.
const DISTURBED: &str = "0.3.75";
/// The node of ComfyUI itself.
const CORE: &str = "TorchCompileModel";

fn find(facts: &Facts) -> Answer {
    let nodes: Vec<_> = facts
        .read_workflows()
        .flat_map(|(path, read)| clues::nodes(read, compiles).into_iter().map(move |(id, class)| (path, id, class)))
        .collect();
    let start = facts.last_start();
    if start.is_err() && facts.read_workflows().next().is_none() {
        return Err(String::from("neither a workflow nor a log is known"));
    }
    let failed = start.as_ref().ok().and_then(|start| {
        let last = clues::raised(start).last()?;
        let (_, text, raised) = last;
        let is_short =
            clues::shortage(raised, text).is_some_and(|short| !short.device.is_some_and(|device| device.is_cpu()));
        let is_core = nodes.iter().any(|(_, _, class)| class == CORE);
        (is_of_compiler(raised) || is_short && is_core && !clues::is_of_pinned_memory(raised)).then_some(last)
    });
    let version = facts.comfyui.ok().and_then(|comfyui| comfyui.version.as_deref());
    let version = version.or_else(|| start.as_ref().ok().and_then(|start| start.comfyui.as_deref()));
    let ways = clues::ways(facts);
    let is_disturbed = version == Some(DISTURBED) && !ways.iter().any(|way| way.has("--disable-async-offload"));
    if failed.is_none() && (nodes.is_empty() || !is_disturbed) {
        return Ok(Vec::new());
    }
    let node = nodes.first().map(|(path, id, class)| (path, format!("node {id} ({class})"), id));
    let step = match (&node, ways.first()) {
        (_, Some(way)) if is_disturbed => way.start_with(facts, "--disable-async-offload", &[]),
        (_, None) if is_disturbed => Step::Advice(String::from("start ComfyUI with `--disable-async-offload`")),
        (Some((_, name, _)), _) => {
            Step::Advice(format!("bypass {name}, or replace it by TorchCompileModelAdvanced of ComfyUI-KJNodes"))
        }
        (None, _) => Step::Advice(String::from("bypass the compile node of the workflow")),
    };
    let message = match (&failed, &node) {
        (Some((_, _, raised)), _) if is_of_compiler(raised) => String::from("Compiling the model failed"),
        (Some(_), Some((_, name, _))) => format!("A GPU had no memory left, with a model that {name} compiles"),
        _ => format!(
            "ComfyUI {DISTURBED} copies layers in advance while a model is compiled, which takes much memory, or fails"
        ),
    };
    let rank = if failed.is_some() { Rank::Stops } else { Rank::Wrong };
    let mut finding = PROBLEM.finding(message, step).ranked(rank);
    if let Some((line, text, _)) = failed {
        finding = finding.because(Evidence::log(text, line));
    }
    if let Some((path, _, id)) = node {
        finding = finding.because(Evidence::node("it compiles the model", *path, id.clone()));
    }
    if is_disturbed {
        finding = finding.because(Evidence::file(format!("ComfyUI {DISTURBED}"), &facts.installation.comfyui, None));
    }
    Ok(vec![finding])
}

/// Does a node of this class compile a model?
fn compiles(class: &str) -> bool {
    class.starts_with(CORE)
}

/// Was it raised by the compiler?
fn is_of_compiler(raised: &Raised) -> bool {
    const PARTS: [&str; 3] = ["_dynamo", "_inductor", "triton"];
    let is_its_own = |text: &str| PARTS[..2].iter().any(|part| text.contains(part));
    let file = |file: &str| is_its_own(file) || file.contains(PARTS[2]) && file.contains("compiler");
    is_its_own(&raised.class) || raised.frames.last().is_some_and(|frame| file(&frame.file))
}
