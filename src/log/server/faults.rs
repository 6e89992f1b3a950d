//! Errors and warnings: what becomes a remark, and which load an exception ended.

use super::super::End;
use super::super::event::Fault;
use super::super::load::{Load, Outcome};
use super::super::remark::{Raised, Remark, RemarkKind};
use super::Server;
use super::block::Block;
use super::draft::Draft;
use super::trace::{Origin, Trace};

/// How many remarks of a start are kept.
const MOST_REMARKS: usize = 1000;
/// How much of a line is kept.
const MOST_TEXT: usize = 1000;

/// The list of what is wrong with a prompt.
#[derive(Debug, Default)]
pub(super) struct Invalid {
    class: Option<String>,
    id: Option<String>,
}

impl Invalid {
    /// Takes a line: what is wrong, and whether the line belongs to the list.
    pub(super) fn take(&mut self, text: &str) -> Option<(Option<RemarkKind>, bool)> {
        let text = text.trim_ascii();
        if let Some(node) = text.strip_prefix("* ") {
            let node = node.strip_suffix(':').unwrap_or(node);
            (self.class, self.id) = match node.rsplit_once(' ') {
                Some((class, id)) => (Some(class.to_owned()), Some(id.to_owned())),
                None => (None, None),
            };
            return None;
        }
        if let Some(problem) = text.strip_prefix("- ") {
            return Some((Some(self.problem(problem)), true));
        }
        let is_part =
            text.is_empty() || text == "Output will be ignored" || text.starts_with("Failed to validate prompt");
        (!is_part).then_some((None, false))
    }

    /// What is wrong, as a remark.
    fn problem(&self, problem: &str) -> RemarkKind {
        let (class, id) = (self.class.clone(), self.id.clone());
        let list = problem.strip_prefix("Value not in list: ").and_then(|rest| {
            let (input, rest) = rest.split_once(": ")?;
            let (value, allowed) = rest.rsplit_once(" not in ")?;
            Some((input, value, allowed))
        });
        match list {
            Some((input, value, allowed)) => RemarkKind::ValueNotInList {
                class,
                id,
                input: input.to_owned(),
                value: unquoted(value).to_owned(),
                allowed: listed(allowed),
            },
            None => RemarkKind::Invalid { class, id, message: short(problem) },
        }
    }
}

/// A text of Python without its quotes.
fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('\'').or_else(|| inner('"')).unwrap_or(text)
}

/// The texts of a list of Python; none if it is not printed.
fn listed(text: &str) -> Vec<String> {
    let inner = text.strip_prefix('[').map(|text| text.strip_suffix(']').unwrap_or(text)).unwrap_or_default();
    let parts = inner.split(", ").take(100).map(|part| unquoted(part.trim()).to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// A text, shortened if it is very long.
pub(super) fn short(text: &str) -> String {
    if text.len() <= MOST_TEXT {
        return text.to_owned();
    }
    let end = (0..=MOST_TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", &text[..end])
}

impl Server {
    pub(super) fn fault(&mut self, at: u64, text: &str, fault: Fault<'_>) {
        let shown = text.trim_ascii();
        let trace = |origin, message: &str| Trace::new(at, &short(shown), origin, &short(message));
        let next = match fault {
            Fault::Raised(message) => trace(Origin::Prompt, message),
            Fault::Traceback => trace(Origin::Elsewhere, "").begun(text),
            Fault::Crashed(message) => trace(Origin::Crash, message),
            Fault::Report => trace(Origin::Report, ""),
            Fault::Invalid => {
                self.finish_trace();
                self.block = Block::Invalid(Invalid::default());
                return;
            }
            Fault::Problem(problem) => {
                let kind = Invalid::default().problem(problem);
                self.remark(at, text, kind);
                return;
            }
            Fault::OutOfMemory(message) => {
                self.out_of_memory(at, text, message);
                return;
            }
            Fault::Remark(kind) => {
                self.remark(at, text, kind);
                return;
            }
        };
        self.finish_trace();
        self.block = Block::Trace(Box::new(next));
    }

    /// Memory is used up. The exception that says so is most often there already.
    fn out_of_memory(&mut self, at: u64, text: &str, message: &str) {
        let is_known = |remark: &Remark| matches!(remark.kind, RemarkKind::OutOfMemory(_)) && at - remark.line < 400;
        if self.start.remarks.iter().rev().take(8).any(is_known) {
            return;
        }
        let (class, message) =
            message.split_once(": ").filter(|(class, _)| !class.contains(' ')).unwrap_or(("", message));
        let raised = Raised { class: class.to_owned(), message: short(message), ..Raised::default() };
        self.remark(at, text, RemarkKind::OutOfMemory(raised));
    }

    /// Keeps a remark.
    pub(super) fn remark(&mut self, at: u64, text: &str, kind: RemarkKind) {
        if let (
            RemarkKind::ModelTooLarge { device, at_least_gb: Some(gb), .. },
            Some(Remark { kind: RemarkKind::ModelTooLarge { at_least_gb, .. }, .. }),
        ) = (&kind, self.start.remarks.last_mut())
            && device.is_empty()
        {
            *at_least_gb = Some(*gb);
            return;
        }
        if self.start.remarks.len() >= 2 * MOST_REMARKS {
            self.start.remarks.drain(..MOST_REMARKS);
            self.forget_remarks(MOST_REMARKS);
        }
        self.start.remarks.push(Remark { line: at, kind, text: short(text.trim_ascii()) });
    }

    /// All lines of an exception are there.
    pub(super) fn finish_trace(&mut self) {
        if !matches!(self.block, Block::Trace(_)) {
            return;
        }
        let Block::Trace(trace) = std::mem::take(&mut self.block) else { return };
        let kind = match trace.origin {
            Origin::Crash => RemarkKind::FatalException,
            _ if trace.is_out_of_memory() => RemarkKind::OutOfMemory,
            _ => RemarkKind::Exception,
        };
        let is_repeated = trace.origin == Origin::Elsewhere
            && self.start.remarks.last().is_some_and(|remark| remark.kind.raised() == Some(&trace.raised));
        if is_repeated {
            return;
        }
        self.remark(trace.line, &trace.text, kind(trace.raised.clone()));
        if matches!(trace.origin, Origin::Prompt | Origin::Crash) {
            self.fail(&trace);
        }
    }

    /// An exception ended the prompt, and perhaps a load.
    fn fail(&mut self, trace: &Trace) {
        self.execute(trace.line).is_failed = true;
        let remark = self.start.remarks.len().checked_sub(1);
        let cause = trace.cause();
        let failed = match (self.draft.take(), trace.is_in_load()) {
            (Some(draft), is_in_load) => Some(self.failed_draft(draft, is_in_load, trace, remark, cause)),
            (None, is_in_load) if self.may_be_distributed && !trace.is_whole() => {
                // The first `DisTorch` distributes what ComfyUI has just loaded, so it may be that.
                let is_next = |load: &&mut Load| load.last_line + 1 == trace.line;
                if let Some(load) = self.batch.loads.last_mut().filter(is_next).filter(|_| is_in_load != Some(false)) {
                    load.forget("the log does not show what the exception ended");
                }
                None
            }
            (None, Some(true)) => {
                if !self.batch.is_waiting() && self.is_distributing(remark) {
                    // The first `DisTorch` distributes what ComfyUI has just loaded.
                    self.batch.loads.pop_if(|load| {
                        matches!(load.outcome, Outcome::Standard { .. }) && load.last_line + 1 == trace.line
                    });
                }
                let mut load = Load::new(self.batch.next_line().unwrap_or(trace.line));
                load.last_line = trace.line;
                load.outcome = Outcome::Failed { remark, cause };
                Some(load)
            }
            (None, _) => None,
        };
        self.batch.loads.extend(failed);
        self.close_batch(true);
        if trace.origin == Origin::Crash {
            self.end_prompt(trace.line, End::Failed);
        }
    }

    /// A load that had begun when an exception came. Without its calls, only one that comes at once is the load's own.
    fn failed_draft(
        &self,
        draft: Draft,
        is_in_load: Option<bool>,
        trace: &Trace,
        remark: Option<usize>,
        cause: String,
    ) -> Load {
        let is_next = draft.load.last_line + 1 == trace.line;
        match is_in_load {
            Some(true) => draft.fail(remark, cause),
            None if !draft.is_placed() && is_next => draft.fail(remark, cause),
            Some(false) if draft.is_placed() => draft.close(self.goes_on()),
            _ => {
                let mut load = draft.fail(remark, cause);
                load.forget("the log does not show what the exception ended");
                load
            }
        }
    }
}
