//! What a value is used as: a size, a name or a module. An index alone does not show which field the code wants, but
//! its use of the field often does.

use tree_sitter::Node;

use crate::python::field::Fields as _;
use crate::python::source::{Source, walk};
use crate::python::syntax::enclosing;

/// A field of a load-list item, by meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `module_offload_mem`, in bytes.
    OffloadMem,
    /// `module_mem`, in bytes.
    Mem,
    /// The module's dotted name.
    Name,
    /// The module itself.
    Module,
    /// The names of its parameters.
    Params,
}

impl Field {
    /// The field at `index` of an item of `length` fields.
    pub(super) fn at(index: i64, length: i64) -> Option<Self> {
        const FROM_THE_END: [Field; 5] = [Field::Params, Field::Module, Field::Name, Field::Mem, Field::OffloadMem];
        let from_end = usize::try_from(length - 1 - index).ok()?;
        FROM_THE_END.get(from_end).copied().filter(|_| index >= 0)
    }

    /// The name that ComfyUI gives it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OffloadMem => "module_offload_mem",
            Self::Mem => "module_mem",
            Self::Name => "the name",
            Self::Module => "the module",
            Self::Params => "the parameters",
        }
    }
}

/// The field that `node`'s value is used as, if the code around it shows that. A size may be either of the two; it is
/// returned as [`Field::Mem`].
pub(super) fn role(source: &Source, node: Node<'_>) -> Option<Field> {
    direct(source, node).or_else(|| {
        let name = assigned_name(node)?;
        let function = enclosing(node, &["function_definition", "lambda", "module"])?;
        let wanted = source.slice(name);
        let mut found = None;
        walk(&mut function.walk(), |inner| {
            if found.is_none() && inner.kind() == "identifier" && inner != name && source.slice(inner) == wanted {
                found = direct(source, inner);
            }
            found.is_none()
        });
        found
    })
}

fn direct(source: &Source, node: Node<'_>) -> Option<Field> {
    let parent = node.parent()?;
    match parent.kind() {
        "parenthesized_expression" => direct(source, parent),
        "binary_operator" => {
            let operator = parent.child_by_field_name("operator")?.kind();
            let texts = ["left", "right"].iter().any(|side| parent.child_by_field_name(side).is_some_and(is_text));
            match operator {
                "+" if texts => Some(Field::Name),
                "+" | "-" | "/" | "//" => Some(Field::Mem),
                "*" if !texts => Some(Field::Mem),
                _ => None,
            }
        }
        "augmented_assignment" if parent.child_by_field_name("right") == Some(node) => {
            let operator = parent.child_by_field_name("operator")?;
            matches!(operator.kind(), "+=" | "-=").then_some(Field::Mem)
        }
        "comparison_operator" => {
            let mut cursor = parent.walk();
            let operator = parent.children_by_field_name("operators", &mut cursor).next()?.kind();
            let first = parent.part(0) == Some(node);
            match operator {
                "<" | "<=" | ">" | ">=" => Some(Field::Mem),
                "in" | "not in" if !first => Some(Field::Name),
                _ => None,
            }
        }
        "attribute" if parent.child_by_field_name("object") == Some(node) => {
            let name = source.slice(parent.child_by_field_name("attribute")?);
            let of_text = [
                "lower",
                "upper",
                "split",
                "rsplit",
                "startswith",
                "endswith",
                "replace",
                "strip",
                "find",
                "partition",
            ];
            Some(if of_text.contains(&name) { Field::Name } else { Field::Module })
                .filter(|_| !["append", "get"].contains(&name))
        }
        "argument_list" => {
            let call = parent.parent()?;
            let function = source.slice(call.child_by_field_name("function")?);
            match function {
                "max" | "min" | "float" | "int" | "abs" | "round" => Some(Field::Mem),
                "hasattr" | "getattr" | "setattr" | "delattr" if parent.part(0) == Some(node) => Some(Field::Module),
                _ => None,
            }
        }
        "generator_expression" | "list_comprehension" => {
            let holder = parent.parent().filter(|holder| holder.kind() == "argument_list");
            let call = holder.and_then(|holder| holder.parent()).or_else(|| parent.parent())?;
            let function = source.slice(call.child_by_field_name("function")?);
            matches!(function, "sum" | "max" | "min").then_some(Field::Mem)
        }
        "interpolation" => {
            let mut cursor = parent.walk();
            let spec = parent.named_children(&mut cursor).find(|part| part.kind() == "format_specifier")?;
            source.slice(spec).ends_with('f').then_some(Field::Mem)
        }
        _ => None,
    }
}

fn is_text(node: Node<'_>) -> bool {
    matches!(node.kind(), "string" | "concatenated_string")
}

/// The name that an expression's value is given: `name = expression`, or the one at its place in `a, b = x, y`.
fn assigned_name(node: Node<'_>) -> Option<Node<'_>> {
    let parent = node.parent()?;
    if parent.kind() == "assignment" && parent.child_by_field_name("right") == Some(node) {
        return parent.child_by_field_name("left").filter(|left| left.kind() == "identifier");
    }
    if !matches!(parent.kind(), "expression_list" | "tuple") {
        return None;
    }
    let assignment = parent.parent().filter(|outer| outer.kind() == "assignment")?;
    let left = assignment.child_by_field_name("left")?;
    let at = parent.parts().into_iter().position(|part| part == node)?;
    left.part(at).filter(|name| name.kind() == "identifier")
}
