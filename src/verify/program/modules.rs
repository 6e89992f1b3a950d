//! What the top-level names of a file are.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use crate::python::field::Fields as _;
use crate::python::imports;
use crate::python::{FileId, Package, Source};
use crate::verify::desugar::Methods;
use crate::verify::library::Standard;
use crate::verify::standin::is_of_python;
use crate::verify::uses::{Uses, known};

/// What a name at the top of a file is.
#[derive(Clone, Copy)]
pub(in crate::verify) enum Top<'p> {
    /// A function or a class.
    Definition(Node<'p>),
    /// `name = value`, the whole assignment.
    Assignment(Node<'p>),
    /// A name of another file that is followed: the file and the name there.
    Other(FileId, &'p str),
    /// Another file that is followed.
    File(FileId),
    /// A module of the standard library that affects results, or a name of one.
    Library(Standard<'p>),
}

pub(in crate::verify) struct Module<'p> {
    pub(in crate::verify) source: &'p Source,
    pub(in crate::verify) names: BTreeMap<&'p str, Top<'p>>,
    /// What the top-level definitions and assignments use, by their position; computed on demand.
    uses: BTreeMap<usize, (Node<'p>, OnceCell<Uses<'p>>)>,
    /// The names that the file gives values outside of functions, or imports anywhere; computed on demand.
    known: OnceCell<Option<BTreeSet<&'p str>>>,
}

impl<'p> Module<'p> {
    pub(in crate::verify) fn of(package: &'p Package, file: FileId, source: &'p Source) -> Self {
        let mut module = Self { source, names: BTreeMap::new(), uses: BTreeMap::new(), known: OnceCell::new() };
        // Top-level statements, including those inside `if` and `try`. Functions are only searched for imports, which
        // are removed from their text.
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

    fn define(&mut self, package: &'p Package, file: FileId, node: Node<'p>) {
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

    /// May a name that is free in a function have a value when it is run? It may if anything but another function
    /// assigns it.
    pub(in crate::verify) fn may_know(&self, name: &str) -> bool {
        let known = self.known.get_or_init(|| known(self.source));
        known.as_ref().is_none_or(|known| known.contains(name)) || is_of_python(name)
    }

    /// What a top-level definition or assignment uses.
    pub(in crate::verify) fn uses(&self, node: Node<'p>) -> Option<&Uses<'p>> {
        let (node, uses) = self.uses.get(&node.start_byte())?;
        Some(uses.get_or_init(|| Uses::of(self.source, *node)))
    }

    fn import(&mut self, package: &'p Package, file: FileId, node: Node<'p>) {
        for import in imports::of_statement(self.source, node) {
            let Some(bound) = import.bound else { continue };
            let standard = match import.name {
                None => Standard::module(&import.module),
                Some(name) if import.dots == 0 => Standard::name(&import.module, name),
                Some(_) => None,
            };
            let below = || package.resolve(file, import.dots, &import.dotted());
            let module = || package.resolve(file, import.dots, &import.module);
            let top = if let Some(standard) = standard {
                Top::Library(standard)
            } else if let Some(other) = below() {
                Top::File(other)
            } else if let (Some(other), Some(name)) = (module(), import.name) {
                Top::Other(other, name)
            } else {
                continue;
            };
            self.names.entry(bound).or_insert(top);
        }
    }
}

/// The methods of all classes at the top of these files.
pub(in crate::verify) fn methods(modules: &BTreeMap<FileId, Module<'_>>) -> Methods {
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
