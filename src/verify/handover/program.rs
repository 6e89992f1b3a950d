//! The program that runs the ways of a file: each as a function, with the functions that it goes through, and stand-ins for
//! everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::cases::{Asked, Case};
use super::given::{self, Use};
use super::slice::{LOADED, Slice};
use crate::fixes::{Handover, Keep};
use crate::python::{FileId, Package};
use crate::verify::desugar::{self, Methods};
use crate::verify::program::{Module, STAND_INS};

const WORLD: &str = include_str!("world.py");
const DRIVER: &str = include_str!("driver.py");

/// Attributes that are looked at in any case.
const ATTRIBUTES: [&str; 10] = [
    "cond_stage_model",
    "device",
    "first_stage_model",
    "image_size",
    "layer_idx",
    "load_device",
    "model",
    "offload_device",
    "patcher",
    "tokenizer",
];

/// A way that is run.
pub(super) struct Way<'w> {
    pub(super) handover: &'w Handover,
    pub(super) slice: &'w Slice,
}

/// The programs are put together from this.
pub(super) struct Builder<'p> {
    pub(super) modules: BTreeMap<FileId, Module<'p>>,
    /// The functions that are run as they are.
    pub(super) real: BTreeSet<(FileId, String)>,
    /// Those that are in the program, by their name there.
    pub(super) taken: BTreeMap<String, (FileId, String)>,
    /// What the names of the standard library stand for.
    pub(super) library: BTreeMap<String, String>,
    pub(super) uses: BTreeMap<String, Use>,
    /// What is there for a path such as `module.function`.
    pub(super) known: BTreeMap<String, String>,
    /// Other names of functions.
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) attributes: BTreeSet<String>,
    /// Methods that are called on what was loaded, which nothing is known of, and how many things they give.
    pub(super) methods: BTreeMap<String, Option<usize>>,
    /// What the sandbox lacks.
    pub(super) lacks: Vec<String>,
}

impl<'p> Builder<'p> {
    /// For ways of a file; `real` are functions to be run as they are.
    pub(super) fn new(package: &'p Package, file: FileId, real: BTreeSet<(FileId, String)>) -> Self {
        let files: BTreeSet<_> = real.iter().map(|(file, _)| *file).chain([file]).collect();
        let module = |file: FileId| package.source(file).ok().map(|source| (file, Module::of(package, file, source)));
        Self {
            modules: files.into_iter().filter_map(module).collect(),
            real,
            taken: BTreeMap::new(),
            library: BTreeMap::new(),
            uses: BTreeMap::new(),
            known: BTreeMap::new(),
            aliases: BTreeMap::new(),
            attributes: ATTRIBUTES.map(str::to_owned).into(),
            methods: BTreeMap::new(),
            lacks: Vec::new(),
        }
    }

    /// The attributes that the code of these ways sets.
    pub(super) fn attributes(&self) -> &BTreeSet<String> {
        &self.attributes
    }

    /// The program that runs these cases; `attributes` are looked at.
    pub(super) fn text(&mut self, ways: &[Way<'_>], cases: &[(usize, Case)], attributes: &BTreeSet<String>) -> String {
        let mut text = format!("{STAND_INS}\n\n{WORLD}\n\n{DRIVER}\n\n");
        let attributes: Vec<_> = attributes.iter().map(|name| Value::from(name.as_str()).to_string()).collect();
        let _ = writeln!(text, "HARNESS_ATTRIBUTES = [{}]", attributes.join(", "));
        let methods = self.methods.iter().map(|(name, count)| format!("{name:?}: {}", count.unwrap_or(0)));
        let _ = writeln!(text, "HARNESS_METHODS = {{{}}}", methods.collect::<Vec<_>>().join(", "));
        for line in self.library.values() {
            let _ = writeln!(text, "{line}");
        }
        for (name, found) in &self.uses {
            if !self.taken.contains_key(name) {
                let _ = writeln!(text, "{name} = {}", found.stand_in(name, false, &self.known));
            }
        }
        let defined: Vec<_> = self.taken.keys().cloned().collect();
        let defined = defined.iter().map(String::as_str).collect();
        let (methods, renamed) = (Methods::default(), BTreeMap::new());
        let context = desugar::Context { methods: &methods, defined: &defined, renamed: &renamed, arithmetic: false };
        for (file, name) in self.taken.values() {
            let Some((source, node)) = self.function(*file, name) else { continue };
            let translation = desugar::translate(source, node, &context);
            self.lacks.extend(translation.lacks.into_iter().map(|(_, what)| what));
            let _ = writeln!(text, "\n\n{}", translation.text.replace("\r\n", "\n"));
        }
        for (name, target) in &self.aliases {
            let _ = writeln!(text, "{name} = {target}");
        }
        let mut sites = Vec::new();
        for (number, way) in ways.iter().enumerate() {
            let Slice { source, given, asking, defaults, .. } = way.slice;
            let root = source.root();
            let translation = desugar::translate(source, root, &context);
            self.lacks.extend(translation.lacks.into_iter().map(|(_, what)| what));
            let parameters: Vec<_> = std::iter::once(LOADED).chain(given.iter().map(String::as_str)).collect();
            let head = format!("def harness_way_{number}({}):", parameters.join(", "));
            let body = translation.text.split_once('\n').map_or("", |(_, body)| body);
            let _ = writeln!(text, "\n\n{head}\n{body}");
            let mut uses = BTreeMap::new();
            given::note(source, root, &mut uses, |name| given.contains(name));
            let values = given.iter().map(|name| {
                let asks = asking.contains(name);
                let default = defaults.get(name).and_then(|value| given::default(name, value, asks));
                let found = uses.get(name).cloned().unwrap_or_default();
                default.unwrap_or_else(|| found.stand_in(name, asks, &self.known))
            });
            let values = values.collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "\n\ndef harness_given_{number}(asked):\n    return [{values}]\n");
            let (keep, key) = match &way.handover.keep {
                Keep::Attribute(key) => ("attribute", key),
                Keep::Store(key) => ("store", key),
            };
            let at = way.handover.at.map_or_else(|| "None".to_owned(), |at| at.to_string());
            sites.push(format!("(harness_way_{number}, harness_given_{number}, {at}, {keep:?}, {key:?})"));
        }
        let _ = writeln!(text, "HARNESS_SITES = [{}]", sites.join(", "));
        text.push_str("HARNESS_CASES = [\n");
        for (site, Case { kind, holder, shape, asked }) in cases {
            let holder = holder.map_or_else(|| "None".to_owned(), |holder| format!("{holder:?}"));
            let asked = match asked {
                Asked::All => "True".to_owned(),
                Asked::None => "False".to_owned(),
                Asked::Only(name) => format!("{name:?}"),
            };
            let _ = writeln!(text, "    ({site}, {kind:?}, {holder}, {shape:?}, {asked}),");
        }
        text.push_str("]\njson.dumps([harness_run(*case) for case in HARNESS_CASES])\n");
        text
    }
}

/// The values that a way is given, or their entries, of which some ask for an allocation.
pub(super) fn asking(slice: &Slice) -> Vec<String> {
    let mut uses = BTreeMap::new();
    let is_one = |name: &str| slice.given.contains(name) && slice.asking.contains(name);
    given::note(&slice.source, slice.source.root(), &mut uses, is_one);
    uses.iter().flat_map(|(name, found)| found.asking(name)).collect()
}
