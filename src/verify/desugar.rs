//! Python that the sandbox does not speak, said in the Python that it does. The meaning stays what it was for code that
//! only computes; whatever else it cannot run ends as inconclusive.

use tree_sitter::Node;

use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::{Edit, Source, edit};

/// Whatever is translated has one of these in its text.
const NEEDLES: [&str; 5] = ["import", "@", "yield", "del", "%"];

/// The text of a function (or of any statement), translated.
pub(super) fn translate(source: &Source, node: Node<'_>) -> String {
    let text = source.slice(node);
    if !NEEDLES.iter().any(|needle| text.contains(needle)) {
        return text.to_owned();
    }
    let mut edits = Vec::new();
    translate_into(source, node, &mut edits);
    let base = node.start_byte();
    for edit in &mut edits {
        edit.range = (edit.range.0 - base, edit.range.1 - base);
    }
    edit::order(&mut edits);
    // Of edits inside one another only the outer one is kept: what it replaces is translated as a whole.
    let mut kept: Vec<Edit> = Vec::new();
    for edit in edits {
        if kept.last().is_none_or(|last| last.range.1 <= edit.range.0) {
            kept.push(edit);
        }
    }
    edit::apply(text, &kept)
}

fn translate_into(source: &Source, node: Node<'_>, edits: &mut Vec<Edit>) {
    let may_yield = source.slice(node).contains("yield");
    let yields = |function| may_yield && yields(function);
    walk(&mut node.walk(), |inner| {
        match inner.kind() {
            "import_statement" | "import_from_statement" | "future_import_statement" => {
                edits.push(Edit::replace(inner.byte_range(), "pass"));
                return false;
            }
            "decorator" => {
                edits.push(Edit::replace(inner.byte_range(), "#"));
                return false;
            }
            "type" | "comment" => return false,
            "function_definition" if yields(inner) => generator(source, inner, edits),
            "yield" => {
                edits.extend(yielded(source, inner));
                return false;
            }
            "return_statement" if function_around(inner).is_some_and(yields) => {
                edits.push(Edit::replace(inner.byte_range(), format!("return {OUT}")));
                return false;
            }
            "delete_statement" => {
                edits.extend(deleted(source, inner));
                return false;
            }
            "binary_operator" if is_formatting(inner) => {
                let (Some(form), Some(values)) =
                    (inner.child_by_field_name("left"), inner.child_by_field_name("right"))
                else {
                    return true;
                };
                let text = format!("percent({}, {})", source.slice(form), source.slice(values));
                edits.push(Edit::replace(inner.byte_range(), text));
                return false;
            }
            _ => {}
        }
        true
    });
}

/// The list that stands for what a generator yields. Whoever goes through it all sees no difference.
const OUT: &str = "yielded_values";

fn generator(source: &Source, function: Node<'_>, edits: &mut Vec<Edit>) {
    let Some(body) = function.child_by_field_name("body") else { return };
    let (start, end) = (body.start_byte(), body.end_byte());
    let indent = source.indent_at(start).to_owned();
    edits.push(Edit::insert(start, format!("{OUT} = []\n{indent}")));
    edits.push(Edit::insert(end, format!("\n{indent}return {OUT}")));
}

fn yielded(source: &Source, node: Node<'_>) -> Option<Edit> {
    let value = node.part(0)?;
    let from = source.slice(node)["yield".len()..].trim_start().starts_with("from");
    let method = if from { "extend" } else { "append" };
    let text = source.slice(value);
    let text = if value.kind() == "expression_list" { format!("({text})") } else { text.to_owned() };
    Some(Edit::replace(node.byte_range(), format!("{OUT}.{method}({text})")))
}

fn deleted(source: &Source, node: Node<'_>) -> Option<Edit> {
    let target = node.part(0)?;
    let text = match target.kind() {
        "subscript" => {
            let (value, key) = (target.child_by_field_name("value")?, target.child_by_field_name("subscript")?);
            format!("{}.pop({})", source.slice(value), source.slice(key))
        }
        _ => "pass".to_owned(),
    };
    Some(Edit::replace(node.byte_range(), text))
}

fn is_formatting(node: Node<'_>) -> bool {
    let is_percent = node.child_by_field_name("operator").is_some_and(|operator| operator.kind() == "%");
    is_percent
        && node.child_by_field_name("left").is_some_and(|left| matches!(left.kind(), "string" | "concatenated_string"))
}

fn yields(function: Node<'_>) -> bool {
    let mut found = false;
    if let Some(body) = function.child_by_field_name("body").filter(|_| function.kind() == "function_definition") {
        walk(&mut body.walk(), |node| {
            found |= node.kind() == "yield";
            !found && !matches!(node.kind(), "function_definition" | "lambda" | "class_definition")
        });
    }
    found
}

fn function_around(node: Node<'_>) -> Option<Node<'_>> {
    let mut around = node.parent();
    while let Some(node) = around {
        if node.kind() == "function_definition" {
            return Some(node);
        }
        around = node.parent();
    }
    None
}
