//! Shows reports, in one format for each kind of reader.
//!
//! A renderer shows what a [`report`](crate::report) says, and knows nothing about how it was made. To add one: a
//! module that implements [`Render`] for what it can show, and a line in [`RUNS`], [`PLANS`], [`WORKFLOWS`] or [`LOGS`].

mod bar;
mod columns;
mod github;
mod guard;
pub mod html;
mod human;
mod json;
mod progress;
mod sarif;
mod screen;
mod style;
mod summary;
pub mod svg;

use std::fmt;

use anyhow::Result;

pub use self::human::{Human, concluded, told};
pub use self::screen::Screen;

use self::github::Github;
use self::json::Json;
use self::sarif::Sarif;
use crate::python::Package;
use crate::report::{
    CheckoutReport, ChecksReport, DoctorReport, LogReport, PlanReport, Report, SetupReport, WorkflowsReport,
};

/// Shows things of one kind to one kind of reader.
pub trait Render<T: ?Sized>: Sync {
    /// Shows it on standard output; for people, warnings go to standard error.
    fn render(&self, what: &T, screen: &mut Screen) -> Result<()>;
}

/// One checkout of a run in progress.
pub struct Examined<'r> {
    /// Its report.
    pub checkout: &'r CheckoutReport,
    /// Its files, if they were read, for quotes.
    pub package: Option<&'r Package>,
    /// The run so far.
    pub run: &'r Report,
}

/// What a setup is going to do.
pub struct Planned<'r>(pub &'r SetupReport);

/// A value of `--format`.
pub struct Format<T: 'static> {
    /// The value.
    pub name: &'static str,
    /// Who it is for, in `--help`.
    pub about: &'static str,
    /// Does only `check` have this format, because it only shows findings?
    pub is_of_findings: bool,
    /// Is it for somebody who can be asked, and who sees what is done as it is done?
    pub asks: bool,
    /// Shows each checkout as soon as it is done. None for a document, which is written at the end.
    pub early: Option<&'static dyn for<'r> Render<Examined<'r>>>,
    /// Shows the whole run.
    pub renderer: &'static dyn Render<T>,
}

impl<T> fmt::Debug for Format<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The formats of `apply`, `check`, `diff` and `verify`.
pub static RUNS: [Format<Report>; 4] = [
    Format { early: Some(&Human), ..Format::new("human", "For people", &Human) },
    Format::new("json", "The complete report as JSON (see docs/json.md)", &Json),
    Format { is_of_findings: true, ..Format::new("sarif", "SARIF 2.1.0, for code scanning and editors", &Sarif) },
    Format {
        is_of_findings: true,
        ..Format::new("github", "Annotations of a GitHub Actions run, and its summary", &Github)
    },
];

/// What a guard prints into ComfyUI's log: a line for each checkout that it repaired.
pub static GUARD: Format<Report> = Format::new("guard", "For the log of ComfyUI", &guard::Log);

/// The formats of `plan`.
pub static PLANS: [Format<PlanReport>; 2] = [
    Format::new("human", "For people", &Human),
    Format::new(
        "json",
        "For programs: one object, described by schema/plan.schema.json, or schema/plan-workflow.schema.json",
        &Json,
    ),
];

/// The formats of `workflow show`.
pub static WORKFLOWS: [Format<WorkflowsReport>; 2] = [
    Format::new("human", "For people", &Human),
    Format::new("json", "For programs: one object, described by schema/workflow.schema.json", &Json),
];

/// The formats of `workflow check`.
pub static CHECKS: [Format<ChecksReport>; 4] = [
    Format::new("human", "For people", &Human),
    Format::new("json", "For programs: one object, described by schema/workflow-check.schema.json", &Json),
    Format::new("sarif", "SARIF 2.1.0, for code scanning and editors", &Sarif),
    Format::new("github", "Annotations of a GitHub Actions run", &Github),
];

/// The formats of `doctor`.
pub static DOCTORS: [Format<DoctorReport>; 2] = [
    Format::new("human", "For people", &Human),
    Format::new("json", "For programs: one object, described by schema/doctor.schema.json", &Json),
];

/// The formats of `setup`.
pub static SETUPS: [Format<SetupReport>; 2] = [
    Format { asks: true, ..Format::new("human", "For people", &Human) },
    Format::new("json", "For programs: one object, described by schema/setup.schema.json", &Json),
];

/// The formats of `log`.
pub static LOGS: [Format<LogReport>; 2] = [
    Format::new("human", "For people", &Human),
    Format::new("json", "For programs: one object, described by schema/log.schema.json", &Json),
];

impl<T> Format<T> {
    const fn new(name: &'static str, about: &'static str, renderer: &'static dyn Render<T>) -> Self {
        Self { name, about, is_of_findings: false, asks: false, early: None, renderer }
    }
}
