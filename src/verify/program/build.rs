//! Collects the entries, and all they reach, in one text.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tree_sitter::Node;

use super::Entry;
use super::modules::{Module, Top};
use crate::python::FileId;
use crate::python::source::walk;
use crate::verify::desugar::{self, Methods};
use crate::verify::library::{Standard, in_sandbox};
use crate::verify::standin::{BUILTINS, asks_the_machine, builtin, reaches_outside, stand_in_text};
use crate::verify::uses::Uses;

pub(in crate::verify) const STAND_INS: &str = include_str!("../standins.py");

/// Where a part of the program comes from. This is also the order of the parts in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// The standard library.
    Library,
    /// A file, and the byte where it begins there. Imported files come first.
    Code(Reverse<FileId>, usize),
    /// Another name, in a file, for a part above.
    Alias(Reverse<FileId>),
}

impl Origin {
    fn file(self) -> Option<FileId> {
        match self {
            Self::Library => None,
            Self::Code(Reverse(file), _) | Self::Alias(Reverse(file)) => Some(file),
        }
    }
}

pub(super) struct Builder<'p> {
    pub(super) modules: BTreeMap<FileId, Module<'p>>,
    pub(super) methods: Methods,
    /// Is arithmetic translated as well?
    pub(super) arithmetic: bool,
    /// The names of a file that are different in the program.
    pub(super) renamed: BTreeMap<(FileId, String), String>,
    /// The parts of the program by their names there, with their text.
    pub(super) taken: BTreeMap<String, (Origin, String)>,
    /// Names that need stand-ins, with the attributes that are read of them, and which of these are called.
    pub(super) stands: BTreeMap<String, BTreeSet<(Vec<String>, bool)>>,
    /// The first name that must not have a stand-in.
    pub(super) outside: Option<String>,
    /// Features of the collected code that the sandbox lacks.
    pub(super) lacks: Vec<String>,
}

impl<'p> Builder<'p> {
    /// Collects the entries; false if a name had to be renamed first, so that collecting must start again.
    pub(super) fn take_all(&mut self, entries: &[Entry]) -> Result<bool, String> {
        let before = self.renamed.len();
        self.taken.clear();
        self.stands.clear();
        self.lacks.clear();
        for entry in entries {
            self.take(FileId::FIRST, &entry.name)?;
            if self.renamed.len() > before {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The name in the program of a name of a file.
    fn called(&self, file: FileId, name: &str) -> String {
        self.renamed.get(&(file, name.to_owned())).cloned().unwrap_or_else(|| name.to_owned())
    }

    /// Adds the definition of a file's name to the program, with all it needs.
    fn take(&mut self, file: FileId, name: &str) -> Result<(), String> {
        let mut open = vec![(file, name.to_owned())];
        while let Some((file, name)) = open.pop() {
            let Some(module) = self.modules.get(&file) else { continue };
            let source = module.source;
            let node = match module.names.get(name.as_str()) {
                // It queries hardware that is not there; the scenario's machine answers instead.
                Some(Top::Definition(_)) if asks_the_machine(&name) => {
                    self.stands.entry(name).or_default().insert((Vec::new(), true));
                    continue;
                }
                Some(Top::Definition(node)) => *node,
                Some(Top::Assignment(node)) if self.is_computable(file, *node) => *node,
                Some(Top::Library(standard)) => {
                    let standard = *standard;
                    self.take_library(&name, standard)?;
                    continue;
                }
                Some(Top::Other(other, there)) if self.modules.contains_key(other) => {
                    let (other, there) = (*other, (*there).to_owned());
                    let (here, target) = (self.called(file, &name), self.called(other, &there));
                    if here != target {
                        self.alias(file, here, &target);
                    }
                    open.push((other, there));
                    continue;
                }
                // Everything else is replaced by a stand-in where it is used.
                _ => continue,
            };
            let called = self.called(file, &name);
            if let Some((origin, _)) = self.taken.get(&called) {
                if origin.file() == Some(file) {
                    continue;
                }
                // The entries, which are in the first file, keep their names.
                let other = if file == FileId::FIRST { origin.file() } else { Some(file) };
                return self.rename(other, &name);
            }
            let defined = module.names.iter().filter(|(_, top)| matches!(top, Top::Definition(_) | Top::Other(..)));
            let defined = defined.map(|(name, _)| *name).collect();
            let bound = module.uses(node).map(|uses| &uses.bound);
            let is_free = |other: &str| *other == name || !bound.is_some_and(|bound| bound.contains(other));
            let renamed = self.renamed.iter().filter(|((of, other), _)| *of == file && is_free(other));
            let renamed = renamed.map(|((_, name), called)| (name.as_str(), called.as_str())).collect();
            let context = desugar::Context {
                methods: &self.methods,
                defined: &defined,
                renamed: &renamed,
                arithmetic: self.arithmetic,
            };
            let translation = desugar::translate(source, node, &context);
            let place = |line: usize| format!("{}:{line}", source.path().display());
            self.lacks.extend(translation.lacks.into_iter().map(|(line, what)| format!("{what}, at {}", place(line))));
            open.extend(translation.decorators.into_iter().map(|name| (file, name)));
            self.taken.insert(called, (Origin::Code(Reverse(file), node.start_byte()), translation.text));
            let uses = module.uses(node);
            let names = uses.into_iter().flat_map(Uses::names).filter(|name| self.is_defined(file, name));
            open.extend(names.map(|name| (file, name.to_owned())));
            self.stand_in(file, node);
        }
        Ok(())
    }

    /// Makes `name` of a file another name for `target` in the program.
    fn alias(&mut self, file: FileId, name: String, target: &str) {
        let text = format!("{name} = {target}");
        self.taken.insert(name, (Origin::Alias(Reverse(file)), text));
    }

    /// Renames a file's name in the program; fails if it already was renamed, or is not of a file.
    fn rename(&mut self, file: Option<FileId>, name: &str) -> Result<(), String> {
        let to = |file: FileId| ((file, name.to_owned()), format!("{name}_of_file_{}", file.index()));
        let is_new = file.map(to).is_some_and(|(from, to)| self.renamed.insert(from, to).is_none());
        if is_new { Ok(()) } else { Err(format!("`{name}` is defined differently in two files of this checkout")) }
    }

    /// Adds a name of the standard library. Attributes of a whole module are added where they are used.
    fn take_library(&mut self, bound: &str, standard: Standard<'_>) -> Result<(), String> {
        let Some(text) = standard.text(bound) else { return Ok(()) };
        match self.taken.get(bound) {
            Some((_, known)) if *known == text => return Ok(()),
            Some(_) => return Err(format!("`{bound}` is defined differently in two files of this checkout")),
            None => {}
        }
        if !in_sandbox(standard) {
            self.lacks.push(format!("`{standard}`"));
        }
        self.taken.insert(bound.to_owned(), (Origin::Library, text));
        Ok(())
    }

    fn is_defined(&self, file: FileId, name: &str) -> bool {
        let Some(module) = self.modules.get(&file) else { return false };
        match module.names.get(name) {
            Some(Top::Definition(_) | Top::Library(_)) => true,
            Some(Top::Assignment(node)) => self.is_computable(file, *node),
            Some(Top::Other(other, there)) => self.modules.contains_key(other) && self.is_defined(*other, there),
            _ => false,
        }
    }

    /// Can an assignment be run as it is: does the program have all that it calls?
    fn is_computable(&self, file: FileId, assignment: Node<'p>) -> bool {
        let Some((module, right)) = self.modules.get(&file).zip(assignment.child_by_field_name("right")) else {
            return false;
        };
        let mut fine = true;
        walk(&mut right.walk(), |node| {
            if matches!(node.kind(), "call" | "attribute")
                && let Some(root) = root(node)
            {
                let name = module.source.slice(root);
                let known = matches!(module.names.get(name), Some(Top::Library(_) | Top::Definition(_)));
                fine &= known || BUILTINS.contains(&name);
            }
            fine
        });
        fine
    }

    /// Notes the stand-ins that a piece of code needs.
    fn stand_in(&mut self, file: FileId, node: Node<'p>) {
        let Some(uses) = self.modules.get(&file).and_then(|module| module.uses(node)) else { return };
        let is_free = |name: &str| !uses.bound.contains(name) && !BUILTINS.contains(&name);
        let owned = |(name, chain, called): &(&str, Vec<&str>, bool)| {
            ((*name).to_owned(), chain.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>(), *called)
        };
        let wanted: Vec<_> = uses.chains.iter().filter(|(name, _, _)| is_free(name)).map(owned).collect();
        for (name, chain, called) in wanted {
            if let Some(Top::File(other)) = self.modules.get(&file).and_then(|module| module.names.get(name.as_str())) {
                let other = *other;
                if let (Some(first), true) = (chain.first(), self.modules.contains_key(&other))
                    && self.is_defined(other, first)
                {
                    // A function of another file, by way of the file's name.
                    let first = first.clone();
                    let target = self.called(other, &first);
                    self.alias(file, format!("{name}.{first}"), &target);
                    self.stands.entry(name).or_default();
                    let _ = self.take(other, &first);
                    continue;
                }
            }
            if let Some(Top::Library(Standard { module, name: None })) =
                self.modules.get(&file).and_then(|module| module.names.get(name.as_str()))
            {
                let module = *module;
                if let Some(first) = chain.first() {
                    let standard = Standard { module, name: Some(first) };
                    let _ = self.take_library(&format!("{name}.{first}"), standard);
                }
                self.stands.entry(name).or_default();
                continue;
            }
            if !self.is_defined(file, &name) {
                if !self.modules.get(&file).is_some_and(|module| module.may_know(&name)) {
                    // Running it would be an error, which a stand-in would hide.
                    continue;
                }
                if let Some(is_there) = builtin(&name) {
                    self.lacks.extend((!is_there).then(|| format!("`{name}`")));
                    continue;
                }
                if reaches_outside(&name, &chain, called) {
                    self.outside.get_or_insert_with(|| [std::slice::from_ref(&name), &chain].concat().join("."));
                }
                self.stands.entry(name).or_default().insert((chain, called));
            }
        }
    }

    pub(super) fn text(&self, entries: &[Entry]) -> String {
        let mut text = String::from(STAND_INS);
        for (name, uses) in &self.stands {
            if !self.taken.contains_key(name) {
                stand_in_text(&mut text, name, uses);
            }
        }
        let mut pieces: Vec<_> = self.taken.values().collect();
        pieces.sort_by_key(|(origin, _)| *origin);
        for (_, piece) in pieces {
            let _ = writeln!(text, "\n\n{}", piece.replace("\r\n", "\n"));
        }
        let functions: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let _ = writeln!(text, "\n\nHARNESS_FUNCTIONS = [{}]", functions.join(", "));
        text
    }
}

/// The name that a call or an attribute begins with.
fn root(node: Node<'_>) -> Option<Node<'_>> {
    let mut node = node;
    loop {
        node = match node.kind() {
            "identifier" => return Some(node),
            "call" => node.child_by_field_name("function")?,
            "attribute" => node.child_by_field_name("object")?,
            _ => return None,
        };
    }
}
