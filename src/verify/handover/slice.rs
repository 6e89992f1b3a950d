//! Cuts the way of a model out of the function that loads it: from the call that loads it on, the statements that it
//! matters to, and those that say which allocation is asked for.
//!
//! ```text
//! def override(self, name, gb=4.0):          def harness_way_0(harness_loaded, name, gb):
//!     device = current()
//!     try:                                       try:
//!         out = load(name)                           out = harness_loaded
//!         asked = f"#cuda:0;{gb};cpu"                asked = f"#cuda:0;{gb};cpu"
//!         progress.update(1)                         pass
//!         out[0].model.mark = asked                  out[0].model.mark = asked
//!         return out                                 return out
//!     finally:                                   finally:
//!         restore(device)                            restore(device)
//! ```
//!
//! What is left out is the same before and after a repair, or the repair is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tree_sitter::Node;

use super::names::{any_block, bound, bound_below, read};
use crate::edit::{Edit, Edits};
use crate::fixes::Handover;
use crate::python::Source;
use crate::python::field::Fields;
use crate::python::syntax::enclosing;

/// What stands for the call that loads the model.
pub(super) const LOADED: &str = "harness_loaded";

/// The way of a model, as a function of its own.
pub(super) struct Slice {
    /// Its text, parsed: `def NAME(harness_loaded): …`, which is still to be given its parameters.
    pub(super) source: Source,
    /// The names that it has to be given values for.
    pub(super) given: BTreeSet<String>,
    /// The names that say which allocation is asked for.
    pub(super) asking: BTreeSet<String>,
    /// The defaults of the parameters of the function that it is cut out of.
    pub(super) defaults: BTreeMap<String, String>,
    /// What is left out.
    pub(super) idle: String,
}

/// Cuts out the way from `call` on, as a function of this name.
pub(super) fn cut(source: &Source, call: Node<'_>, handover: &Handover, name: &str) -> Result<Slice, String> {
    let function = enclosing(call, &["function_definition"]).ok_or("it is not loaded in a function")?;
    let body = function.field("body").ok_or("it is loaded in a function without a body")?;
    let indent = source.indent_at(body.start_byte());
    if indent.len() <= source.indent_at(function.start_byte()).len() {
        return Err("the function that loads it stands on one line".to_owned());
    }
    let mut cutter = Cutter {
        source,
        variable: &handover.variable,
        tainted: BTreeSet::from([handover.variable.as_str()]),
        asking: handover.allocation.iter().map(String::as_str).collect(),
        edits: vec![Edit::replace(call.byte_range(), LOADED)],
        idle: Vec::new(),
        lost: BTreeSet::new(),
    };
    cutter.way(call, body)?;
    let base = body.start_byte();
    let edits = cutter.edits.into_iter().map(|edit| Edit { range: (edit.range.0 - base, edit.range.1 - base), ..edit });
    let edits = Edits::new(edits.collect()).map_err(|_| "the way of the model cannot be cut out")?;
    let text = edits.apply(source.slice(body));
    let variable = &handover.variable;
    let text = format!("def {name}({LOADED}):\n{indent}{text}\n{indent}return {variable}\n").replace("\r\n", "\n");
    let parsed =
        Source::parse(Path::new(name), text.into_bytes()).map_err(|error| format!("cut out, it is {error}"))?;
    let parameters = function.field("parameters").map(|list| list.parts()).unwrap_or_default();
    let mut lost: BTreeSet<_> = cutter.lost.into_iter().map(str::to_owned).collect();
    let mut defaults = BTreeMap::new();
    for parameter in parameters {
        let named = parameter.field("name").or_else(|| parameter.part(0)).unwrap_or(parameter);
        lost.insert(source.slice(named).to_owned());
        let value = parameter.field("value").map(|value| source.slice(value).to_owned());
        defaults.extend(value.map(|value| (source.slice(named).to_owned(), value)));
    }
    let read: BTreeSet<_> = read(&parsed, parsed.root()).into_iter().map(str::to_owned).collect();
    Ok(Slice {
        given: read.intersection(&lost).cloned().collect(),
        asking: cutter.asking.into_iter().map(str::to_owned).collect(),
        source: parsed,
        defaults,
        idle: cutter.idle.join("\n"),
    })
}

/// Cuts a function into what is kept and what is left out.
pub(super) struct Cutter<'p> {
    pub(super) source: &'p Source,
    pub(super) variable: &'p str,
    /// Names whose values depend on what was loaded.
    pub(super) tainted: BTreeSet<&'p str>,
    /// Names that say which allocation is asked for, and what these are made of.
    pub(super) asking: BTreeSet<&'p str>,
    pub(super) edits: Vec<Edit>,
    /// The texts that are left out.
    pub(super) idle: Vec<&'p str>,
    /// The names that these bind.
    pub(super) lost: BTreeSet<&'p str>,
}

impl<'p> Cutter<'p> {
    /// Goes outwards from the call to the body of its function.
    fn way(&mut self, call: Node<'p>, body: Node<'p>) -> Result<(), String> {
        const COMPOUND: &str = "it is loaded in the head of a statement with a block";
        let mut below = call;
        while below.parent().is_some_and(|around| around.kind() != "block") {
            below = below.parent().unwrap_or(below);
            if any_block(below) {
                return Err(COMPOUND.to_owned());
            }
        }
        let load = below;
        while self.spread(load, body) {}
        loop {
            let block = below.parent().ok_or(COMPOUND)?;
            let parts = block.parts();
            self.leave_out(block.start_byte(), below.start_byte());
            for part in parts.iter().filter(|part| part.end_byte() <= below.start_byte()) {
                self.lost.extend(bound(self.source, *part));
            }
            for part in parts.into_iter().filter(|part| part.start_byte() >= below.end_byte()) {
                self.statement(part, false);
            }
            if block == body {
                return Ok(());
            }
            below = self.around(block)?;
        }
    }

    /// Makes the statement around a block that the way leads out of run the block once; gives that statement.
    fn around(&mut self, block: Node<'p>) -> Result<Node<'p>, String> {
        let owner = block.parent().ok_or("the way of the model leads nowhere")?;
        let is_clause = owner.kind().ends_with("_clause");
        let mut statement = if is_clause { owner.parent().unwrap_or(owner) } else { owner };
        if owner.kind() == "case_clause" {
            statement = statement.parent().unwrap_or(statement);
        }
        if owner.kind() == "try_statement" {
            self.clauses(owner);
            return Ok(owner);
        }
        self.once(statement, owner, block)?;
        Ok(statement)
    }

    /// The clauses of a `try` whose body is run.
    pub(super) fn clauses(&mut self, statement: Node<'p>) {
        for clause in statement.parts().into_iter().filter(|part| part.kind().ends_with("_clause")) {
            let block = clause.parts().into_iter().rfind(|part| part.kind() == "block");
            for part in block.iter().flat_map(Fields::parts) {
                // What is put back at the end is: a device, for example.
                let is_call =
                    part.kind() == "expression_statement" && part.part(0).is_some_and(|it| it.kind() == "call");
                if clause.kind() != "finally_clause" || !is_call {
                    self.statement(part, true);
                }
            }
        }
    }

    /// Replaces what decides whether, and how often, a block of a statement is run.
    pub(super) fn once(&mut self, statement: Node<'p>, owner: Node<'p>, block: Node<'p>) -> Result<(), String> {
        let mut cursor = owner.walk();
        let colons =
            owner.children(&mut cursor).filter(|child| child.kind() == ":" && child.end_byte() <= block.start_byte());
        let colon = colons.last().ok_or("the way of the model leads through an unknown statement")?;
        let is_loop = matches!(statement.kind(), "for_statement" | "while_statement");
        let head = if is_loop { "for harness_once in [0]:" } else { "if True:" };
        let kept = bound_below(self.source, block);
        self.lost.extend(bound_below(self.source, statement).into_iter().filter(|name| !kept.contains(name)));
        self.idle.push(&self.source.text()[statement.start_byte()..colon.end_byte()]);
        self.edits.push(Edit::replace(statement.start_byte()..colon.end_byte(), head));
        self.leave_out(block.end_byte(), statement.end_byte());
        Ok(())
    }

    /// Leaves out a text that no statement is to stand for.
    fn leave_out(&mut self, start: usize, end: usize) {
        if start < end {
            self.idle.push(&self.source.text()[start..end]);
            self.edits.push(Edit::replace(start..end, ""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixes::Keep;
    use crate::python::FileId;

    #[test]
    fn the_way_is_kept_and_the_rest_is_left_out() {
        let text = "def override(self, name, gb=4.0):\n    device = current()\n    for part in name:\n        try:\n            \
                    out = load(part)\n            asked = f\"#cuda:0;{gb};cpu\"\n            progress.update(1)\n            \
                    if part.ready:\n                out[0].model.mark = asked\n            return out\n        \
                    finally:\n            restore(device)\n";
        let source = Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).unwrap();
        let start = text.find("load(part)").unwrap();
        let call = source.root().descendant_for_byte_range(start, start + "load(part)".len()).unwrap();
        let handover = Handover {
            file: FileId::FIRST,
            call: call.byte_range(),
            variable: "out".to_owned(),
            at: Some(0),
            allocation: vec!["asked".to_owned()],
            keep: Keep::Attribute("mark".to_owned()),
            through: Vec::new(),
        };
        let slice = cut(&source, call, &handover, "way").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            slice.source.text(),
            "def way(harness_loaded):\n    for harness_once in [0]:\n        try:\n            out = harness_loaded\n            \
             asked = f\"#cuda:0;{gb};cpu\"\n            pass\n            if True:\n                \
             out[0].model.mark = asked\n            return out\n        finally:\n            restore(device)\n    return out\n"
        );
        assert_eq!(slice.given.into_iter().collect::<Vec<_>>(), ["device", "gb"]);
        assert!(slice.idle.contains("progress.update(1)") && slice.idle.contains("if part.ready:"), "{}", slice.idle);
        assert_eq!(slice.defaults["gb"], "4.0");
    }
}
