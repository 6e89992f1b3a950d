//! Items that are passed on: cut to a slice, spread over parameters, or passed as a whole.

use tree_sitter::Node;

use super::judge::{FIELDS, Finding, Fits, Judge, fits};
use super::{ANY, FIVE_ONLY};
use crate::edit::Edit;
use crate::fixes::{Accounting, State};
use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::flow::value::{Arities, Shape, as_i64};
use crate::python::flow::{Takes, Use};

impl<'p> Judge<'_, 'p> {
    pub(super) fn slice(&self, source: &Source, used: &Use<'p>, start: i64, end: Option<i64>) -> Finding {
        let node = used.spot.node;
        let text = source.slice(node);
        let plain = used.item.shapes.iter().flatten().copied().all(Shape::is_whole);
        let both = used.item.arities() == Arities::ALL;
        match end {
            _ if !both => Finding::new(ANY, format!("`{text}` is only reached with one number of fields")),
            Some(1) if plain && start == 0 && self.accounting == Accounting::Offload => {
                Finding::new(ANY, format!("`{text}` is right for any number of fields"))
            }
            Some(end) if plain && start >= 0 && (start..=FIELDS).contains(&end) => {
                let message = format!("`{text}` counts from the front; current ComfyUI puts another field there");
                let Some(subscript) = node.child_by_field_name("subscript") else {
                    return Finding::new(State::OPAQUE, message);
                };
                let tail = |start: i64| match end - FIELDS {
                    0 => format!("{}:", start - FIELDS),
                    end => format!("{}:{end}", start - FIELDS),
                };
                if self.accounting == Accounting::Offload && start == 0 {
                    let value = node.child_by_field_name("value").map_or("", |value| source.slice(value));
                    let both = format!("(*{value}[:1], *{value}[{}])", tail(1));
                    return Finding::legacy(message, vec![Edit::replace(node.byte_range(), both)]);
                }
                Finding::legacy(message, vec![Edit::replace(subscript.byte_range(), tail(start))])
            }
            None if start < 0 => Finding::new(ANY, format!("`{text}` is right for any number of fields")),
            Some(end) if start < 0 && end < 0 && -start <= FIELDS => {
                Finding::new(ANY, format!("`{text}` is right for any number of fields"))
            }
            Some(end) if start >= 1 && end == FIELDS + 1 => {
                Finding::new(FIVE_ONLY, format!("`{text}` is right for current ComfyUI only"))
            }
            _ => Finding::new(State::OPAQUE, format!("`{text}` means different fields in different ComfyUIs")),
        }
    }

    pub(super) fn spread(&self, source: &Source, used: &Use<'p>, takes: Takes) -> Finding {
        let Takes { least, most, looks } = takes;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let fit = fits(&used.item, |length| (as_i64(least)..=most).contains(&length));
        let node = used.spot.node;
        let message = match fit {
            // A function with optional parameters would take the new field for the first one.
            Fits::Every if used.item.arities() == Arities::ALL && !looks => {
                "is spread over parameters from the front; current ComfyUI puts another field there".to_owned()
            }
            Fits::Every => return Finding::new(ANY, "is spread over as many parameters as it has fields"),
            Fits::New => {
                let message = format!("is spread over {most} parameters: right for current ComfyUI only");
                return Finding::new(FIVE_ONLY, message);
            }
            Fits::Neither => return Finding::new(State::OPAQUE, format!("is spread over {least} parameters")),
            Fits::Old => format!("is spread over {FIELDS} parameters; current ComfyUI returns {} fields", FIELDS + 1),
        };
        let Some(inner) = node.part(0).filter(|_| node.kind() == "list_splat") else {
            // `starmap(function, items)`: the items are cut to their last fields on the way.
            let item = self.last_fields("item");
            let items = format!("({item} for item in {})", source.slice(node));
            return Finding::legacy(message, vec![Edit::replace(node.byte_range(), items)]);
        };
        let item = in_parentheses(source, inner);
        let spread = match self.accounting {
            Accounting::Resident => format!("*{item}[-{FIELDS}:]"),
            Accounting::Offload => format!("{item}[0], *{item}[-{}:]", FIELDS - 1),
        };
        Finding::legacy(message, vec![Edit::replace(node.byte_range(), spread)])
    }

    /// The last fields of an item, with what counts as its size before them.
    pub(super) fn last_fields(&self, item: &str) -> String {
        match self.accounting {
            Accounting::Resident => format!("{item}[-{FIELDS}:]"),
            Accounting::Offload => format!("({item}[0], *{item}[-{}:])", FIELDS - 1),
        }
    }

    /// An item that is passed as a whole to code that takes this many fields from the front.
    pub(super) fn cut(&self, source: &Source, used: &Use<'p>, takes: usize) -> Finding {
        let count = as_i64(takes);
        match fits(&used.item, |length| length == count) {
            Fits::Every => Finding::new(ANY, format!("takes items of {count} fields")),
            Fits::New => Finding::new(FIVE_ONLY, format!("takes {count} fields: right for current ComfyUI only")),
            Fits::Neither if takes == usize::MAX => {
                Finding::new(State::OPAQUE, "pairs the fields with an unknown number of names")
            }
            Fits::Neither => Finding::new(State::OPAQUE, format!("takes {count} fields from the front")),
            Fits::Old => {
                let message = format!("takes {count} fields from the front; current ComfyUI puts another one there");
                let item = in_parentheses(source, used.spot.node);
                Finding::legacy(message, vec![Edit::replace(used.spot.node.byte_range(), self.last_fields(&item))])
            }
        }
    }
}

/// An expression that can be subscripted.
pub(super) fn in_parentheses(source: &Source, node: Node<'_>) -> String {
    let text = source.slice(node);
    if is_primary(node) { text.to_owned() } else { format!("({text})") }
}

/// Can it be subscripted without parentheses?
fn is_primary(node: Node<'_>) -> bool {
    matches!(node.kind(), "identifier" | "attribute" | "subscript" | "call" | "parenthesized_expression")
}
