//! JSON with the place of every value in its text, so that some bytes of a file can be replaced and all others kept.
//!
//! The parser is `jiter`. The values are kept as one flat list in the order of the text, 16 bytes each: a container is
//! followed by what is in it, and knows where that ends. Nothing here is recursive, so nesting costs no stack.
//!
//! `NaN` and `Infinity` are accepted, because Python writes them. A key that an object has twice is an error: programs
//! differ in which one they take, so nothing could be said about such a file.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use anyhow::{Result, anyhow, ensure};
use jiter::{Jiter, JiterError, Peek};

use crate::advice::Advise as _;

/// Bytes of the longest text that is read. Workflows have some hundred kilobytes; images pasted into one make megabytes.
pub const MOST_BYTES: u64 = 256 << 20;
/// The most values, which take 16 bytes each.
const MOST_VALUES: usize = 16 << 20;
/// Containers in containers. A workflow has about ten for each subgraph in a subgraph.
const MOST_NESTING: usize = 1_000;
/// What to do about a text beyond these limits.
const NO_WORKFLOW: &str = "this is hardly a workflow; name the file that ComfyUI saved";
/// Up to so many keys are compared with each other, without a set.
const FEW_KEYS: usize = 16;

/// A text and its values.
#[derive(Debug, Clone)]
pub struct Json {
    text: String,
    entries: Vec<Entry>,
}

/// A value, or the key before one.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u32,
    end: u32,
    /// The index of the first entry behind it and what is in it.
    next: u32,
    kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number, also `NaN` and `Infinity`
    Number,
    /// A string
    Text,
    /// An array
    Array,
    /// An object
    Object,
}

/// The number of a value in its [`Json`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(u32);

/// A value of a [`Json`].
#[derive(Debug, Clone, Copy)]
pub struct Value<'j> {
    json: &'j Json,
    at: usize,
}

impl Json {
    /// Parses a text.
    pub fn parse(text: String) -> Result<Self> {
        check_length(text.len() as u64)?;
        let entries = match Builder::new(&text, &text).build() {
            Ok(entries) => entries,
            Err(error) => {
                // Each character is replaced by one of the same length, so that all places stay the same.
                let masked = masked(&text).ok_or(error)?;
                Builder::new(&masked, &text).build()?
            }
        };
        Ok(Self { text, entries })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        Value { json: self, at: 0 }
    }

    /// A value again, by its number.
    ///
    /// # Panics If it is the number of a value of another text.
    pub fn value(&self, id: Id) -> Value<'_> {
        Value { json: self, at: id.0 as usize }
    }

    /// The value that stands there, from its first to its last byte.
    pub fn at(&self, span: &Range<usize>) -> Option<Value<'_>> {
        let found = self.entries.binary_search_by_key(&span.start, |entry| entry.start as usize).ok()?;
        let value = Value { json: self, at: found };
        (value.span() == *span).then_some(value)
    }
}

/// Fails for a text of so many bytes that it is not read.
pub(super) fn check_length(bytes: u64) -> Result<()> {
    ensure!(
        bytes <= MOST_BYTES,
        anyhow!("it has {} MiB, and no more than {} MiB of JSON are read", bytes >> 20, MOST_BYTES >> 20)
            .help(NO_WORKFLOW)
    );
    Ok(())
}

/// The text with half a character, `\ud83d` without the other half, as the replacement character; None if it has no such
/// thing. Python and JavaScript read and write them, but they are no text.
fn masked(text: &str) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    let mut is_masked = false;
    while let Some(next) = memchr::memchr(b'\\', &bytes[at..]) {
        at += next;
        match (surrogate(&bytes[at..]), surrogate(bytes.get(at + 6..).unwrap_or_default())) {
            (Some(0xd800..0xdc00), Some(0xdc00..)) => at += 12,
            (Some(_), _) => {
                bytes[at + 2..at + 6].copy_from_slice(b"fffd");
                is_masked = true;
                at += 6;
            }
            // The character behind it may be a backslash too.
            (None, _) => at = bytes.len().min(at + 2),
        }
    }
    is_masked.then(|| String::from_utf8(bytes).ok()).flatten()
}

/// The half of a character that is escaped at the beginning of these bytes.
fn surrogate(bytes: &[u8]) -> Option<u16> {
    let digits = str::from_utf8(bytes.strip_prefix(b"\\u")?.get(..4)?).ok()?;
    u16::from_str_radix(digits, 16).ok().filter(|code| (0xd800..0xe000).contains(code))
}

/// The text of a string as it is written, with its quotes.
fn decoded(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains('\\') {
        return raw.get(1..raw.len() - 1).map(Cow::Borrowed);
    }
    serde_json::from_str(raw).ok().or_else(|| serde_json::from_str(&masked(raw)?).ok()).map(Cow::Owned)
}

impl<'j> Value<'j> {
    fn entry(self) -> Entry {
        self.json.entries[self.at]
    }

    /// Its number, to keep instead of it.
    pub fn id(self) -> Id {
        Id(small(self.at))
    }

    /// Where it stands: a string with its quotes.
    pub fn span(self) -> Range<usize> {
        let entry = self.entry();
        entry.start as usize..entry.end as usize
    }

    /// As it is written.
    pub fn raw(self) -> &'j str {
        &self.json.text[self.span()]
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        self.entry().kind
    }

    /// Is it `null`?
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The text of a string, with U+FFFD for half a character.
    pub fn text(self) -> Option<Cow<'j, str>> {
        if self.kind() == Kind::Text { decoded(self.raw()) } else { None }
    }

    /// A number. `Infinity`, as Python writes it, is not read as one that a node could use, but as infinity.
    pub fn number(self) -> Option<f64> {
        // Rust reads everything that JSON and Python write.
        (self.kind() == Kind::Number).then(|| self.raw().parse().ok()).flatten()
    }

    /// `true` or `false`.
    pub fn boolean(self) -> Option<bool> {
        (self.kind() == Kind::Boolean).then(|| self.raw() == "true")
    }

    /// The elements of an array; nothing for another value.
    pub fn elements(self) -> impl Iterator<Item = Self> + Clone {
        let is_array = self.kind() == Kind::Array;
        self.inside().filter(move |_| is_array)
    }

    /// The keys of an object and their values; nothing for another value.
    pub fn members(self) -> impl Iterator<Item = (Self, Self)> + Clone {
        let is_object = self.kind() == Kind::Object;
        let keys = self.inside().step_by(2).filter(move |_| is_object);
        keys.map(|key| (key, Value { at: key.at + 1, ..key }))
    }

    /// The value of a key.
    pub fn get(self, key: &str) -> Option<Self> {
        self.members().find(|(name, _)| name.text().is_some_and(|name| name == key)).map(|(_, value)| value)
    }

    /// An element of an array.
    pub fn element(self, index: usize) -> Option<Self> {
        self.elements().nth(index)
    }

    fn inside(self) -> impl Iterator<Item = Self> + Clone {
        let end = match self.kind() {
            Kind::Array | Kind::Object => self.entry().next as usize,
            _ => 0,
        };
        let first = Some(self.at + 1).filter(|first| *first < end);
        std::iter::successors(first.map(|at| Value { at, ..self }), move |value| {
            Some(value.entry().next as usize).filter(|next| *next < end).map(|at| Value { at, ..*value })
        })
    }
}

/// Makes the list of values.
struct Builder<'t> {
    text: &'t str,
    /// The same before half characters were replaced.
    written: &'t str,
    jiter: Jiter<'t>,
    entries: Vec<Entry>,
    /// The containers around the next value.
    open: Vec<usize>,
    /// The keys of the last object, kept for their memory.
    keys: Vec<usize>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str, written: &'t str) -> Self {
        let jiter = Jiter::new(text.as_bytes()).with_allow_inf_nan();
        Self { text, written, jiter, entries: Vec::new(), open: Vec::new(), keys: Vec::new() }
    }

    fn build(mut self) -> Result<Vec<Entry>> {
        match self.values() {
            Ok(()) => Ok(self.entries),
            Err(Stop::Json(error)) => {
                let place = error.get_position(&self.jiter);
                let what = error.error_type.to_string();
                let error = anyhow!("not JSON: {what} in line {}, column {}", place.line, place.column);
                Err(error.help("it is damaged, or was edited by hand; save it in ComfyUI again"))
            }
            Err(Stop::Other(error)) => Err(error),
        }
    }

    fn values(&mut self) -> Result<(), Stop> {
        let mut peek = self.jiter.peek()?;
        loop {
            if let Some(next) = self.value(peek)? {
                peek = next;
                continue;
            }
            loop {
                let Some(&container) = self.open.last() else { return Ok(self.jiter.finish()?) };
                if let Some(next) = self.step(container)? {
                    peek = next;
                    break;
                }
                self.close(container)?;
            }
        }
    }

    /// Adds a value; what is next in it, if it is a container with something in it.
    fn value(&mut self, peek: Peek) -> Result<Option<Peek>, Stop> {
        let start = self.jiter.current_index();
        let at = self.entries.len();
        let kind = match peek {
            Peek::Null => self.jiter.known_null().map(|()| Kind::Null)?,
            Peek::True | Peek::False => self.jiter.known_bool(peek).map(|_| Kind::Boolean)?,
            Peek::String => self.jiter.known_bytes().map(|_| Kind::Text)?,
            Peek::Array | Peek::Object => {
                self.push(start, start, if peek == Peek::Array { Kind::Array } else { Kind::Object })?;
                self.open.push(at);
                if self.open.len() > MOST_NESTING {
                    let line = self.line(start);
                    let error = anyhow!("more than {MOST_NESTING} lists and objects in each other in line {line}");
                    return Err(Stop::Other(error.help(NO_WORKFLOW)));
                }
                let first = if peek == Peek::Array {
                    self.jiter.known_array()?
                } else {
                    let key = self.jiter.next_object_bytes()?.map(|key| offset(self.text, key));
                    self.key(key)?
                };
                if first.is_none() {
                    self.close(at)?;
                }
                return Ok(first);
            }
            _ => self.jiter.known_number_bytes(peek).map(|_| Kind::Number)?,
        };
        self.push(start, self.jiter.current_index(), kind)?;
        Ok(None)
    }

    /// What is next in a container; None at its end.
    fn step(&mut self, container: usize) -> Result<Option<Peek>, Stop> {
        if self.entries[container].kind == Kind::Array {
            return Ok(self.jiter.array_step()?);
        }
        let key = self.jiter.next_key_bytes()?.map(|key| offset(self.text, key));
        self.key(key)
    }

    fn key(&mut self, key: Option<Range<usize>>) -> Result<Option<Peek>, Stop> {
        let Some(key) = key else { return Ok(None) };
        self.push(key.start - 1, key.end + 1, Kind::Text)?;
        Ok(Some(self.jiter.peek()?))
    }

    fn push(&mut self, start: usize, end: usize, kind: Kind) -> Result<(), Stop> {
        if self.entries.len() == MOST_VALUES {
            let error = anyhow!("more than {MOST_VALUES} values, of which the last is in line {}", self.line(start));
            return Err(Stop::Other(error.help(NO_WORKFLOW)));
        }
        self.entries.push(Entry { start: small(start), end: small(end), next: small(self.entries.len() + 1), kind });
        Ok(())
    }

    /// Ends the innermost container.
    fn close(&mut self, container: usize) -> Result<(), Stop> {
        self.open.pop();
        let (end, next) = (small(self.jiter.current_index()), small(self.entries.len()));
        let entry = &mut self.entries[container];
        (entry.end, entry.next) = (end, next);
        if entry.kind == Kind::Object { self.unique(container).map_err(Stop::Other) } else { Ok(()) }
    }

    /// Fails if an object has a key twice.
    fn unique(&mut self, container: usize) -> Result<()> {
        let next = self.entries[container].next as usize;
        let mut keys = std::mem::take(&mut self.keys);
        keys.clear();
        let mut key = container + 1;
        while key < next {
            keys.push(key);
            key = self.entries[key + 1].next as usize;
        }
        // What is half a character cannot be compared as text, and is not read as one here.
        let text = |key: usize| {
            let entry = self.entries[key];
            let raw = &self.written[entry.start as usize..entry.end as usize];
            if raw.contains('\\') {
                serde_json::from_str(raw).map_or(Cow::Borrowed(raw), Cow::Owned)
            } else {
                Cow::Borrowed(&raw[1..raw.len() - 1])
            }
        };
        let twice = if keys.len() <= FEW_KEYS {
            (1..keys.len()).find(|at| keys[..*at].iter().any(|key| text(*key) == text(keys[*at])))
        } else {
            let mut seen = HashSet::with_capacity(keys.len());
            (0..keys.len()).find(|at| !seen.insert(text(keys[*at])))
        };
        let twice = twice.map(|at| (text(keys[at]).into_owned(), self.entries[keys[at]].start as usize));
        self.keys = keys;
        let Some((name, start)) = twice else { return Ok(()) };
        let name =
            if name.chars().count() > 60 { format!("{}…", name.chars().take(60).collect::<String>()) } else { name };
        Err(anyhow!("the key `{name}` is there twice in one object, again in line {}", self.line(start))
            .help("remove one of the two; programs differ in which they read"))
    }

    /// Counted from 1.
    fn line(&self, offset: usize) -> usize {
        memchr::memchr_iter(b'\n', &self.text.as_bytes()[..offset]).count() + 1
    }
}

/// Why the list cannot be made.
enum Stop {
    Json(JiterError),
    Other(anyhow::Error),
}

impl From<JiterError> for Stop {
    fn from(error: JiterError) -> Self {
        Self::Json(error)
    }
}

/// A number of bytes or values. The limits keep both far below the largest.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Where a part of the text begins and ends in it.
fn offset(text: &str, part: &[u8]) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Json {
        Json::parse(text.to_owned()).unwrap()
    }

    fn error(text: &str) -> String {
        format!("{:#}", Json::parse(text.to_owned()).unwrap_err())
    }

    #[test]
    fn values_stand_where_they_stand() {
        let json = parse(" {\"a\" : [1, -2.50e3, \"x\\u00e9\"], \"b\":{}, \"c\": null,\"d\":[NaN,-Infinity,true]}\n");
        let root = json.root();
        let a: Vec<&str> = root.get("a").unwrap().elements().map(Value::raw).collect();
        assert_eq!(a, ["1", "-2.50e3", "\"x\\u00e9\""]);
        assert_eq!(root.get("a").unwrap().element(2).unwrap().text().unwrap(), "xé");
        assert_eq!(root.get("a").unwrap().element(1).unwrap().number(), Some(-2500.0));
        assert_eq!(root.get("b").unwrap().raw(), "{}");
        assert!(root.get("c").unwrap().is_null());
        assert!(root.get("d").unwrap().element(0).unwrap().number().unwrap().is_nan());
        assert_eq!(root.members().map(|(key, _)| key.raw()).collect::<String>(), "\"a\"\"b\"\"c\"\"d\"");
        let span = root.get("b").unwrap().span();
        assert_eq!(json.at(&span).unwrap().raw(), "{}");
        assert!(json.at(&(span.start..span.end + 1)).is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert_eq!(error("{\n\"a\": tru}"), "not JSON: expected ident in line 2, column 9");
        assert_eq!(
            error("{\"a\": 1,\n \"b\": 2, \"\\u0061\": 3}"),
            "the key `a` is there twice in one object, again in line 2"
        );
        assert!(error(&"[".repeat(1_000_000)).starts_with("more than 1000 lists and objects in each other"));
        assert!(error("").starts_with("not JSON: EOF"));
        assert!(error("[] x").starts_with("not JSON: trailing characters"));
    }

    #[test]
    fn half_a_character_is_read_and_stays_where_it_is() {
        let text = r#"{"a\ud83d": "\ude42\ud83d\ude42\\ud83d\ud83d", "b": "é", "a\ud83e": 1}"#;
        let json = parse(text);
        assert_eq!(json.text(), text);
        let first = json.root().members().next().unwrap().1;
        assert_eq!(first.text().unwrap(), "\u{fffd}🙂\\ud83d\u{fffd}");
        assert_eq!(json.root().get("b").unwrap().raw(), "\"é\"");
        assert_eq!(masked(r#"["\ud83d\ude42"]"#), None);
        // What is wrong besides is said as ever.
        assert!(error(r#"["\ud83d", tru]"#).starts_with("not JSON: expected ident"));
    }

    /// Any JSON, as serde has it.
    fn document() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<i32>().prop_map(|number| (f64::from(number) / 8.0).into()),
            ".{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 10, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..10).prop_map(Into::into),
                prop::collection::btree_map(".{0,4}", inner, 0..12)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn same(ours: Value<'_>, theirs: &serde_json::Value) {
        assert_eq!(&serde_json::from_str::<serde_json::Value>(ours.raw()).unwrap(), theirs);
        match theirs {
            serde_json::Value::Array(elements) => {
                assert_eq!(ours.elements().count(), elements.len());
                ours.elements().zip(elements).for_each(|(ours, theirs)| same(ours, theirs));
            }
            serde_json::Value::Object(members) => {
                assert_eq!(ours.members().count(), members.len());
                members.iter().for_each(|(key, theirs)| same(ours.get(key).unwrap(), theirs));
            }
            serde_json::Value::String(text) => assert_eq!(&ours.text().unwrap(), text),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn a_span_holds_the_value(value in document(), is_pretty: bool) {
            let text = if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            same(parse(&text.unwrap()).root(), &value);
        }
    }
}
