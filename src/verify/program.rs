//! Puts a program together from the text of a checkout's own functions: those that allocate, and all they reach.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tree_sitter::Node;

use super::desugar::{self, Methods};
use super::library::{Standard, in_sandbox};
use super::standin::{BUILTINS, asks_the_machine, builtin, is_of_python, reaches_outside, stand_in_text};
use super::uses::{ASSIGNMENTS, LIST, Uses, known};
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::{Package, Source};

const STAND_INS: &str = include_str!("standins.py");

/// What a function is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Turns byte quotas into fractions.
    Bytes,
    /// Turns shares of the model into fractions.
    Ratios,
    /// Places the blocks.
    Analyzer,
}

/// A function that is called from outside of the program.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) role: Role,
    pub(super) name: String,
    /// Where it stands: the file and the line.
    pub(super) place: String,
    /// Does it take `is_clip`?
    pub(super) clip: bool,
}

/// The functions of a checkout, ready to be called.
pub(super) struct Program {
    pub(super) text: String,
    pub(super) entries: Vec<Entry>,
    /// What its code has that the sandbox lacks, and where.
    pub(super) lacks: Vec<String>,
}

/// Builds the program of a package. `followed` are the files whose functions are taken as they are (those of others are
/// replaced by stand-ins); `sharing` are the files and names of the functions that assign the remainder.
pub(super) fn build(
    package: &Package,
    followed: &[usize],
    sharing: &BTreeSet<(usize, String)>,
    arithmetic: bool,
) -> Result<Program, String> {
    let modules: BTreeMap<usize, Module<'_>> = followed
        .iter()
        .filter_map(|file| package.source(*file).ok().map(|source| (*file, Module::of(package, *file, source))))
        .collect();
    let mut builder = Builder {
        methods: methods(&modules),
        modules,
        arithmetic,
        renamed: BTreeMap::new(),
        taken: BTreeMap::new(),
        stands: BTreeMap::new(),
        outside: None,
        lacks: Vec::new(),
    };
    let entries = builder.entries(sharing);
    // Each time that two files turn out to have the same name, one of the two is renamed, and all is taken again.
    while !builder.take_all(&entries)? {}
    if let Some(call) = builder.outside {
        return Err(format!("`{call}` reaches outside, and nothing stands in for that"));
    }
    Ok(Program { text: builder.text(&entries), entries, lacks: builder.lacks })
}

/// The methods of all classes at the top of these files.
fn methods(modules: &BTreeMap<usize, Module<'_>>) -> Methods {
    let mut methods = Methods::default();
    for module in modules.values() {
        for top in module.names.values() {
            if let Top::Definition(node) = top
                && node.kind() == "class_definition"
            {
                methods.note(module.source, *node);
            }
        }
    }
    methods
}

/// What a name at the top of a file is.
#[derive(Clone, Copy)]
enum Top<'p> {
    /// A function or a class.
    Definition(Node<'p>),
    /// `name = value`, the whole assignment.
    Assignment(Node<'p>),
    /// A name of another file that is followed: the file and the name there.
    Other(usize, &'p str),
    /// Another file that is followed.
    File(usize),
    /// A module of the standard library that matters to what code computes, or a name of one.
    Library(Standard<'p>),
}

struct Module<'p> {
    source: &'p Source,
    names: BTreeMap<&'p str, Top<'p>>,
    /// What the definitions and assignments at the top use, by their place; found out when somebody asks.
    uses: BTreeMap<usize, (Node<'p>, OnceCell<Uses<'p>>)>,
    /// The names that the file gives values outside of functions, or imports anywhere; found out when somebody asks.
    known: OnceCell<Option<BTreeSet<&'p str>>>,
}

impl<'p> Module<'p> {
    fn of(package: &'p Package, file: usize, source: &'p Source) -> Self {
        let mut module = Self { source, names: BTreeMap::new(), uses: BTreeMap::new(), known: OnceCell::new() };
        // Top-level statements, those inside `if` and `try` as well; what is inside functions is only looked at for
        // imports, which are taken out of their text.
        let mut open: Vec<Node<'p>> = vec![source.root()];
        while let Some(block) = open.pop() {
            let mut cursor = block.walk();
            for node in block.named_children(&mut cursor) {
                let node = node.child_by_field_name("definition").unwrap_or(node);
                match node.kind() {
                    "function_definition" | "class_definition" => module.define(package, file, node),
                    "import_statement" | "import_from_statement" => module.import(package, file, node),
                    "expression_statement" => {
                        if let Some(inner) = node.part(0).filter(|inner| inner.kind() == "assignment") {
                            module.assign(inner);
                        }
                    }
                    "block" | "if_statement" | "elif_clause" | "else_clause" | "try_statement" | "except_clause"
                    | "finally_clause" | "with_statement" => open.push(node),
                    _ => {}
                }
            }
        }
        module
    }

    fn define(&mut self, package: &'p Package, file: usize, node: Node<'p>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.names.insert(self.source.slice(name), Top::Definition(node));
        self.uses.insert(node.start_byte(), (node, OnceCell::new()));
        if self.source.slice(node).contains("import") {
            let imports = self.uses(node).map(|uses| uses.imports.clone()).unwrap_or_default();
            for import in imports {
                self.import(package, file, import);
            }
        }
    }

    fn assign(&mut self, node: Node<'p>) {
        if let Some(left) = node.child_by_field_name("left").filter(|left| left.kind() == "identifier") {
            self.names.insert(self.source.slice(left), Top::Assignment(node));
            self.uses.insert(node.start_byte(), (node, OnceCell::new()));
        }
    }

    /// May a name that is free in a function be there when it is run? It is if anything but another function gives it a
    /// value.
    fn may_know(&self, name: &str) -> bool {
        let known = self.known.get_or_init(|| known(self.source));
        known.as_ref().is_none_or(|known| known.contains(name)) || is_of_python(name)
    }

    /// What a definition or assignment at the top uses.
    fn uses(&self, node: Node<'p>) -> Option<&Uses<'p>> {
        let (node, uses) = self.uses.get(&node.start_byte())?;
        Some(uses.get_or_init(|| Uses::of(self.source, *node)))
    }

    fn import(&mut self, package: &'p Package, file: usize, node: Node<'p>) {
        let source = self.source;
        let module = node.child_by_field_name("module_name").map(|module| source.slice(module));
        let mut cursor = node.walk();
        let names: Vec<_> = node.children_by_field_name("name", &mut cursor).collect();
        for name in names {
            let (taken, bound) = match (name.child_by_field_name("name"), name.child_by_field_name("alias")) {
                (Some(taken), Some(alias)) => (source.slice(taken), source.slice(alias)),
                _ => (source.slice(name), source.slice(name)),
            };
            let Some(module) = module else {
                if let Some(standard) = Standard::module(taken) {
                    self.names.entry(bound).or_insert(Top::Library(standard));
                } else if let Some(other) = package.resolve(file, 0, taken) {
                    self.names.entry(bound).or_insert(Top::File(other));
                }
                continue;
            };
            if let Some(standard) = Standard::name(module, taken) {
                self.names.entry(bound).or_insert(Top::Library(standard));
                continue;
            }
            let path = module.trim_start_matches('.');
            let dots = module.len() - path.len();
            let dotted = if path.is_empty() { taken.to_owned() } else { format!("{path}.{taken}") };
            if let Some(other) = package.resolve(file, dots, &dotted) {
                self.names.entry(bound).or_insert(Top::File(other));
            } else if let Some(other) = package.resolve(file, dots, path) {
                self.names.entry(bound).or_insert(Top::Other(other, taken));
            }
        }
    }
}

struct Builder<'p> {
    modules: BTreeMap<usize, Module<'p>>,
    methods: Methods,
    /// Is arithmetic translated as well?
    arithmetic: bool,
    /// What the names of a file are called in the program, if that is not the same.
    renamed: BTreeMap<(usize, String), String>,
    /// What goes into the program, by the name it has there: its file, its place, its text.
    taken: BTreeMap<String, (usize, usize, String)>,
    /// Names that stand-ins are made for, with the attributes that are asked of them, and which of these are called.
    stands: BTreeMap<String, BTreeSet<(Vec<String>, bool)>>,
    /// The first thing asked for that nothing may stand in for.
    outside: Option<String>,
    /// What was taken and has something that the sandbox lacks.
    lacks: Vec<String>,
}

impl<'p> Builder<'p> {
    fn entries(&self, sharing: &BTreeSet<(usize, String)>) -> Vec<Entry> {
        let Some(main) = self.modules.get(&0) else { return Vec::new() };
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
            let reached = self.reach(0, name);
            if !reached.iter().any(|(file, node)| self.makes_list(*file, *node)) {
                continue;
            }
            let shares = reached.iter().any(|(file, node)| sharing.contains(&(*file, self.name_of(*file, *node))));
            let role = if uses.strings.contains(ASSIGNMENTS) {
                Role::Analyzer
            } else if !uses.strings.contains(LIST) {
                // A helper that is handed the list is called by those that get it.
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

    fn name_of(&self, file: usize, definition: Node<'p>) -> String {
        let name = definition.child_by_field_name("name").zip(self.modules.get(&file));
        name.map(|(name, module)| module.source.slice(name).to_owned()).unwrap_or_default()
    }

    /// Does a function get a load list itself?
    fn makes_list(&self, file: usize, node: Node<'p>) -> bool {
        let uses = self.modules.get(&file).and_then(|module| module.uses(node));
        uses.is_some_and(|uses| uses.strings.contains(LIST))
    }

    /// Everything that a name reaches in the files that are followed, itself first.
    fn reach(&self, file: usize, name: &'p str) -> Vec<(usize, Node<'p>)> {
        let mut found: Vec<(usize, Node<'p>)> = Vec::new();
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

    /// Takes the entries; false if two names have to be told apart first.
    fn take_all(&mut self, entries: &[Entry]) -> Result<bool, String> {
        let before = self.renamed.len();
        self.taken.clear();
        self.stands.clear();
        self.lacks.clear();
        for entry in entries {
            self.take(0, &entry.name)?;
            if self.renamed.len() > before {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What a name of a file is called in the program.
    fn called(&self, file: usize, name: &str) -> String {
        self.renamed.get(&(file, name.to_owned())).cloned().unwrap_or_else(|| name.to_owned())
    }

    /// Takes what a name of a file stands for into the program, with all it needs.
    fn take(&mut self, file: usize, name: &str) -> Result<(), String> {
        let mut open = vec![(file, name.to_owned())];
        while let Some((file, name)) = open.pop() {
            let Some(module) = self.modules.get(&file) else { continue };
            let source = module.source;
            let node = match module.names.get(name.as_str()) {
                // What it asks is not there; the scenario's machine answers in its place.
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
                        let place = usize::MAX;
                        self.taken.insert(here.clone(), (file, place, format!("{here} = {target}")));
                    }
                    open.push((other, there));
                    continue;
                }
                // Everything else is replaced by a stand-in where it is used.
                _ => continue,
            };
            let called = self.called(file, &name);
            match self.taken.get(&called) {
                Some((known, _, _)) if *known == file => continue,
                Some((known, _, _)) => {
                    // The entries, which are in the first file, keep their names.
                    let other = if file == 0 { *known } else { file };
                    let apart = self.renamed.insert((other, name.clone()), format!("{name}_of_file_{other}"));
                    return match apart {
                        None => Ok(()),
                        Some(_) => Err(format!("`{name}` is defined differently in two files of this checkout")),
                    };
                }
                None => {}
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
            self.taken.insert(called, (file, node.start_byte(), translation.text));
            let uses = module.uses(node);
            let names = uses.into_iter().flat_map(Uses::names).filter(|name| self.is_defined(file, name));
            open.extend(names.map(|name| (file, name.to_owned())));
            self.stand_in(file, node);
        }
        Ok(())
    }

    /// Takes a name of the standard library; what is read from a module that is named as a whole is taken where it is used.
    fn take_library(&mut self, bound: &str, standard: Standard<'_>) -> Result<(), String> {
        let Some(text) = standard.text(bound) else { return Ok(()) };
        match self.taken.get(bound) {
            Some((_, _, known)) if *known == text => return Ok(()),
            Some(_) => return Err(format!("`{bound}` means two things in the files of this checkout")),
            None => {}
        }
        if !in_sandbox(standard) {
            self.lacks.push(format!("`{standard}`"));
        }
        // Before everything of the checkout's own.
        self.taken.insert(bound.to_owned(), (usize::MAX, 0, text));
        Ok(())
    }

    fn is_defined(&self, file: usize, name: &str) -> bool {
        let Some(module) = self.modules.get(&file) else { return false };
        match module.names.get(name) {
            Some(Top::Definition(_) | Top::Library(_)) => true,
            Some(Top::Assignment(node)) => self.is_computable(file, *node),
            Some(Top::Other(other, there)) => self.modules.contains_key(other) && self.is_defined(*other, there),
            _ => false,
        }
    }

    /// Can an assignment be run as it is: is all that it calls there?
    fn is_computable(&self, file: usize, assignment: Node<'p>) -> bool {
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
    fn stand_in(&mut self, file: usize, node: Node<'p>) {
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
                    let place = usize::MAX;
                    let target = self.called(other, &first);
                    self.taken.insert(format!("{name}.{first}"), (file, place, format!("{name}.{first} = {target}")));
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
                    // Running it is an error, which a stand-in would hide.
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

    fn text(&self, entries: &[Entry]) -> String {
        let mut text = String::from(STAND_INS);
        for (name, uses) in &self.stands {
            if !self.taken.contains_key(name) {
                stand_in_text(&mut text, name, uses);
            }
        }
        let mut pieces: Vec<_> = self.taken.values().collect();
        // Files that are imported from come first, and aliases last.
        pieces.sort_by_key(|(file, place, _)| (*place == usize::MAX, std::cmp::Reverse(*file), *place));
        for (_, _, piece) in pieces {
            let _ = writeln!(text, "\n\n{}", piece.replace("\r\n", "\n"));
        }
        let functions: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let _ = writeln!(text, "\n\nHARNESS_FUNCTIONS = [{}]", functions.join(", "));
        text
    }
}

/// The number of parameters that must be given, and whether `is_clip` is one; nothing if two cannot be given by position.
fn parameters(source: &Source, function: Node<'_>) -> Option<(usize, bool)> {
    let list = function.child_by_field_name("parameters")?;
    let parameters = list.parts();
    let clip = parameters.iter().any(|parameter| source.slice(*parameter).starts_with("is_clip"));
    let required = parameters.iter().filter(|parameter| matches!(parameter.kind(), "identifier" | "typed_parameter"));
    (parameters.len() >= 2).then(|| (required.count(), clip))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The program of a file that has a function `size` and imports `measured` from another one.
    fn built(items: &str) -> Result<Program, String> {
        let main = "import re\nfrom .items import measured\n\n\ndef size(item):\n    return re.sub('a', 'b', item[-4])\n\n\n\
                    def analyze(patcher, text):\n    items = patcher._load_list()\n    \
                    return {'block_assignments': [(measured(item), size(item)) for item in items]}\n";
        let files = [("distorch_2.py", main), ("items.py", items)];
        let package = Package::new(files.map(|(path, text)| (path.into(), text.into())));
        build(&package, &[0, 1], &BTreeSet::new(), false)
    }

    #[test]
    fn a_name_of_which_two_files_have_their_own_is_not_mixed_up() {
        let own = "def measured(item):\n    return own_size(item)\n\n\ndef own_size(item):\n    return item[0]\n";
        let program = built(own).unwrap_or_else(|error| panic!("{error}"));
        assert!(program.text.contains("return item[0]") && program.text.contains("def size("), "{}", program.text);
        let both = built(&own.replace("own_size", "size")).unwrap_or_else(|error| panic!("{error}")).text;
        assert!(both.contains("def size(") && both.contains("def size_of_file_1("), "{both}");
        assert!(both.contains("return size_of_file_1(item)"), "{both}");
        // A module is the same for both.
        assert!(built(&format!("import re\n{}", own.replace("item[0]", "re.sub('a', 'b', item[0])"))).is_ok());
    }
}
