//! Where the value of a name may come from: the bindings of it that reach a place in the same file.
//!
//! Blocks are gone through backwards, from the place to the start of the function, and then of the functions around it.
//! A binding that always happens hides those before it; one in a branch does not. What a loop binds reaches its start.

use tree_sitter::Node;

use super::field::Fields;
use super::source::Source;
use super::syntax::any;

/// What binds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'t> {
    /// It is given the value of an expression, by a statement.
    Value {
        /// The expression.
        value: Node<'t>,
        /// The statement.
        statement: Node<'t>,
    },
    /// It is given an element of what an expression gives: the one at this position, or any.
    Element {
        /// The expression.
        of: Node<'t>,
        /// The position, if it is one that is known.
        at: Option<usize>,
    },
    /// It is a parameter of this function.
    Parameter(Node<'t>),
    /// It is a function or a class.
    Definition(Node<'t>),
    /// It is imported by this statement.
    Import(Node<'t>),
}

/// The bindings of `name` that may hold where `place` is run, the nearest first. Empty for a builtin, or for a name that
/// is bound in a way that is not known here.
pub fn origins<'t>(source: &'t Source, name: &str, place: Node<'t>) -> Vec<Origin<'t>> {
    search(source, name, place).0
}

/// Is `name` bound whenever `place` is run?
pub fn is_bound(source: &Source, name: &str, place: Node<'_>) -> bool {
    search(source, name, place).1
}

fn search<'t>(source: &'t Source, name: &str, place: Node<'t>) -> (Vec<Origin<'t>>, bool) {
    let mut search = Search { source, name, found: Vec::new() };
    let mut below = place;
    while let Some(around) = below.parent() {
        if search.enters(around, below) {
            return (search.found, true);
        }
        below = around;
    }
    (search.found, false)
}

struct Search<'t, 'n> {
    source: &'t Source,
    name: &'n str,
    found: Vec<Origin<'t>>,
}

impl<'t> Search<'t, '_> {
    /// Looks at what is run in `around` before `below` is. True if nothing further out matters.
    fn enters(&mut self, around: Node<'t>, below: Node<'t>) -> bool {
        match around.kind() {
            "module" | "block" => {
                let before = around.parts().into_iter().filter(|part| part.end_byte() <= below.start_byte());
                self.backwards(before.collect())
            }
            "function_definition" | "lambda" if around.field("parameters") != Some(below) => {
                let is_parameter = around.field("parameters").is_some_and(|list| self.is_parameter(list));
                if is_parameter {
                    self.found.push(Origin::Parameter(around));
                }
                is_parameter
            }
            "for_statement" if around.field("body") == Some(below) => {
                let is_target = self.target(around, around.field("left"), around.field("right"));
                if !is_target {
                    // An iteration begins with what the one before left.
                    self.block(around.field("body"));
                }
                is_target
            }
            "while_statement" if around.field("body") == Some(below) => {
                self.block(around.field("body"));
                false
            }
            "with_statement" => around.parts().into_iter().any(|clause| self.with_clause(around, clause)),
            "try_statement" if around.field("body") != Some(below) => {
                // A handler may be entered before the name is bound.
                self.block(around.field("body")) && !below.kind().starts_with("except")
            }
            "list_comprehension" | "set_comprehension" | "dictionary_comprehension" | "generator_expression" => {
                let clauses = around.parts().into_iter().filter(|part| part.kind() == "for_in_clause");
                clauses.into_iter().any(|clause| self.target(clause, clause.field("left"), clause.field("right")))
            }
            _ => false,
        }
    }

    /// Statements, the last one first. True if the name is bound whatever happens.
    fn backwards(&mut self, statements: Vec<Node<'t>>) -> bool {
        statements.into_iter().rev().any(|statement| self.statement(statement))
    }

    fn block(&mut self, block: Option<Node<'t>>) -> bool {
        block.is_some_and(|block| self.backwards(block.parts()))
    }

    /// True if the statement binds the name whatever happens.
    fn statement(&mut self, statement: Node<'t>) -> bool {
        match statement.kind() {
            "expression_statement" => {
                let expressions = statement.parts();
                expressions.into_iter().rev().any(|expression| self.expression(statement, expression))
            }
            "import_statement" | "import_from_statement" => {
                let words = self.source.slice(statement).split(|c: char| !c.is_alphanumeric() && c != '_');
                let is_bound = words.into_iter().any(|word| word == self.name);
                self.found.extend(is_bound.then_some(Origin::Import(statement)));
                is_bound
            }
            "function_definition" | "class_definition" => {
                let is_bound = statement.field("name").is_some_and(|name| self.is_name(name));
                self.found.extend(is_bound.then_some(Origin::Definition(statement)));
                is_bound
            }
            "decorated_definition" => statement.field("definition").is_some_and(|inner| self.statement(inner)),
            "if_statement" => {
                let others: Vec<_> =
                    statement.parts().into_iter().filter(|part| part.kind().ends_with("_clause")).collect();
                let first = self.block(statement.field("consequence"));
                let is_complete = others.iter().any(|clause| clause.kind() == "else_clause");
                let rest =
                    others.into_iter().map(|clause| self.block(clause.field("consequence").or(clause.field("body"))));
                // Every branch is looked at, whatever the others bind.
                let rest = rest.fold(true, |all, is_bound| all & is_bound);
                first && rest && is_complete
            }
            "for_statement" => {
                self.block(statement.field("body"));
                self.target(statement, statement.field("left"), statement.field("right"));
                false
            }
            "while_statement" => {
                self.block(statement.field("body"));
                false
            }
            "with_statement" => {
                let clauses = statement.parts();
                self.block(statement.field("body"))
                    || clauses.into_iter().any(|clause| self.with_clause(statement, clause))
            }
            "try_statement" => {
                let parts = statement.parts();
                let finally = parts.iter().find(|part| part.kind() == "finally_clause");
                if finally.is_some_and(|clause| self.block(clause.parts().into_iter().next_back())) {
                    return true;
                }
                for clause in parts.iter().filter(|part| part.kind().starts_with("except")) {
                    self.block(clause.parts().into_iter().next_back());
                }
                let otherwise = parts.iter().find(|part| part.kind() == "else_clause");
                otherwise.is_some_and(|clause| self.block(clause.field("body"))) || self.block(statement.field("body"))
            }
            "match_statement" => {
                for case in statement.field("body").iter().flat_map(Fields::parts) {
                    self.block(case.field("consequence"));
                }
                false
            }
            _ => false,
        }
    }

    fn expression(&mut self, statement: Node<'t>, expression: Node<'t>) -> bool {
        match expression.kind() {
            "assignment" => {
                let Some(right) = expression.field("right") else { return false };
                let inner = right.kind() == "assignment" && self.expression(statement, right);
                inner || expression.field("left").is_some_and(|left| self.assigned(statement, left, last(right)))
            }
            "augmented_assignment" => {
                let (left, right) = (expression.field("left"), expression.field("right"));
                if left.is_some_and(|left| self.is_name(left)) {
                    self.found.extend(right.map(|value| Origin::Value { value, statement }));
                }
                false
            }
            _ => {
                let named = |node: Node<'t>| node.kind() == "named_expression";
                let mut walrus = None;
                any(expression, |node| {
                    let is_bound = named(node) && node.field("name").is_some_and(|name| self.is_name(name));
                    walrus = walrus.or(is_bound.then_some(node));
                    is_bound
                });
                self.found.extend(
                    walrus.and_then(|walrus| walrus.field("value")).map(|value| Origin::Value { value, statement }),
                );
                false
            }
        }
    }

    fn assigned(&mut self, statement: Node<'t>, left: Node<'t>, value: Node<'t>) -> bool {
        if self.is_name(left) {
            self.found.push(Origin::Value { value, statement });
            return true;
        }
        self.target(statement, Some(left), Some(value))
    }

    /// A name, or names that are unpacked; of a loop's target, or an assignment's.
    fn target(&mut self, statement: Node<'t>, left: Option<Node<'t>>, right: Option<Node<'t>>) -> bool {
        let Some((left, right)) = left.zip(right) else { return false };
        if self.is_name(left) {
            self.found.push(Origin::Element { of: right, at: None });
            return true;
        }
        if !matches!(left.kind(), "pattern_list" | "tuple_pattern" | "list_pattern") {
            return false;
        }
        let names = left.parts();
        let starred = names.iter().any(|name| name.kind() == "list_splat_pattern");
        let Some(at) = names.iter().position(|name| self.is_name(*name)) else {
            let is_below = any(left, |node| self.is_name(node) && node.kind() == "identifier");
            self.found.extend(is_below.then_some(Origin::Element { of: right, at: None }));
            return is_below;
        };
        let values = right.parts();
        let are_paired = matches!(right.kind(), "expression_list" | "tuple" | "list") && values.len() == names.len();
        let is_loop = statement.kind() == "for_statement" || statement.kind() == "for_in_clause";
        self.found.push(match values.get(at) {
            Some(value) if are_paired && !starred && !is_loop => Origin::Value { value: *value, statement },
            _ => Origin::Element { of: right, at: (!starred && !is_loop).then_some(at) },
        });
        true
    }

    /// `with EXPRESSION as NAME`.
    fn with_clause(&mut self, statement: Node<'t>, clause: Node<'t>) -> bool {
        if clause.kind() != "with_clause" {
            return false;
        }
        let patterns = clause.parts().into_iter().filter_map(|item| item.field("value"));
        let mut bound = patterns.filter(|pattern| pattern.kind() == "as_pattern").filter_map(|pattern| {
            let name = pattern.field("alias")?.part(0)?;
            self.is_name(name).then(|| pattern.part(0)).flatten()
        });
        let value = bound.next();
        self.found.extend(value.map(|value| Origin::Value { value, statement }));
        value.is_some()
    }

    fn is_parameter(&self, list: Node<'t>) -> bool {
        list.parts().into_iter().any(|parameter| {
            let name = parameter.field("name").or_else(|| parameter.part(0)).unwrap_or(parameter);
            self.is_name(name) || (name.kind().ends_with("splat_pattern") && any(name, |inner| self.is_name(inner)))
        })
    }

    fn is_name(&self, node: Node<'t>) -> bool {
        node.kind() == "identifier" && self.source.slice(node) == self.name
    }
}

/// The value at the end of `a = b = value`.
fn last(right: Node<'_>) -> Node<'_> {
    let mut value = right;
    while let Some(inner) = value.field("right").filter(|_| value.kind() == "assignment") {
        value = inner;
    }
    value
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The origins of `x` at `HERE`, in short.
    fn of(text: &str) -> Vec<String> {
        let source = Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).expect("parses");
        let at = text.find("HERE").expect("a place");
        let place = source.root().descendant_for_byte_range(at, at + 4).expect("a node");
        let shown = |origin: Origin<'_>| match origin {
            Origin::Value { value, .. } => source.slice(value).to_owned(),
            Origin::Element { of, at } => {
                format!("{}[{}]", source.slice(of), at.map_or("_".to_owned(), |at| at.to_string()))
            }
            Origin::Parameter(_) => "parameter".to_owned(),
            Origin::Definition(_) => "definition".to_owned(),
            Origin::Import(_) => "import".to_owned(),
        };
        origins(&source, "x", place).into_iter().map(shown).collect()
    }

    #[test]
    fn a_binding_that_always_happens_hides_those_before() {
        assert_eq!(of("x = 1\nx = 2\nHERE\nx = 3\n"), ["2"]);
        assert_eq!(of("x = 1\nif a:\n    x = 2\nHERE\n"), ["2", "1"]);
        assert_eq!(of("x = 1\nif a:\n    x = 2\nelif b:\n    x = 3\nelse:\n    x = 4\nHERE\n"), ["2", "3", "4"]);
        assert_eq!(of("x = 1\nif a:\n    x = 2\n    HERE\n"), ["2"]);
        assert_eq!(of("x = 1\nif a:\n    x = 2\nelse:\n    HERE\n"), ["1"]);
        assert_eq!(of("x = 1\ntry:\n    x = 2\nexcept E:\n    x = 3\nHERE\n"), ["3", "2"]);
        assert_eq!(of("x = 1\ntry:\n    x = 2\nfinally:\n    HERE\n"), ["2"]);
        assert_eq!(of("x = 1\nwith a:\n    x = 2\nHERE\n"), ["2"]);
        assert_eq!(of("x = y = 1\nHERE\n"), ["1"]);
        assert_eq!(of("x = 1\nx += 2\nHERE\n"), ["2", "1"]);
    }

    #[test]
    fn a_loop_begins_with_what_it_ended_with() {
        assert_eq!(of("x = 1\nfor a in b:\n    HERE\n    x = 2\n"), ["2", "1"]);
        assert_eq!(of("x = 1\nwhile a:\n    x = 2\nHERE\n"), ["2", "1"]);
        assert_eq!(of("for x in b:\n    HERE\n"), ["b[_]"]);
        assert_eq!(of("[HERE for x in b]\n"), ["b[_]"]);
        assert_eq!(of("for a, x in b:\n    x = c(x)\n    HERE\n"), ["c(x)"]);
    }

    #[test]
    fn a_name_is_bound_if_it_is_on_every_way() {
        let bound = |text: &str| {
            let source = Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).expect("parses");
            let at = text.find("HERE").expect("a place");
            is_bound(&source, "x", source.root().descendant_for_byte_range(at, at + 4).expect("a node"))
        };
        assert!(bound("if a:\n    x = 1\nelse:\n    if b:\n        x = 2\n    else:\n        x = 3\nHERE\n"));
        assert!(!bound("if a:\n    x = 1\nHERE\n"));
        assert!(!bound("for x in a:\n    pass\nHERE\n"));
        assert!(bound("try:\n    x = 1\nexcept E:\n    return\nHERE\n"));
    }

    #[test]
    fn what_is_unpacked_is_an_element() {
        assert_eq!(of("a, x = b\nHERE\n"), ["b[1]"]);
        assert_eq!(of("a, x = 1, 2\nHERE\n"), ["2"]);
        assert_eq!(of("*a, x = b\nHERE\n"), ["b[_]"]);
        assert_eq!(of("a, (b, x) = c\nHERE\n"), ["c[_]"]);
    }

    #[test]
    fn functions_see_their_parameters_and_what_is_around_them() {
        assert_eq!(of("x = 1\ndef f(x):\n    HERE\n"), ["parameter"]);
        assert_eq!(of("x = 1\ndef f(a, *x):\n    HERE\n"), ["parameter"]);
        assert_eq!(of("x = 1\ndef f(a, x=2):\n    HERE\n"), ["parameter"]);
        assert_eq!(of("x = 1\ndef f(a=x):\n    HERE\n"), ["1"]);
        assert_eq!(of("def f(x: int):\n    class C:\n        def g(self):\n            HERE\n"), ["parameter"]);
        assert_eq!(of("from a import x\nHERE\n"), ["import"]);
        assert_eq!(of("def x(): pass\nHERE\n"), ["definition"]);
        assert_eq!(of("with a() as x:\n    HERE\n"), ["a()"]);
        assert_eq!(of("HERE\n"), [""; 0]);
    }
}
