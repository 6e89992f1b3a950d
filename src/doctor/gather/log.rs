//! The log, and whether it is about the installation as it is now.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::node::modified;
use crate::comfyui;
use crate::doctor::{Known, LogFacts, NodeFacts};
use crate::log::{self, Log};

/// A log that was read, and the times of its file.
pub(super) struct ReadLog {
    path: PathBuf,
    log: Log,
    created: Option<SystemTime>,
    modified: Option<SystemTime>,
}

/// Reads a log.
pub(super) fn read(path: &Path) -> Result<ReadLog> {
    let log = log::read(path)?;
    let created = fs::metadata(path).ok().and_then(|about| about.created().ok());
    Ok(ReadLog { path: path.to_owned(), log, created, modified: modified(path) })
}

impl ReadLog {
    /// Compares it with the installation.
    pub(super) fn compared(self, node: &Known<NodeFacts>, comfyui: &Result<comfyui::Facts>) -> LogFacts {
        let outdated = self.of_another_comfyui(comfyui).or_else(|| self.before_a_change(node));
        LogFacts { path: self.path, log: self.log, outdated }
    }

    fn of_another_comfyui(&self, comfyui: &Result<comfyui::Facts>) -> Option<String> {
        let seen = self.log.starts.last()?.comfyui.as_deref()?;
        let installed = comfyui.as_ref().ok()?.version.as_deref()?;
        (seen != installed).then(|| format!("the log is of ComfyUI {seen}, and {installed} is installed"))
    }

    /// A server runs the files that it found when it was started.
    fn before_a_change(&self, node: &Known<NodeFacts>) -> Option<String> {
        let (begun, changed) = (self.begun()?, node.ok()?.changed?);
        let time = humantime::format_rfc3339_seconds(changed);
        (begun < changed).then(|| format!("the log is of a ComfyUI that was started before the node changed at {time}"))
    }

    /// When the last start in it was at the latest.
    fn begun(&self) -> Option<SystemTime> {
        let shown = self.log.starts.last()?.prompts.iter().find_map(|prompt| self.in_utc(prompt.time.as_deref()?));
        // The file is made when a server starts, unless it was copied later.
        let made = self.created.into_iter().chain(self.modified).min();
        shown.into_iter().chain(made).min()
    }

    /// A local time in the log. The last time in it is the one at which its file was written last, in another zone.
    fn in_utc(&self, time: &str) -> Option<SystemTime> {
        /// All zones differ by multiples of this.
        const QUARTER: i64 = 15 * 60;
        const MOST: i64 = 14 * 60 * 60;
        /// What is written a little later.
        const SLACK: i64 = 2 * 60;
        let last = seconds(parsed(self.log.last_time.as_deref()?)?)?;
        let ahead = last.checked_sub(seconds(self.modified?)?)?;
        let zone = (ahead + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
        let is_plain = zone.abs() <= MOST && (ahead - zone).abs() <= SLACK;
        let time = seconds(parsed(time)?)?.checked_sub(zone)?;
        is_plain.then_some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time).ok()?))
    }
}

/// `2026-05-25 19:09:59.027`, with a comma, with a `T`, or without the fraction; as if it were in UTC.
fn parsed(time: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339_weak(&time.trim().replace(',', ".")).ok()
}

fn seconds(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs()).ok()
}
