//! Why a repair must not be used: not understood, or not verified.

use anyhow::{Error, anyhow};

use super::Repair;
use crate::advice::Advise as _;
use crate::fixes::{Site, Status};
use crate::python::{FileId, Place};
use crate::text::{counted, shown, visible};
use crate::verify::{Mismatch, Verdict};

/// Why there is no repair, if there is none, and what to do.
pub fn not_understood(repair: &Repair) -> Option<Error> {
    if repair.is_foreign() {
        let error =
            anyhow!("{}: found neither a load list nor byte quotas in it", shown(&repair.sources.path(FileId::FIRST)));
        return Some(error.help(
            "if this is distorch_2.py, it is too old to need a repair or newer than this version understands; in that \
             case, please report it",
        ));
    }
    let surveys = || repair.surveys.asked.iter().filter(|survey| survey.status == Status::NotUnderstood);
    let fixes = surveys().map(|survey| survey.fix.name()).collect::<Vec<_>>();
    if fixes.is_empty() {
        return None;
    }
    let error = anyhow!("cannot repair {}: some code was not understood", fixes.join(" and "));
    let mut sites = surveys().flat_map(|survey| &survey.sites).filter(|site| site.state.is_unknown());
    let first = sites.next().map(|site| format!("  {}: {}", place(repair, site), visible(&site.message)));
    let others = match sites.count() {
        0 => None,
        more => Some(format!("  … and {}, which `distorch-fix check` shows", counted(more, "other place"))),
    };
    let help = match repair.surveys.asked.iter().find(|survey| survey.status == Status::Needed) {
        Some(other) => format!("--fix {} repairs what was understood", other.fix),
        None => String::from("repair it by hand, or report it together with the file"),
    };
    Some(error.details(first.into_iter().chain(others)).help(help))
}

fn place(repair: &Repair, site: &Site) -> String {
    let path = shown(&repair.sources.path(site.file));
    // A file with a site was parsed to find it.
    match repair.sources.package.source(site.file).map(|source| source.place(site.range.start)) {
        Ok(Place { line, column }) => format!("{path}:{line}:{column}"),
        Err(_) => path,
    }
}

/// Why a repair is not verified; `None` if it is.
pub fn not_verified(verdict: &Verdict) -> Option<Error> {
    match verdict {
        Verdict::Wrong(Mismatch { step, scenario, expected, given }) => Some(
            anyhow!("not verified: step `{step}` gave an unexpected answer")
                .details([format!("  {scenario}"), format!("  expected: {expected}"), format!("  given: {given}")])
                .help(
                    "nothing was written; the file may be right and the repair incomplete: please report it together \
                     with the file",
                ),
        ),
        Verdict::Inconclusive(reason) => Some(
            anyhow!("not verified: the code could not be run")
                .details([format!("  {}", reason.trim())])
                .help("nothing was written; --python PATH runs it in a real Python, --no-verify skips this step"),
        ),
        Verdict::Verified(_) => None,
    }
}
