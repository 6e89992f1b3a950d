//! The patchers of `comfy/model_patcher.py`, and which of them are dynamic.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use super::MARK;
use crate::comfyui::module::{base_names, methods};
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::syntax::any;
use crate::python::{Place, Source};

/// Base classes that are followed, one above the other; they may form a circle.
const MOST_BASES: usize = 16;

/// Patchers by name: is it dynamic?
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patchers(BTreeMap<String, bool>);

/// The classes of a file by name, with their base classes.
struct Classes<'t> {
    bases: BTreeMap<&'t str, Vec<&'t str>>,
    /// Those that say themselves whether they are dynamic.
    told: BTreeMap<&'t str, bool>,
}

impl Patchers {
    /// Is the patcher of this name dynamic? None if there is no such patcher.
    pub fn is_dynamic(&self, name: &str) -> Option<bool> {
        self.0.get(name).copied()
    }

    /// From now on this name stands for a dynamic patcher.
    pub(super) fn rebind(&mut self, name: &str) {
        self.0.insert(name.to_owned(), true);
    }

    /// The patchers of a file: the dynamic ones, the classes that these derive from, and what derives from any of those.
    pub(crate) fn read(source: &Source) -> Self {
        let classes = Classes::of(source);
        let dynamic: Vec<_> = classes.bases.keys().filter(|name| classes.is_dynamic(name)).copied().collect();
        let roots: Vec<_> = dynamic.iter().flat_map(|name| classes.line(name)).collect();
        let family = classes.bases.keys().filter(|name| classes.line(name).iter().any(|base| roots.contains(base)));
        Self(family.map(|name| ((*name).to_owned(), classes.is_dynamic(name))).collect())
    }

    /// Adds the other names that the file gives to its patchers, but for those that already stand for one:
    /// `CoreModelPatcher = ModelPatcher`.
    pub(super) fn add_names(&mut self, source: &Source) {
        for part in source.root().parts() {
            let Some(assignment) = part.part(0).filter(|inner| inner.kind() == "assignment") else { continue };
            let (Some(left), Some(right)) = (assignment.field("left"), assignment.field("right")) else { continue };
            if let Some(is_dynamic) = self.is_dynamic(source.slice(right)) {
                self.0.entry(source.slice(left).to_owned()).or_insert(is_dynamic);
            }
        }
    }

    /// Where the first dynamic class of the file that was read is.
    pub(super) fn dynamic_class(&self, source: &Source) -> Option<Place> {
        let mut found = None;
        walk(&mut source.root().walk(), |node| {
            let is_class = node.kind() == "class_definition";
            let name = node.field("name").filter(|_| is_class).map(|name| source.slice(name));
            if name.is_some_and(|name| self.is_dynamic(name) == Some(true)) {
                found.get_or_insert_with(|| source.place(node.start_byte()));
            }
            found.is_none()
        });
        found
    }
}

impl<'t> Classes<'t> {
    fn of(source: &'t Source) -> Self {
        let mut bases = BTreeMap::new();
        walk(&mut source.root().walk(), |node| {
            if node.kind() == "class_definition" {
                bases.extend(node.field("name").map(|name| (source.slice(name), base_names(source, node))));
            }
            true
        });
        let name = |class: Node<'t>| class.field("name").map(|name| source.slice(name));
        let told = methods(source, MARK).into_iter();
        let told = told.filter_map(|(method, class)| Some((name(class?)?, returns_true(source, method)))).collect();
        Self { bases, told }
    }

    /// A class and those above it, the nearest first.
    fn line(&self, name: &'t str) -> Vec<&'t str> {
        let mut line = vec![name];
        for at in 0..MOST_BASES {
            let Some(class) = line.get(at) else { break };
            let above = self.bases.get(class).into_iter().flatten().copied();
            let new: Vec<_> = above.filter(|base| self.bases.contains_key(base) && !line.contains(base)).collect();
            line.extend(new);
        }
        line
    }

    fn is_dynamic(&self, name: &'t str) -> bool {
        self.line(name).iter().find_map(|class| self.told.get(class).copied()).unwrap_or(false)
    }
}

fn returns_true(source: &Source, function: Node<'_>) -> bool {
    any(function, |node| {
        node.kind() == "return_statement" && node.part(0).is_some_and(|value| source.slice(value) == "True")
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Patchers {
        let source = Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).unwrap();
        let mut patchers = Patchers::read(&source);
        patchers.add_names(&source);
        patchers
    }

    #[test]
    fn a_patcher_is_what_it_or_the_nearest_class_above_it_says() {
        let patchers = read(
            "class Other: pass\n\
             class Plain:\n    def is_dynamic(self): return False\n\
             class Paged(Plain):\n    def is_dynamic(self): return True\n\
             class Below(Paged): pass\n\
             class Back(Paged):\n    def is_dynamic(self): return False\n\
             class Same(Plain): pass\n\
             Core = Plain\n",
        );
        let told = ["Plain", "Paged", "Below", "Back", "Same", "Core", "Other"].map(|name| patchers.is_dynamic(name));
        assert_eq!(
            told,
            [Some(false), Some(true), Some(true), Some(false), Some(false), Some(false), None],
            "{patchers:?}"
        );
    }

    #[test]
    fn classes_in_a_circle_come_to_an_end() {
        let patchers = read("class A(B):\n    def is_dynamic(self): return True\nclass B(A): pass\n");
        assert_eq!((patchers.is_dynamic("A"), patchers.is_dynamic("B")), (Some(true), Some(true)));
        assert_eq!(read("class A(A): pass\n"), Patchers::default());
    }
}
