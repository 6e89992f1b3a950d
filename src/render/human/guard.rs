//! The answers of `guard`: a line for each thing.

use std::fmt::Write as _;

use anyhow::Result;

use super::Human;
use crate::render::columns::{columns, wrapped};
use crate::render::style::{INDENT, label};
use crate::render::{Render, Screen};
use crate::report::GuardReport;
use crate::text::shown;

impl Render<GuardReport> for Human {
    fn render(&self, guard: &GuardReport, screen: &mut Screen) -> Result<()> {
        let mut out = String::new();
        let mut line = |name: &str, text: &str| {
            let _ = writeln!(out, "{}{}", label(name), wrapped(text, INDENT, INDENT, columns()));
        };
        line("guard", &guard.state);
        line("folder", &shown(&guard.folder));
        if let Some(runs) = &guard.runs {
            line("runs", runs);
        }
        screen.print(&out)?;
        if let Some(next) = &guard.next {
            screen.note(&(wrapped(next, 0, 0, columns()) + "\n"))?;
        }
        Ok(())
    }
}
