//! The fixes: what is looked for, in which state it is, and which edits repair it.
//!
//! One fix, one module; the text that a fix looks for or puts in is in the `patches` folder of the repository, where it
//! can be reviewed without reading Rust. The engine around knows a fix only by what it says here.

pub mod gpu_only;
pub mod load_list;
pub mod own_form;
mod release;
mod roles;
mod spare;

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

pub use self::release::Release;
pub use crate::allocator::Accounting;
use crate::python::flow::value::{Number, Record, Spot, WORLDS};
use crate::python::flow::{self, Flow, Interest, Seeds};
use crate::python::query::Query;
use crate::python::{Edit, Package, Source, Unreadable};

/// One of the fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Fix {
    /// Load-list items are read by what their fields mean, whatever their number.
    LoadList,
    /// What byte quotas leave over is shared by the listed GPUs.
    GpuOnly,
}

impl Fix {
    /// Every fix, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::LoadList, Self::GpuOnly];

    /// Its name on the command line and in every output.
    pub fn name(self) -> &'static str {
        match self {
            Self::LoadList => "load-list",
            Self::GpuOnly => "gpu-only",
        }
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The state that a site is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// load-list: right for items of 4 fields only.
    Legacy,
    /// load-list: right for items of 5 fields only.
    FiveOnly,
    /// load-list: right whatever the number of fields.
    Any,
    /// Not understood: handed to code that cannot be seen, or used in a way that cannot be followed.
    Opaque,
    /// gpu-only: the remainder goes to the CPU unless a wildcard is named.
    CpuFallback,
    /// gpu-only: repaired by hand, with a mistake.
    Faulty,
    /// gpu-only: the remainder is shared by the listed GPUs unless a wildcard is named.
    Shared,
}

impl State {
    /// Its name in every output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::FiveOnly => "five-only",
            Self::Any => "any",
            Self::Opaque => "opaque",
            Self::CpuFallback => "cpu-fallback",
            Self::Faulty => "faulty",
            Self::Shared => "shared",
        }
    }

    /// Would `apply` change a site in this state?
    pub fn needs_fix(self) -> bool {
        matches!(self, Self::Legacy | Self::CpuFallback | Self::Faulty)
    }
}

/// A place in the code that a fix is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Site {
    /// The number of its file in the package.
    pub file: usize,
    /// Its bytes in that file.
    pub range: Range<usize>,
    /// The state it is in.
    pub state: State,
    /// What it does, and what is wrong with that, in one sentence without a full stop.
    pub message: String,
    /// The edits that repair it, with the number of the file they are in.
    pub edits: Vec<(usize, Edit)>,
    /// What it reads, for those who want to run it.
    pub reading: Option<Reading>,
}

/// What a site reads of a load-list item.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// By the number of fields (4, 5): how many elements stand before and behind them when the item gets there; nothing
    /// if no item of that many does.
    pub shapes: [Option<(i64, i64)>; WORLDS],
    /// The index, if it is a subscript.
    pub number: Option<Number>,
}

impl Reading {
    fn new(record: &Record, number: Option<Number>) -> Self {
        Self { shapes: record.shapes.map(|shape| shape.map(|shape| (shape.lead, shape.trail))), number }
    }
}

impl Site {
    fn new(spot: Spot<'_>, state: State, message: impl Into<String>) -> Self {
        Self {
            file: spot.file,
            range: spot.node.byte_range(),
            state,
            message: message.into(),
            edits: Vec::new(),
            reading: None,
        }
    }

    fn with(mut self, edits: Vec<(usize, Edit)>) -> Self {
        self.edits = edits;
        self
    }
}

/// What a survey comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// There is nothing in the file that this fix could be about.
    NotApplicable,
    /// Nothing to do.
    InOrder,
    /// There is something to repair.
    #[serde(rename = "to-repair")]
    Needed,
    /// There is something that this fix is about, and it was not understood.
    NotUnderstood,
}

impl Status {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotApplicable => "not applicable",
            Self::InOrder => "in order",
            Self::Needed => "to repair",
            Self::NotUnderstood => "not understood",
        }
    }
}

/// Everything that one fix found in a checkout.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Survey {
    /// The fix.
    pub fix: Fix,
    /// What it comes to.
    pub status: Status,
    /// The places, by file and position.
    pub sites: Vec<Site>,
    /// Why the status is what it is, where the sites do not say it.
    pub note: Option<String>,
    /// The numbers of the files whose values were followed.
    pub files: Vec<usize>,
}

impl Survey {
    fn new(fix: Fix, mut sites: Vec<Site>, note: Option<String>) -> Self {
        sites.sort_by_key(|site| (site.file, site.range.start, site.range.end));
        let has = |state| sites.iter().any(|site: &Site| site.state == state);
        let status = if sites.iter().any(|site| site.state.needs_fix()) {
            Status::Needed
        } else if has(State::Any) || has(State::FiveOnly) || has(State::Shared) {
            Status::InOrder
        } else if has(State::Opaque) {
            Status::NotUnderstood
        } else {
            Status::NotApplicable
        };
        Self { fix, status, sites, note, files: Vec::new() }
    }

    /// The same, but for what it would change.
    pub(crate) fn without_edits(mut self) -> Self {
        for site in &mut self.sites {
            site.edits.clear();
        }
        self
    }

    /// How many sites are in a state.
    pub fn count(&self, state: State) -> usize {
        self.sites.iter().filter(|site| site.state == state).count()
    }
}

/// What all fixes look for, in one query, so that a file is gone through once.
static LOOKED_FOR: Query = Query::new(
    concat!(include_str!("../../patches/load-list.scm"), include_str!("../../patches/gpu-only.scm")),
    &[SOURCE_NAME, "cpu", "*'", "*\"", "\\*", "[*]", "None"],
);

/// The name that marks a file as one that load lists come from.
const SOURCE_NAME: &str = "_load_list";

/// Surveys the package, whose first file is `distorch_2.py`, for these fixes. Fails if that file, or another that makes
/// a load list, cannot be read; the number of the file comes with the reason.
pub fn survey(package: &Package, fixes: &[Fix], accounting: Accounting) -> Result<Vec<Survey>, (usize, Unreadable)> {
    let mut files = vec![0];
    files.extend(package.mentioning(SOURCE_NAME).into_iter().filter(|file| *file != 0));
    for file in &files {
        package.source(*file).map_err(|error| (*file, error.clone()))?;
    }
    let mut text_files = package.mentioning("'*'");
    text_files.extend(package.mentioning("\"*\""));
    let flow = flow::follow(package, &Interest { files, text_files, seeds: &seeds });
    let subject = Subject { package, flow };
    let survey = |fix: &Fix| {
        let found = match fix {
            Fix::LoadList => load_list::survey(&subject, accounting),
            Fix::GpuOnly => gpu_only::survey(&subject),
        };
        Survey { files: subject.flow.files.clone(), ..found }
    };
    Ok(fixes.iter().map(survey).collect())
}

fn seeds(source: &Source) -> Seeds {
    let mut seeds = Seeds::default();
    for (name, node) in LOOKED_FOR.captures(source) {
        match name {
            "load-list.method" => {
                seeds.sources.extend(load_list::source_expression(source, node).map(|node| node.id()));
            }
            "gpu-only.default" => {
                seeds.texts.insert(node.id());
            }
            "gpu-only.none" if gpu_only::may_be_default(source, node) => {
                seeds.texts.insert(node.id());
            }
            _ => {}
        }
    }
    seeds
}

/// What a fix surveys: the package, and what following its values gave.
pub(crate) struct Subject<'p> {
    package: &'p Package,
    flow: Flow<'p>,
}

impl<'p> Subject<'p> {
    fn source(&self, file: usize) -> Option<&'p Source> {
        self.package.source(file).ok()
    }
}

/// The innermost node around `node` (itself included) of one of these kinds.
fn enclosing<'t>(node: Node<'t>, kinds: &[&str]) -> Option<Node<'t>> {
    let mut around = Some(node);
    while let Some(node) = around {
        if kinds.contains(&node.kind()) {
            return Some(node);
        }
        around = node.parent();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_queries_find_what_they_are_for() {
        let text =
            "a = x._load_list()\ng = getattr(x, '_load_list')\nw = \"cpu\"\nv = None\nif '*' in s: t = 'cpu:0'\n";
        let source = Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).expect("parses");
        let found: Vec<_> =
            LOOKED_FOR.captures(&source).into_iter().map(|(name, node)| (name, source.slice(node))).collect();
        let expected = [
            ("load-list.method", "_load_list"),
            ("load-list.method", "_load_list"),
            ("gpu-only.default", "cpu"),
            ("gpu-only.none", "None"),
            ("gpu-only.marker", "*"),
        ];
        assert_eq!(found, expected);
    }
}
