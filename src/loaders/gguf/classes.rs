//! Names of a pack, and the classes behind them.

use std::cell::OnceCell;
use std::collections::HashMap;

use tree_sitter::Node;

use crate::comfyui::Patchers;
use crate::python::field::Fields as _;
use crate::python::imports::{Import, imports};
use crate::python::source::walk;
use crate::python::{FileId, Package, Source};

/// Names, imports and base classes that are followed, one after the other; they may form a circle.
const DEEPEST: usize = 16;
/// The module of ComfyUI's patchers, as it ends in every form of import.
const MODULE: &str = "model_patcher";

/// A definition in a file of the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Definition<'p> {
    pub(super) file: FileId,
    pub(super) node: Node<'p>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'p> {
    /// A class or a function of the pack.
    Own(Definition<'p>),
    /// Something of this name in ComfyUI's module of patchers.
    Comfyui(&'p str),
}

/// The names of a pack.
pub(super) struct Classes<'p> {
    pub(super) package: &'p Package,
    patchers: &'p Patchers,
    /// By file, once they were needed.
    names: Vec<OnceCell<Names<'p>>>,
}

/// The names of a file.
#[derive(Default)]
struct Names<'p> {
    /// What defines each outside of functions and classes.
    top: HashMap<&'p str, Node<'p>>,
    imports: HashMap<&'p str, Import<'p>>,
    /// The methods of its classes, by where the class begins.
    methods: HashMap<(usize, &'p str), Node<'p>>,
}

impl<'p> Names<'p> {
    fn of(source: &'p Source) -> Self {
        let mut names = Self::default();
        walk(&mut source.root().walk(), |node| {
            let is_definition = matches!(node.kind(), "class_definition" | "function_definition");
            if is_definition || node.kind() == "assignment" {
                let name = node.field("name").or_else(|| node.field("left"));
                names.top.extend(name.map(|name| (source.slice(name), node)));
            }
            let body = node.field("body").filter(|_| node.kind() == "class_definition");
            for part in body.into_iter().flat_map(|body| body.parts()) {
                let inner = part.field("definition").unwrap_or(part);
                if let Some(name) = inner.field("name").filter(|_| inner.kind() == "function_definition") {
                    names.methods.insert((node.start_byte(), source.slice(name)), inner);
                }
            }
            !is_definition
        });
        names.imports = imports(source).into_iter().filter_map(|import| Some((import.bound?, import))).collect();
        names
    }
}

impl<'p> Classes<'p> {
    pub(super) fn new(package: &'p Package, patchers: &'p Patchers) -> Self {
        Self { package, patchers, names: package.ids().map(|_| OnceCell::new()).collect() }
    }

    pub(super) fn source(&self, file: FileId) -> Option<&'p Source> {
        self.package.source(file).ok()
    }

    fn names(&self, file: FileId) -> Option<&Names<'p>> {
        let source = self.source(file)?;
        Some(self.names[file.index()].get_or_init(|| Names::of(source)))
    }

    /// What an expression stands for: a name, an attribute of a module, or `getattr(module, "NAME", …)`.
    pub(super) fn target(&self, file: FileId, node: Node<'p>) -> Option<Target<'p>> {
        self.follow(file, node, DEEPEST)
    }

    fn follow(&self, file: FileId, node: Node<'p>, depth: usize) -> Option<Target<'p>> {
        let source = self.source(file)?;
        match node.kind() {
            "identifier" => self.named(file, source.slice(node), depth),
            "attribute" => self.attribute(file, node.field("object")?, source.slice(node.field("attribute")?), depth),
            "call" if node.field("function").is_some_and(|function| source.slice(function) == "getattr") => {
                let arguments = node.field("arguments")?.parts();
                let name = arguments.get(1)?.parts().into_iter().find(|part| part.kind() == "string_content")?;
                self.attribute(file, *arguments.first()?, source.slice(name), depth)
            }
            _ => None,
        }
    }

    /// What a name of a file stands for, outside of functions and classes.
    fn named(&self, file: FileId, name: &str, depth: usize) -> Option<Target<'p>> {
        let (depth, names) = (depth.checked_sub(1)?, self.names(file)?);
        if let Some(node) = names.top.get(name).copied() {
            return match node.kind() {
                "assignment" => self.follow(file, node.field("right")?, depth),
                _ => Some(Target::Own(Definition { file, node })),
            };
        }
        let import = names.imports.get(name)?;
        let taken = import.name?;
        if import.module.ends_with(MODULE) {
            return Some(Target::Comfyui(taken));
        }
        self.named(self.package.resolve(file, import.dots, &import.module)?, taken, depth)
    }

    /// What an attribute of a module stands for.
    fn attribute(&self, file: FileId, module: Node<'p>, name: &'p str, depth: usize) -> Option<Target<'p>> {
        let (depth, source) = (depth.checked_sub(1)?, self.source(file)?);
        let written = source.slice(module);
        let import = self.names(file)?.imports.get(written);
        if import.map_or_else(|| written.to_owned(), Import::dotted).ends_with(MODULE) {
            return Some(Target::Comfyui(name));
        }
        let import = import?;
        self.named(self.package.resolve(file, import.dots, &import.dotted())?, name, depth)
    }

    /// The base classes of a class.
    fn bases(&self, class: Definition<'p>) -> impl Iterator<Item = Target<'p>> {
        let list = class.node.field("superclasses").map(|list| list.parts()).unwrap_or_default();
        list.into_iter().take(DEEPEST).filter_map(move |base| self.target(class.file, base))
    }

    /// The class, and those above it in the pack, the nearest first.
    pub(super) fn line(&self, class: Definition<'p>) -> Vec<Definition<'p>> {
        let mut line = vec![class];
        for at in 0..DEEPEST {
            let Some(class) = line.get(at).copied() else { break };
            for base in self.bases(class) {
                if let Target::Own(base) = base
                    && base.node.kind() == "class_definition"
                    && !line.contains(&base)
                {
                    line.push(base);
                }
            }
        }
        line
    }

    /// The patchers of ComfyUI that a class derives from.
    fn above(&self, class: Definition<'p>) -> Vec<&'p str> {
        let bases = self.line(class).into_iter().flat_map(|class| self.bases(class).collect::<Vec<_>>());
        let name = |base| match base {
            Target::Own(_) => None,
            Target::Comfyui(name) => Some(name),
        };
        bases.filter_map(name).collect()
    }

    /// Does the class derive from one of ComfyUI's patchers, be it known or not?
    pub(super) fn is_patcher(&self, class: Definition<'p>) -> bool {
        !self.above(class).is_empty()
    }

    /// Is the class a dynamic patcher? None if it derives from none that this ComfyUI has.
    pub(super) fn is_dynamic(&self, class: Definition<'p>) -> Option<bool> {
        let above = self.above(class).into_iter().filter_map(|name| self.patchers.is_dynamic(name));
        above.reduce(|one, other| one || other)
    }

    /// The method of this name that a class has, or one above it in the pack.
    pub(super) fn method(&self, class: Definition<'p>, name: &str) -> Option<Definition<'p>> {
        self.line(class).into_iter().find_map(|class| {
            let node = *self.names(class.file)?.methods.get(&(class.node.start_byte(), name))?;
            Some(Definition { file: class.file, node })
        })
    }
}
