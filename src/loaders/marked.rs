//! What an object must have for the node to mark it, as the node's own code asks.
//!
//! ```text
//! def override(loader):                                a class that wraps any loader
//!     class Override(loader):
//!         def override(self, …):
//!             out = …
//!             if hasattr(out[0], "model"):             only what has `model`, or `patcher`, is marked
//!                 marked = out[0]
//!             elif hasattr(out[0], "patcher"):
//!                 marked = out[0].patcher
//!             return out
//! ```

use std::collections::BTreeSet;

use tree_sitter::Node;

use crate::cache::{Cache, Key};
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::syntax::{any, enclosing, identifiers};
use crate::python::{Package, Source};

/// The attributes of an output of which one at least is asked for, before a loaded object is marked; or why that is unknown. The
/// answer about the same files is taken from the cache, if there is one.
pub fn attributes(package: &Package, cache: Option<&Cache>) -> Result<BTreeSet<String>, String> {
    let key = package.parts().fold(Key::new("marked"), Key::with);
    if let Some(known) = cache.and_then(|cache| cache.get(&key)) {
        return known;
    }
    let asked = asked_for(package);
    if let Some(cache) = cache {
        cache.keep(&key, &asked);
    }
    asked
}

fn asked_for(package: &Package) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    for file in package.mentioning("hasattr") {
        let Ok(source) = package.source(file) else { continue };
        let mut functions = Vec::new();
        walk(&mut source.root().walk(), |node| {
            if let Some((output, _)) = asked(source, node)
                && let Some(function) = enclosing(node, &["function_definition"])
                && returns(source, function, output)
                && wraps(source, function)
            {
                functions.push((function, output));
            }
            true
        });
        functions.dedup();
        for (function, output) in functions {
            if !of_function(source, function, output, &mut names) {
                let place = source.place(function.start_byte());
                let path = package.path(file).display();
                return Err(format!("what {path}:{} does with a loaded object was not understood", place.line));
            }
        }
    }
    if names.is_empty() {
        Err(String::from("no place was found where the node marks a loaded object"))
    } else {
        Ok(names)
    }
}

/// The variable and the attribute of `hasattr(out[0], "model")`, or of `getattr(out[0], "model", None)`.
fn asked<'t>(source: &'t Source, node: Node<'t>) -> Option<(&'t str, &'t str)> {
    let function = node.field("function").filter(|_| node.kind() == "call")?;
    let arguments = node.field("arguments")?.parts();
    let (of, name) = match (source.slice(function), &arguments[..]) {
        ("hasattr", [of, name]) => (of, name),
        ("getattr", [of, name, default]) if default.kind() == "none" => (of, name),
        _ => return None,
    };
    let content = name.parts().into_iter().find(|part| part.kind() == "string_content")?;
    Some((item_of(source, *of)?, source.slice(content)))
}

/// The variable of `out[0]`.
fn item_of<'t>(source: &'t Source, node: Node<'t>) -> Option<&'t str> {
    let of = node.field("value").filter(|of| node.kind() == "subscript" && of.kind() == "identifier")?;
    let is_number = node.field("subscript").is_some_and(|index| index.kind() == "integer");
    is_number.then(|| source.slice(of))
}

/// Is this a method of a class that derives from whatever it is given, and so from every loader?
fn wraps(source: &Source, method: Node<'_>) -> bool {
    let class = enclosing(method, &["class_definition"]);
    let given = class.and_then(|class| enclosing(class, &["function_definition"])?.field("parameters"));
    let bases = class.and_then(|class| class.field("superclasses"));
    given.zip(bases).is_some_and(|(given, bases)| {
        let given = identifiers(source, given);
        bases.parts().into_iter().any(|base| given.contains(&source.slice(base)))
    })
}

fn returns(source: &Source, function: Node<'_>, variable: &str) -> bool {
    any(function, |node| {
        node.kind() == "return_statement" && node.part(0).is_some_and(|value| source.slice(value) == variable)
    })
}

/// Collects the attributes that a function asks of items of its output. False if it uses the output, or an item, in any
/// other way that is not under such a question.
fn of_function(source: &Source, function: Node<'_>, output: &str, names: &mut BTreeSet<String>) -> bool {
    let mut is_understood = true;
    walk(&mut function.walk(), |node| {
        if node.kind() != "identifier" || source.slice(node) != output {
            return true;
        }
        let around = node.parent();
        let is_plain = around.is_some_and(|around| match around.kind() {
            "return_statement" => true,
            "assignment" => around.field("left") == Some(node),
            // The same name of something else.
            "keyword_argument" => around.field("name") == Some(node),
            "attribute" => around.field("attribute") == Some(node),
            _ => false,
        });
        let item = around.filter(|around| item_of(source, *around).is_some());
        let question = item.and_then(|item| item.parent()?.parent()).and_then(|call| asked(source, call));
        names.extend(question.map(|(_, name)| name.to_owned()));
        is_understood &=
            is_plain || question.is_some() || item.is_some_and(|item| is_under_question(source, item, output));
        true
    });
    is_understood
}

/// Is this only reached if an item of the output has a certain attribute?
fn is_under_question(source: &Source, node: Node<'_>, output: &str) -> bool {
    let asks = |condition| any(condition, |node| asked(source, node).is_some_and(|(of, _)| of == output));
    let mut below = node;
    while let Some(around) = below.parent().filter(|around| around.kind() != "function_definition") {
        let is_guarded = match around.kind() {
            "if_statement" | "elif_clause" => around.field("consequence") == Some(below),
            // `hasattr(out[0], "patcher") and hasattr(out[0].patcher, "model")`
            "boolean_operator" => {
                around.field("right") == Some(below)
                    && around.field("operator").is_some_and(|operator| source.slice(operator) == "and")
                    && around.field("left").is_some_and(asks)
            }
            _ => false,
        };
        let condition = around.field("condition");
        let has_or =
            condition.is_some_and(|condition| any(condition, |node| node.kind() == "or" || node.kind() == "not"));
        if is_guarded && (around.kind() == "boolean_operator" || !has_or && condition.is_some_and(asks)) {
            return true;
        }
        below = around;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BTreeSet<String>, String> {
        asked_for(&Package::new([("wrappers.py".into(), text.as_bytes().to_vec())]))
    }

    fn function(body: &str) -> String {
        format!(
            "def make(cls):\n    class Override(cls):\n        def override(self):\n            out = load()\n{body}            return out\n"
        )
    }

    #[test]
    fn what_an_output_must_have_is_what_is_asked_of_it() {
        let body = "            found = None\n            if hasattr(out[0], 'model'):\n                found = out[0]\n\
                    \x20           elif hasattr(out[0], \"patcher\") and hasattr(out[0].patcher, 'model'):\n\
                    \x20               found = out[0].patcher\n            else:\n\
                    \x20               inner = getattr(out[0], 'inner', None)\n\
                    \x20           if found and text:\n                found.model.mark = 1\n";
        let names = read(&function(body)).unwrap();
        assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), ["inner", "model", "patcher"]);
    }

    #[test]
    fn what_reaches_other_objects_is_not_understood() {
        let asks = "            if hasattr(out[0], 'model'):\n                mark(out[0])\n";
        assert!(read(&function(asks)).is_ok());
        for more in [
            "            mark(out)\n",
            "            mark(out[0])\n",
            "            for item in out: mark(item)\n",
            "            if hasattr(out[0], 'model') or every:\n                mark(out[0])\n",
            "            if not hasattr(out[0], 'model'):\n                mark(out[0])\n",
            "            if hasattr(out[0], 'model'):\n                pass\n            else:\n                mark(out[0])\n",
            "            getattr(out[0], 'control_model', other).mark = 1\n",
        ] {
            let why = read(&function(&format!("{asks}{more}"))).unwrap_err();
            assert!(why.starts_with("what wrappers.py:3 does"), "{more}: {why}");
        }
    }

    #[test]
    fn other_questions_are_about_something_else() {
        let own = "class A(Base):\n    def f(self):\n        out = g()\n        mark(out)\n        if hasattr(out[0], 'x'):\n            return out\n";
        assert!(read(own).unwrap_err().starts_with("no place was found"), "it wraps one loader");
        let text = "def f(out):\n    if hasattr(out, 'model'):\n        return out\n    return hasattr(out[0], name)\n";
        assert!(read(text).unwrap_err().starts_with("no place was found"));
    }
}
