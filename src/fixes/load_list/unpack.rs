//! Items that are unpacked into names.

use tree_sitter::Node;

use super::judge::{FIELDS, Finding, Fits, Judge, fits};
use super::spread::in_parentheses;
use super::{ANY, FIVE_ONLY};
use crate::edit::Edit;
use crate::fixes::spare::is_read;
use crate::fixes::{Accounting, State};
use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::flow::value::{COUNT, Item, as_i64};
use crate::python::flow::{Form, Use, is_star};

impl<'p> Judge<'_, 'p> {
    pub(super) fn unpack(&self, source: &Source, used: &Use<'p>) -> Finding {
        let pattern = used.spot.node;
        let is_case = pattern.kind() == "case_clause";
        let is_target = |node: &Node<'_>| !is_case || node.kind() == "case_pattern";
        let targets: Vec<_> = pattern.parts().into_iter().filter(is_target).collect();
        match targets.iter().position(|target| is_star(*target)) {
            Some(star) => self.unpack_starred(source, used, &targets, star),
            None => self.unpack_plain(source, used, &targets),
        }
    }

    fn unpack_plain(&self, source: &Source, used: &Use<'p>, targets: &[Node<'p>]) -> Finding {
        let count = as_i64(targets.len());
        let takes = |n: i64| format!("takes items of {n} fields");
        match fits(&used.item, |length| length == count) {
            Fits::Every => Finding::new(ANY, takes(count)),
            Fits::New => Finding::new(FIVE_ONLY, format!("{}: right for current ComfyUI only", takes(count))),
            Fits::Neither => Finding::new(State::OPAQUE, format!("{}, which no ComfyUI has returned", takes(count))),
            Fits::Old => {
                let lead = used.item.shapes[0].map_or(0, |shape| shape.lead);
                let at = match self.accounting {
                    Accounting::Offload if lead >= 0 => lead + 1,
                    _ => lead.max(0),
                };
                let star = format!("*{}, ", self.unused_name(source, used.spot.file));
                let edit = usize::try_from(at)
                    .ok()
                    .and_then(|at| targets.get(at))
                    .map(|target| Edit::insert(target.start_byte(), star));
                let message = format!("unpacks {count} fields; current ComfyUI returns {}", count + 1);
                edit.map_or_else(|| Finding::new(State::OPAQUE, &message), |edit| Finding::legacy(&message, vec![edit]))
            }
        }
    }

    /// `size, name, *rest`: fields before the star are counted from the front.
    fn unpack_starred(&self, source: &Source, used: &Use<'p>, targets: &[Node<'p>], star: usize) -> Finding {
        let right = Finding::new(ANY, "takes any number of fields");
        let Some(shape) = used.item.shapes[0].filter(|_| used.item.arities().has(1)) else { return right };
        let own = (as_i64(star) - shape.lead).max(0);
        let behind = as_i64(targets.len() - star - 1) - shape.trail;
        if own == 0 || (own == 1 && behind >= FIELDS - 1) {
            return right;
        }
        let message = "takes fields from the front; current ComfyUI puts another one there";
        let missing = FIELDS - own - behind;
        let name = targets[star].part(0);
        let used_later = name.is_none_or(|name| is_read(source, used.function, source.slice(name)));
        if !shape.is_whole() || missing < 0 {
            return Finding::new(State::OPAQUE, message);
        }
        // Only a star at the end whose name is never read can move to the front. Placeholders take its old position.
        if used_later || behind != 0 {
            let cut = self.cut_before(source, used.spot.node);
            return cut
                .map_or_else(|| Finding::new(State::OPAQUE, message), |edit| Finding::legacy(message, vec![edit]));
        }
        let starred = source.slice(targets[star]);
        let keep = usize::from(self.accounting == Accounting::Offload);
        let spare = self.unused_name(source, used.spot.file);
        let fillers = vec![&*spare; usize::try_from(missing).unwrap_or(0)].join(", ");
        let replaced = if fillers.is_empty() {
            // The comma before the star goes with it.
            Edit::replace(targets[star - 1].end_byte()..targets[star].end_byte(), "")
        } else {
            Edit::replace(targets[star].byte_range(), fillers)
        };
        Finding::legacy(message, vec![Edit::insert(targets[keep].start_byte(), format!("{starred}, ")), replaced])
    }

    /// Cuts the value on the right of a pattern to the last fields.
    fn cut_before(&self, source: &Source, pattern: Node<'p>) -> Option<Edit> {
        let outer = pattern.parent().filter(|outer| outer.child_by_field_name("left") == Some(pattern))?;
        let right = outer.child_by_field_name("right")?;
        let cut = match outer.kind() {
            "assignment" if right.kind() != "assignment" => self.last_fields(&in_parentheses(source, right)),
            "for_statement" | "for_in_clause" => {
                format!("({} for item in {})", self.last_fields("item"), source.slice(right))
            }
            _ => return None,
        };
        Some(Edit::replace(right.byte_range(), cut))
    }
}

/// The item for those arities for which a pattern does not fail.
pub(super) fn where_it_fits(used: &Use<'_>) -> Item {
    let mut item = used.item;
    let targets = used.spot.node.parts();
    if used.form == Form::Unpack && !targets.iter().any(|target| is_star(*target)) {
        for nth in 0..COUNT {
            if item.length(nth) != Some(as_i64(targets.len())) {
                item.shapes[nth] = None;
            }
        }
    }
    item
}
