//! Lines that belong together, of which only the first can be recognised by itself.

use super::super::event::{Event, Row, Run, Table, recognise, row};
use super::super::prefix::Line;
use super::super::start::SeenPack;
use super::Server;
use super::faults::Invalid;
use super::trace::{Take, Trace};

/// How many lines of something else may be between the rows of a table: other threads print too.
const MOST_STRAYS: u8 = 8;

/// What the next lines belong to.
#[derive(Debug, Default)]
pub(super) enum Block {
    #[default]
    None,
    /// A table of the node.
    Table(Open),
    /// The string of fractions.
    Fractions,
    /// An exception.
    Trace(Box<Trace>),
    /// What is wrong with a prompt.
    Invalid(Invalid),
    /// Folders with their times; those of the import, or of what runs before it.
    Times(bool),
}

/// A table whose rows come in.
#[derive(Debug)]
pub(super) struct Open {
    table: Table,
    rules: u8,
    has_header: bool,
    rows: u32,
    strays: u8,
}

impl Block {
    /// A table whose title was just there.
    pub(super) fn table(table: Table) -> Self {
        Self::Table(Open { table, rules: 0, has_header: false, rows: 0, strays: 0 })
    }
}

impl Open {
    /// Takes a row, if it can come next.
    fn take(&mut self, row: &Row) -> bool {
        match row {
            Row::Rule => {
                self.rules += 1;
                match self.rules {
                    1 => !self.has_header,
                    2 => self.has_header && self.rows == 0,
                    3 => self.rows > 0,
                    _ => false,
                }
            }
            Row::Header => !std::mem::replace(&mut self.has_header, true) && self.rules == 1,
            _ => {
                self.rows += 1;
                let is_behind = self.table == Table::Virtual && self.rules == 3;
                self.has_header && (self.rules == 2 || is_behind)
            }
        }
    }

    /// Was its last line there? A row with the model follows the last rule of one table.
    fn is_over(&self, row: &Row) -> bool {
        self.rules == 3 && (self.table != Table::Virtual || !matches!(row, Row::Rule))
    }
}

impl Server {
    /// Takes a line that belongs to the block before it.
    pub(super) fn follow(&mut self, at: u64, line: &Line<'_>) -> bool {
        match &mut self.block {
            Block::None => false,
            Block::Table(_) => self.follow_table(at, line),
            Block::Fractions => self.follow_fractions(at, line),
            Block::Trace(trace) => match trace.take(line.text) {
                Take::Taken => !self.ends_trace(line.text),
                Take::Over => {
                    self.finish_trace();
                    false
                }
            },
            Block::Invalid(invalid) => match invalid.take(line.text) {
                None => true,
                Some((kind, is_taken)) => {
                    if !is_taken {
                        self.block = Block::None;
                    }
                    if let Some(kind) = kind {
                        self.remark(at, line.text, kind);
                    }
                    is_taken
                }
            },
            Block::Times(is_import) => {
                let is_import = *is_import;
                let is_taken = line.text.trim_ascii().is_empty() || self.times(at, line.text, is_import);
                if !is_taken {
                    self.block = Block::None;
                }
                is_taken
            }
        }
    }

    /// Does a line that an exception would take say something else? Its message may have any text, so only what is
    /// printed at the end of a prompt counts.
    fn ends_trace(&mut self, text: &str) -> bool {
        let is_end =
            matches!(recognise(text), Some(Event::Run(Run::Executed(_) | Run::Requested(_) | Run::Refused(_))));
        if is_end {
            self.finish_trace();
        }
        is_end
    }

    fn follow_table(&mut self, at: u64, line: &Line<'_>) -> bool {
        let (Block::Table(open), Some(draft)) = (&mut self.block, &mut self.draft) else { return false };
        if line.text.trim_ascii().is_empty() {
            return true;
        }
        if let Some(row) = row(open.table, line.text) {
            let is_next = open.take(&row);
            let is_over = open.is_over(&row);
            draft.load.last_line = at;
            if is_next {
                draft.add(row);
            } else {
                draft.damage();
            }
            if is_over || !is_next {
                self.block = Block::None;
            }
            return true;
        }
        match recognise(line.text) {
            // Prompts are queued by another thread.
            Some(Event::Run(Run::Queued)) => {
                self.queue(at, line.time);
                true
            }
            Some(_) => {
                draft.damage();
                self.block = Block::None;
                false
            }
            None => {
                open.strays += 1;
                if open.strays > MOST_STRAYS {
                    draft.damage();
                    self.block = Block::None;
                }
                true
            }
        }
    }

    fn follow_fractions(&mut self, at: u64, line: &Line<'_>) -> bool {
        let text = line.text.trim_ascii();
        if text.is_empty() {
            return true;
        }
        if matches!(recognise(text), Some(Event::Run(Run::Queued))) {
            self.queue(at, line.time);
            return true;
        }
        self.block = Block::None;
        let Some(draft) = &mut self.draft else { return false };
        draft.load.last_line = at;
        draft.translate(text);
        draft.load.final_string.is_some()
    }

    /// A folder of custom nodes: `   0.1 seconds (IMPORT FAILED): /path`.
    fn times(&mut self, at: u64, text: &str, is_import: bool) -> bool {
        let Some((seconds, rest)) = text.trim_ascii().split_once(" seconds") else { return false };
        let Some((mark, path)) = rest.split_once(": ") else { return false };
        let is_mark = mark.is_empty() || (mark.starts_with(" (") && mark.ends_with("FAILED)"));
        if seconds.parse::<f64>().is_err() || !is_mark {
            return false;
        }
        if is_import && self.start.packs.len() < super::startup::MOST_PACKS {
            let why = self.start.remarks.iter().rev().find_map(|remark| match &remark.kind {
                super::super::RemarkKind::ImportFailed { path: failed, why } if failed == path => why.clone(),
                _ => None,
            });
            self.start.packs.push(SeenPack { path: path.to_owned(), failed: !mark.is_empty(), why, line: at });
        }
        true
    }
}
