//! The node: where it is, what its code shows, and who repaired it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;

use crate::cache::Cache;
use crate::comfyui;
use crate::doctor::{Known, NodeCode, NodeFacts, NodeSource};
use crate::install::layout::Installation;
use crate::install::{self, Checkout, Files};
use crate::pipeline::{self, Judgement, Repair};
use crate::revert::Reversal;
use crate::store::Store;

/// The file that lists what the registry has installed in a folder.
const TRACKING: &str = ".tracking";

/// The checkout that this installation loads.
pub(super) fn node(
    installation: &Installation,
    files: &Files,
    comfyui: &Result<comfyui::Facts>,
    cache: Option<&Cache>,
) -> Known<NodeFacts> {
    let (mut enabled, disabled) = checkouts(installation);
    if enabled.is_empty() {
        return Known::Unknown(match disabled.first() {
            Some(checkout) => format!("ComfyUI-MultiGPU is disabled: {}", checkout.root.display()),
            None => String::from("ComfyUI-MultiGPU is not installed"),
        });
    }
    let checkout = enabled.remove(0);
    let code = pipeline::look(&checkout, Some((files, comfyui)), cache);
    let code = code.map(|(repair, judgement)| code_of(&checkout, repair, judgement));
    let changed = code.as_ref().ok().and_then(|code| changed(&code.repair));
    let source = source(&checkout);
    let others = enabled.into_iter().map(|other| other.root).collect();
    Known::Is(NodeFacts { checkout, source, others, changed, code: code.into() })
}

/// The checkouts in the folders of packs: those that are loaded, and those that are disabled.
fn checkouts(installation: &Installation) -> (Vec<Checkout>, Vec<Checkout>) {
    let searches = installation.custom_nodes.iter().filter_map(|folder| install::locate(folder).ok());
    searches.flat_map(|search| search.checkouts).partition(|checkout| !checkout.disabled)
}

fn code_of(checkout: &Checkout, repair: Repair, judgement: Judgement<'_>) -> NodeCode {
    let Judgement { pair, conflicts, loaders, .. } = judgement;
    let reversal = Store::of(checkout).and_then(|store| Reversal::of(checkout, &store));
    NodeCode { repair, pair, conflicts, loaders, reversal: reversal.into() }
}

fn source(checkout: &Checkout) -> NodeSource {
    if checkout.git.is_some() {
        NodeSource::Git
    } else if checkout.root.join(TRACKING).is_file() {
        NodeSource::Registry
    } else {
        NodeSource::Copied
    }
}

/// When a file of the node was changed last.
fn changed(repair: &Repair) -> Option<SystemTime> {
    let sources = &repair.sources;
    let paths = sources.package.ids().map(|file| sources.path(file));
    paths.filter_map(|path: PathBuf| modified(&path)).max()
}

/// When a file was changed last.
pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
