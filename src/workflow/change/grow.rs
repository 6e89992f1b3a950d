//! Writes values in the style of a file: its indentation, its blanks behind commas and colons.

use crate::edit::Edit;
use crate::inputs::Literal;
use crate::workflow::json::{Kind, Value};

/// A value as it is written.
pub(super) fn raw(value: &Literal) -> String {
    match value {
        Literal::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        // As JavaScript writes it; a whole number has no point.
        Literal::Number(number) => number.to_string(),
        Literal::Boolean(boolean) => boolean.to_string(),
        Literal::Null | Literal::Other => "null".to_owned(),
    }
}

/// How the inside of a container is laid out.
struct Style<'t> {
    /// Between the opening bracket and the first value.
    open: &'t str,
    /// Between values.
    between: String,
    /// Between the last value and the closing bracket.
    close: &'t str,
    /// Between a key and its value.
    colon: &'t str,
}

/// Where each value of a container begins and ends, keys included.
fn inside(container: Value<'_>) -> Vec<(usize, usize)> {
    let elements = container.elements().map(|value| (value.span().start, value.span().end));
    let members = container.members().map(|(key, value)| (key.span().start, value.span().end));
    elements.chain(members).collect()
}

impl<'t> Style<'t> {
    /// That of a container; `blank` is the one behind a comma where it has only one value.
    fn of(text: &'t str, container: Value<'t>, blank: &str) -> Option<Self> {
        let inside = inside(container);
        let (first, last) = (inside.first()?, inside.last()?);
        let span = container.span();
        let open = &text[span.start + 1..first.0];
        let between = match &inside[..] {
            [.., one, two] => text[one.1..two.0].to_owned(),
            _ if open.contains('\n') => format!(",{open}"),
            _ => format!(",{blank}"),
        };
        let colon = container.members().last().map_or(":", |(key, value)| &text[key.span().end..value.span().start]);
        Some(Self { open, between, close: &text[last.1..span.end - 1], colon })
    }
}

/// The blank behind a colon in an object, which is also that behind a comma.
fn blank<'t>(text: &'t str, object: Value<'t>) -> &'t str {
    let colon = object.members().next().map(|(key, value)| &text[key.span().end..value.span().start]);
    if colon.is_some_and(|colon| colon.ends_with(' ')) { " " } else { "" }
}

/// Adds values at the end of an array. `node` is the object that it is in, whose other arrays show the style.
pub(super) fn elements(text: &str, array: Value<'_>, values: &[String], node: Value<'_>) -> Edit {
    let blank = blank(text, node);
    let Some(own) = Style::of(text, array, blank) else {
        return Edit::replace(array.span(), list(text, values, node));
    };
    let end = inside(array).last().map_or(array.span().end - 1, |last| last.1);
    Edit::insert(end, own.between.clone() + &values.join(&own.between))
}

/// A new array in an object, in the style of the other arrays there.
fn list(text: &str, values: &[String], node: Value<'_>) -> String {
    let blank = blank(text, node);
    let mut arrays = node.members().map(|(_, value)| value).filter(|value| value.kind() == Kind::Array);
    let style = arrays.find_map(|array| Style::of(text, array, blank));
    let (open, between, close) = match &style {
        Some(style) => (style.open, style.between.clone(), style.close),
        None => ("", format!(",{blank}"), ""),
    };
    format!("[{open}{}{close}]", values.join(&between))
}

/// Adds keys with values at the end of an object. `like` is another object at the same depth, whose style counts if this
/// one is empty.
pub(super) fn members(text: &str, object: Value<'_>, members: &[(&str, String)], like: Option<Value<'_>>) -> Edit {
    let own = Style::of(text, object, blank(text, object));
    let other = || like.and_then(|like| Style::of(text, like, blank(text, like)));
    let is_empty = own.is_none();
    let style = own.or_else(other);
    let (open, between, close, colon) = match &style {
        Some(style) => (style.open, style.between.clone(), style.close, style.colon),
        None => ("", ", ".to_owned(), "", ": "),
    };
    let member = |(key, value): &(&str, String)| format!("{}{colon}{value}", raw(&Literal::Text((*key).to_owned())));
    let members: Vec<String> = members.iter().map(member).collect();
    if is_empty {
        return Edit::replace(object.span(), format!("{{{open}{}{close}}}", members.join(&between)));
    }
    let end = inside(object).last().map_or(object.span().end - 1, |last| last.1);
    Edit::insert(end, between.clone() + &members.join(&between))
}

/// Adds a key with a new array to an object.
pub(super) fn member_list(text: &str, node: Value<'_>, key: &str, values: &[String]) -> Edit {
    members(text, node, &[(key, list(text, values, node))], None)
}

/// The elements of an array replaced by others: those that stay the same are not touched.
pub(super) fn replaced(text: &str, array: Value<'_>, values: &[String], node: Value<'_>) -> Vec<Edit> {
    let old: Vec<Value<'_>> = array.elements().collect();
    if old.is_empty() || values.is_empty() {
        return vec![Edit::replace(array.span(), list(text, values, node))];
    }
    let both = old.iter().zip(values).filter(|(old, new)| old.raw() != *new);
    let mut edits: Vec<Edit> = both.map(|(old, new)| Edit::replace(old.span(), new.clone())).collect();
    if values.len() > old.len() {
        edits.push(elements(text, array, &values[old.len()..], node));
    } else if values.len() < old.len() {
        edits.push(Edit::replace(old[values.len() - 1].span().end..old[old.len() - 1].span().end, ""));
    }
    edits
}
