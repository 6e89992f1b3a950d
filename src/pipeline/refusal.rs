//! Why a repair must not be used: not understood, or not verified.

use std::fmt::Write as _;

use super::Repair;
use crate::fixes::{Site, Status};
use crate::python::Place;
use crate::text::{counted, shown, visible};
use crate::verify::{Mismatch, Verdict};

/// Why there is no repair, if there is none, and what to do.
pub fn not_understood(repair: &Repair) -> Option<String> {
    if repair.is_foreign() {
        return Some(format!(
            "{}: found neither a load list nor byte quotas in it\n\
             help: if this is distorch_2.py, it is too old to need a repair or newer than this version understands; in that case, please \
             report it",
            shown(&repair.sources.path(0))
        ));
    }
    let surveys = || repair.surveys.asked.iter().filter(|survey| survey.status == Status::NotUnderstood);
    let fixes = surveys().map(|survey| survey.fix.name()).collect::<Vec<_>>();
    if fixes.is_empty() {
        return None;
    }
    let mut text = format!("cannot repair {}: some code was not understood", fixes.join(" and "));
    let mut sites = surveys().flat_map(|survey| &survey.sites).filter(|site| site.state.is_unknown());
    if let Some(site) = sites.next() {
        let _ = write!(text, "\n  {}: {}", place(repair, site), visible(&site.message));
    }
    match sites.count() {
        0 => {}
        more => {
            let _ = write!(text, "\n  … and {}, which `distorch-fix check` shows", counted(more, "other place"));
        }
    }
    let help = match repair.surveys.asked.iter().find(|survey| survey.status == Status::Needed) {
        Some(other) => format!("--fix {} repairs what was understood", other.fix),
        None => String::from("repair it by hand, or report it together with the file"),
    };
    Some(format!("{text}\nhelp: {help}"))
}

fn place(repair: &Repair, site: &Site) -> String {
    let path = shown(&repair.sources.path(site.file));
    // A file with a site was parsed to find it.
    match repair.sources.package.source(site.file).map(|source| source.place(site.range.start)) {
        Ok(Place { line, column }) => format!("{path}:{line}:{column}"),
        Err(_) => path,
    }
}

/// Why a repair is not to be believed; nothing if it is.
pub fn not_verified(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Wrong(Mismatch { step, scenario, expected, given }) => Some(format!(
            "not verified: step `{step}` gave a wrong answer\n  {}\n  right: {}\n  given: {}\n\
             help: nothing was written; please report it together with the file",
            visible(scenario),
            visible(expected),
            visible(given)
        )),
        Verdict::Inconclusive(reason) => Some(format!(
            "not verified: the code could not be run\n  {}\n\
             help: nothing was written; --python PATH runs it in a real Python, --no-verify skips this step",
            visible(reason.trim()).replace('\n', "\n  ")
        )),
        Verdict::Verified(_) => None,
    }
}
