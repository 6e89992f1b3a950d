//! What of a package is used: the files that its `__init__.py` leads to, and the functions that these mention.
//!
//! ```text
//! __init__.py  ─ import, anywhere in it →  nodes.py  ─ mentions →  def analyze     the rest is unused
//! ```
//!
//! It errs on the side of use: a name that is mentioned anywhere in code that is used, also as text, uses every
//! function of that name, and an import that is unknown (by a computed name, or in a file that cannot be read) uses
//! everything.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;
use tree_sitter::Node;

use super::field::Fields;
use super::imports::imports;
use super::package::{FileId, Package};
use super::source::{Source, walk};

/// Functions that import, or run, something by a name that is computed.
const LOADERS: [&str; 12] = [
    "SourceFileLoader",
    "__import__",
    "eval",
    "exec",
    "exec_module",
    "import_module",
    "iter_modules",
    "load_source",
    "run_module",
    "run_path",
    "spec_from_file_location",
    "walk_packages",
];
/// Those of them that take a name, which may be a literal.
const BY_NAME: [&str; 2] = ["__import__", "import_module"];
/// Names by which code can access all names of a module.
const TABLES: [&str; 5] = ["__dict__", "dir", "getmembers", "globals", "vars"];

/// What of a package is used.
#[derive(Debug, Default)]
pub struct Reach {
    /// The files that are used; None if all of them may be.
    files: Option<BTreeSet<FileId>>,
    /// The functions and classes that nothing uses: their file, their bytes and their names.
    unused: Vec<(FileId, std::ops::Range<usize>, String)>,
}

impl Reach {
    /// Everything is used.
    pub fn all() -> Self {
        Self::default()
    }

    /// The files that the `__init__.py` at the top of the package leads to; all if there is none.
    pub fn of(package: &Package) -> Self {
        let find = |init| skimmed(package, init).or_else(|| reached(package, init));
        let files = package.reached(|| package.init().and_then(find));
        Self { files, unused: Vec::new() }
    }

    /// The same, with the definitions that nothing uses. They are only looked for in the files of `interest`; in the others,
    /// every word counts as a use.
    #[must_use]
    pub fn with_definitions(self, package: &Package, interest: &[FileId]) -> Self {
        let unused = self.files.as_ref().map(|files| unused(package, files, interest)).unwrap_or_default();
        Self { unused, ..self }
    }

    /// Is a file used?
    pub fn has(&self, file: FileId) -> bool {
        self.files.as_ref().is_none_or(|files| files.contains(&file))
    }

    /// Why a place is never run, in one sentence without a full stop; None if it may be.
    pub fn unused(&self, package: &Package, file: FileId, at: usize) -> Option<String> {
        if !self.has(file) {
            return Some(format!("nothing in the pack imports {}", package.path(file).display()));
        }
        let mut around = self.unused.iter().filter(|(of, range, _)| *of == file && range.contains(&at));
        around.next().map(|(_, _, name)| format!("nothing in the pack uses `{name}`"))
    }
}

/// The files that imports may lead to from one, by the text of each; None if that takes a syntax tree.
fn skimmed(package: &Package, from: FileId) -> Option<BTreeSet<FileId>> {
    let mut reached = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        let text = package.text(file)?;
        let words: FxHashSet<_> = words(text).collect();
        if LOADERS.iter().any(|name| words.contains(name) && !BY_NAME.contains(name)) {
            return None;
        }
        let named = written_out(text)?.into_iter();
        let named = named.filter_map(|name| package.resolve(file, dots(name), name.trim_start_matches('.')));
        open.extend(named.filter(|target| reached.insert(*target)));
        for import in package.skimmed(file)? {
            let targets = leads_to(package, file, import.dots, &import.dotted());
            // A part of the package that is not among its Python files may import anything.
            if targets.is_empty() && import.dots > 0 && package.resolve(file, import.dots, &import.module).is_none() {
                return None;
            }
            open.extend(targets.into_iter().filter(|target| reached.insert(*target)));
        }
    }
    Some(reached)
}

/// The names that are passed to functions that import by name; None if one of them is not a literal.
fn written_out(text: &str) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    for function in BY_NAME {
        for at in memchr::memmem::find_iter(text.as_bytes(), function) {
            let Some(argument) = text[at + function.len()..].trim_start().strip_prefix('(') else { continue };
            let argument = argument.trim_start();
            let quote = argument.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let (name, rest) = argument[1..].split_once(quote)?;
            if !rest.trim_start().starts_with([',', ')']) {
                return None;
            }
            names.push(name);
        }
    }
    Some(names)
}

/// The files that importing a name reads: its own, and those of the packages on the way.
fn leads_to(package: &Package, file: FileId, dots: usize, dotted: &str) -> Vec<FileId> {
    let ends = dotted.match_indices('.').map(|(at, _)| at).chain([dotted.len()]);
    let on_the_way = ends.filter_map(|end| package.resolve(file, dots, &dotted[..end]));
    on_the_way.chain(package.resolve(file, dots, "")).collect()
}

/// The files that imports lead to from one; None if some are unknown.
fn reached(package: &Package, from: FileId) -> Option<BTreeSet<FileId>> {
    let mut reached = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        let source = package.source(file).ok()?;
        for found in targets(package, file, source)? {
            if reached.insert(found) {
                open.push(found);
            }
        }
    }
    Some(reached)
}

fn targets(package: &Package, file: FileId, source: &Source) -> Option<Vec<FileId>> {
    let mut found = Vec::new();
    for import in imports(source) {
        let before = found.len();
        found.extend(leads_to(package, file, import.dots, &import.dotted()));
        // A part of the package that is not among its Python files may import anything.
        let is_lost = import.dots > 0
            && found.len() == before
            && !import.module.is_empty()
            && package.resolve(file, import.dots, &import.module).is_none();
        if is_lost {
            return None;
        }
    }
    let mut fine = true;
    let mentions_loader =
        LOADERS.iter().any(|name| memchr::memmem::find(source.text().as_bytes(), name.as_bytes()).is_some());
    if !mentions_loader {
        return Some(found);
    }
    walk(&mut source.root().walk(), |node| {
        if node.kind() == "call" && is_loader(source, node) {
            match constant(source, node) {
                Some(name) => found.extend(package.resolve(file, dots(name), name.trim_start_matches('.'))),
                None => fine = false,
            }
        }
        fine
    });
    fine.then_some(found)
}

/// How many dots a name begins with; an absolute name is also looked up in the file's folder.
fn dots(name: &str) -> usize {
    name.len() - name.trim_start_matches('.').len()
}

fn is_loader(source: &Source, call: Node<'_>) -> bool {
    let Some(function) = call.field("function") else { return false };
    let name = function.field("attribute").unwrap_or(function);
    // `model.eval()` is another function.
    let is_builtin = |name: &str| matches!(name, "eval" | "exec" | "__import__");
    let name = source.slice(name);
    LOADERS.contains(&name) && !(function.kind() == "attribute" && is_builtin(name))
}

/// The name that is imported, if it is a literal.
fn constant<'t>(source: &'t Source, call: Node<'t>) -> Option<&'t str> {
    let function = call.field("function")?;
    let name = source.slice(function.field("attribute").unwrap_or(function));
    if !BY_NAME.contains(&name) {
        return None;
    }
    text(source, call.field("arguments")?.part(0)?)
}

/// The text of a string without parts that are computed.
fn text<'t>(source: &'t Source, string: Node<'t>) -> Option<&'t str> {
    let parts = string.parts();
    match parts[..] {
        [_, content, _] if string.kind() == "string" && content.kind() == "string_content" => {
            let prefix = source.slice(parts[0]);
            let is_plain = !prefix.contains(['f', 'F']) && content.parts().is_empty();
            is_plain.then(|| source.slice(content))
        }
        _ => None,
    }
}

/// A function or a class, and the names that it mentions itself.
struct Definition<'t> {
    file: FileId,
    node: Node<'t>,
    name: &'t str,
    /// It is used as soon as its owner is: it may be used without being mentioned.
    with_owner: bool,
    /// The enclosing definition, by its number.
    owner: Option<usize>,
    mentions: FxHashSet<&'t str>,
}

/// The definitions in the files of interest, among these files, that no used code mentions.
fn unused(
    package: &Package,
    files: &BTreeSet<FileId>,
    interest: &[FileId],
) -> Vec<(FileId, std::ops::Range<usize>, String)> {
    let mut definitions = Vec::new();
    let mut mentioned = FxHashSet::default();
    for file in files.iter().filter(|file| interest.contains(file)) {
        let Ok(source) = package.source(*file) else { return Vec::new() };
        define(source, *file, &mut definitions, &mut mentioned);
    }
    let others = files.iter().filter(|file| !interest.contains(file));
    mentioned.extend(others.filter_map(|file| package.text(*file)).flat_map(words));
    let tables = |names: &FxHashSet<&str>| TABLES.iter().any(|table| names.contains(table));
    if tables(&mentioned) || definitions.iter().any(|definition| tables(&definition.mentions)) {
        return Vec::new();
    }
    let mut used = vec![false; definitions.len()];
    loop {
        let is_used = |at: usize| {
            let Definition { owner, with_owner, name, .. } = &definitions[at];
            owner.is_none_or(|owner| used[owner]) && (*with_owner || mentioned.contains(name))
        };
        let news: Vec<_> = (0..definitions.len()).filter(|at| !used[*at] && is_used(*at)).collect();
        if news.is_empty() {
            break;
        }
        for at in news {
            used[at] = true;
            mentioned.extend(&definitions[at].mentions);
        }
    }
    let unused = definitions.iter().zip(&used).filter(|(_, used)| !**used);
    unused.map(|(found, _)| (found.file, found.node.byte_range(), found.name.to_owned())).collect()
}

/// Adds the definitions of a file, and what its own statements mention.
///
/// One walk that remembers which definitions it is in: asking a node for its parent searches the tree from its root, and
/// there are some thousand names in a file.
fn define<'t>(source: &'t Source, file: FileId, into: &mut Vec<Definition<'t>>, mentioned: &mut FxHashSet<&'t str>) {
    let mut around: Vec<usize> = Vec::new();
    let mut decorated = None;
    let mut own_name = None;
    walk(&mut source.root().walk(), |node| {
        while around.last().is_some_and(|owner| into[*owner].node.end_byte() <= node.start_byte()) {
            around.pop();
        }
        let owner = around.last().copied();
        match node.kind() {
            "decorated_definition" => decorated = node.field("definition"),
            "function_definition" | "class_definition" => {
                let name = node.field("name");
                own_name = name;
                let is_method = node.kind() == "function_definition"
                    && owner.is_some_and(|owner| into[owner].node.kind() == "class_definition");
                // Whoever has an object can call its methods, and a decorator or a base class may register a
                // definition.
                let with_owner = is_method || decorated == Some(node) || has_bases(source, node);
                let name = name.map_or("", |name| source.slice(name));
                around.push(into.len());
                into.push(Definition { file, node, name, with_owner, owner, mentions: FxHashSet::default() });
            }
            "identifier" | "string_content" if own_name != Some(node) => {
                let names = match owner {
                    Some(owner) => &mut into[owner].mentions,
                    None => &mut *mentioned,
                };
                names.extend(words(source.slice(node)));
            }
            _ => {}
        }
        true
    });
}

/// The words of a text that could be names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn has_bases(source: &Source, definition: Node<'_>) -> bool {
    let bases = definition.field("superclasses");
    bases.is_some_and(|bases| !matches!(source.slice(bases), "()" | "(object)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(files: &[(&str, &str)]) -> (Package, Reach) {
        let files = files.iter().map(|(path, text)| ((*path).into(), text.as_bytes().to_vec()));
        let package = Package::new(files.collect::<Vec<_>>());
        let all: Vec<_> = package.ids().collect();
        let reach = Reach::of(&package).with_definitions(&package, &all);
        (package, reach)
    }

    fn used_files(init: &str) -> Vec<bool> {
        let files =
            [("__init__.py", init), ("a.py", "from . import b"), ("b.py", ""), ("c.py", ""), ("d/__init__.py", "")];
        let (package, reach) = reach(&files);
        package.ids().skip(1).map(|file| reach.has(file)).collect()
    }

    #[test]
    fn files_are_used_that_imports_lead_to_from_anywhere() {
        assert_eq!(used_files("from .a import x"), [true, true, false, false]);
        assert_eq!(used_files("def f():\n    from . import c"), [false, false, true, false]);
        assert_eq!(used_files("try:\n    import d.x\nexcept ImportError:\n    pass"), [false, false, false, true]);
        assert_eq!(
            used_files("import importlib\nimportlib.import_module('.c', __name__)"),
            [false, false, true, false]
        );
        assert_eq!(used_files("model.eval()"), [false; 4]);
    }

    #[test]
    fn what_cannot_be_told_uses_every_file() {
        for init in [
            "import importlib\nfor x in y:\n    importlib.import_module(x)",
            "importlib.import_module(f'.{x}', __name__)",
            "exec(open(x).read())",
            "from .compiled import x",
            "from .a import x\nspec_from_file_location(x, y)",
        ] {
            assert_eq!(used_files(init), [true; 4], "{init}");
        }
        let (package, without) = reach(&[("distorch_2.py", ""), ("b.py", "")]);
        assert!(package.ids().all(|file| without.has(file)));
        let (package, broken) = reach(&[("__init__.py", "from . import a"), ("a.py", "x = ("), ("b.py", "")]);
        assert_eq!(
            package.ids().map(|file| broken.has(file)).collect::<Vec<_>>(),
            [true, true, false],
            "what a file imports is in its text even if it cannot be parsed"
        );
    }

    fn is_unused(text: &str) -> bool {
        let (package, reach) = reach(&[("__init__.py", "from . import a\na.start()"), ("a.py", text)]);
        let file = package.ids().last().expect("two files");
        let at = text.find("HERE").expect("is there");
        reach.unused(&package, file, at).is_some()
    }

    #[test]
    fn functions_are_unused_that_nothing_in_use_mentions() {
        for text in [
            "def f():\n    HERE",
            "def f():\n    f()\n    HERE",
            "def f():\n    g()\n    HERE\ndef g():\n    f()",
            "def f():\n    def g():\n        HERE\n    g()",
            "def start():\n    def g():\n        HERE",
            "class F:\n    def start(self):\n        HERE",
        ] {
            assert!(is_unused(text), "{text}");
        }
        for text in [
            "def start():\n    HERE",
            "HERE",
            "def f():\n    HERE\nx = f",
            "def f():\n    HERE\ndef start():\n    g()\ndef g():\n    f()",
            "def f():\n    HERE\n__all__ = ['f']",
            "def f():\n    HERE\ndef start():\n    getattr(x, 'f')()",
            "@register\ndef f():\n    HERE",
            "class F(Base):\n    def g(self):\n        HERE",
            "class start:\n    def g(self):\n        HERE",
            "def f():\n    HERE\ndef start():\n    return globals()[x]",
            "def start():\n    def g():\n        HERE\n    return g",
        ] {
            assert!(!is_unused(text), "{text}");
        }
    }
}
