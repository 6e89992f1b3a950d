//! The answer of `status`: a line for each thing.

use std::fmt::Write as _;

use anyhow::Result;

use super::Human;
use crate::render::columns::{columns, wrapped};
use crate::render::style::{FAINT, INDENT, label};
use crate::render::{Render, Screen};
use crate::report::StatusReport;
use crate::text::shown;

impl Render<StatusReport> for Human {
    fn render(&self, status: &StatusReport, screen: &mut Screen) -> Result<()> {
        let mut out = String::new();
        let mut line = |name: &str, text: &str| {
            let text = wrapped(text, INDENT, INDENT, columns());
            let _ = writeln!(out, "{}{text}", label(name));
        };
        line("repair", &status.repair);
        for (path, outcome) in &status.files {
            line("file", &format!("{}: {outcome}", shown(path)));
        }
        line("update", status.update);
        if let Some(guard) = &status.guard {
            line("guard", guard);
        }
        let journal = status.journal.as_deref().map_or_else(|| String::from("none"), shown);
        line("journal", &format!("{FAINT}{journal}{FAINT:#}"));
        Ok(screen.print(&out)?)
    }
}
