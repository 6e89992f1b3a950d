//! Classes: bases, decorators and special methods that the sandbox lacks.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tree_sitter::Node;

use super::Translator;
use crate::python::Source;
use crate::python::field::Fields as _;

/// How a method is called.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// `@staticmethod` of this class.
    Static(String),
    /// `@classmethod` of this class.
    OfClass(String),
    Property,
    /// Several classes have it, with different meanings.
    Ambiguous,
}

/// The methods of a program's classes, and their other attributes, by name.
#[derive(Default)]
pub(in crate::verify) struct Methods(BTreeMap<String, Kind>);

impl Methods {
    /// Notes the methods of a class.
    pub(in crate::verify) fn note(&mut self, source: &Source, class: Node<'_>) {
        let Some((name, body)) = class.field("name").zip(class.field("body")) else { return };
        for member in body.parts() {
            let Some(method) = method(member).and_then(|method| method.field("name")) else { continue };
            let class = || source.slice(name).to_owned();
            let kind = match decorators(source, member).as_slice() {
                ["staticmethod"] => Kind::Static(class()),
                ["classmethod"] => Kind::OfClass(class()),
                ["property" | "cached_property" | "functools.cached_property"] => Kind::Property,
                _ => Kind::Plain,
            };
            let kind =
                if is_of_container(source.slice(method)) && kind != Kind::Plain { Kind::Ambiguous } else { kind };
            let known = self.0.entry(source.slice(method).to_owned()).or_insert_with(|| kind.clone());
            if *known != kind {
                *known = Kind::Ambiguous;
            }
        }
    }
}

/// Is it also a method of lists, mappings or strings?
fn is_of_container(name: &str) -> bool {
    matches!(
        name,
        "append"
            | "copy"
            | "count"
            | "extend"
            | "find"
            | "format"
            | "get"
            | "index"
            | "items"
            | "join"
            | "keys"
            | "pop"
            | "replace"
            | "sort"
            | "split"
            | "strip"
            | "update"
            | "values"
    )
}

fn method(member: Node<'_>) -> Option<Node<'_>> {
    let inner = member.field("definition").unwrap_or(member);
    (inner.kind() == "function_definition").then_some(inner)
}

fn decorators<'s>(source: &'s Source, member: Node<'_>) -> Vec<&'s str> {
    let decorators = member.parts().into_iter().filter(|part| part.kind() == "decorator");
    decorators.map(|decorator| source.slice(decorator).trim_start_matches('@').trim()).collect()
}

/// A field of a dataclass or a named tuple: its name, and the text of its default.
struct Field {
    name: String,
    default: Option<String>,
}

/// Special methods that the sandbox never calls.
const UNKNOWN: [&str; 12] = [
    "__add__",
    "__call__",
    "__ge__",
    "__getattr__",
    "__getitem__",
    "__gt__",
    "__le__",
    "__len__",
    "__lt__",
    "__mul__",
    "__setitem__",
    "__sub__",
];

impl<'t> Translator<'t> {
    /// A class, if it has to be rewritten.
    pub(super) fn class(&mut self, class: Node<'t>) -> Option<String> {
        let (name, body) = (class.field("name")?, class.field("body")?);
        for member in body.parts() {
            let special = method(member).and_then(|method| method.field("name")).map(|name| self.slice(name));
            if let Some(special) = special.filter(|special| UNKNOWN.contains(special)) {
                self.lack(member, format!("classes with a method `{special}`"));
            }
        }
        let bases: Vec<_> = class.field("superclasses").map(|list| list.parts()).unwrap_or_default();
        let bases: Vec<_> = bases.into_iter().map(|base| self.slice(base)).filter(|base| *base != "object").collect();
        let name_text = self.slice(name);
        let last = |base: &'t str| base.rsplit('.').next().unwrap_or(base);
        match bases.iter().map(|base| last(base)).collect::<Vec<_>>().as_slice() {
            [] => self.is_dataclass(class).then(|| self.dataclass(class, name_text, body)),
            ["NamedTuple"] if body.parts().into_iter().all(|member| method(member).is_none()) => {
                let (names, defaults): (Vec<_>, Vec<_>) =
                    self.fields(body).into_iter().map(|field| (format!("{:?}", field.name), field.default)).unzip();
                let defaults: Vec<_> = defaults.into_iter().flatten().map(|default| format!("{default},")).collect();
                let names = names.join(", ");
                Some(format!("{name_text} = namedtuple({name_text:?}, [{names}], defaults=({}))", defaults.concat()))
            }
            // A class that only names a number is one.
            ["IntEnum" | "IntFlag"] => {
                Some(format!("class {name_text}:\n{}{}", self.source.indent_at(body.start_byte()), self.text(body)))
            }
            [error] if error.ends_with("Error") || *error == "Exception" => {
                let is_bare = body.parts().iter().all(|member| method(*member).is_none());
                if !is_bare || self.is_caught(name_text) {
                    self.lack(class, format!("the class `{name_text}`, which inherits from `{error}`"));
                }
                Some(format!("{name_text} = {error}"))
            }
            several => {
                self.lack(class, format!("the class `{name_text}`, which inherits from `{}`", several.join("`, `")));
                None
            }
        }
    }

    /// Is an exception caught by this name? Then its class matters.
    fn is_caught(&self, name: &str) -> bool {
        let mut excepts = self.source.text().split("except").skip(1);
        excepts.any(|clause| clause.split(':').next().is_some_and(|caught| caught.contains(name)))
    }

    fn is_dataclass(&self, class: Node<'t>) -> bool {
        let decorated = class.parent().filter(|parent| parent.kind() == "decorated_definition");
        let is_it = |text: &&str| {
            matches!(text.split('(').next().unwrap_or_default().trim(), "dataclass" | "dataclasses.dataclass")
        };
        decorated.is_some_and(|decorated| decorators(self.source, decorated).iter().any(is_it))
    }

    fn fields(&mut self, body: Node<'t>) -> Vec<Field> {
        let mut fields = Vec::new();
        for member in body.parts() {
            let Some(field) = member.part(0).filter(|inner| inner.kind() == "assignment") else { continue };
            let (Some(name), Some(kind)) = (field.field("left"), field.field("type")) else { continue };
            if !self.slice(kind).starts_with("ClassVar") {
                let default = field.field("right").map(|right| self.default(right));
                fields.push(Field { name: self.slice(name).to_owned(), default });
            }
        }
        fields
    }

    /// The default of a field. A default that is created for each object is wrapped.
    fn default(&mut self, right: Node<'t>) -> String {
        let call = right.field("function").filter(|function| {
            right.kind() == "call" && matches!(self.slice(*function), "field" | "dataclasses.field")
        });
        if call.is_none() {
            return self.text(right);
        }
        let arguments = right.field("arguments").map(|list| list.parts()).unwrap_or_default();
        let mut default = None;
        for argument in arguments {
            let (Some(name), Some(value)) = (argument.field("name"), argument.field("value")) else { continue };
            match self.slice(name) {
                "default" => default = Some(self.text(value)),
                "default_factory" => default = Some(format!("HarnessFactory({})", self.text(value))),
                "init" => self.lack(argument, "fields with `init`"),
                _ => {}
            }
        }
        default.unwrap_or_else(|| "HARNESS_REQUIRED".to_owned())
    }

    /// A dataclass, written as a plain class. Whether it is frozen or has slots makes no difference to results.
    fn dataclass(&mut self, class: Node<'t>, name: &str, body: Node<'t>) -> String {
        let fields = self.fields(body);
        let members = body.parts().into_iter().filter_map(method).filter_map(|method| method.field("name"));
        let own: Vec<_> = members.map(|member| self.slice(member)).collect();
        let unit = self.source.indent_at(body.start_byte()).to_owned();
        let inner = format!("{unit}    ");
        let mut text = format!("class {name}:\n{unit}");
        if !own.contains(&"__init__") {
            let decorated = class.parent().map_or("", |decorated| self.slice(decorated));
            let only_named =
                decorated.split("class").next().is_some_and(|head| head.replace(' ', "").contains("kw_only=True"));
            let mut parameters = vec!["self".to_owned()];
            parameters.extend((only_named && !fields.is_empty()).then(|| "*".to_owned()));
            parameters.extend(fields.iter().map(|Field { name, default }| match default {
                Some(default) if default != "HARNESS_REQUIRED" => format!("{name}={default}"),
                _ => name.clone(),
            }));
            let _ = writeln!(text, "def __init__({}):", parameters.join(", "));
            for Field { name, default } in &fields {
                let made = default.as_deref().is_some_and(|default| default.starts_with("HarnessFactory("));
                let value = if made { format!("harness_made({name})") } else { name.clone() };
                let _ = writeln!(text, "{inner}self.{name} = {value}");
            }
            let after = if own.contains(&"__post_init__") { "self.__post_init__()" } else { "pass" };
            let _ = write!(text, "{inner}{after}\n\n{unit}");
        }
        if !own.contains(&"__eq__") {
            let tuple = |of: &str| {
                let parts: Vec<_> = fields.iter().map(|field| format!("{of}.{},", field.name)).collect();
                parts.join(" ")
            };
            let _ = write!(
                text,
                "def __eq__(self, other):\n{inner}return isinstance(other, {name}) and ({}) == ({})\n\n{unit}",
                tuple("self"),
                tuple("other")
            );
        }
        let is_field = |member: &Node<'t>| member.part(0).is_some_and(|inner| inner.field("type").is_some());
        let others: Vec<_> = body.parts().into_iter().filter(|member| !is_field(member)).collect();
        let others: Vec<_> = others.into_iter().map(|member| self.text(member)).collect();
        text + &others.join(&format!("\n\n{unit}"))
    }

    /// `object.method(…)`, if the method does not take the object.
    pub(super) fn method(&mut self, call: Node<'t>, function: Node<'t>, arguments: Node<'t>) -> Option<String> {
        let name = self.slice(function.field("attribute")?);
        let class = match self.context.methods.0.get(name)? {
            Kind::Static(class) => return Some(format!("{class}.{name}{}", self.text(arguments))),
            Kind::OfClass(class) => class,
            Kind::Ambiguous => {
                self.lack(call, format!("`{name}`, which is a method in one class and something else in another"));
                return None;
            }
            Kind::Plain | Kind::Property => return None,
        };
        let arguments = self.text(arguments);
        let inside = arguments.strip_prefix('(').unwrap_or(&arguments).trim_start();
        let comma = if inside.starts_with(')') { "" } else { ", " };
        Some(format!("{class}.{name}({class}{comma}{inside}"))
    }

    /// `object.name`, if the name is that of a property.
    pub(super) fn property(&mut self, node: Node<'t>) -> Option<String> {
        let name = self.slice(node.field("attribute")?);
        if self.context.methods.0.get(name) != Some(&Kind::Property) {
            return None;
        }
        let is_target = node.parent().is_some_and(|parent| parent.field("left") == Some(node));
        if is_target {
            self.lack(node, format!("the property `{name}`, which is assigned"));
            return None;
        }
        let object = node.field("object")?;
        Some(format!("{}.{name}()", self.text(object)))
    }
}
