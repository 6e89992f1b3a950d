//! For the log of ComfyUI: a line for each checkout that was repaired, and nothing else.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Render, Screen};
use crate::fixes::Status;
use crate::report::Report;

/// Writes a line for each checkout that was repaired.
pub(super) struct Log;

impl Render<Report> for Log {
    fn render(&self, report: &Report, screen: &mut Screen) -> Result<()> {
        let mut out = String::new();
        for checkout in &report.checkouts {
            if checkout.changes.iter().any(|change| change.written) {
                let fixes = checkout.fixes.iter().filter(|survey| survey.status == Status::Needed);
                let fixes: Vec<&str> = fixes.map(|survey| survey.fix.name()).collect();
                let _ = writeln!(out, "repaired {} ({})", checkout.name(), fixes.join(", "));
            }
        }
        Ok(screen.document(&out)?)
    }
}
