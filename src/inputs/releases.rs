//! The table of releases: which widgets the node's loaders had in each.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::parts::by_name;
use super::{Choices, Class, Classes, Kind, KnownBy, Literal, Widget, WidgetKind};

const TABLE: &str = include_str!("releases.toml");
/// The node's name in ComfyUI's registry, as a pack.
const PACK: &str = "ComfyUI-MultiGPU";
/// The fewest characters of a commit that stand for it.
const SHORTEST_COMMIT: usize = 7;

#[derive(Deserialize)]
struct Table {
    /// From the first to the last.
    releases: Vec<String>,
    /// For a release, the commits that have its classes.
    commits: BTreeMap<String, String>,
    plain: BTreeMap<String, Plain>,
    classes: BTreeMap<String, BTreeMap<String, Row>>,
}

#[derive(Deserialize)]
struct Plain {
    widgets: Vec<String>,
}

/// What is said of a class: `base`, or its widgets from a release on.
#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Base(String),
    Widgets(Vec<String>),
}

fn table() -> &'static Table {
    static READ: OnceLock<Table> = OnceLock::new();
    READ.get_or_init(|| toml::from_str(TABLE).expect("the table is part of the program"))
}

/// The releases, from the first to the last.
pub fn releases() -> impl DoubleEndedIterator<Item = &'static str> {
    table().releases.iter().map(String::as_str)
}

impl Classes {
    /// The loaders of a release, by its number or by a commit, as workflows have it in `ver`. None if it is not known.
    ///
    /// Which of them are registered depends on the packs beside the node, so that is not known.
    pub fn of_release(version: &str) -> Option<Self> {
        let table = table();
        let at = position(table, version)?;
        let mut classes = Self { is_complete: true, ..Self::default() };
        for name in table.classes.keys().chain(table.plain.keys()) {
            if let Some(class) = class_at(table, name, at) {
                classes.perhaps.insert(name.clone());
                classes.known.insert(name.clone(), class);
            }
        }
        Some(classes)
    }
}

impl Class {
    /// A loader of a release, as [`Classes::of_release`] has it.
    pub fn of_release(name: &str, version: &str) -> Option<Self> {
        let table = table();
        class_at(table, name, position(table, version)?)
    }
}

/// A loader of the release at this position; None if it has none of this name.
fn class_at(table: &Table, name: &str, at: usize) -> Option<Class> {
    let widgets = |texts: &[String]| texts.iter().filter_map(|text| widget(text)).collect::<Vec<_>>();
    let known_by = KnownBy::Release(table.releases[at].clone());
    let name = name.to_owned();
    if let Some(plain) = table.plain.get(&name) {
        let (kind, widgets) = (Kind::Plain, widgets(&plain.widgets));
        return Some(Class { name, base: None, pack: None, kind, widgets, parts: Vec::new(), known_by });
    }
    let rows = table.classes.get(&name)?;
    let widgets = widgets(widgets_at(table, rows, at).filter(|widgets| !widgets.is_empty())?);
    let base = match rows.get("base") {
        Some(Row::Base(base)) => Some(base.clone()),
        _ => None,
    };
    let parts = by_name(&widgets);
    let kind = Kind::of_loader(&name, &parts);
    Some(Class { name, base, pack: Some(PACK.to_owned()), kind, widgets, parts, known_by })
}

/// A widget as a release had it at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// The first release and the last one in which it stood there.
    pub releases: (&'static str, &'static str),
    /// Its name.
    pub name: &'static str,
}

/// What stood at a position of a class's widgets, in the order of the releases: a value that was saved with one can mean
/// something else to another.
pub fn meanings(class: &str, position: usize) -> Vec<Meaning> {
    let table = table();
    let Some(rows) = table.classes.get(class) else { return Vec::new() };
    let mut meanings: Vec<Meaning> = Vec::new();
    let mut before = None;
    for (at, release) in table.releases.iter().enumerate() {
        let name = widgets_at(table, rows, at).and_then(|widgets| widgets.get(position)).map(|text| split(text).1);
        match (name, meanings.last_mut()) {
            (Some(name), Some(last)) if before == Some(name) => {
                last.releases.1 = release;
                debug_assert_eq!(last.name, name);
            }
            (Some(name), _) => meanings.push(Meaning { releases: (release, release), name }),
            (None, _) => {}
        }
        before = name;
    }
    meanings
}

/// The position of a version in the table.
fn position(table: &Table, version: &str) -> Option<usize> {
    let version = version.trim();
    let number = version.strip_prefix('v').unwrap_or(version);
    if let Some(at) = table.releases.iter().position(|release| release == number) {
        return Some(at);
    }
    let is_commit = version.len() >= SHORTEST_COMMIT && version.chars().all(|c| c.is_ascii_hexdigit());
    let version = version.to_ascii_lowercase();
    let same = |commit: &str| commit.starts_with(&version) || version.starts_with(commit);
    let (release, _) = table.commits.iter().find(|(_, commits)| is_commit && commits.split_whitespace().any(same))?;
    table.releases.iter().position(|known| known == release)
}

/// The widgets of a class in a release: those of the last release before it that is named.
fn widgets_at<'t>(table: &'t Table, rows: &'t BTreeMap<String, Row>, at: usize) -> Option<&'t [String]> {
    table.releases[..=at].iter().rev().find_map(|release| match rows.get(release) {
        Some(Row::Widgets(widgets)) => Some(widgets.as_slice()),
        _ => None,
    })
}

/// Is it optional, its name, and what it takes.
fn split(text: &str) -> (bool, &str, &str) {
    let (name, takes) = text.split_once(": ").unwrap_or((text, ""));
    (name.starts_with('?'), name.trim_start_matches('?'), takes)
}

/// A widget, as the table writes it.
fn widget(text: &str) -> Option<Widget> {
    let (is_optional, name, takes) = split(text);
    let (kind, rest) = takes.split_once(' ').unwrap_or((takes, ""));
    let mut values = serde_json::Deserializer::from_str(rest.strip_prefix("of ").unwrap_or(rest)).into_iter();
    let mut value = || values.next().and_then(Result::ok);
    let (kind, default) = match kind {
        "models" => {
            let models = rest.split_whitespace().map(str::to_owned).collect();
            (WidgetKind::Combo(Choices::Models(models)), None)
        }
        "device" => {
            let default = (!rest.is_empty()).then(|| Literal::Text(rest.to_owned()));
            (WidgetKind::Combo(Choices::Devices), default)
        }
        "one" if rest == "of ?" => (WidgetKind::Combo(Choices::Unknown), None),
        "one" => {
            let list: Vec<String> = serde_json::from_value(value()?).ok()?;
            let default = value().map(literal).or_else(|| list.first().cloned().map(Literal::Text));
            (WidgetKind::Combo(Choices::Fixed(list)), default)
        }
        "number" => (WidgetKind::Number, value().map(literal)),
        "boolean" => (WidgetKind::Boolean, value().map(literal)),
        "string" => (WidgetKind::Text, value().map(literal)),
        _ => return None,
    };
    Some(Widget { name: name.to_owned(), kind, default, is_optional })
}

fn literal(value: serde_json::Value) -> Literal {
    match value {
        serde_json::Value::Bool(truth) => Literal::Boolean(truth),
        serde_json::Value::Number(number) => number.as_f64().map_or(Literal::Other, Literal::Number),
        serde_json::Value::String(text) => Literal::Text(text),
        serde_json::Value::Null => Literal::Null,
        _ => Literal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the string is and how many widgets there are.
    fn place(version: &str, class: &str) -> Option<(usize, usize)> {
        let classes = Classes::of_release(version)?;
        let class = classes.get(class)?;
        Some((class.parts[0].string?, class.widgets.len()))
    }

    #[test]
    fn every_entry_of_the_table_is_understood() {
        let table = table();
        let rows = table.classes.values().flat_map(BTreeMap::values);
        let widgets = rows.filter_map(|row| if let Row::Widgets(widgets) = row { Some(widgets) } else { None });
        for text in widgets.chain(table.plain.values().map(|plain| &plain.widgets)).flatten() {
            assert!(widget(text).is_some(), "{text}");
        }
        for rows in table.classes.values() {
            let is_known = |key: &String| key == "base" || table.releases.contains(key);
            assert!(rows.keys().all(is_known));
        }
    }

    #[test]
    fn a_string_stands_where_its_release_had_it() {
        let class = "CLIPLoaderDisTorch2MultiGPU";
        assert_eq!(place("2.0.0", class), Some((6, 7)));
        assert_eq!(place("2.4.1", class), Some((6, 8)));
        assert_eq!(place("2.4.2", class), Some((5, 7)));
        assert_eq!(place("2.6.3", class), Some((5, 7)));
    }

    #[test]
    fn a_loader_with_two_models_has_two_strings() {
        let classes = Classes::of_release("2.5.11").unwrap();
        let class = classes.get("CheckpointLoaderAdvancedDisTorch2MultiGPU").unwrap();
        let strings: Vec<(Option<&str>, Option<usize>)> =
            class.parts.iter().map(|part| (part.label.as_deref(), part.string)).collect();
        assert_eq!(strings, [(Some("unet"), Some(8)), (Some("clip"), Some(9)), (Some("vae"), None)]);
    }

    #[test]
    fn every_loader_of_text_encoders_and_of_gguf_has_a_form_with_a_device() {
        let classes = Classes::of_release("2.6.3").unwrap();
        let bases = classes.iter().filter_map(|class| class.name.strip_suffix("DisTorch2MultiGPU"));
        for base in bases.filter(|base| base.contains("CLIPLoader") || base.contains("GGUF")) {
            let class = classes.get(&format!("{base}MultiGPU"));
            assert!(class.is_some_and(|class| class.kind == Kind::MultiGpu), "{base}");
        }
    }

    #[test]
    fn a_version_is_a_number_or_a_commit_that_is_known() {
        let release = |version| match &Classes::of_release(version)?.get("UNETLoaderMultiGPU")?.known_by {
            KnownBy::Release(release) => Some(release.clone()),
            _ => None,
        };
        assert_eq!(release("v2.4.7").as_deref(), Some("2.4.7"));
        assert_eq!(release("d1c88a7cdbf2").as_deref(), Some("2.0.0"));
        assert_eq!(release("D1C88A7"), release("d1c88a7cdbf2ffffffffffffffffffffffffffff"));
        for unknown in ["", "nightly", "2.4", "9.9.9", "d1c88a", "0000000000000000"] {
            assert_eq!(release(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_a_value_meant_before_is_known() {
        let meanings = meanings("UNETLoaderDisTorch2MultiGPU", 6);
        let found: Vec<_> = meanings.iter().map(|meaning| (meaning.name, meaning.releases)).collect();
        assert_eq!(
            found,
            [
                ("high_precision_loras", ("2.1.0", "2.4.7")),
                ("keep_loaded", ("2.5.0", "2.5.0")),
                ("eject_models", ("2.5.1", *releases().collect::<Vec<_>>().last().unwrap())),
            ]
        );
    }
}
