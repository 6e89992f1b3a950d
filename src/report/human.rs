//! For people at a terminal.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{BAD, FAINT, GOOD, STRONG, UNSURE, shown, visible};
use crate::cli::Target;
use crate::install::{Checkout, GitFacts};
use crate::patches::{Fix, Site, State, Status, Survey};
use crate::python::Source;
use crate::repair::{Change, Repair};

/// What to do after a repair.
pub const RESTART: &str = "Restart ComfyUI: it keeps the old code until then.\n";

/// The checkout and where it belongs.
pub fn checkout(checkout: &Checkout) -> String {
    let mut out = String::new();
    let version = checkout.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let disabled = if checkout.disabled { " (disabled)" } else { "" };
    let root = shown(&checkout.root);
    let _ = writeln!(out, "{STRONG}ComfyUI-MultiGPU{}{STRONG:#}{disabled} in {}", visible(&version), root);
    let mut facts = vec![checkout.evidence.to_string()];
    facts.extend(checkout.git.as_ref().and_then(head));
    if let Some(modified) = checkout.git.as_ref().and_then(|git| git.modified) {
        facts.push(if modified { "distorch_2.py edited since" } else { "distorch_2.py as committed" }.to_owned());
    }
    let _ = writeln!(out, "{FAINT}  {}{FAINT:#}", visible(&facts.join("; ")));
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
    let mut out = String::from("\n");
    for survey in &repair.surveys {
        let (style, word) = match survey.status {
            Status::Needed => (BAD, "to repair"),
            Status::InOrder => (GOOD, "in order"),
            Status::NotApplicable => (FAINT, "not here"),
            Status::NotUnderstood => (UNSURE, "not understood"),
        };
        let fix = survey.fix.name();
        let _ = writeln!(out, "{STRONG}{fix:<10}{STRONG:#} {style}{word}{style:#}: {}", verdict(repair, survey));
    }
    out
}

fn verdict(repair: &Repair, survey: &Survey) -> String {
    match (survey.status, survey.fix) {
        (Status::NotApplicable, _) if survey.note.is_some() => survey.note.clone().unwrap_or_default(),
        (Status::NotApplicable, Fix::LoadList) => "nothing reads a load list".to_owned(),
        (Status::NotApplicable, Fix::GpuOnly) => "this version has no byte quotas".to_owned(),
        (Status::NotUnderstood, _) => {
            let opaque = survey.sites.iter().find(|site| site.state == State::Opaque);
            opaque.map_or_else(
                || "too deep or too long to be followed".to_owned(),
                |site| format!("{}: {}", place(repair, site), visible(&site.message)),
            )
        }
        (_, Fix::LoadList) => {
            let parts = [
                (State::Legacy, "for 4 fields only"),
                (State::FiveOnly, "for 5 fields only"),
                (State::Any, "for any number of fields"),
                (State::Opaque, "not understood"),
            ];
            let counted = parts.iter().filter(|(state, _)| survey.count(*state) > 0);
            let counted: Vec<_> = counted.map(|(state, what)| format!("{} {what}", survey.count(*state))).collect();
            let note = survey.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
            let read = if survey.sites.len() == 1 { "place reads" } else { "places read" };
            format!("{} {read} a load list: {}{note}", survey.sites.len(), counted.join(", "))
        }
        (Status::Needed, Fix::GpuOnly) if survey.count(State::CpuFallback) > 0 => {
            "what byte quotas leave over goes to the CPU".to_owned()
        }
        (Status::Needed, Fix::GpuOnly) => "repaired by hand, with a mistake".to_owned(),
        (Status::InOrder, Fix::GpuOnly) => "what byte quotas leave over is shared by the listed GPUs".to_owned(),
    }
}

/// `1 edit`, `2 edits`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn place(repair: &Repair, site: &Site) -> String {
    let name = repair.package.path(site.file).display().to_string();
    let line = repair.package.source(site.file).map_or(1, |source| source.place(site.range.start).line);
    format!("{}:{line}", visible(&name))
}

/// Each finding with its source line. Those that `apply` repairs, and those that were not understood.
pub fn findings(repair: &Repair) -> String {
    let width = terminal_size::terminal_size().map_or(120, |(width, _)| usize::from(width.0).max(40));
    let renderer = Renderer::styled().term_width(width);
    let mut out = String::new();
    for survey in &repair.surveys {
        let shown = survey.sites.iter().filter(|site| site.state.needs_fix() || site.state == State::Opaque);
        for site in shown {
            let Ok(source) = repair.package.source(site.file) else { continue };
            let group = finding(repair, survey.fix, site, source);
            out.push_str(&renderer.render(&[group]));
            out.push_str("\n\n");
        }
    }
    out
}

fn finding<'r>(repair: &'r Repair, fix: Fix, site: &'r Site, source: &'r Source) -> Group<'r> {
    let level = if site.state == State::Opaque { Level::WARNING } else { Level::ERROR };
    // Only the line it begins on: a pattern or a statement can run over many.
    let start = source.line_start(site.range.start);
    let end = source.line_end(site.range.start);
    let line = source.text()[start..end].trim_start_matches('\u{feff}');
    let offset = end - line.len();
    let span = site.range.start - offset..site.range.end.min(end) - offset;
    let first = source.place(site.range.start).line;
    let path = repair.package.path(site.file).display().to_string();
    let snippet = Snippet::source(line)
        .line_start(first)
        .path(visible(&path).into_owned())
        .annotation(AnnotationKind::Primary.span(span).label(site.state.name()));
    level.primary_title(site.message.as_str()).id(fix.name()).element(snippet)
}

/// Nothing to do.
pub fn already_in_order(repair: &Repair) -> String {
    let file = repair.package.path(0).display().to_string();
    format!("\n{GOOD}{}{GOOD:#} is already in order; nothing was written.\n", visible(&file))
}

/// The end of a dry run.
pub fn dry_run(repair: &Repair) -> String {
    let edits: usize = repair.changes.iter().map(|change| change.edits.len()).sum();
    let (edits, files) = (counted(edits, "edit"), counted(repair.changes.len(), "file"));
    format!("\nDry run: {edits} in {files}, nothing was written.\n")
}

/// A file that was written.
pub fn written(repair: &Repair, change: &Change) -> String {
    let path = shown(&repair.path(change.file));
    format!("\n{GOOD}Repaired{GOOD:#} {path} ({}).\n", counted(change.edits.len(), "edit"))
}

/// What to do about the findings.
pub fn run_apply(target: &Target) -> String {
    let path = target.path.display().to_string();
    let path = if path == "." { String::new() } else { format!(" {}", visible(&path)) };
    format!("\nRun `distorch-fix apply{path}` to repair it, with --dry-run to see the change first.\n")
}

/// Why nothing was written.
pub fn nothing_written(repair: &Repair) -> String {
    let mut text = String::from("nothing was written:");
    for survey in repair.surveys.iter().filter(|survey| survey.status == Status::NotUnderstood) {
        let _ = write!(text, " {} was not understood ({});", survey.fix, verdict(repair, survey));
    }
    match repair.surveys.iter().find(|survey| survey.status == Status::Needed) {
        Some(other) => text + &format!(" to repair only what was, use --fix {}", other.fix),
        None => text + " repair it by hand, or report it with the file",
    }
}
