//! The fixes: what they look for, which state it is in, and which edits repair it.
//!
//! One fix, one folder here. The text that a fix looks for or inserts is in the `patches` folder of the repository, where
//! it can be reviewed without reading Rust. The rest of the project knows a fix only by its [`Definition`]; to add one,
//! write its folder and its line in [`Fix::ALL`].

mod contract;
mod definition;
pub mod dynamic_vram;
pub mod gpu_only;
mod handover;
pub mod load_list;
mod logger;
mod site;
mod spare;
mod state;
mod survey;
mod undo;

use std::sync::LazyLock;

pub use self::contract::Contract;
pub use self::definition::{About, Definition, Fix, Host};
pub use self::handover::{Handover, Keep};
pub use self::site::{Reading, Site};
pub use self::state::{Standing, State};
pub use self::survey::{Status, Survey};
pub use self::undo::undo;
pub use crate::allocator::Accounting;
use crate::python::flow::{self, Flow, Interest, Seeds};
use crate::python::query::Query;
use crate::python::{FileId, Package, Source, Unreadable};

impl Fix {
    /// The registry: every fix, in the order in which they are shown.
    pub const ALL: &'static [Self] = &[load_list::LOAD_LIST, gpu_only::GPU_ONLY, dynamic_vram::DYNAMIC_VRAM];
}

/// What all fixes look for, in one query, so that a file is gone through once.
static LOOKED_FOR: LazyLock<Query> = LazyLock::new(|| {
    let abouts = || Fix::ALL.iter().map(|fix| fix.about());
    let text = abouts().map(|about| about.query).collect();
    Query::new(text, abouts().flat_map(|about| about.needles).copied().collect())
});

/// The name that marks a file as a source of load lists.
const SOURCE_NAME: &str = "_load_list";

/// Surveys the package, whose first file is `distorch_2.py`, for these fixes. Fails if that file, or another that makes
/// a load list, cannot be read; the file comes with the reason.
pub fn survey(package: &Package, fixes: &[Fix], accounting: Accounting) -> Result<Vec<Survey>, (FileId, Unreadable)> {
    let mut files = vec![FileId::FIRST];
    files.extend(package.mentioning(SOURCE_NAME).into_iter().filter(|file| *file != FileId::FIRST));
    for file in &files {
        package.source(*file).map_err(|error| (*file, error.clone()))?;
    }
    let mut text_files = package.mentioning("'*'");
    text_files.extend(package.mentioning("\"*\""));
    let flow = flow::follow(package, &Interest { files, text_files, arities: load_list::ARITIES, seeds: &seeds });
    let subject = Subject { package, flow };
    let survey = |fix: &Fix| Survey { files: subject.flow.files.clone(), ..fix.survey(&subject, accounting) };
    Ok(fixes.iter().map(survey).collect())
}

fn seeds(source: &Source) -> Seeds {
    let mut seeds = Seeds::default();
    for (name, node) in LOOKED_FOR.captures(source) {
        for fix in Fix::ALL {
            fix.seed(source, name, node, &mut seeds);
        }
    }
    seeds
}

/// What a fix surveys: the package, and how values flow through it.
pub struct Subject<'p> {
    package: &'p Package,
    flow: Flow<'p>,
}

impl<'p> Subject<'p> {
    fn source(&self, file: FileId) -> Option<&'p Source> {
        self.package.source(file).ok()
    }
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
