//! What the objects have that ComfyUI's `ControlNet` loaders give: a node that only marks what has a certain attribute
//! passes over everything else.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use crate::comfyui::module::base_names;
use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::source::walk;

/// Where they are defined.
pub(super) const PATH: &str = "comfy/controlnet.py";

/// Names by which an object may get attributes that the text does not show.
const TABLES: [&str; 5] = ["__dict__", "__getattr__", "__getattribute__", "setattr", "vars"];

/// The attributes that an object of any class that this file makes objects of may have, or why they are unknown. What is
/// assigned to an attribute of anything in the file counts for all of them.
pub(super) fn attributes(source: &Source) -> Result<BTreeSet<String>, String> {
    let mut classes = BTreeMap::new();
    for part in source.root().parts() {
        let class = if part.kind() == "decorated_definition" { part.field("definition") } else { Some(part) };
        if let Some(class) = class.filter(|class| class.kind() == "class_definition") {
            classes.extend(class.field("name").map(|name| (source.slice(name), class)));
        }
    }
    let mut open: Vec<&str> = Vec::new();
    let (mut names, mut table) = (BTreeSet::new(), None);
    walk(&mut source.root().walk(), |node| {
        match node.kind() {
            "call" => {
                let name = node.field("function").map(|function| source.slice(function));
                open.extend(name.filter(|name| classes.contains_key(name)));
            }
            "assignment" | "augmented_assignment" => {
                node.field("left").into_iter().for_each(|left| assigned(source, left, &mut names));
            }
            "identifier" if TABLES.contains(&source.slice(node)) => table = Some(source.slice(node)),
            _ => {}
        }
        true
    });
    if let Some(table) = table {
        return Err(format!("{PATH} uses `{table}`"));
    }
    if open.is_empty() {
        return Err(format!("{PATH} makes no objects of classes of its own"));
    }
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some(class) = classes.get(name).filter(|_| seen.insert(name)) else { continue };
        for base in base_names(source, *class) {
            if base != "object" && !classes.contains_key(base) {
                return Err(format!("`{name}` of {PATH} derives from `{base}`, which is defined elsewhere"));
            }
            open.push(base);
        }
        for part in class.field("body").into_iter().flat_map(|body| body.parts()) {
            let inner = part.field("definition").unwrap_or(part);
            let own = inner.field("name").or_else(|| inner.part(0)?.field("left"));
            names.extend(own.map(|name| source.slice(name).to_owned()));
        }
    }
    Ok(names)
}

/// The attributes that an assignment to this gives values.
fn assigned(source: &Source, left: Node<'_>, names: &mut BTreeSet<String>) {
    match left.kind() {
        "attribute" => names.extend(left.field("attribute").map(|name| source.slice(name).to_owned())),
        "pattern_list" | "tuple_pattern" | "list_pattern" | "list_splat_pattern" => {
            left.parts().into_iter().for_each(|part| assigned(source, part, names));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Result<BTreeSet<String>, String> {
        attributes(&Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).unwrap())
    }

    const CLASSES: &str = "class Base:\n    kind = 1\n    def copy(self):\n        self.a, self.b = 1, 2\n\
                           class Net(Base):\n    @property\n    def inner(self): pass\n\
                           class Unused(Elsewhere):\n    model = 1\n";

    #[test]
    fn attributes_are_those_of_the_classes_that_objects_are_made_of() {
        let names =
            read(&format!("{CLASSES}def load():\n    net = Net()\n    net.late = 1\n    return net\n")).unwrap();
        assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "copy", "inner", "kind", "late"]);
    }

    #[test]
    fn what_may_have_more_is_unknown() {
        for (text, why) in [
            ("", "makes no objects"),
            ("class Net(torch.nn.Module): pass\nNet()\n", "derives from `Module`"),
            ("class Net: pass\nsetattr(Net(), name, 1)\n", "uses `setattr`"),
            ("class Net:\n    def __getattr__(self, name): pass\nNet()\n", "uses `__getattr__`"),
        ] {
            assert!(read(text).unwrap_err().contains(why), "{text}");
        }
        assert!(read("class A(B): pass\nclass B(A): pass\nA()\n").unwrap().is_empty(), "a circle comes to an end");
    }
}
