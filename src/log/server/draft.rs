//! A load by `DisTorch2` while its lines come in. They come in one order:
//!
//! ```text
//! how the string is taken ─> string of fractions ─> table of devices ─> of layers ─> of what goes where ─> completed
//! ```
//!
//! Versions differ in which of the first two and of the last they print. Lines in another order belong to another load,
//! or lines between them are missing.

use super::super::event::{Row, Table, Title};
use super::super::load::{Asked, Load, LoadKind, Mode, Outcome, Quota};
use super::consistent::{is_consistent, is_written};

/// How far the lines of a load have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Begun,
    Mode,
    Fractions,
    Table(Table),
}

/// How the lines of a load end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the line that says so.
    Completed,
    /// Without it: something else follows. Does the version print such a line?
    GoesOn { prints_completed: bool },
    /// With the log, or with the server.
    Cut,
}

/// A load whose lines come in.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) load: Load,
    pub(super) stage: Stage,
    /// Was the first line of the load seen?
    has_begin: bool,
    /// Are lines missing?
    is_damaged: bool,
    /// Is it one of the first `DisTorch`? That distributes a model that ComfyUI has just loaded, and never says that it
    /// is done.
    pub(super) is_legacy: bool,
    /// Bytes mode: what became of the rest.
    rest: Option<Mode>,
}

impl Load {
    /// A load of which nothing is known.
    pub(super) fn new(line: u64) -> Self {
        Self {
            line,
            last_line: line,
            model: None,
            kind: None,
            banner: None,
            string: None,
            mode: Mode::Unknown,
            requested: Vec::new(),
            granted: Vec::new(),
            ratio: None,
            lent: Vec::new(),
            final_string: None,
            planned: Vec::new(),
            layers: Vec::new(),
            assigned: Vec::new(),
            preserved: None,
            total_bytes: None,
            cpu_bytes: None,
            outcome: Outcome::Unknown { why: String::new() },
            asked: Asked::Unknown,
        }
    }

    /// The outcome is unknown, and so is all that its lines said.
    pub(super) fn forget(&mut self, why: &str) {
        let known = (self.line, self.last_line, self.model.take(), self.kind.take());
        *self = Self::new(known.0);
        (self.line, self.last_line, self.model, self.kind) = known;
        self.outcome = Outcome::Unknown { why: why.to_owned() };
    }
}

impl Stage {
    /// That of a table. The analysis of virtual VRAM tells how the string is taken.
    pub(super) fn of(table: Table) -> Self {
        if table == Table::Virtual { Self::Mode } else { Self::Table(table) }
    }
}

impl Draft {
    /// A load that begins at a line, which is known to be its first or not.
    pub(super) fn new(line: u64, has_begin: bool) -> Self {
        Self { load: Load::new(line), stage: Stage::Begun, has_begin, is_damaged: false, is_legacy: false, rest: None }
    }

    /// Can a line of a stage belong to it?
    pub(super) fn takes(&self, stage: Stage) -> bool {
        match stage {
            Stage::Mode => self.stage <= Stage::Mode,
            stage => self.stage < stage,
        }
    }

    /// Bytes mode: what a device is given.
    pub(super) fn give(&mut self, device: &str, bytes: u64, requested: u64) {
        self.stage = Stage::Mode;
        self.load.requested.push(Quota { device: device.to_owned(), bytes: requested });
        self.load.granted.push(Quota { device: device.to_owned(), bytes });
    }

    /// Bytes mode: the rest goes to a device.
    pub(super) fn give_rest(&mut self, quota: Quota) {
        self.stage = Stage::Mode;
        self.rest = Some(Mode::Wildcard { device: quota.device.clone() });
        self.load.granted.push(quota);
    }

    /// Bytes mode: nothing is left.
    pub(super) fn give_all(&mut self) {
        self.stage = Stage::Mode;
        self.rest = Some(Mode::Bytes);
    }

    /// Bytes mode: the rest goes to all that are named.
    pub(super) fn share_rest(&mut self) {
        self.stage = Stage::Mode;
        self.rest = Some(Mode::GpuOnly);
    }

    /// Ratio mode.
    pub(super) fn take_ratio(&mut self, string: &str) {
        self.stage = Stage::Mode;
        self.load.ratio = Some(string.to_owned());
    }

    /// The string of fractions.
    pub(super) fn translate(&mut self, string: &str) {
        self.stage = Stage::Fractions;
        if string.contains(',') {
            self.load.final_string = Some(string.to_owned());
        } else {
            self.is_damaged = true;
        }
    }

    /// A table begins.
    pub(super) fn begin_table(&mut self, title: Title) {
        let is_next = match title.table {
            Table::Virtual => self.load.lent.is_empty() && self.load.granted.is_empty(),
            Table::Devices => self.stage < Stage::Table(Table::Devices),
            Table::Layers => self.stage == Stage::Table(Table::Devices) && !self.load.planned.is_empty(),
            Table::Assigned => self.stage == Stage::Table(Table::Layers) && !self.load.layers.is_empty(),
        };
        self.is_damaged |= !is_next;
        self.stage = Stage::of(title.table);
        self.is_legacy |= title.is_legacy;
        if title.is_clip {
            self.load.kind = Some(LoadKind::TextEncoder);
        }
    }

    /// A row of a table.
    pub(super) fn add(&mut self, row: Row) {
        match row {
            Row::Lent(row) => self.load.lent.push(row),
            Row::Planned(row) => self.load.planned.push(row),
            Row::Layers(row) => self.load.layers.push(row),
            Row::Assigned(row) => self.load.assigned.push(row),
            Row::Rule | Row::Header => {}
        }
    }

    /// Lines are missing.
    pub(super) fn damage(&mut self) {
        self.is_damaged = true;
    }

    /// Is the last table there?
    pub(super) fn is_placed(&self) -> bool {
        self.stage >= Stage::Table(Table::Assigned) && !self.load.assigned.is_empty() && !self.is_damaged
    }

    /// The load, once no more of its lines are to come.
    pub(super) fn close(mut self, ending: Ending) -> Load {
        self.load.mode = self.mode();
        let is_whole = self.is_placed() && is_consistent(&self.load);
        let why = match ending {
            _ if self.is_damaged || (self.is_placed() && !is_whole) => {
                self.load.forget("its lines do not fit together: some are missing in the log");
                return self.load;
            }
            Ending::Completed if self.is_placed() => None,
            Ending::Completed => Some("its first lines are not in the log"),
            Ending::GoesOn { prints_completed } if self.is_placed() && (self.is_legacy || !prints_completed) => None,
            Ending::GoesOn { .. } => Some("its last lines are not in the log"),
            Ending::Cut => Some("the log ends before its last line"),
        };
        self.load.outcome = match why {
            None => Outcome::Distributed,
            Some(why) => Outcome::Unknown { why: why.to_owned() },
        };
        if self.is_placed() {
            self.load.cpu_bytes = Some(cpu_bytes(&self.load));
        }
        self.load
    }

    /// The load that an exception ended.
    pub(super) fn fail(mut self, remark: Option<usize>, cause: String) -> Load {
        self.load.mode = self.mode();
        if self.is_damaged || !is_consistent(&self.load) {
            self.load.forget("");
        }
        self.load.outcome = Outcome::Failed { remark, cause };
        self.load
    }

    fn mode(&self) -> Mode {
        match &self.rest {
            Some(rest) => rest.clone(),
            None if self.load.ratio.is_some() => Mode::Ratio,
            // The line that ends the amounts is missing.
            None if !self.load.granted.is_empty() => Mode::Unknown,
            None if !self.load.lent.is_empty() => Mode::VirtualVram,
            None if self.has_begin && self.load.final_string.as_deref().is_some_and(is_written) => Mode::Fraction,
            None => Mode::Unknown,
        }
    }
}

/// What lies on the CPU. The row of tiny layers also counts those of other rows that have no bias, so where that row is
/// the CPU's, what is not elsewhere is there.
fn cpu_bytes(load: &Load) -> u64 {
    let is_compute = load.assigned.iter().any(|row| row.is_tiny && row.device == "cpu");
    let rows = load.assigned.iter().filter(|row| !row.is_tiny);
    if is_compute {
        let all: u64 = load.layers.iter().map(|row| row.bytes).sum();
        all.saturating_sub(rows.filter(|row| row.device != "cpu").map(|row| row.bytes).sum())
    } else {
        rows.filter(|row| row.device == "cpu").map(|row| row.bytes).sum()
    }
}
