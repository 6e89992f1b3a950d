//! Where wildcards are recognised.

use super::super::{LOOKED_FOR, Subject, enclosing};
use super::MOST;
use crate::python::flow::Store;
use crate::python::flow::value::Spot;
use crate::python::source::walk;

/// Where wildcards are recognised. A store may only be that of the remainder if its function, or that of its default,
/// has to do with this.
pub(super) struct Wildcards<'p> {
    /// The asterisks that are looked for.
    markers: Vec<Spot<'p>>,
    /// The names of the functions that look for them.
    functions: Vec<&'p str>,
}

impl<'p> Wildcards<'p> {
    pub(super) fn of(subject: &Subject<'p>) -> Self {
        let mut found = Self { markers: Vec::new(), functions: Vec::new() };
        if subject.flow.stores.is_empty() {
            return found;
        }
        for file in &subject.flow.files {
            let Some(source) = subject.source(*file) else { continue };
            for (_, node) in LOOKED_FOR.captures(source).into_iter().filter(|(name, _)| *name == "gpu-only.marker") {
                found.markers.push(Spot { file: *file, node });
                let function = enclosing(node, &["function_definition"]);
                found.functions.extend(
                    function.and_then(|function| function.child_by_field_name("name")).map(|name| source.slice(name)),
                );
            }
        }
        found
    }

    pub(super) fn concern(&self, subject: &Subject<'p>, store: &Store<'p>) -> bool {
        let of_text = |text: &Spot<'p>| {
            let function = enclosing(text.node, &["function_definition"])?;
            Some(Spot { file: text.file, node: function })
        };
        let function = Spot { file: store.spot.file, node: store.function };
        std::iter::once(function)
            .chain(store.texts.iter().take(MOST).filter_map(of_text))
            .any(|function| self.looked_for_in(subject, function))
    }

    /// Does a function look for wildcards, itself or by calling one that does?
    fn looked_for_in(&self, subject: &Subject<'p>, function: Spot<'p>) -> bool {
        let range = function.node.byte_range();
        let inside = |marker: &Spot<'p>| marker.file == function.file && range.contains(&marker.node.start_byte());
        if self.markers.iter().any(inside) {
            return true;
        }
        let Some(source) = subject.source(function.file) else { return false };
        let mut calls = false;
        walk(&mut function.node.walk(), |node| {
            let called = node.child_by_field_name("function").filter(|_| node.kind() == "call");
            let name = called.map(|called| called.child_by_field_name("attribute").unwrap_or(called));
            calls |= name.is_some_and(|name| self.functions.contains(&source.slice(name)));
            !calls
        });
        calls
    }
}
