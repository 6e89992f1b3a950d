//! Tests, already in the code, of whether a wildcard was named.

use tree_sitter::Node;

use crate::edit::Edit;
use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::source::walk;

/// An `if` that lets the statement that assigns the remainder run only when a wildcard was named.
pub(super) struct Guard<'p> {
    /// The whole `if` statement.
    pub(super) branches: Node<'p>,
    /// Its condition.
    pub(super) condition: Node<'p>,
    /// The flag that it tests in addition to the wildcard or instead of it, such as the guide's `has_wildcard`.
    pub(super) flag: Option<Node<'p>>,
    /// What runs when no wildcard was named: a block, or an `elif` clause.
    pub(super) otherwise: Option<Node<'p>>,
    /// That ends by leaving the function, before the statement is reached.
    pub(super) leaves: bool,
}

impl<'p> Guard<'p> {
    /// The innermost guard around `statement`, whose wildcard is `key`.
    pub(super) fn around(source: &'p Source, statement: Node<'p>, key: Node<'p>) -> Option<Self> {
        let wanted = source.slice(key).trim_matches(['(', ')']);
        let mut inner = statement;
        while let Some(outer) = inner.parent() {
            if matches!(outer.kind(), "function_definition" | "lambda" | "module") {
                return None;
            }
            if let Some(condition) =
                outer.child_by_field_name("condition").filter(|_| outer.kind() != "while_statement")
            {
                let branches = if outer.kind() == "if_statement" { outer } else { outer.parent()? };
                if outer.child_by_field_name("consequence") == Some(inner)
                    && let Some(flag) = holds_if_named(source, condition, wanted)
                {
                    return Some(Self { branches, condition, flag, otherwise: following(outer), leaves: false });
                }
            }
            if outer.kind() == "else_clause"
                && let Some(branches) = outer.parent().filter(|branches| branches.kind() == "if_statement")
                && let Some(condition) = branches.child_by_field_name("condition")
                && holds_if_not_named(source, condition, wanted)
            {
                let otherwise = branches.child_by_field_name("consequence");
                return Some(Self { branches, condition, flag: None, otherwise, leaves: false });
            }
            if outer.kind() == "block"
                && let Some(guard) = Self::before(source, inner, wanted)
            {
                return Some(guard);
            }
            inner = outer;
        }
        None
    }

    /// An `if` before a statement, in the same block, that leaves the function when no wildcard was named.
    fn before(source: &'p Source, statement: Node<'p>, wanted: &str) -> Option<Self> {
        let mut previous = statement.prev_named_sibling();
        while let Some(branches) = previous {
            if branches.kind() == "if_statement"
                && branches.child_by_field_name("alternative").is_none()
                && let Some(condition) = branches.child_by_field_name("condition")
                && let Some(body) = branches.child_by_field_name("consequence")
                && holds_if_not_named(source, condition, wanted)
                && last_of(body).is_some_and(|last| matches!(last.kind(), "return_statement" | "raise_statement"))
            {
                return Some(Self { branches, condition, flag: None, otherwise: Some(body), leaves: true });
            }
            previous = branches.prev_named_sibling();
        }
        None
    }
}

fn last_of(block: Node<'_>) -> Option<Node<'_>> {
    block.parts().pop()
}

/// Does a condition hold only if a wildcard was named? If so, the flag that it tests, if it tests one.
#[allow(clippy::option_option, reason = "whether it is a guard, and whether that guard has a flag, are two questions")]
fn holds_if_named<'p>(source: &'p Source, condition: Node<'p>, wanted: &str) -> Option<Option<Node<'p>>> {
    let parts = conjuncts(condition);
    let is_key = |part: &Node<'p>| {
        let text = source.slice(*part);
        text == wanted || is_comparison_with_none(source, *part, wanted, &["is not", "!="])
            // `wildcard or None`, as a key, is tested by its left side.
            || wanted.strip_prefix(text).is_some_and(|rest| rest.trim_start().starts_with("or "))
    };
    let flag = parts.iter().find(|part| part.kind() == "identifier" && !is_key(part) && is_flag(source, **part));
    (flag.is_some() || parts.iter().any(is_key)).then_some(flag.copied())
}

fn holds_if_not_named(source: &Source, condition: Node<'_>, wanted: &str) -> bool {
    conjuncts(condition).iter().any(|part| {
        is_comparison_with_none(source, *part, wanted, &["is", "=="])
            || (part.kind() == "not_operator"
                && part.child_by_field_name("argument").is_some_and(|argument| source.slice(argument) == wanted))
    })
}

fn is_comparison_with_none(source: &Source, part: Node<'_>, wanted: &str, operators: &[&str]) -> bool {
    part.kind() == "comparison_operator"
        && part.part(0).is_some_and(|left| source.slice(left) == wanted)
        && part.part(1).is_some_and(|right| right.kind() == "none")
        && part.child_by_field_name("operators").is_some_and(|operator| operators.contains(&operator.kind()))
}

/// The parts of `a and b and c`.
fn conjuncts(condition: Node<'_>) -> Vec<Node<'_>> {
    let mut open = vec![condition];
    let mut parts = Vec::new();
    while let Some(node) = open.pop() {
        let is_and = node.child_by_field_name("operator").is_some_and(|operator| operator.kind() == "and");
        if node.kind() == "parenthesized_expression" {
            open.extend(node.part(0));
        } else if node.kind() == "boolean_operator" && is_and {
            open.extend(node.child_by_field_name("left"));
            open.extend(node.child_by_field_name("right"));
        } else {
            parts.push(node);
        }
    }
    parts
}

/// What runs when a branch is not taken: the next `elif` clause, or the block of the `else`.
fn following(branch: Node<'_>) -> Option<Node<'_>> {
    let next = if branch.kind() == "if_statement" {
        branch.child_by_field_name("alternative")
    } else {
        branch.next_named_sibling()
    }?;
    if next.kind() == "else_clause" { next.child_by_field_name("body") } else { Some(next) }
}

/// Is a name one that is only ever given True, False or None?
fn is_flag(source: &Source, name: Node<'_>) -> bool {
    let given = assigned(source, function_of(name), source.slice(name));
    !given.is_empty()
        && given
            .iter()
            .all(|(_, value)| matches!(value.kind(), "true" | "false" | "none" | "comparison_operator" | "identifier"))
        && given.iter().any(|(_, value)| matches!(value.kind(), "true" | "false"))
}

/// Is a flag ever given anything but False or None in the function?
pub(super) fn is_ever_set(source: &Source, function: Node<'_>, flag: Node<'_>) -> bool {
    assigned(source, function, source.slice(flag)).iter().any(|(_, value)| !matches!(value.kind(), "false" | "none"))
}

/// Removes the assignments to a flag that nothing tests any more without `condition`.
pub(super) fn without_flag(source: &Source, function: Node<'_>, condition: Node<'_>, flag: Node<'_>) -> Vec<Edit> {
    let name = source.slice(flag);
    let given = assigned(source, function, name);
    let mut read = false;
    walk(&mut function.walk(), |node| {
        let is_target = given.iter().any(|(target, _)| *target == node);
        let is_tested = condition.byte_range().contains(&node.start_byte());
        read |= node.kind() == "identifier" && source.slice(node) == name && !is_target && !is_tested;
        !read
    });
    if read {
        return Vec::new();
    }
    let lines = given.iter().filter_map(|(target, _)| {
        let statement = target.parent()?.parent()?;
        let (start, end) = (source.line_start(statement.start_byte()), source.line_end(statement.end_byte()));
        let alone = source.text()[start..end].split('#').next()?.trim() == source.slice(statement);
        let next = source.text()[end..].find('\n').map(|newline| end + newline + 1)?;
        alone.then(|| Edit::replace(start..next, ""))
    });
    lines.collect()
}

/// Every `name = value` in the function: the name and the value.
pub(super) fn assigned<'p>(source: &Source, function: Node<'p>, name: &str) -> Vec<(Node<'p>, Node<'p>)> {
    let mut found = Vec::new();
    walk(&mut function.walk(), |node| {
        if node.kind() == "assignment"
            && let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
            && left.kind() == "identifier"
            && source.slice(left) == name
        {
            found.push((left, right));
        }
        true
    });
    found
}

/// The block of a statement that a node is in.
pub(super) fn block_of(node: Node<'_>) -> Option<Node<'_>> {
    let mut inner = node;
    while inner.kind() != "block" {
        inner = inner.parent()?;
    }
    Some(inner)
}

fn function_of(node: Node<'_>) -> Node<'_> {
    let mut inner = node;
    while let Some(outer) = inner.parent().filter(|_| inner.kind() != "function_definition") {
        inner = outer;
    }
    inner
}
