//! The names that a module has once it is imported, as far as its text shows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use crate::python::Source;
use crate::python::field::Fields;
use crate::python::imports::imports;
use crate::python::source::walk;

/// Names by which a module may be given names that its text does not show.
const TABLES: [&str; 5] = ["__dict__", "exec", "globals", "modules", "vars"];

/// The names of a module. What is defined under a condition counts as defined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Names {
    names: BTreeSet<String>,
    /// It may have any other name too: `__getattr__`, `import *`, `globals()`.
    open: bool,
}

impl Names {
    pub(super) fn of(source: &Source) -> Self {
        let mut found = Self::default();
        for import in imports(source) {
            found.open |= import.star;
            found.names.extend(import.bound.map(str::to_owned));
            if import.name.is_none() {
                // `import a.b` binds `a`.
                found.names.extend(import.module.split('.').next().map(str::to_owned));
            }
        }
        let has_word = |word: &&str| memchr::memmem::find(source.text().as_bytes(), word.as_bytes()).is_some();
        // Only these create names of a module inside of functions.
        let is_deep = TABLES.iter().chain(&["global", ":="]).any(has_word);
        // The end of the outermost function or class that the walk is in: names inside it are not the module's.
        let mut inside_until = 0;
        walk(&mut source.root().walk(), |node| {
            let is_at_top = node.start_byte() >= inside_until;
            match node.kind() {
                "function_definition" | "class_definition" | "lambda" if is_at_top => {
                    inside_until = node.end_byte();
                    let name = node.field("name").map_or("", |name| source.slice(name));
                    found.open |= name == "__getattr__";
                    found.names.extend((!name.is_empty()).then(|| name.to_owned()));
                    return is_deep;
                }
                "global_statement" => {
                    found.names.extend(node.parts().into_iter().map(|name| source.slice(name).to_owned()));
                }
                "import_statement" | "import_from_statement" => return false,
                "identifier" => {
                    let name = source.slice(node);
                    found.open |= TABLES.contains(&name);
                    // A name that is only read at the top is defined elsewhere; counting it does no harm.
                    if is_at_top && !is_attribute(node) {
                        found.names.insert(name.to_owned());
                    }
                }
                "call" => {
                    found.open |= is_at_top && node.field("function").is_some_and(|f| source.slice(f) == "setattr");
                }
                _ => {}
            }
            true
        });
        found
    }

    /// May the module have this name?
    pub(super) fn may_have(&self, name: &str) -> bool {
        self.open || self.names.contains(name) || (name.starts_with("__") && name.ends_with("__"))
    }
}

/// `b` in `a.b`, or in `f(b=1)`.
fn is_attribute(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| match parent.kind() {
        "attribute" => parent.field("attribute") == Some(node),
        "keyword_argument" => parent.field("name") == Some(node),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn names(text: &str) -> Names {
        Names::of(&Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).expect("parses"))
    }

    #[test]
    fn whatever_may_define_a_name_does() {
        for text in [
            "x = 1",
            "x: int = 1",
            "a, (x, *b) = c",
            "def x(): pass",
            "class x: pass",
            "import x.y",
            "from a import b as x",
            "if c:\n    x = 1",
            "try:\n    import x\nexcept ImportError:\n    x = None",
            "for x in y: pass",
            "with a as x: pass",
            "def f():\n    global x\n    x = 1",
            "if (x := 1): pass",
            "from a import *",
            "def __getattr__(name): return 1",
            "globals()['x'] = 1",
            "sys.modules[__name__].x = 1",
        ] {
            assert!(names(text).may_have("x"), "{text}");
        }
    }

    #[test]
    fn names_of_functions_classes_and_objects_are_not_those_of_the_module() {
        for text in [
            "def f():\n    x = 1",
            "class A:\n    x = 1",
            "a.x = 1",
            "f(x=1)",
            "a = lambda x: x",
            "'x'",
            "# x",
            "from x import y",
            "import a.x",
            "class A:\n    def __getattr__(self, x): pass",
        ] {
            assert!(!names(text).may_have("x"), "{text}");
        }
    }
}
