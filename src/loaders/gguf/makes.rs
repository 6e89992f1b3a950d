//! The patcher that a loader of the pack puts in the place of the one that ComfyUI gave it.
//!
//! ```text
//! model = Own.clone(model)        where `clone` has:  n.__class__ = Own                 Own
//! model.__class__ = Own                                                                 Own
//! model = Own(model, …)                                                                 Own
//! if model.is_dynamic(): …                    only this branch: dynamic VRAM is active
//! ```

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::Put;
use super::classes::{Classes, Definition, Target};
use crate::comfyui::Patchers;
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::syntax::top_definition;
use crate::python::{FileId, Package};

/// Nodes that are looked at for one kind of loader.
const MOST_STEPS: usize = 20_000;

/// The patcher that all loaders of these names put in, or why it is unknown; none if the pack has none of them.
pub(super) fn patcher(package: &Package, patchers: &Patchers, loaders: &[&str]) -> Option<Result<Put, String>> {
    let classes = Classes::new(package, patchers);
    let found: Vec<_> = loaders.iter().filter_map(|name| Some((*name, loader(&classes, name)?))).collect();
    let each = found.into_iter().map(|(name, class)| of_loader(&classes, name, class));
    each.reduce(|one, other| match (one?, other?) {
        (one, other) if one.is_dynamic == other.is_dynamic => Ok(one),
        (one, other) => Err(format!("its loaders use both `{}` and `{}`", one.name, other.name)),
    })
}

/// The class of a loader: what the pack registers under the name, or else calls so itself.
fn loader<'p>(classes: &Classes<'p>, name: &str) -> Option<Definition<'p>> {
    let mut by_name = None;
    for file in classes.package.mentioning(name) {
        let Some(source) = classes.source(file) else { continue };
        let mut registered = None;
        walk(&mut source.root().walk(), |node| {
            if registered.is_none() {
                let key = node.field("key").filter(|key| node.kind() == "pair" && key.kind() == "string");
                let is_it = key.is_some_and(|key| source.slice(key).trim_matches(['"', '\'']) == name);
                let value = node.field("value").filter(|_| is_it).and_then(|value| classes.target(file, value));
                registered = value.and_then(class_of);
            }
            registered.is_none()
        });
        if registered.is_some() {
            return registered;
        }
        let own = top_definition(source, &["class_definition"], name).map(|node| Definition { file, node });
        by_name = by_name.or(own);
    }
    by_name
}

fn class_of(target: Target<'_>) -> Option<Definition<'_>> {
    match target {
        Target::Own(definition) if definition.node.kind() == "class_definition" => Some(definition),
        Target::Own(_) | Target::Comfyui(_) => None,
    }
}

fn of_loader<'p>(classes: &Classes<'p>, name: &str, class: Definition<'p>) -> Result<Put, String> {
    let unknown = |why: &str| Err(format!("the patcher that `{name}` makes is unknown: {why}"));
    let Some(method) = function(classes, class).and_then(|function| classes.method(class, function)) else {
        return unknown("its function was not found");
    };
    let mut walk = Walk { classes, open: Vec::new(), seen: BTreeSet::new(), put: Vec::new(), keeps: false };
    walk.function(method, Some(class));
    if !walk.run() {
        return unknown("its code is too long");
    }
    if walk.keeps {
        return unknown("a patcher is cloned by ComfyUI's own method");
    }
    let mut puts = Vec::new();
    for class in walk.put {
        puts.push(of_class(classes, class)?);
    }
    match &puts[..] {
        [] => unknown("no patcher of the pack's own was found in it"),
        [first, others @ ..] => match others.iter().find(|other| other.is_dynamic != first.is_dynamic) {
            Some(other) => unknown(&format!("it uses both `{}` and `{}`", first.name, other.name)),
            None => Ok(first.clone()),
        },
    }
}

/// What the class or one above it has as its `FUNCTION`.
fn function<'p>(classes: &Classes<'p>, class: Definition<'p>) -> Option<&'p str> {
    classes.line(class).into_iter().find_map(|class| {
        let source = classes.source(class.file)?;
        let assignments = class.node.field("body")?.parts().into_iter().filter_map(|part| part.part(0));
        let mut named =
            assignments.filter(|part| part.field("left").is_some_and(|left| source.slice(left) == "FUNCTION"));
        let content = named.next()?.field("right")?.parts().into_iter().find(|part| part.kind() == "string_content")?;
        Some(source.slice(content))
    })
}

/// A patcher of the pack. Fails if it may keep DisTorch2 out although it is plain.
fn of_class<'p>(classes: &Classes<'p>, class: Definition<'p>) -> Result<Put, String> {
    let source = classes.source(class.file).ok_or_else(|| String::from("its file could not be read"))?;
    let name = class.node.field("name").map_or("", |name| source.slice(name)).to_owned();
    let Some(is_dynamic) = classes.is_dynamic(class) else {
        return Err(format!("`{name}` derives from a patcher that was not found in this ComfyUI"));
    };
    let own = classes.method(class, "partially_load");
    let calls_above = |method: Definition<'_>| {
        let source = classes.source(method.file);
        source.is_some_and(|source| source.slice(method.node).contains(").partially_load("))
    };
    if !is_dynamic && own.is_some_and(|method| !calls_above(method)) {
        return Err(format!("`{name}` has a `partially_load` of its own"));
    }
    let place = source.place(class.node.start_byte());
    Ok(Put { name, is_dynamic, path: classes.package.path(class.file).to_path_buf(), place })
}

/// A way through the functions that a loader calls, in the pack.
struct Walk<'c, 'p> {
    classes: &'c Classes<'p>,
    /// What is still to be gone through: a node of a file, and the class of `self`.
    open: Vec<(FileId, Node<'p>, Option<Definition<'p>>)>,
    /// The functions that were met, by file and place.
    seen: BTreeSet<(FileId, usize)>,
    put: Vec<Definition<'p>>,
    /// Is ComfyUI's `clone` called, which keeps the class that it is given?
    keeps: bool,
}

impl<'p> Walk<'_, 'p> {
    /// Goes through everything that is open. False if it is too much.
    fn run(&mut self) -> bool {
        for _ in 0..MOST_STEPS {
            let Some((file, node, class)) = self.open.pop() else { return true };
            self.node(file, node, class);
        }
        self.open.is_empty()
    }

    /// A function is called, which may be a method of a class.
    fn function(&mut self, function: Definition<'p>, class: Option<Definition<'p>>) {
        if self.seen.insert((function.file, function.node.start_byte())) {
            self.open.extend(function.node.field("body").map(|body| (function.file, body, class)));
        }
    }

    fn node(&mut self, file: FileId, node: Node<'p>, class: Option<Definition<'p>>) {
        let Some(source) = self.classes.source(file) else { return };
        let mut parts = node.parts();
        match node.kind() {
            "if_statement" => {
                let condition = node.field("condition");
                if let Some(is_dynamic) = condition.and_then(|condition| asks_dynamic(source.slice(condition))) {
                    // The other branch is never run while dynamic VRAM is active.
                    let consequence = node.field("consequence");
                    parts.retain(|part| is_dynamic == (Some(*part) == consequence));
                }
            }
            "assignment" => {
                let left = node.field("left").filter(|left| left.kind() == "attribute");
                let attribute = left.and_then(|left| left.field("attribute")).map(|name| source.slice(name));
                let right = node.field("right").filter(|_| attribute == Some("__class__"));
                let target = right.and_then(|right| self.classes.target(file, right)).and_then(class_of);
                if let Some(class) = target {
                    self.puts(class);
                }
            }
            "call" => self.call(file, node, class),
            _ => {}
        }
        self.open.extend(parts.into_iter().rev().map(|part| (file, part, class)));
    }

    fn call(&mut self, file: FileId, call: Node<'p>, class: Option<Definition<'p>>) {
        let Some((source, function)) = self.classes.source(file).zip(call.field("function")) else { return };
        match self.classes.target(file, function) {
            Some(Target::Own(own)) if own.node.kind() == "function_definition" => return self.function(own, None),
            Some(Target::Own(own)) => return self.puts(own),
            _ => {}
        }
        let Some((object, name)) = function.field("object").zip(function.field("attribute")) else { return };
        let name = source.slice(name);
        if matches!(source.slice(object), "self" | "cls") {
            if let Some(method) = class.and_then(|class| self.classes.method(class, name)) {
                self.function(method, class);
            }
        } else if let Some(of) = self.classes.target(file, object).and_then(class_of) {
            match self.classes.method(of, name) {
                Some(method) => self.function(method, Some(of)),
                None => self.keeps |= name == "clone" && self.classes.is_patcher(of),
            }
        }
    }

    /// An object gets this class, which is of interest if it is a patcher.
    fn puts(&mut self, class: Definition<'p>) {
        if !self.put.contains(&class) && self.classes.is_patcher(class) {
            self.put.push(class);
        }
    }
}

/// Does a condition hold for a dynamic patcher, or for others alone? None if it asks for anything else.
fn asks_dynamic(condition: &str) -> Option<bool> {
    let (is_positive, call) = match condition.trim().strip_prefix("not ") {
        Some(rest) => (false, rest),
        None => (true, condition.trim()),
    };
    let object = call.strip_suffix(".is_dynamic()")?;
    object.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.').then_some(is_positive)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::python::Source;

    fn patchers() -> Patchers {
        let text = "class Plain: pass\nclass Paged(Plain):\n    def is_dynamic(self): return True\n";
        Patchers::read(&Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).unwrap())
    }

    fn files(files: &[(&str, &str)]) -> Option<Result<Put, String>> {
        let package = Package::new(files.iter().map(|(path, text)| ((*path).into(), text.as_bytes().to_vec())));
        patcher(&package, &patchers(), &["LoaderA", "LoaderB"])
    }

    /// What a pack of one file puts in: the name of the patcher, with `!` if it is dynamic, or the reason.
    fn told(text: &str) -> String {
        match files(&[("nodes.py", text)]).expect("it has the loader") {
            Ok(put) => put.name + if put.is_dynamic { "!" } else { "" },
            Err(why) => why,
        }
    }

    /// A pack whose loader has this body, behind some definitions.
    fn pack(definitions: &str, body: &str) -> String {
        format!(
            "import comfy.sd\nimport comfy.model_patcher\n{definitions}\nclass LoaderA:\n    FUNCTION = 'load'\n\
             \x20   def load(self, name):\n        model = comfy.sd.load(name)\n        {}\n        return (model,)\n",
            body.replace('\n', "\n        ")
        )
    }

    /// A class that gives itself to its clones.
    const OWN: &str = "class Own(comfy.model_patcher.Plain):\n    def clone(self, *a):\n        was = self.__class__\n\
                       \x20       self.__class__ = Own\n        n = super().clone(*a)\n        n.__class__ = Own\n\
                       \x20       self.__class__ = was\n        return n\n";
    const DYNAMIC: &str = "class Other(comfy.model_patcher.Paged): pass\n";

    #[test]
    fn a_patcher_is_put_in_by_its_clone_its_class_or_by_making_it() {
        let both = format!("{OWN}{DYNAMIC}");
        for (definitions, body, expected) in [
            (OWN, "model = Own.clone(model)", "Own"),
            (OWN, "model.__class__ = Own", "Own"),
            (OWN, "model = Own(model.model, model.load_device)", "Own"),
            (DYNAMIC, "model.__class__ = Other", "Other!"),
            (
                &both,
                "if model.is_dynamic():\n    model.__class__ = Other\nelse:\n    model = Own.clone(model)",
                "Other!",
            ),
            (
                &both,
                "if not model.is_dynamic():\n    model = Own.clone(model)\nelse:\n    model.__class__ = Other",
                "Other!",
            ),
            ("class Core(comfy.model_patcher.Plain): pass\nclass Own(Core): pass", "model.__class__ = Own", "Own"),
            ("Base = getattr(comfy.model_patcher, 'Paged', None)\nclass Own(Base): pass", "model = Own(model)", "Own!"),
            ("from comfy.model_patcher import Paged as P\nclass Own(P): pass", "model = Own(model)", "Own!"),
            ("import comfy.model_patcher as mp\nclass Own(mp.Plain): pass", "model = Own(model)", "Own"),
            ("class Own(Mixin, comfy.model_patcher.Paged): pass", "model = Own(model)", "Own!"),
            (
                "class Half(comfy.model_patcher.Plain): pass\nclass Own(Half, comfy.model_patcher.Paged): pass",
                "model = Own(model)",
                "Own!",
            ),
        ] {
            assert_eq!(told(&pack(definitions, body)), expected, "{definitions}\n{body}");
        }
        let through = format!("{OWN}def wrap(model):\n    return Own.clone(model)\n");
        assert_eq!(told(&pack(&through, "model = wrap(model)")), "Own");
        let method = pack(OWN, "model = self.wrap(model)") + "    def wrap(self, model): return Own.clone(model)\n";
        assert_eq!(told(&method), "Own");
        // The one that the loader does not come to does not count.
        assert_eq!(told(&pack(&both, "model = Own.clone(model)")), "Own");
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let both = format!("{OWN}{DYNAMIC}");
        let no_clone = "class Own(comfy.model_patcher.Plain): pass\n";
        let moves = "class Own(comfy.model_patcher.Plain):\n    def partially_load(self, device): return 0\n";
        for (definitions, body, expected) in [
            (OWN, "pass", "no patcher of the pack's own"),
            (OWN, "model = isinstance(model, Own)", "no patcher of the pack's own"),
            (no_clone, "model = Own.clone(model)", "cloned by ComfyUI's own method"),
            (&both, "model = Own.clone(model) if plain else Other(model)", "both `Own` and `Other`"),
            ("class Own(comfy.model_patcher.Newer): pass", "model = Own(model)", "was not found in this ComfyUI"),
            (moves, "model = Own(model)", "a `partially_load` of its own"),
            ("class Own(Base): pass\nclass Base(Own): pass", "model = Own(model)", "no patcher of the pack's own"),
            ("Own = Own", "model = Own(model)", "no patcher of the pack's own"),
        ] {
            let told = told(&pack(definitions, body));
            assert!(told.contains(expected), "{definitions}\n{body}\n{told}");
        }
        let mut circle = pack("", "model = f(model)");
        circle.push_str("def f(model): return g(model)\ndef g(model): return f(model)\n");
        assert!(told(&circle).contains("no patcher of the pack's own"));
        let long = pack(OWN, &format!("model = [{}]", "f(1), ".repeat(20_000)));
        assert!(told(&long).contains("too long"));
        assert!(told("class LoaderA: pass\n").contains("its function was not found"));
        assert!(files(&[("nodes.py", "x = 1\n")]).is_none());
        assert!(files(&[("nodes.py", "LoaderA = (\n")]).is_none(), "no Python");
    }

    #[test]
    fn loaders_are_found_as_they_are_registered() {
        let patchers = "from comfy import model_patcher\nclass Own(model_patcher.Plain): pass\n";
        let nodes = "from . import patchers\nfrom .patchers import Own as P\nclass Base:\n    FUNCTION = 'go'\n\
                     \x20   def go(self, m): return (P(m),)\nclass Renamed(Base): pass\n\
                     class Second(Base):\n    def go(self, m): return (patchers.Own(m),)\n";
        let init =
            "from .nodes import Renamed, Second\nNODE_CLASS_MAPPINGS = {\"LoaderA\": Renamed, 'LoaderB': Second}\n";
        let told = files(&[("__init__.py", init), ("nodes.py", nodes), ("patchers.py", patchers)]).unwrap().unwrap();
        assert_eq!(
            (told.name.as_str(), told.is_dynamic, told.path.as_path()),
            ("Own", false, Path::new("patchers.py"))
        );
        let differ = format!("{DYNAMIC}class LoaderB(LoaderA):\n    def load(self, model): return (Other(model),)\n");
        let text = pack(OWN, "model = Own(model)") + &differ;
        let why = files(&[("nodes.py", &text)]).unwrap().unwrap_err();
        assert_eq!(why, "its loaders use both `Own` and `Other`");
    }
}
