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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Start;

    fn at(time: &str) -> SystemTime {
        parsed(time).unwrap()
    }

    fn written(last_time: &str, modified: &str) -> ReadLog {
        let log = Log { last_time: Some(last_time.to_owned()), starts: vec![Start::default()], ..Log::default() };
        ReadLog { path: PathBuf::from("comfyui.log"), log, created: None, modified: Some(at(modified)) }
    }

    #[test]
    fn the_zone_of_a_log_is_that_in_which_it_was_written_last() {
        let east = written("2026-05-25 19:10:00.500", "2026-05-25 17:10:01");
        assert_eq!(east.in_utc("2026-05-25 19:02:30.100"), Some(at("2026-05-25 17:02:30")));
        let west = written("2026-05-25 12:40:00,250", "2026-05-25 17:10:30");
        assert_eq!(west.in_utc("2026-05-25 12:00:00,000"), Some(at("2026-05-25 16:30:00")));
        // A copy has another time, which tells nothing.
        for copied in ["2026-05-25 17:17:00", "2026-06-25 17:10:00"] {
            assert_eq!(written("2026-05-25 19:10:00", copied).in_utc("2026-05-25 19:00:00"), None, "{copied}");
        }
        assert_eq!(east.in_utc("yesterday"), None);
    }

    #[test]
    fn a_server_was_started_when_its_log_was_made_at_the_latest() {
        let log = |created| ReadLog { created, ..written("2026-05-25 19:10:00", "2026-05-25 17:10:00") };
        assert_eq!(log(None).begun(), Some(at("2026-05-25 17:10:00")));
        assert_eq!(log(Some(at("2026-05-25 16:00:00"))).begun(), Some(at("2026-05-25 16:00:00")));
        // A file that was copied was made after it was written.
        assert_eq!(log(Some(at("2026-05-26 16:00:00"))).begun(), Some(at("2026-05-25 17:10:00")));
    }

    #[test]
    fn a_log_of_another_comfyui_is_outdated() {
        let mut log = written("2026-05-25 19:10:00", "2026-05-25 17:10:00");
        log.log.starts[0].comfyui = Some("0.3.75".to_owned());
        let comfyui = |version: &str| {
            let dynamic = comfyui::Dynamic {
                state: comfyui::DynamicVram::Absent,
                switches: comfyui::Switches::default(),
                patchers: comfyui::Patchers::default(),
                made: Vec::new(),
                control_net: Err(String::new()),
            };
            let root = PathBuf::new();
            Ok(comfyui::Facts {
                root,
                revision: None,
                version: Some(version.to_owned()),
                load_lists: Vec::new(),
                dynamic,
            })
        };
        assert_eq!(log.of_another_comfyui(&comfyui("0.3.75")), None);
        assert!(log.of_another_comfyui(&comfyui("0.6.0")).is_some_and(|why| why.contains("0.3.75")));
    }
}
