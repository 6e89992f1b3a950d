//! What a file imports, and whether it certainly does so when the file itself is imported.

use tree_sitter::Node;

use super::field::Fields;
use super::source::{Source, walk};

/// One part of an `import` or `from … import` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import<'t> {
    /// Leading dots: 0 for an absolute import.
    pub dots: usize,
    /// The dotted module, without white space; empty in `from . import name`.
    pub module: String,
    /// The name that is taken from the module; None in `import module`.
    pub name: Option<&'t str>,
    /// The name that the importing file gets; None in `import a.b`, which binds `a`, and in `from a import *`.
    pub bound: Option<&'t str>,
    /// Whether it is `from module import *`.
    pub star: bool,
    /// The node of the module or the name.
    pub node: Node<'t>,
}

impl Import<'_> {
    /// The module with the name that is taken from it, which may be a module too.
    pub fn dotted(&self) -> String {
        dotted(&self.module, self.name)
    }
}

/// A module with a name that is taken from it, if there is one.
pub fn dotted(module: &str, name: Option<&str>) -> String {
    match name {
        Some(name) if module.is_empty() => name.to_owned(),
        Some(name) => format!("{module}.{name}"),
        None => module.to_owned(),
    }
}

/// With this many occurrences of the word, walking the whole tree once is cheaper than going to each of them.
const MANY: usize = 500;

/// The imports of one statement; none if it is another statement.
pub fn of_statement<'t>(source: &'t Source, node: Node<'t>) -> Vec<Import<'t>> {
    let mut found = Vec::new();
    add(source, node, &mut found);
    found
}

/// Every import of a file, wherever it stands, in order of place.
pub fn imports(source: &Source) -> Vec<Import<'_>> {
    let mut found = Vec::new();
    let word = "import";
    let places: Vec<_> = memchr::memmem::find_iter(source.text().as_bytes(), word).collect();
    if places.len() <= MANY {
        // Each statement has the keyword once.
        let keyword = |at: usize| source.root().descendant_for_byte_range(at, at + word.len());
        let keywords = places.into_iter().filter_map(keyword).filter(|node| node.kind() == word);
        keywords.filter_map(|keyword| keyword.parent()).for_each(|node| add(source, node, &mut found));
    } else {
        walk(&mut source.root().walk(), |node| {
            add(source, node, &mut found);
            !node.kind().starts_with("import")
        });
    }
    found
}

fn add<'t>(source: &'t Source, node: Node<'t>, found: &mut Vec<Import<'t>>) {
    match node.kind() {
        "import_statement" => plain(source, node, found),
        "import_from_statement" => from(source, node, found),
        _ => {}
    }
}

fn plain<'t>(source: &'t Source, node: Node<'t>, found: &mut Vec<Import<'t>>) {
    for part in node.parts() {
        let (module, alias) = aliased(part);
        let bound = alias.or_else(|| (module.parts().len() == 1).then_some(module));
        found.push(Import {
            dots: 0,
            module: written(source, module),
            name: None,
            bound: bound.map(|bound| source.slice(bound)),
            star: false,
            node: module,
        });
    }
}

fn from<'t>(source: &'t Source, node: Node<'t>, found: &mut Vec<Import<'t>>) {
    let Some(from) = node.field("module_name") else { return };
    let path = written(source, from);
    let module = path.trim_start_matches('.').to_owned();
    let dots = path.len() - module.len();
    let mut cursor = node.walk();
    let names: Vec<_> = node.children_by_field_name("name", &mut cursor).collect();
    if names.is_empty() {
        found.push(Import { dots, module, name: None, bound: None, star: true, node: from });
        return;
    }
    for part in names {
        let (name, alias) = aliased(part);
        found.push(Import {
            dots,
            module: module.clone(),
            name: Some(source.slice(name)),
            bound: Some(source.slice(alias.unwrap_or(name))),
            star: false,
            node: name,
        });
    }
}

fn aliased(part: Node<'_>) -> (Node<'_>, Option<Node<'_>>) {
    match (part.field("name"), part.field("alias")) {
        (Some(name), alias) if part.kind() == "aliased_import" => (name, alias),
        _ => (part, None),
    }
}

fn written(source: &Source, node: Node<'_>) -> String {
    source.slice(node).chars().filter(|c| !c.is_whitespace() && *c != '\\').collect()
}

/// Exceptions that are neither `ImportError` nor `AttributeError`, nor classes above them. A clause that catches any
/// other one may catch what a failed import raises.
const OTHERS: [&str; 14] = [
    "ArithmeticError",
    "AssertionError",
    "FileNotFoundError",
    "IndexError",
    "IOError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "OSError",
    "RuntimeError",
    "StopIteration",
    "SyntaxError",
    "TypeError",
    "ValueError",
];

/// Does a node certainly run when its file is imported, and does a failure there end the import? It does if it is not
/// in a function, under a condition, in a loop, or in a `try` that may catch the failure. That a module may stop early
/// need not be considered: it does so by an error, and then is not imported either.
pub fn is_certain(source: &Source, node: Node<'_>) -> bool {
    let mut below = node;
    while let Some(around) = below.parent() {
        let fine = match around.kind() {
            "module"
            | "block"
            | "expression_statement"
            | "decorated_definition"
            | "decorator"
            | "argument_list"
            | "assignment"
            | "call"
            | "attribute"
            | "import_statement"
            | "import_from_statement"
            | "aliased_import"
            | "class_definition"
            | "finally_clause"
            | "parameters" => true,
            "try_statement" => {
                below.kind() == "finally_clause" || (around.field("body") == Some(below) && !may_catch(source, around))
            }
            // Defaults are evaluated when the function is defined; annotations may not be.
            "function_definition" => around.field("parameters") == Some(below),
            "default_parameter" => around.field("value") == Some(below),
            _ => false,
        };
        if !fine {
            return false;
        }
        below = around;
    }
    true
}

fn may_catch(source: &Source, statement: Node<'_>) -> bool {
    let parts = statement.parts();
    let mut clauses = parts.iter().filter(|part| part.kind().starts_with("except"));
    clauses.any(|clause| clause.field("value").is_none_or(|value| !is_other(source, value)))
}

/// Is a caught exception, or each of several, unrelated to failed imports?
fn is_other(source: &Source, caught: Node<'_>) -> bool {
    match caught.kind() {
        "tuple" => caught.parts().into_iter().all(|part| is_other(source, part)),
        "as_pattern" => caught.part(0).is_some_and(|part| is_other(source, part)),
        _ => OTHERS.contains(&source.slice(caught)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parse(text: &str) -> Source {
        Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).expect("parses")
    }

    #[test]
    fn every_form_of_import_is_read() {
        let source = parse(
            "import a, b.c, d . e as f\nfrom .. import g\nfrom .h import i as j, k\nfrom l.m import (\n    n,\n)\nfrom o import *\n",
        );
        let read: Vec<_> = imports(&source)
            .into_iter()
            .map(|import| (import.dots, import.dotted(), import.bound.unwrap_or("-").to_owned()))
            .collect();
        let expected = [
            (0, "a", "a"),
            (0, "b.c", "-"),
            (0, "d.e", "f"),
            (2, "g", "g"),
            (1, "h.i", "j"),
            (1, "h.k", "k"),
            (0, "l.m.n", "n"),
            (0, "o", "-"),
        ];
        assert_eq!(read, expected.map(|(dots, dotted, bound)| (dots, dotted.to_owned(), bound.to_owned())));
    }

    #[test]
    fn what_may_not_run_or_may_be_caught_is_not_certain() {
        for (text, certain) in [
            ("import a", true),
            ("class B:\n    import a", true),
            ("try:\n    import a\nfinally:\n    pass", true),
            ("try:\n    import a\nexcept ValueError:\n    pass", true),
            ("try:\n    import a\nexcept (KeyError, OSError) as e:\n    pass", true),
            ("try:\n    pass\nexcept ValueError:\n    pass\nfinally:\n    import a", true),
            ("try:\n    import a\nexcept ImportError:\n    pass", false),
            ("try:\n    import a\nexcept (ValueError, ModuleNotFoundError):\n    pass", false),
            ("try:\n    import a\nexcept Exception as e:\n    pass", false),
            ("try:\n    import a\nexcept:\n    pass", false),
            ("try:\n    import a\nexcept MyError:\n    pass", false),
            ("try:\n    pass\nexcept ValueError:\n    import a", false),
            ("try:\n    pass\nexcept ValueError:\n    pass\nelse:\n    import a", false),
            ("if TYPE_CHECKING:\n    import a", false),
            ("for b in c:\n    import a", false),
            ("with suppress(ImportError):\n    import a", false),
            ("def f():\n    import a", false),
        ] {
            let source = parse(text);
            let [import] = &imports(&source)[..] else { panic!("not one import: {text}") };
            assert_eq!(is_certain(&source, import.node), certain, "{text}");
        }
    }
}
