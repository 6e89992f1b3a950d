//! Why a log has no loads of the node.

use std::path::PathBuf;
use std::time::SystemTime;

use super::step::Step;
use crate::log::{Container, End, Log, Remark, RemarkKind, SeenPack, Start};
use crate::text::counted;

/// What is known of the installation that a log is of.
#[derive(Debug, Clone, Default)]
pub struct Installed {
    /// The folder of the node.
    pub node: Option<PathBuf>,
    /// When its newest file was changed.
    pub changed: Option<SystemTime>,
    /// When the log was last written.
    pub logged: Option<SystemTime>,
}

impl Installed {
    /// Was the node changed after the log was last written? ComfyUI has then not been started since.
    pub fn is_stale(&self) -> bool {
        matches!((self.changed, self.logged), (Some(changed), Some(logged)) if changed > logged)
    }
}

/// Why there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Whole sentences.
    pub why: String,
    /// What to do.
    pub step: Option<Step>,
}

fn silence(why: impl Into<String>, step: Option<Step>) -> Silence {
    Silence { why: why.into(), step }
}

/// Why the starts that count have no loads of the node; None if they have.
pub fn of(log: &Log, starts: &[&Start], installed: &Installed) -> Option<Silence> {
    if log.bytes == 0 {
        return Some(silence("The log is empty.", Some(Step::Run)));
    }
    if starts.iter().any(|start| has_loads(start)) {
        return None;
    }
    Some(match starts.last().filter(|start| !is_foreign(start)) {
        Some(start) => of_start(start, installed),
        None => silence("The log has no line that ComfyUI or the node writes: it is of something else.", None),
    })
}

/// Does nothing in it look like ComfyUI?
fn is_foreign(start: &Start) -> bool {
    !start.is_begun_here
        && start.comfyui.is_none()
        && start.devices.is_empty()
        && start.packs.is_empty()
        && start.prompts.is_empty()
        && start.node.line.is_none()
}

fn has_loads(start: &Start) -> bool {
    !start.banners.is_empty()
        || start.prompts.iter().flat_map(|prompt| &prompt.loads).any(|load| !load.assigned.is_empty())
        || start.prompts.iter().flat_map(|prompt| &prompt.loads).any(|load| load.is_as_asked() == Some(false))
}

fn of_start(start: &Start, installed: &Installed) -> Silence {
    if start.container == Container::VerboseFile {
        return silence(
            "It is a file of `--verbose LEVEL FILE`, which never has the node's lines: the node writes them to standard error \
             only. Read what ComfyUI prints (`python main.py 2>&1 | distorch-fix log -`), or ComfyUI-Manager's comfyui.log.",
            None,
        );
    }
    let node = start.packs.iter().find(|pack| is_node(pack));
    if let Some(SeenPack { why, line, .. }) = node.filter(|pack| pack.failed) {
        let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        return silence(format!("ComfyUI could not import ComfyUI-MultiGPU (line {line}){why}."), Some(Step::Look));
    }
    if start.node.line.is_none() {
        return unseen(start, node.is_some(), installed);
    }
    let rejected = start.prompts.iter().filter(|prompt| prompt.end == End::Rejected).count();
    match start.prompts.len() {
        0 => silence("No prompt has run since ComfyUI was started.", Some(Step::Run)),
        all if all == rejected => {
            let why = refusal(start).map(|text| format!(": {text}")).unwrap_or_default();
            silence(format!("ComfyUI refused {}{why}.", every(all)), Some(Step::Look))
        }
        _ => silence(
            "No DisTorch2 loader ran: the prompts used other loaders, or what ComfyUI still had of earlier ones.",
            None,
        ),
    }
}

/// The log has no line of the node at all.
fn unseen(start: &Start, is_imported: bool, installed: &Installed) -> Silence {
    if is_imported {
        return silence(
            "ComfyUI imported ComfyUI-MultiGPU, and none of its lines is here: it writes to standard error, and the log has \
             only standard output. Collect both with `2>&1`.",
            None,
        );
    }
    if start.packs.is_empty() {
        let why = if start.is_begun_here {
            "ComfyUI did not come so far that it imported custom nodes."
        } else {
            "The beginning of this start is not in the log, so whether the node was imported is not known; no DisTorch2 loader \
             ran in what is there."
        };
        return silence(why, Some(Step::Look));
    }
    match &installed.node {
        None => silence(
            "This ComfyUI has no ComfyUI-MultiGPU: it is not installed, or the log is of another server.",
            Some(Step::Look),
        ),
        Some(node) => {
            let here = node.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            silence(
                format!(
                    "This ComfyUI did not load the folder {here}: the log is of another server, or of a start before the node \
                     was installed."
                ),
                Some(Step::Restart),
            )
        }
    }
}

/// Is it the node's folder, by its name?
fn is_node(pack: &SeenPack) -> bool {
    let name = pack.path.rsplit(['/', '\\']).next().unwrap_or_default();
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    letters.to_ascii_lowercase().starts_with("comfyuimultigpu")
}

/// Why the newest prompt was refused: by a line about a node, or else by any.
fn refusal(start: &Start) -> Option<String> {
    let said = |remark: &Remark| {
        let (node, message) = match &remark.kind {
            RemarkKind::ValueNotInList { class, id, input, value, .. } => {
                ((class, id), format!("{value:?} is none of the values that `{input}` can have"))
            }
            RemarkKind::Invalid { class, id, message } => ((class, id), message.trim_end_matches('.').to_owned()),
            RemarkKind::NodeNotFound { class } => return Some(format!("it does not know the node `{class}`")),
            _ => return None,
        };
        let (Some(class), Some(id)) = node else { return None };
        Some(format!("node {id} ({class}): {message}"))
    };
    let newest = start.prompts.last()?;
    let remarks = || start.remarks.iter().filter(|remark| (newest.line..=newest.last_line).contains(&remark.line));
    remarks().find_map(said).or_else(|| remarks().next().map(|remark| remark.text.trim().to_owned()))
}

fn every(prompts: usize) -> String {
    if prompts == 1 { "the prompt".to_owned() } else { format!("all {}", counted(prompts, "prompt")) }
}
