//! Fields that are read by an index.

use tree_sitter::Node;

use super::judge::{FIELDS, Finding, Judge};
use super::roles::{self, Field};
use super::{ANY, FIVE_ONLY};
use crate::edit::Edit;
use crate::fixes::{Accounting, State};
use crate::python::Source;
use crate::python::flow::value::{COUNT, Item, Number};
use crate::python::flow::{Form, Use};

/// A function, by its node's id, and the text of what is subscripted in it.
pub(super) type Alike<'p> = (usize, &'p str);

impl<'p> Judge<'_, 'p> {
    pub(super) fn index(&self, source: &'p Source, used: &Use<'p>, number: Number, index: Node<'p>) -> Finding {
        let text = source.slice(used.spot.node);
        match self.read(&used.item, number) {
            Read::Same => Finding::new(ANY, format!("`{text}` is right for any number of fields")),
            Read::FiveOnly => Finding::new(FIVE_ONLY, format!("`{text}` is right for current ComfyUI only")),
            Read::Outside => Finding::new(State::OPAQUE, format!("`{text}` is not a field of any ComfyUI's items")),
            Read::Differs(old, new) => {
                if self.wants_new(source, used, new) {
                    let is_by_guide = new == Field::OffloadMem;
                    self.by_guide.set(self.by_guide.get() || is_by_guide);
                    let by = if is_by_guide { " as the guide does" } else { "" };
                    let message = format!("`{text}` reads {}{by}: right for current ComfyUI only", new.name());
                    return Finding::new(FIVE_ONLY, message);
                }
                let message = format!("`{text}` reads {} in current ComfyUI, not {}", new.name(), old.name());
                Finding::legacy(message, vec![from_the_end(source, &used.item, number, index)])
            }
        }
    }

    pub(super) fn getter(&self, source: &Source, used: &Use<'p>, index: i64) -> Finding {
        let number = [Some(index); COUNT];
        let text = source.slice(used.spot.node);
        match self.read(&used.item, number) {
            Read::Differs(old, new) => {
                let message = format!("itemgetter({text}) reads {} in current ComfyUI, not {}", new.name(), old.name());
                Finding::legacy(message, vec![from_the_end(source, &used.item, number, used.spot.node)])
            }
            Read::Same => Finding::new(ANY, format!("itemgetter({text}) is right for any number of fields")),
            Read::FiveOnly | Read::Outside => {
                Finding::new(FIVE_ONLY, format!("itemgetter({text}) is right for current ComfyUI only"))
            }
        }
    }

    /// Which fields an index reads.
    fn read(&self, item: &Item, number: Number) -> Read {
        let field = |nth: usize| {
            let (shape, at) = (item.shapes[nth]?, number[nth]?);
            let position = if at < 0 { shape.length() + at } else { at };
            Some(Field::at(position - shape.lead, shape.arity))
        };
        match (field(0), field(1)) {
            (Some(Some(old)), Some(Some(new))) if old == new => Read::Same,
            (Some(Some(Field::Mem)), Some(Some(Field::OffloadMem))) if self.accounting == Accounting::Offload => {
                Read::Same
            }
            (Some(Some(old)), Some(Some(new))) => Read::Differs(old, new),
            (Some(None), Some(Some(_))) => Read::FiveOnly,
            (Some(Some(_)), None) | (None, Some(Some(_))) => Read::Same,
            _ => Read::Outside,
        }
    }

    /// Is an index meant for current ComfyUI? Its use may show that; if not, the other indices on the same name do.
    fn wants_new(&self, source: &'p Source, used: &Use<'p>, new: Field) -> bool {
        if let Some(role) = roles::role(source, used.spot.node).filter(|_| new != Field::OffloadMem) {
            return role == new;
        }
        let key = alike(source, used);
        if let Some(known) = self.alike_are_new.borrow().get(&key) {
            return *known;
        }
        let mut old_style = false;
        let mut new_style = false;
        for other in self.alike.get(&key).into_iter().flatten() {
            let Form::Index(number, _) = &other.form else { continue };
            match self.read(&other.item, *number) {
                Read::FiveOnly => new_style = true,
                Read::Differs(old, new) if new != Field::OffloadMem => {
                    let role = roles::role(source, other.spot.node);
                    new_style |= role == Some(new);
                    old_style |= role == Some(old);
                }
                _ => {}
            }
        }
        let are_new = new_style && !old_style;
        self.alike_are_new.borrow_mut().insert(key, are_new);
        are_new
    }
}

/// What a subscript reads, and where.
pub(super) fn alike<'p>(source: &'p Source, used: &Use<'p>) -> Alike<'p> {
    let value = used.spot.node.child_by_field_name("value");
    (used.function.id(), value.map_or("", |value| source.slice(value)))
}

enum Read {
    /// The same field for any number of fields.
    Same,
    /// This field of the fewest, that field of the most.
    Differs(Field, Field),
    /// A field only if there are the most.
    FiveOnly,
    /// Never a field.
    Outside,
}

/// Counts an index from the end, so that it means the same for more fields as for the fewest.
fn from_the_end(source: &Source, item: &Item, number: Number, index: Node<'_>) -> Edit {
    let length = item.length(0).unwrap_or(FIELDS);
    let text = source.slice(index);
    let replaced = match (index.kind(), number[0]) {
        ("integer", Some(number)) => (number - length).to_string(),
        ("identifier" | "attribute", _) => format!("{text} - {length}"),
        _ => format!("({text}) - {length}"),
    };
    Edit::replace(index.byte_range(), replaced)
}
