//! What of a way is kept: the statements that what was loaded matters to, and those that say which allocation is asked for.

use tree_sitter::Node;

use super::given::logs;
use super::names::{any_block, bound, bound_below, mentions, read};
use super::slice::Cutter;
use crate::edit::Edit;
use crate::python::Source;
use crate::python::field::Fields as _;

impl<'p> Cutter<'p> {
    /// Adds to the names what follows from the statements after the load. True if there was something to add.
    pub(super) fn spread(&mut self, load: Node<'p>, body: Node<'p>) -> bool {
        let before = (self.tainted.len(), self.asking.len());
        self.visit(load, body, false, &mut Vec::new());
        (self.tainted.len(), self.asking.len()) != before
    }

    fn visit(&mut self, load: Node<'p>, node: Node<'p>, is_under: bool, heads: &mut Vec<Node<'p>>) {
        if node.kind() == "block" {
            for part in node.parts().into_iter().filter(|part| part.end_byte() > load.start_byte()) {
                self.visit(load, part, is_under, heads);
            }
            return;
        }
        let is_after = node.start_byte() >= load.start_byte();
        let depends = is_after && (is_under || mentions(self.source, node, &self.tainted));
        let names = bound(self.source, node);
        heads.extend(is_after.then_some(node));
        if is_after && names.iter().any(|name| self.asking.contains(name)) {
            // What decides whether it is run, too.
            self.asking.extend(heads.iter().flat_map(|head| read(self.source, *head)));
        }
        if depends {
            self.tainted.extend(names);
        }
        for part in node.parts().into_iter().filter(|part| any_block(*part)) {
            self.visit(load, part, depends, heads);
        }
        if is_after {
            heads.pop();
        }
    }

    /// Does anything in a statement matter?
    fn matters(&self, node: Node<'p>) -> bool {
        let binds = bound(self.source, node);
        mentions(self.source, node, &self.tainted)
            || binds.iter().any(|name| self.tainted.contains(name) || self.asking.contains(name))
            || any_block(node) && node.parts().into_iter().any(|part| self.matters(part))
    }

    /// Keeps of a statement what matters. `is_decided` tells that what was loaded decides whether it is run.
    pub(super) fn statement(&mut self, node: Node<'p>, is_decided: bool) {
        let leaves =
            matches!(node.kind(), "return_statement" | "raise_statement" | "break_statement" | "continue_statement");
        if leaves && is_decided || !any_block(node) && self.matters(node) {
            if let Some(arguments) = logged(self.source, node) {
                self.idle.push(self.source.slice(arguments));
                self.edits.push(Edit::replace(arguments.byte_range(), "()"));
            }
            return;
        }
        if !self.matters(node) || matches!(node.kind(), "global_statement" | "nonlocal_statement") {
            self.idle.push(self.source.slice(node));
            self.lost.extend(bound_below(self.source, node));
            let ends = node.kind() == "return_statement";
            let text = if ends { format!("return {}", self.variable) } else { "pass".to_owned() };
            self.edits.push(Edit::replace(node.byte_range(), text));
            return;
        }
        match node.kind() {
            "try_statement" => {
                self.blocks(node, is_decided, true);
                self.clauses(node);
            }
            "if_statement" | "for_statement" | "while_statement" | "with_statement" => {
                let others = node.parts().into_iter().filter(|part| part.kind() == "elif_clause");
                if std::iter::once(node).chain(others).any(|head| self.decides(head)) {
                    self.blocks(node, true, false);
                } else if let Some((owner, block)) = self.branch(node)
                    && self.once(node, owner, block).is_ok()
                {
                    for part in block.parts() {
                        self.statement(part, is_decided);
                    }
                }
            }
            // Functions and classes, and what is matched, are kept as they are.
            _ => {}
        }
    }

    /// Does what was loaded, or the allocation, decide what the head of a statement leads to?
    fn decides(&self, head: Node<'p>) -> bool {
        mentions(self.source, head, &self.tainted) || mentions(self.source, head, &self.asking)
    }

    /// The statements in the blocks of a statement; of its body alone, or of its clauses as well.
    fn blocks(&mut self, node: Node<'p>, is_decided: bool, is_body: bool) {
        for part in node.parts() {
            match part.kind() {
                "block" => part.parts().into_iter().for_each(|part| self.statement(part, is_decided)),
                kind if kind.ends_with("_clause") && !is_body => self.blocks(part, is_decided, false),
                _ => {}
            }
        }
    }

    /// The first branch of a statement in which something matters, with the clause that it belongs to.
    fn branch(&self, node: Node<'p>) -> Option<(Node<'p>, Node<'p>)> {
        let clauses = node.parts().into_iter().filter(|part| part.kind().ends_with("_clause"));
        let owners = std::iter::once(node).chain(clauses);
        let blocks =
            owners.filter_map(|owner| Some((owner, owner.parts().into_iter().rfind(|part| part.kind() == "block")?)));
        blocks.into_iter().find(|(_, block)| self.matters(*block))
    }
}

/// What is logged, if a statement does only that: it may be said of anything, and nothing comes of it.
fn logged<'p>(source: &'p Source, node: Node<'p>) -> Option<Node<'p>> {
    let call = node.part(0).filter(|call| node.kind() == "expression_statement" && call.kind() == "call")?;
    let method = call.field("function")?.field("attribute")?;
    call.field("arguments").filter(|_| logs(source.slice(method)))
}
