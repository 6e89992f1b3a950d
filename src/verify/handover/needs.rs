//! What the ways need to be run: the functions that they go through, and stand-ins for what else they use.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::given::{self, OF_MAPPINGS, OF_TEXTS};
use super::program::{Builder, Way};
use super::slice::LOADED;
use crate::fixes::Keep;
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::syntax::{any, enclosing, identifiers};
use crate::python::{FileId, Source};
use crate::verify::library::{Standard, in_sandbox};
use crate::verify::program::Top;
use crate::verify::standin::{BUILTINS, builtin, reaches_outside};
use crate::verify::uses::Uses;

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

impl<'p> Builder<'p> {
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

    pub(super) fn function(&self, file: FileId, name: &str) -> Option<(&'p Source, Node<'p>)> {
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
        let uses = Uses::of(source, node);
        self.attributes.extend(set_attributes(source, node));
        self.methods.extend(methods(source, node, &uses.bound));
        let is_helped = node.kind() == "function_definition";
        let mut wanted = BTreeSet::new();
        for (name, chain, called) in &uses.chains {
            if uses.bound.contains(name) || BUILTINS.contains(name) || OWN.contains(name) || *name == LOADED {
                continue;
            }
            let is_taken = self.take_function(file, name, chain, is_helped, is_around(name))?;
            if is_taken || self.take_library(file, name, chain) {
                continue;
            }
            if let Some(is_there) = builtin(name) {
                self.lacks.extend((!is_there).then(|| format!("`{name}`")));
                continue;
            }
            // Running a name that nobody gives a value is an error, which a stand-in would hide.
            let may_know = self.modules.get(&file).is_none_or(|module| module.may_know(name));
            if !may_know && !is_around(name) {
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

    /// Takes the function that a name is of, if that is to be run as it is; true if nothing is to stand in for the name.
    fn take_function(
        &mut self,
        file: FileId,
        name: &str,
        chain: &[&str],
        is_helped: bool,
        is_around: bool,
    ) -> Result<bool, String> {
        let Some(module) = self.modules.get(&file) else { return Ok(false) };
        let top = module.names.get(name);
        let target = match (top, chain.first()) {
            (Some(Top::Definition(_)), _) => (file, name.to_owned()),
            (Some(Top::Other(other, there)), _) => (*other, (*there).to_owned()),
            (Some(Top::File(other)), Some(first)) => (*other, (*first).to_owned()),
            (None, _) if is_around => (file, name.to_owned()),
            _ => return Ok(false),
        };
        // A function that helps one that is run, with what it was given.
        let is_helper = matches!(top, Some(Top::Definition(node)) if is_helped && passes(module.source, *node));
        if !is_helper && !self.real.contains(&target) {
            return Ok(false);
        }
        let known = self.taken.entry(target.1.clone()).or_insert_with(|| target.clone());
        if *known != target {
            return Err(format!("`{}` is defined differently in two files of this checkout", target.1));
        }
        let is_of_file = matches!(top, Some(Top::File(_)));
        if is_of_file {
            self.known.insert(format!("{name}.{}", target.1), target.1);
        } else if target.1 != name {
            self.aliases.insert(name.to_owned(), target.1);
        }
        Ok(!is_of_file)
    }

    /// Takes what stands for a name of the standard library; true if nothing else is to stand in for it.
    fn take_library(&mut self, file: FileId, name: &str, chain: &[&str]) -> bool {
        let top = self.modules.get(&file).and_then(|module| module.names.get(name));
        let Some(Top::Library(standard)) = top else { return false };
        if let Some(text) = standard.text(name) {
            self.lacks.extend((!in_sandbox(*standard)).then(|| format!("`{standard}`")));
            self.library.insert(name.to_owned(), text);
            return true;
        }
        if let Some(first) = chain.first() {
            let stands = format!("harness_{}_of_{first}", standard.module);
            let standard = Standard { module: standard.module, name: Some(first) };
            // What is copied here is no plain value.
            let text = match standard.to_string().as_str() {
                "copy.copy" => Some(format!("{stands} = harness_copied")),
                _ => standard.text(&stands),
            };
            if let Some(text) = text {
                self.known.insert(format!("{name}.{first}"), stands.clone());
                self.library.insert(stands, text);
            }
        }
        false
    }
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
