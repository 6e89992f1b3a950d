//! What to do next, as a command to paste.

use std::path::Path;

use super::source::Source;
use crate::cli::log::Log;
use crate::report::NextReport;
use crate::seen::Step;
use crate::text::quoted;

/// A step, with what this run was told about the installation and the workflow.
pub(super) fn next(step: Step, arguments: &Log, source: &Source) -> NextReport {
    let node = arguments.installation.node.as_deref().filter(|node| node.exists());
    let installation = node.or(source.comfyui.as_deref());
    let of = |command: &str, path: Option<&Path>| {
        path.map_or_else(|| command.to_owned(), |path| format!("{command} {}", quoted(path)))
    };
    let apply = || Some(of("distorch-fix apply", installation));
    let (what, command) = match step {
        Step::Repair => {
            ("repair the node, which reads the load lists of this ComfyUI wrongly; then start ComfyUI again", apply())
        }
        Step::HandOver => (
            "repair the node, so that it takes models from dynamic VRAM, and start ComfyUI again; or start it with \
             --disable-dynamic-vram",
            apply(),
        ),
        Step::KeepOnGpus => ("to keep all of it on the GPUs, repair the node, and start ComfyUI again", apply()),
        Step::Restart => ("start ComfyUI again, run the workflow, and look at its log then", None),
        Step::Run => ("run a workflow in ComfyUI, then look again", None),
        Step::Set => match arguments.workflow.first() {
            Some(file) => (
                "give the loaders strings with which the workflow fits",
                Some(of("distorch-fix workflow set --fit", Some(file))),
            ),
            None => {
                ("give the loaders of the workflow a string: `distorch-fix workflow set --fit WORKFLOW.json`", None)
            }
        },
        Step::Look => {
            let log = source.path.as_deref().map(|path| format!(" --log {}", quoted(path))).unwrap_or_default();
            ("look at the whole installation", Some(of("distorch-fix doctor", installation) + &log))
        }
    };
    NextReport { what: what.to_owned(), command }
}
