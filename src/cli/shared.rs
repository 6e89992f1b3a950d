//! Arguments that several commands share.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::fixes::{self, Fix};
use crate::render::{Format, RUNS};
use crate::report::Report;
use crate::verify::{self, Engine};

/// Which checkouts, and which fixes.
#[derive(Debug, Args)]
pub struct Target {
    /// The node's folder, its file, ComfyUI, or any folder above or below (repeatable)
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,

    /// Select every checkout that is found, disabled ones too
    #[arg(long)]
    pub all: bool,

    /// Apply only this fix (repeatable) [default: all]
    #[arg(long = "fix", value_name = "FIX", value_parser = fix_by_name())]
    pub fixes: Vec<Fix>,

    /// What counts as the size of a layer
    #[arg(long, value_name = "WHICH", default_value = "resident")]
    pub accounting: Accounting,
}

impl Target {
    /// The fixes asked for, each once.
    pub fn fixes(&self) -> Vec<Fix> {
        let asked = |fix: &Fix| self.fixes.is_empty() || self.fixes.contains(fix);
        Fix::ALL.iter().copied().filter(asked).collect()
    }
}

/// Whether the repaired code is run to prove it, and where.
#[derive(Debug, Args)]
pub struct Proof {
    /// Skip running the repaired code; nothing is proved
    #[arg(long)]
    pub no_verify: bool,

    /// Run the code in this Python (isolated, but not sandboxed) instead of the built-in sandbox
    #[arg(long, value_name = "PATH", conflicts_with = "no_verify")]
    pub python: Option<PathBuf>,
}

impl Proof {
    /// How to verify; `None` if it is not to be done. A repair that is to be written is tried with every scenario
    /// [crossed](verify::Options::crossed) with every number of fields.
    pub fn options(&self, crossed: bool) -> Option<verify::Options> {
        (!self.no_verify).then(|| verify::Options {
            scenarios: SCENARIOS,
            seed: 0,
            crossed,
            engine: engine(self.python.as_ref()),
        })
    }
}

/// Random scenarios that every repair is tried with.
const SCENARIOS: usize = 8;

pub(super) fn engine(python: Option<&PathBuf>) -> Engine {
    python.map_or_else(Engine::default, |python| Engine::Python(python.clone()))
}

/// The ComfyUI that checkouts are judged by.
#[derive(Debug, Args)]
pub struct Surroundings {
    /// Judge by this ComfyUI, or by a revision of its repository [default: the one around the checkout]
    #[arg(long, value_name = "PATH[@REV]")]
    pub comfyui: Option<OsString>,
}

/// Which checkouts are judged, and by what.
#[derive(Debug, Args)]
pub struct Judged {
    /// Which checkouts, and which fixes.
    #[command(flatten)]
    pub target: Target,

    /// What they are judged by.
    #[command(flatten)]
    pub surroundings: Surroundings,
}

/// Which state of a checkout is examined.
#[derive(Debug, Args)]
pub struct History {
    /// Examine this revision of the checkout's repository, such as `origin/main`; nothing is checked out
    #[arg(long, value_name = "REV")]
    pub rev: Option<String>,
}

/// The output format: for people, or one document for programs.
#[derive(Debug, Args)]
pub struct Output {
    /// The output format: for people, or a document for programs
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = one_of(RUNS.iter().filter(|format| !format.is_of_findings)))]
    pub format: &'static Format<Report>,
}

/// The same, with the formats for findings only.
#[derive(Debug, Args)]
pub struct FindingsOutput {
    /// The output format: for people, or a document for programs
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = one_of(RUNS.iter()))]
    pub format: &'static Format<Report>,
}

/// What counts as the size of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Accounting {
    /// The bytes its weights occupy, as upstream has counted since 2.5.11
    Resident,
    /// Those plus the cost of casting or patching them, about three times as much for GGUF
    Offload,
}

impl From<Accounting> for fixes::Accounting {
    fn from(accounting: Accounting) -> Self {
        match accounting {
            Accounting::Resident => Self::Resident,
            Accounting::Offload => Self::Offload,
        }
    }
}

/// Accepts the names of some formats, and lists them in `--help`.
pub(super) fn one_of<T: 'static>(
    formats: impl Iterator<Item = &'static Format<T>>,
) -> impl TypedValueParser<Value = &'static Format<T>> {
    let formats: Vec<_> = formats.collect();
    let name = |format: &&Format<T>| PossibleValue::new(format.name).help(format.about);
    let names = PossibleValuesParser::new(formats.iter().map(name));
    names.try_map(move |name| formats.iter().find(|format| format.name == name).copied().ok_or("no such format"))
}

/// Accepts the names of the fixes, and lists them in `--help`.
fn fix_by_name() -> impl TypedValueParser<Value = Fix> {
    let name = |fix: &Fix| PossibleValue::new(fix.name()).help(fix.about().title);
    let names = PossibleValuesParser::new(Fix::ALL.iter().map(name));
    names.try_map(|name| Fix::named(&name).ok_or("no such fix"))
}
