//! The program that runs the ways of a file: each as a function, with the functions that it goes through, and stand-ins for
//! everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;
use tree_sitter::Node;

use super::cases::{Asked, Case};
use super::given::{self, OF_MAPPINGS, OF_TEXTS, Use};
use super::slice::{LOADED, Slice};
use crate::fixes::{Handover, Keep};
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::syntax::{any, enclosing, identifiers};
use crate::python::{FileId, Package, Source};
use crate::verify::desugar::{self, Methods};
use crate::verify::library::{Standard, in_sandbox};
use crate::verify::program::{Module, STAND_INS, Top};
use crate::verify::standin::{BUILTINS, builtin, reaches_outside};
use crate::verify::uses::Uses;

const WORLD: &str = include_str!("world.py");

/// Names that the program has itself, for which Python has something that the sandbox lacks or must not have.
const OWN: [&str; 4] = ["callable", "dir", "print", "vars"];

/// What the patchers and models of the program can do, and lists.
const METHODS: [&str; 24] = [
    "append",
    "buffers",
    "children",
    "clone",
    "count",
    "element_size",
    "extend",
    "get_clone_model_override",
    "index",
    "insert",
    "is_dynamic",
    "model_size",
    "model_state_dict",
    "modules",
    "named_buffers",
    "named_children",
    "named_modules",
    "named_parameters",
    "nelement",
    "numel",
    "parameters",
    "remove",
    "state_dict",
    "to",
];

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
    modules: BTreeMap<FileId, Module<'p>>,
    /// The functions that are run as they are.
    real: BTreeSet<(FileId, String)>,
    /// Those that are in the program, by their name there.
    taken: BTreeMap<String, (FileId, String)>,
    /// What the names of the standard library stand for.
    library: BTreeMap<String, String>,
    uses: BTreeMap<String, Use>,
    /// What is there for a path such as `module.function`.
    known: BTreeMap<String, String>,
    /// Other names of functions.
    aliases: BTreeMap<String, String>,
    attributes: BTreeSet<String>,
    /// Methods that are called on what was loaded, which nothing is known of, and how many things they give.
    methods: BTreeMap<String, Option<usize>>,
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

    /// Takes what the ways need.
    pub(super) fn take(&mut self, file: FileId, source: &Source, call: Node<'_>, way: &Way<'_>) -> Result<(), String> {
        let (Keep::Attribute(key) | Keep::Store(key)) = &way.handover.keep;
        self.attributes.insert(key.clone());
        let around = outermost(call);
        let around = around.map(|around| Uses::of(source, around).bound).unwrap_or_default();
        let root = way.slice.source.root();
        self.names(file, &way.slice.source, root, |name| around.contains(name))?;
        let mut open: Vec<_> = self.taken.values().cloned().collect();
        let mut seen = BTreeSet::new();
        while let Some((file, name)) = open.pop() {
            if !seen.insert((file, name.clone())) {
                continue;
            }
            if let Some((source, node)) = self.function(file, &name) {
                self.names(file, source, node, |_| false)?;
            }
            open.extend(self.taken.values().filter(|taken| !seen.contains(taken)).cloned());
        }
        Ok(())
    }

    fn function(&self, file: FileId, name: &str) -> Option<(&'p Source, Node<'p>)> {
        let source = self.modules.get(&file)?.source;
        let mut found = None;
        any(source.root(), |node| {
            let is_it = node.kind() == "function_definition"
                && node.field("name").is_some_and(|found| source.slice(found) == name);
            found = found.or(is_it.then_some(node));
            is_it
        });
        found.map(|node| (source, node))
    }

    /// Notes what a piece of code needs. `is_around` tells which names are those of functions around it.
    fn names(
        &mut self,
        file: FileId,
        source: &Source,
        node: Node<'_>,
        is_around: impl Fn(&str) -> bool,
    ) -> Result<(), String> {
        let Some(module) = self.modules.get(&file) else { return Ok(()) };
        let uses = Uses::of(source, node);
        let is_function = node.kind() == "function_definition";
        self.attributes.extend(set_attributes(source, node));
        self.methods.extend(methods(source, node, &uses.bound));
        let mut wanted = BTreeSet::new();
        for (name, chain, called) in &uses.chains {
            if uses.bound.contains(name) || BUILTINS.contains(name) || OWN.contains(name) || *name == LOADED {
                continue;
            }
            let top = module.names.get(name);
            let target = match top {
                Some(Top::Definition(_)) => Some((file, (*name).to_owned())),
                Some(Top::Other(other, there)) => Some((*other, (*there).to_owned())),
                None if is_around(name) => Some((file, (*name).to_owned())),
                _ => None,
            };
            // A function that helps one that is run, with what it was given.
            let helps = |node: Node<'_>| is_function && passes(module.source, node);
            let is_helper = matches!(top, Some(Top::Definition(node)) if helps(*node));
            if let Some(target) = target.filter(|target| is_helper || self.real.contains(target)) {
                if target.1 != *name {
                    self.aliases.insert((*name).to_owned(), target.1.clone());
                }
                let known = self.taken.entry(target.1.clone()).or_insert_with(|| target.clone());
                if *known != target {
                    return Err(format!("`{}` is defined differently in two files of this checkout", target.1));
                }
                continue;
            }
            if let (Some(Top::File(other)), Some(first)) = (top, chain.first())
                && self.real.contains(&(*other, (*first).to_owned()))
            {
                self.taken.insert((*first).to_owned(), (*other, (*first).to_owned()));
                self.known.insert(format!("{name}.{first}"), (*first).to_owned());
            }
            if let Some(Top::Library(standard)) = top
                && let Some(text) = standard.text(name)
            {
                self.lacks.extend((!in_sandbox(*standard)).then(|| format!("`{standard}`")));
                self.library.insert((*name).to_owned(), text);
                continue;
            }
            if let (Some(Top::Library(Standard { module, name: None })), Some(first)) = (top, chain.first()) {
                let path = format!("{name}.{first}");
                let stands = format!("harness_{module}_of_{first}");
                let standard = Standard { module, name: Some(first) };
                // What is copied here is no plain value.
                let text = match standard.to_string().as_str() {
                    "copy.copy" => Some(format!("{stands} = harness_copied")),
                    _ => standard.text(&stands),
                };
                if let Some(text) = text {
                    self.known.insert(path, stands.clone());
                    self.library.insert(stands, text);
                }
            }
            if let Some(is_there) = builtin(name) {
                self.lacks.extend((!is_there).then(|| format!("`{name}`")));
                continue;
            }
            // Running a name that nobody gives a value is an error, which a stand-in would hide.
            if !module.may_know(name) && !is_around(name) {
                continue;
            }
            let chain: Vec<_> = chain.iter().map(|part| (*part).to_owned()).collect();
            if reaches_outside(name, &chain, *called) {
                let path = [&[(*name).to_owned()], &chain[..]].concat().join(".");
                return Err(format!("`{path}` reaches outside, and nothing stands in for that"));
            }
            wanted.insert(*name);
        }
        given::note(source, node, &mut self.uses, |name| wanted.contains(name));
        Ok(())
    }

    /// The program that runs these cases; `attributes` are looked at.
    pub(super) fn text(&mut self, ways: &[Way<'_>], cases: &[(usize, Case)], attributes: &BTreeSet<String>) -> String {
        let mut text = format!("{STAND_INS}\n\n{WORLD}\n\n");
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
            let parameters: String = given.iter().map(|name| format!(", {name}")).collect();
            let head = format!("def harness_way_{number}({LOADED}{parameters}):");
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

/// The methods that are called on names that code binds, but for those that are known, or asked for by name.
fn methods(source: &Source, node: Node<'_>, bound: &BTreeSet<&str>) -> BTreeMap<String, Option<usize>> {
    let mut found = BTreeMap::new();
    let mut asked = BTreeSet::new();
    walk(&mut node.walk(), |inner| {
        asked.extend((inner.kind() == "string_content").then(|| source.slice(inner)));
        let function = inner.field("function").filter(|function| function.kind() == "attribute");
        let called = function.and_then(|function| Some((root(function)?, function.field("attribute")?)));
        if let Some((root, method)) = called {
            let method = source.slice(method);
            let known = [&METHODS[..], &OF_MAPPINGS, &OF_TEXTS].concat();
            if bound.contains(source.slice(root)) && !known.contains(&method) && !given::logs(method) {
                let count: &mut Option<usize> = found.entry(method.to_owned()).or_default();
                *count = count.or(given::unpacked(inner));
            }
        }
        true
    });
    found.retain(|name, _| !asked.contains(name.as_str()));
    found
}

/// The name that a chain of attributes, calls and subscripts begins with.
fn root(node: Node<'_>) -> Option<Node<'_>> {
    let mut node = node;
    while node.kind() != "identifier" {
        node = node.field("object").or_else(|| node.field("value")).or_else(|| node.field("function"))?;
    }
    Some(node)
}

/// Does a function return what it was given, or something of it?
fn passes(source: &Source, function: Node<'_>) -> bool {
    let parameters = function.field("parameters").map(|list| identifiers(source, list)).unwrap_or_default();
    any(function, |node| {
        let returned = node.part(0).filter(|_| node.kind() == "return_statement");
        returned.and_then(root).is_some_and(|root| parameters.contains(&source.slice(root)))
    })
}

/// The attributes that code sets, by an assignment or by their name.
fn set_attributes(source: &Source, node: Node<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    walk(&mut node.walk(), |inner| {
        let set = inner.field("left").filter(|left| inner.kind() == "assignment" && left.kind() == "attribute");
        names.extend(set.and_then(|left| left.field("attribute")).map(|name| source.slice(name).to_owned()));
        let is_word = |text: &str| text.starts_with('_') && text.chars().all(|c| c.is_alphanumeric() || c == '_');
        names.extend(
            (inner.kind() == "string_content")
                .then(|| source.slice(inner))
                .filter(|text| is_word(text))
                .map(str::to_owned),
        );
        true
    });
    names
}

/// The outermost function or class around a node.
fn outermost(node: Node<'_>) -> Option<Node<'_>> {
    let mut outermost = None;
    let mut around = enclosing(node, &["function_definition", "class_definition"]);
    while let Some(node) = around {
        outermost = Some(node);
        around = node.parent().and_then(|parent| enclosing(parent, &["function_definition", "class_definition"]));
    }
    outermost
}
