//! For people at a terminal: the checkout, the verdicts, and what comes of them.

use std::fmt::Write as _;

use super::columns::{columns, wrapped};
use super::{BAD, FAINT, GOOD, STRONG, UNSURE, counted, shown, visible};
use crate::cli::{Accounting, Target};
use crate::install::{Checkout, Evidence, GitFacts};
use crate::patches::{Fix, Site, State, Status, Survey};
use crate::python::{Place, Unreadable};
use crate::repair::{Repair, Unread};

/// Columns in front of a verdict: the name of the fix.
const INDENT: usize = 11;

/// The checkout and where it belongs.
pub fn checkout(checkout: &Checkout) -> String {
    let mut out = String::new();
    if checkout.evidence == Evidence::Named {
        let _ = writeln!(out, "{STRONG}{}{STRONG:#}", shown(&checkout.file));
    } else {
        let version = checkout.version.as_deref().map(|version| format!(" {}", visible(version))).unwrap_or_default();
        let disabled = if checkout.disabled { " (disabled)" } else { "" };
        let root = shown(&checkout.root);
        let _ = writeln!(out, "{STRONG}ComfyUI-MultiGPU{version}{STRONG:#}{disabled} in {root}");
    }
    let mut facts = vec![checkout.evidence.to_string()];
    facts.extend(checkout.git.as_ref().and_then(head));
    if let Some(modified) = checkout.git.as_ref().and_then(|git| git.modified) {
        facts.push(if modified { "distorch_2.py edited since" } else { "distorch_2.py as committed" }.to_owned());
    }
    for fact in facts {
        let _ = writeln!(out, "{FAINT}  {}{FAINT:#}", visible(&fact));
    }
    if let Some(comfyui) = &checkout.comfyui {
        let version = comfyui.version.as_deref().unwrap_or("of unknown version");
        let _ = writeln!(out, "{FAINT}  ComfyUI {} in {}{FAINT:#}", visible(version), shown(&comfyui.root));
    }
    out
}

fn head(git: &GitFacts) -> Option<String> {
    let head = git.head.as_ref()?;
    let branch = head.branch.as_deref().map_or_else(|| String::from("detached"), |branch| format!("branch {branch}"));
    let describe = head.describe.as_deref().map(|describe| format!(", {describe}")).unwrap_or_default();
    Some(format!("{branch} at {}{describe}", head.short_id))
}

/// One line per fix.
pub fn verdicts(repair: &Repair) -> String {
    let mut out = String::new();
    for survey in &repair.surveys {
        let (style, word) = match survey.status {
            Status::Needed => (BAD, "to repair"),
            Status::InOrder => (GOOD, "in order"),
            Status::NotApplicable => (FAINT, "not applicable"),
            Status::NotUnderstood => (UNSURE, "not understood"),
        };
        let fix = survey.fix.name();
        let verdict = wrapped(&verdict(survey), INDENT + word.len() + 2, INDENT, columns());
        let _ = writeln!(out, "{STRONG}{fix:<10}{STRONG:#} {style}{word}{style:#}: {verdict}");
    }
    out
}

fn verdict(survey: &Survey) -> String {
    match (survey.status, survey.fix) {
        (Status::NotApplicable, fix) => survey.note.clone().unwrap_or_else(|| absent(fix).to_owned()),
        (Status::NotUnderstood, Fix::LoadList) => {
            let opaque = survey.count(State::Opaque);
            format!("{} a load list", counted(opaque, "place") + if opaque == 1 { " that reads" } else { " that read" })
        }
        (_, Fix::LoadList) => {
            let parts = [
                (State::Legacy, "for 4 fields only"),
                (State::FiveOnly, "for 5 fields only"),
                (State::Any, "for any number of fields"),
                (State::Opaque, "not understood"),
            ];
            let parts: Vec<_> = parts.iter().filter(|(state, _)| survey.count(*state) > 0).collect();
            let how = match parts[..] {
                [(_, what)] if survey.sites.len() > 1 => format!(", all {what}"),
                [(_, what)] => format!(", {what}"),
                _ => {
                    let each = parts.iter().map(|(state, what)| format!("{} {what}", survey.count(*state)));
                    format!(": {}", each.collect::<Vec<_>>().join(", "))
                }
            };
            let verb = if survey.sites.len() == 1 { "reads" } else { "read" };
            let note = survey.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
            format!("{} {verb} a load list{how}{note}", counted(survey.sites.len(), "place"))
        }
        (Status::Needed, Fix::GpuOnly) if survey.count(State::CpuFallback) > 0 => {
            "what byte quotas leave over goes to the CPU".to_owned()
        }
        (Status::Needed, Fix::GpuOnly) => "repaired by hand, with a mistake".to_owned(),
        (Status::InOrder, Fix::GpuOnly) => "what byte quotas leave over is shared by the listed GPUs".to_owned(),
        (Status::NotUnderstood, Fix::GpuOnly) => "where byte quotas put what they leave over was not found".to_owned(),
    }
}

fn absent(fix: Fix) -> &'static str {
    match fix {
        Fix::LoadList => "nothing was found that reads a load list",
        Fix::GpuOnly => "no byte quotas were found",
    }
}

/// A file that could not be understood as Python.
pub fn unread(unread: &Unread) -> String {
    let path = shown(&unread.path);
    let said = match &unread.reason {
        Unreadable::Syntax(Place { line, column }, text) => {
            format!("{path}:{line}:{column}: not valid Python: `{}`", visible(text.trim()))
        }
        reason => format!("{path}: {reason}"),
    };
    let help = match &unread.reason {
        Unreadable::NotUtf8(_) => "save the file as UTF-8 and try again",
        Unreadable::TooLarge(_) => "restore the file, or name the right one, and try again",
        Unreadable::Nul(_) | Unreadable::Syntax(..) | Unreadable::TooDeep(_) => {
            "Python cannot load it either; restore the file, or update the node, and try again"
        }
    };
    format!("{said}\nhelp: {help}")
}

/// Nothing to do.
pub fn already_in_order(repair: &Repair) -> String {
    format!("{GOOD}Already in order{GOOD:#}: nothing was written to {}.\n", shown(&repair.path(0)))
}

/// The end of a dry run.
pub fn dry_run(repair: &Repair) -> String {
    let edits: usize = repair.changes.iter().map(|change| change.edits.len()).sum();
    let (edits, files) = (counted(edits, "edit"), counted(repair.changes.len(), "file"));
    format!("Dry run: {edits} in {files}, nothing was written.\n")
}

/// The files that were written, and what to do now.
pub fn written(repair: &Repair) -> String {
    let mut out = String::new();
    for change in &repair.changes {
        let (path, edits) = (shown(&repair.path(change.file)), counted(change.edits.len(), "edit"));
        let _ = writeln!(out, "{GOOD}Repaired{GOOD:#} {path} ({edits}).");
    }
    out + "Restart ComfyUI: it keeps the old code until then.\n"
}

/// What to do about the findings.
pub fn run_apply(target: &Target, all: bool) -> String {
    let mut command = String::from("distorch-fix apply");
    if target.path.as_os_str() != "." {
        let path = visible(&target.path.display().to_string()).into_owned();
        let is_plain = |c: char| c.is_alphanumeric() || "/\\._-~:+,@".contains(c);
        let quote = if path.chars().all(is_plain) { "" } else { "\"" };
        let _ = write!(command, " {quote}{path}{quote}");
    }
    for fix in target.fixes().iter().filter(|_| !target.fixes.is_empty()) {
        let _ = write!(command, " --fix {fix}");
    }
    if target.accounting == Accounting::Offload {
        command.push_str(" --accounting offload");
    }
    if all {
        command.push_str(" --all");
    }
    format!("To repair: {STRONG}{command}{STRONG:#}\n           (--dry-run shows the change and writes nothing)\n")
}

/// Why there is no repair, if there is none, and what to do.
pub fn refusal(repair: &Repair) -> Option<String> {
    if repair.is_foreign() {
        return Some(format!(
            "{}: found neither a load list nor byte quotas in it\n\
             help: if this is a distorch_2.py, it is too old to need a repair, or too new for this program: report it then",
            shown(&repair.path(0))
        ));
    }
    let surveys = || repair.surveys.iter().filter(|survey| survey.status == Status::NotUnderstood);
    let fixes = surveys().map(|survey| survey.fix.name()).collect::<Vec<_>>();
    if fixes.is_empty() {
        return None;
    }
    let mut text = format!("{} not understood, so there is no repair", fixes.join(" and "));
    let mut sites = surveys().flat_map(|survey| &survey.sites).filter(|site| site.state == State::Opaque);
    if let Some(site) = sites.next() {
        let _ = write!(text, "\n  {}: {}", place(repair, site), visible(&site.message));
    }
    match sites.count() {
        0 => {}
        more => {
            let _ = write!(text, "\n  … and {}, which `distorch-fix check` shows", counted(more, "other place"));
        }
    }
    let help = match repair.surveys.iter().find(|survey| survey.status == Status::Needed) {
        Some(other) => format!("--fix {} repairs what was understood", other.fix),
        None => String::from("repair it by hand, or report it together with the file"),
    };
    Some(format!("{text}\nhelp: {help}"))
}

fn place(repair: &Repair, site: &Site) -> String {
    let path = shown(&repair.path(site.file));
    // A file with a site was parsed to find it.
    match repair.package.source(site.file).map(|source| source.place(site.range.start)) {
        Ok(Place { line, column }) => format!("{path}:{line}:{column}"),
        Err(_) => path,
    }
}
