//! What a log says: by start, by prompt, and by load.

mod load;
mod told;

use std::fmt::Write as _;

use anyhow::Result;

pub use told::told;

use super::Human;
use crate::allocator::gigabytes;
use crate::render::columns::{columns, width, wrapped};
use crate::render::style::{BAD, FAINT, GOOD, NEXT, STRONG, UNSURE};
use crate::render::{Render, Screen};
use crate::report::{
    CountReport, LoadOutcome, LogReport, NextReport, PromptEnd, PromptReport, RemarkKindReport, RemarkReport,
    StartReport, worded,
};
use crate::text::{counted, visible};

/// So many lines of a kind are shown for each prompt.
const MOST_REMARKS: usize = 3;
/// So many prompts of a start are shown, the newest.
const MOST_PROMPTS: usize = 20;

impl Render<LogReport> for Human {
    fn render(&self, report: &LogReport, screen: &mut Screen) -> Result<()> {
        screen.note(&head(report))?;
        for start in &report.starts {
            if !start.counts {
                screen.note(&earlier(start))?;
                continue;
            }
            screen.note(&self::start(start))?;
            let shown = if report.is_whole { start.prompts.len() } else { MOST_PROMPTS };
            let (older, newest) = start.prompts.split_at(start.prompts.len().saturating_sub(shown));
            screen.note(&left_out(older))?;
            for prompt in newest {
                let block = self::prompt(prompt);
                if prompt.loads.iter().any(|load| load.is_as_asked == Some(false)) {
                    screen.print(&block)?;
                } else {
                    screen.note(&block)?;
                }
            }
        }
        let verdict = verdict(report);
        Ok(if report.exit_code == 0 { screen.note(&verdict) } else { screen.print(&verdict) }?)
    }
}

/// The log, and which others there are.
fn head(report: &LogReport) -> String {
    let name =
        report.file.as_ref().map_or_else(|| "standard input".to_owned(), |file| visible(&file.shown()).into_owned());
    let starts = match report.starts.len() {
        0 | 1 => String::new(),
        some => format!(", {some} starts of ComfyUI"),
    };
    let lines = counted(usize::try_from(report.lines).unwrap_or(usize::MAX), "line");
    let encoding = if report.encoding == "UTF-8" { String::new() } else { format!(", {}", report.encoding) };
    let about = format!("{lines}{starts}{encoding}");
    let mut out =
        format!("{STRONG}{name}{STRONG:#}  {FAINT}{}{FAINT:#}\n", wrapped(&about, width(&name, 0) + 2, 2, columns()));
    if !report.earlier.is_empty() {
        let why = if report.is_whole { "no longer kept" } else { "only counted, and not judged without --all" };
        let text = format!("{why}, because the log is large: {}", counts(&report.earlier));
        let _ = writeln!(out, "  {UNSURE}{}{UNSURE:#}", wrapped(&text, 2, 4, columns()));
    }
    if !report.other_files.is_empty() {
        let others: Vec<String> = report.other_files.iter().map(|file| visible(&file.shown()).into_owned()).collect();
        let text = format!("other logs: {}", others.join(", "));
        let _ = writeln!(out, "  {FAINT}{}{FAINT:#}", wrapped(&text, 2, 4, columns()));
    }
    out
}

/// A start that does not count, in one line.
fn earlier(start: &StartReport) -> String {
    let text = format!("{}: {}", name(start), counts(&start.totals));
    format!("{FAINT}{}{FAINT:#}\n", wrapped(&visible(&text), 0, 2, columns()))
}

/// `ComfyUI 0.18.1 at line 12`
fn name(start: &StartReport) -> String {
    let version = start.comfyui.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let source = start.source.as_ref().map(|source| format!(" of {source}")).unwrap_or_default();
    let line = if start.begins_here {
        format!("started at line {}", start.line)
    } else {
        format!("from line {}, its start is not there", start.line)
    };
    format!("ComfyUI{version}{source} {line}")
}

fn counts(totals: &[CountReport]) -> String {
    if totals.is_empty() {
        return "no load of a model".to_owned();
    }
    worded(totals)
}

fn start(start: &StartReport) -> String {
    let mut out = format!("{STRONG}{}{STRONG:#}\n", visible(&name(start)));
    let versions = [("PyTorch", &start.pytorch), ("Python", &start.python)];
    let versions = versions.into_iter().filter_map(|(name, version)| Some(format!("{name} {}", version.as_ref()?)));
    let devices = start.devices.iter().map(|seen| match &seen.card {
        Some(card) => format!("{} {card}", seen.device),
        None => seen.device.clone(),
    });
    let ram = start.ram_bytes.map(|bytes| format!("{:.1} GB of main memory", gigabytes(bytes)));
    let dynamic = start.dynamic_vram.map(|is_on| {
        let why = start.dynamic_vram_why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("dynamic VRAM {}{why}", if is_on { "on" } else { "off" })
    });
    let node = start.node.as_ref().map(|node| format!("ComfyUI-MultiGPU {node}, by its lines"));
    let lines = [
        versions.collect::<Vec<_>>().join(", "),
        devices.chain(ram).collect::<Vec<_>>().join(", "),
        node.into_iter().chain(dynamic).collect::<Vec<_>>().join("; "),
    ];
    for line in lines.iter().filter(|line| !line.is_empty()) {
        let _ = writeln!(out, "  {FAINT}{}{FAINT:#}", wrapped(&visible(line), 2, 4, columns()));
    }
    for pack in &start.failed_packs {
        let why = pack.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let text = format!("{}{why}", pack.path);
        let _ = writeln!(out, "  {UNSURE}import failed{UNSURE:#}: {}", wrapped(&visible(&text), 17, 4, columns()));
    }
    out
}

/// The verdict alone, at the end of a log that was passed on, and what is not told yet: prompts that did not end.
pub fn concluded(report: &LogReport) -> String {
    let last = report.starts.iter().filter(|start| start.counts).filter_map(|start| start.prompts.last());
    let open = last.filter(|prompt| prompt.end == PromptEnd::Unknown && !prompt.loads.is_empty());
    open.map(told).chain([verdict(report)]).collect()
}

/// Prompts that are not shown, in one line.
fn left_out(prompts: &[PromptReport]) -> String {
    if prompts.is_empty() {
        return String::new();
    }
    let mut totals: Vec<CountReport> = Vec::new();
    for outcome in prompts.iter().flat_map(|prompt| &prompt.loads).map(|load| load.outcome) {
        match totals.iter_mut().find(|count| count.outcome == outcome) {
            Some(count) => count.loads += 1,
            None => totals.push(CountReport { outcome, loads: 1 }),
        }
    }
    let text = format!("{} before: {} (--all shows them)", counted(prompts.len(), "prompt"), counts(&totals));
    format!("{FAINT}{text}{FAINT:#}\n")
}

fn prompt(prompt: &PromptReport) -> String {
    let (end, style) = match (prompt.end, prompt.seconds) {
        (PromptEnd::Executed, Some(seconds)) => (format!("executed in {seconds:.2} s"), FAINT),
        (PromptEnd::Executed, None) => ("executed".to_owned(), FAINT),
        (PromptEnd::Failed, _) => ("failed".to_owned(), BAD),
        (PromptEnd::Rejected, _) => ("refused by ComfyUI".to_owned(), BAD),
        (PromptEnd::Interrupted, _) => ("interrupted".to_owned(), UNSURE),
        (PromptEnd::Unknown, _) => ("its end is not in the log".to_owned(), UNSURE),
    };
    let time = prompt.time.as_ref().map(|time| format!(", {}", visible(time))).unwrap_or_default();
    let mut out =
        format!("{STRONG}Prompt at line {}{STRONG:#}{FAINT}{time}{FAINT:#}  {style}{end}{style:#}\n", prompt.line);
    for load in &prompt.loads {
        out.push_str(&load::block(load));
    }
    if prompt.loads.is_empty() && prompt.end == PromptEnd::Executed {
        let _ = writeln!(out, "  {FAINT}no model was loaded{FAINT:#}");
    }
    out.push_str(&remarks(&prompt.remarks));
    out
}

/// Lines that matter, the first few of a kind.
fn remarks(remarks: &[RemarkReport]) -> String {
    let mut out = String::new();
    for of_kind in remarks.chunk_by(|a, b| a.kind == b.kind) {
        let (shown, rest) = of_kind.split_at(of_kind.len().min(MOST_REMARKS));
        for remark in shown {
            let is_bad = matches!(
                remark.kind,
                RemarkKindReport::OutOfMemory | RemarkKindReport::Exception | RemarkKindReport::Crash
            );
            let (label, style) = (format!("line {}", remark.line), if is_bad { BAD } else { FAINT });
            let text = wrapped(&visible(remark.text.trim()), label.len() + 4, 4, columns());
            let _ = writeln!(out, "  {style}{label}{style:#}: {text}");
        }
        if !rest.is_empty() {
            let _ = writeln!(out, "  {FAINT}and {} like that{FAINT:#}", counted(rest.len(), "line"));
        }
    }
    out
}

fn verdict(report: &LogReport) -> String {
    let prompts = || report.starts.iter().filter(|start| start.counts).flat_map(|start| &start.prompts);
    let loads = || prompts().flat_map(|prompt| &prompt.loads);
    let style = if report.exit_code > 0 {
        BAD
    } else if report.silence.is_some()
        || loads().all(|load| load.asked != Some(true))
        || loads().any(|load| load.spills || load.outcome == LoadOutcome::Unknown)
        || prompts().any(|prompt| prompt.end == PromptEnd::Failed)
    {
        UNSURE
    } else {
        GOOD
    };
    let mut out = format!("{style}{}{style:#}\n", wrapped(&visible(&report.verdict), 0, 2, columns()));
    for note in &report.notes {
        let _ = writeln!(out, "{FAINT}note{FAINT:#}: {}", wrapped(&visible(note), 6, 6, columns()));
    }
    if let Some(step) = &report.next {
        out.push_str(&next(step));
    }
    out
}

/// What to do next, with the command in a line of its own.
fn next(step: &NextReport) -> String {
    let colon = if step.command.is_some() { ":" } else { "" };
    let mut out = format!("{NEXT}next{NEXT:#}: {}{colon}\n", wrapped(&visible(&step.what), 6, 6, columns()));
    if let Some(command) = &step.command {
        let _ = writeln!(out, "  {STRONG}{}{STRONG:#}", visible(command));
    }
    out
}
