//! `match` becomes `if`: each pattern a condition that binds its names on the way.
//!
//! ```text
//! match item:                          if [subject := item]:
//!     case (size, *rest) if size:          if isinstance(subject, …) and len(subject) >= 1 and […] and (size):
//!         …                                    …
//!     case _:                              elif True:
//!         …                                    …
//! ```

use tree_sitter::Node;

use super::Translator;
use crate::edit::Edit;
use crate::python::field::Fields as _;

impl<'t> Translator<'t> {
    /// Translates the headers; the bodies are visited like any other code.
    pub(super) fn matching(&mut self, node: Node<'t>, edits: &mut Vec<Edit>) {
        let mut cursor = node.walk();
        let subjects: Vec<_> = node.children_by_field_name("subject", &mut cursor).collect();
        let (Some(first), Some(last), Some(body)) = (subjects.first(), subjects.last(), node.field("body")) else {
            return;
        };
        let name = format!("harness_subject_{}", node.start_byte());
        let values: Vec<_> = subjects.iter().map(|subject| self.text(*subject)).collect();
        let is_tuple = values.len() > 1 || behind_comma(self.source.text(), last.end_byte()).is_some();
        let value = if is_tuple { format!("({},)", values.join(", ")) } else { values.concat() };
        edits.push(Edit::replace(node.start_byte()..first.start_byte(), "if "));
        edits.push(Edit::replace(first.start_byte()..last.end_byte(), format!("[{name} := {value}]")));
        if is_tuple && values.len() == 1 {
            self.lack(node, "`match` of a tuple that is written without parentheses");
        }
        let mut word = "if";
        for case in body.parts().into_iter().filter(|case| case.kind() == "case_clause") {
            let Some(consequence) = case.field("consequence") else { continue };
            let mut conditions = self.case(&name, case);
            if let Some(guard) = case.field("guard").and_then(|guard| guard.part(0)) {
                conditions.push(format!("({})", self.text(guard)));
            }
            // There may be a comment between the header and the body.
            let header = case.field("guard").or_else(|| case.parts().into_iter().rfind(|part| *part != consequence));
            let end = header.map_or(case.start_byte(), |header| header.end_byte());
            let end = behind_comma(self.source.text(), end).unwrap_or(end);
            edits.push(Edit::replace(case.start_byte()..end, format!("{word} {}", all(&conditions))));
            word = "elif";
        }
    }

    fn case(&mut self, subject: &str, case: Node<'t>) -> Vec<String> {
        let patterns: Vec<_> = case.parts().into_iter().filter(|part| part.kind() == "case_pattern").collect();
        let open = patterns.last().is_some_and(|last| behind_comma(self.source.text(), last.end_byte()).is_some());
        match patterns.as_slice() {
            [only] if !open => self.pattern(subject, *only),
            several => self.sequence(subject, several),
        }
    }

    /// The conditions under which the expression `subject` matches a pattern.
    fn pattern(&mut self, subject: &str, pattern: Node<'t>) -> Vec<String> {
        match pattern.part(0).filter(|_| pattern.kind() == "case_pattern") {
            Some(inner) => self.held(subject, inner),
            None if self.slice(pattern) == "_" => Vec::new(),
            None => vec![format!("{subject} == {}", self.slice(pattern))],
        }
    }

    /// The same for the content of a pattern.
    fn held(&mut self, subject: &str, inner: Node<'t>) -> Vec<String> {
        let text = self.slice(inner);
        match inner.kind() {
            "case_pattern" => self.pattern(subject, inner),
            "dotted_name" if inner.named_child_count() == 1 => vec![format!("[{text} := {subject}]")],
            "none" | "true" | "false" => vec![format!("{subject} is {text}")],
            "tuple_pattern" | "list_pattern" => match inner.parts().as_slice() {
                [one] if inner.kind() == "tuple_pattern" && !self.slice(inner).contains(',') => {
                    self.pattern(subject, *one)
                }
                parts => self.sequence(subject, parts),
            },
            "union_pattern" => {
                let options: Vec<_> = inner.parts().into_iter().map(|part| all(&self.held(subject, part))).collect();
                vec![format!("({})", options.join(" or "))]
            }
            "as_pattern" => {
                let Some((value, alias)) = inner.part(0).zip(inner.part(1)) else { return self.unknown(inner) };
                let mut conditions = self.held(subject, value);
                conditions.push(format!("[{} := {subject}]", self.slice(alias)));
                conditions
            }
            "class_pattern" => self.of_class(subject, inner),
            "dict_pattern" | "splat_pattern" | "complex_pattern" => self.unknown(inner),
            _ => vec![format!("{subject} == {text}")],
        }
    }

    fn sequence(&mut self, subject: &str, parts: &[Node<'t>]) -> Vec<String> {
        let splat = |part: &Node<'t>| part.part(0).filter(|inner| inner.kind() == "splat_pattern");
        let star = parts.iter().position(|part| splat(part).is_some());
        let (count, test) = star.map_or((parts.len(), "=="), |_| (parts.len() - 1, ">="));
        let mut conditions =
            vec![format!("isinstance({subject}, (list, tuple))"), format!("len({subject}) {test} {count}")];
        for (at, part) in parts.iter().enumerate() {
            let behind = parts.len() - at;
            match (splat(part), star) {
                (Some(splat), _) => {
                    let end = behind - 1;
                    let rest = format!("list({subject}[{at}:len({subject}) - {end}])");
                    conditions.extend(splat.part(0).map(|name| format!("[{} := {rest}]", self.slice(name))));
                }
                (None, Some(star)) if at > star => {
                    conditions.extend(self.pattern(&format!("{subject}[-{behind}]"), *part));
                }
                _ => conditions.extend(self.pattern(&format!("{subject}[{at}]"), *part)),
            }
        }
        conditions
    }

    /// `str()`, `int(amount)`: a type, and the value itself.
    fn of_class(&mut self, subject: &str, pattern: Node<'t>) -> Vec<String> {
        let parts = pattern.parts();
        let Some((class, inside)) = parts.split_first() else { return self.unknown(pattern) };
        let class = self.slice(*class);
        let is_builtin = matches!(class, "bool" | "dict" | "float" | "int" | "list" | "set" | "str" | "tuple");
        match inside {
            [] => vec![format!("isinstance({subject}, {class})")],
            [one] if is_builtin && one.kind() == "case_pattern" => {
                let mut conditions = vec![format!("isinstance({subject}, {class})")];
                conditions.extend(self.pattern(subject, *one));
                conditions
            }
            _ => self.unknown(pattern),
        }
    }

    fn unknown(&mut self, pattern: Node<'t>) -> Vec<String> {
        let what = format!("the pattern `{}`", self.slice(pattern));
        self.lack(pattern, what);
        vec!["False".to_owned()]
    }
}

fn all(conditions: &[String]) -> String {
    if conditions.is_empty() { "True".to_owned() } else { conditions.join(" and ") }
}

/// Behind the comma that comes next in the text, if one does: it makes a tuple of a single pattern or value.
fn behind_comma(text: &str, from: usize) -> Option<usize> {
    let rest = text[from..].trim_start().strip_prefix(',')?;
    Some(text.len() - rest.len())
}
