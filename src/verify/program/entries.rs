//! The functions that are called from outside of the program.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::build::Builder;
use super::modules::Top;
use super::{Entry, Role};
use crate::python::field::Fields as _;
use crate::python::{FileId, Source};
use crate::verify::uses::{ASSIGNMENTS, LIST, Uses};

impl<'p> Builder<'p> {
    pub(super) fn entries(&self, sharing: &BTreeSet<(FileId, String)>) -> Vec<Entry> {
        let Some(main) = self.modules.get(&FileId::FIRST) else { return Vec::new() };
        let mut entries = Vec::new();
        for (name, top) in &main.names {
            let Top::Definition(node) = top else { continue };
            let text = main.source.slice(*node);
            if !text.contains(LIST) && !text.contains(ASSIGNMENTS) {
                continue;
            }
            let Some((_, clip)) = parameters(main.source, *node).filter(|(required, _)| *required <= 2) else {
                continue;
            };
            let Some(uses) = main.uses(*node) else { continue };
            let reached = self.reach(FileId::FIRST, name);
            if !reached.iter().any(|(file, node)| self.makes_list(*file, *node)) {
                continue;
            }
            let shares = reached.iter().any(|(file, node)| sharing.contains(&(*file, self.name_of(*file, *node))));
            let role = if uses.strings.contains(ASSIGNMENTS) {
                Role::Analyzer
            } else if !uses.strings.contains(LIST) {
                // A helper that is passed the list is called by those that get it.
                continue;
            } else if shares {
                Role::Bytes
            } else if uses.strings.contains("%") {
                Role::Ratios
            } else {
                continue;
            };
            let line = main.source.place(node.start_byte()).line;
            let place = format!("{}:{line}", main.source.path().display());
            entries.push(Entry { role, name: (*name).to_owned(), place, clip });
        }
        entries.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
        entries
    }

    fn name_of(&self, file: FileId, definition: Node<'p>) -> String {
        let name = definition.child_by_field_name("name").zip(self.modules.get(&file));
        name.map(|(name, module)| module.source.slice(name).to_owned()).unwrap_or_default()
    }

    /// Does a function fetch a load list itself?
    fn makes_list(&self, file: FileId, node: Node<'p>) -> bool {
        let uses = self.modules.get(&file).and_then(|module| module.uses(node));
        uses.is_some_and(|uses| uses.strings.contains(LIST))
    }

    /// Everything that a name reaches in the files that are followed, itself first.
    fn reach(&self, file: FileId, name: &'p str) -> Vec<(FileId, Node<'p>)> {
        let mut found: Vec<(FileId, Node<'p>)> = Vec::new();
        let mut open = vec![(file, name)];
        while let Some((file, name)) = open.pop() {
            let Some(module) = self.modules.get(&file) else { continue };
            match module.names.get(name) {
                Some(Top::Definition(node)) if !found.contains(&(file, *node)) => {
                    found.push((file, *node));
                    let uses = module.uses(*node);
                    open.extend(uses.into_iter().flat_map(Uses::names).map(|name| (file, name)));
                }
                Some(Top::Other(other, name)) => open.push((*other, name)),
                _ => {}
            }
        }
        found
    }
}

/// The number of required parameters, and whether there is an `is_clip`; `None` if it cannot take two by position.
fn parameters(source: &Source, function: Node<'_>) -> Option<(usize, bool)> {
    let list = function.child_by_field_name("parameters")?;
    let parameters = list.parts();
    let clip = parameters.iter().any(|parameter| source.slice(*parameter).starts_with("is_clip"));
    let required = parameters.iter().filter(|parameter| matches!(parameter.kind(), "identifier" | "typed_parameter"));
    (parameters.len() >= 2).then(|| (required.count(), clip))
}
