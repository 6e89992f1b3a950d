//! Reports: one [`Report`] for a run, and smaller ones for commands that are about one thing.
//!
//! A report is built from final facts and does not change, except that checkouts are added to the report of a run. It
//! knows nothing about how it is shown; that is up to [`render`](crate::render). Paths in it are relative to the PATH
//! that led there, with slashes, so that a report is the same wherever the checkout is.

mod change;
mod checkout;
mod checks;
mod comfyui;
mod conflict;
pub mod doctor;
mod guard;
mod loaders;
mod located;
mod log;
mod patch;
pub mod plan;
mod problem;
mod reversal;
pub mod setup;
mod stages;
mod status;
mod survey;
mod verification;
mod workflow;
mod workflow_change;

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

pub use change::ChangeReport;
pub use checkout::CheckoutReport;
pub use checks::{CheckedFile, ChecksReport, FindingReport, NodeReport, UncheckedReport, ValueReport};
pub use comfyui::{ComfyUiReport, DynamicVramReport};
pub use conflict::ConflictReport;
pub use doctor::DoctorReport;
pub use guard::GuardReport;
pub use loaders::LoaderReport;
pub use located::Located;
pub(crate) use located::workspace;
pub(crate) use log::worded;
pub use log::{
    CountReport, FailedPackReport, HeadReport, LoadDevice, LoadMode, LoadOutcome, LoadReport, LoaderMatch, LogReport,
    LogSource, NextReport, PlannedDevice, PlannedLoad, PromptEnd, PromptReport, RemarkKindReport, RemarkReport,
    SeenDeviceReport, StartReport,
};
pub use patch::Patch;
pub use plan::{ModelsReport, PlanReport};
pub use problem::Problem;
pub use reversal::{Ending, ReversalReport, ReversedFile, Subject};
pub use setup::SetupReport;
pub use stages::StagesReport;
pub use status::StatusReport;
pub use survey::{Point, Replacement, SiteReport, SurveyReport};
pub use verification::Verification;
pub use workflow::{
    InputsKnownBy, LoaderKind, LoaderNodeReport, NodeMode, PartReport, SettingOrigin, SettingReport, SettingValue,
    WorkflowForm, WorkflowReport, WorkflowsReport,
};
pub use workflow_change::{ChangeEnding, ChangedNode, NodeFate, WorkflowChangeReport};

use crate::fixes::Accounting;

/// The version of the document format. It changes if a reader of the last one could misread the new one; added
/// properties do not change it.
const SCHEMA: u32 = 1;

/// The report of a run of `apply`, `check`, `diff` or `verify`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// The version of this document's format. Properties may be added without a new version.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: u32,
    /// The version of distorch-fix.
    pub version: &'static str,
    /// The command that was run.
    pub command: Command,
    /// Was this a dry run (`apply --dry-run`), which writes nothing?
    pub dry_run: bool,
    /// What counts as the size of a layer.
    pub accounting: Accounting,
    /// How the run ended: the worst of its parts.
    pub outcome: Outcome,
    /// The same as the exit code of the process.
    pub exit_code: u8,
    /// The report about each checkout: in the order of the PATHs, then enabled ones first, then by path.
    pub checkouts: Vec<CheckoutReport>,
    /// Errors that are not about a checkout.
    pub errors: Vec<Problem>,
    /// The counts.
    pub totals: Totals,
    /// The command that repairs what `check` found.
    pub next: Option<String>,
}

/// A command that makes a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Repairs.
    Apply,
    /// Shows what `apply` would repair.
    Check,
    /// Prints the repair as a patch.
    Diff,
    /// Runs the repair over many scenarios.
    Verify,
}

/// How a run, or its part about one checkout, ended. The only place where exit codes are decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything is in order; for `apply`: now, or it would be without `--dry-run`. Exit code 0.
    #[default]
    InOrder,
    /// `check` found something: to repair, wrong for this ComfyUI, or, with `--strict`, a warning. Or `plan` found that
    /// something does not fit. Exit code 1.
    Found,
    /// It failed, or the answer is unknown. Exit code 2.
    Failed,
}

impl Outcome {
    fn code(self) -> u8 {
        match self {
            Self::InOrder => 0,
            Self::Found => 1,
            Self::Failed => 2,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

/// How severe something is, in the words of every format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Warning,
    Error,
}

impl Level {
    /// The severity of a finding.
    pub(crate) fn of(site: &SiteReport) -> Self {
        let is_wrong = site.state.needs_fix() || site.is_broken();
        if is_wrong && site.unused.is_none() { Self::Error } else { Self::Warning }
    }

    /// Its word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The counts of a report.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Totals {
    /// Checkouts.
    pub checkouts: usize,
    /// Checkouts that are in order.
    pub in_order: usize,
    /// Checkouts with something to repair.
    pub to_repair: usize,
    /// Checkouts for which it failed, or the answer is unknown.
    pub failed: usize,
    /// Sites that `apply` would change.
    pub repairable_sites: usize,
    /// Sites that `apply` leaves alone, and that are wrong for the ComfyUI they are judged by.
    pub broken_sites: usize,
    /// Sites that were not understood.
    pub opaque_sites: usize,
    /// Places that make a checkout and its ComfyUI incompatible, and that no fix is about.
    pub conflicts: usize,
    /// Files that were written.
    pub files_written: usize,
}

impl Report {
    /// The report of a run that has just begun.
    pub fn new(command: Command, accounting: Accounting) -> Self {
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            command,
            dry_run: false,
            accounting,
            outcome: Outcome::InOrder,
            exit_code: Outcome::InOrder.code(),
            checkouts: Vec::new(),
            errors: Vec::new(),
            totals: Totals::default(),
            next: None,
        }
    }

    /// Adds the report about another checkout.
    pub fn add(&mut self, checkout: CheckoutReport) {
        let totals = &mut self.totals;
        totals.checkouts += 1;
        match checkout.outcome {
            Outcome::InOrder => totals.in_order += 1,
            Outcome::Found => totals.to_repair += 1,
            Outcome::Failed => totals.failed += 1,
        }
        for (_, site) in checkout.findings() {
            if site.state.needs_fix() {
                totals.repairable_sites += 1;
            } else if site.is_broken() {
                totals.broken_sites += 1;
            } else {
                totals.opaque_sites += 1;
            }
        }
        totals.conflicts += checkout.conflicts.len();
        totals.files_written += checkout.changes.iter().filter(|change| change.written).count();
        self.worsen(checkout.outcome);
        self.checkouts.push(checkout);
    }

    /// Adds an error that is not about a checkout.
    pub fn fail(&mut self, problem: Problem) {
        self.errors.push(problem);
        self.worsen(Outcome::Failed);
    }

    /// Problems other than findings, with their severity: those of each checkout in turn, then those of none.
    pub(crate) fn problems(&self) -> impl Iterator<Item = (Level, &Problem)> {
        let of_checkouts = self.checkouts.iter().flat_map(|checkout| {
            let warnings = checkout.warnings.iter().map(|problem| (Level::Warning, problem));
            warnings.chain(checkout.error.iter().map(|problem| (Level::Error, problem)))
        });
        of_checkouts.chain(self.errors.iter().map(|problem| (Level::Error, problem)))
    }

    fn worsen(&mut self, outcome: Outcome) {
        self.outcome = self.outcome.max(outcome);
        self.exit_code = self.outcome.code();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::{env, fs};

    use schemars::generate::SchemaSettings;

    use super::*;

    /// Is the file in `schema` that of a report? `UPDATE=1 cargo test` rewrites it.
    fn is_schema<T: schemars::JsonSchema>(file: &str, title: &str) {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut schema = generator.into_root_schema_for::<T>();
        schema.insert("title".into(), title.into());
        let schema = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(file);
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, &schema).unwrap();
        }
        assert_eq!(fs::read_to_string(path).unwrap(), schema, "UPDATE=1 cargo test rewrites it");
    }

    #[test]
    fn the_schemas_are_those_of_the_reports() {
        is_schema::<Report>("report.schema.json", "A report of distorch-fix");
        is_schema::<ChecksReport>("workflow-check.schema.json", "What is wrong with the loader nodes of workflows");
        let title = "What `distorch-fix plan --workflow FILE --format json` prints";
        is_schema::<stages::StagesObject<'_>>("plan-workflow.schema.json", title);
        is_schema::<LogReport>("log.schema.json", "What a log of ComfyUI says about the loads of models");
        is_schema::<DoctorReport>("doctor.schema.json", "What `distorch-fix doctor --format json` prints");
        is_schema::<SetupReport>("setup.schema.json", "What `distorch-fix setup --format json` prints");
        is_schema::<WorkflowsReport>("workflow.schema.json", "What the loader nodes of workflows are set to");
    }
}
