//! Rows of the node's tables.

use super::Table;
use crate::log::load::{Assigned, Layers, Lent, Planned, Role};
use crate::log::number::{GB, MB, amount, bytes, count, number};

/// A line of a table.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::log) enum Row {
    /// `----` or `====`.
    Rule,
    /// The names of the columns.
    Header,
    Lent(Lent),
    Planned(Planned),
    Layers(Layers),
    Assigned(Assigned),
}

/// A line of a table; `None` if it is none.
pub(in crate::log) fn row(table: Table, text: &str) -> Option<Row> {
    let text = text.trim_ascii();
    let first = *text.as_bytes().first()?;
    if matches!(first, b'-' | b'=') {
        return (text.len() > 20 && text.bytes().all(|byte| byte == first)).then_some(Row::Rule);
    }
    let mut words = text.split_ascii_whitespace();
    let name = words.next()?;
    if matches!((table, name), (Table::Virtual, "Object") | (Table::Devices | Table::Assigned, "Device")) {
        return Some(Row::Header);
    }
    if table == Table::Layers && name == "Layer" && text.ends_with("% Total") {
        return Some(Row::Header);
    }
    match table {
        Table::Virtual => lent(name, words).map(Row::Lent),
        Table::Devices => planned(name, words).map(Row::Planned),
        Table::Layers => {
            sized(words).map(|(count, bytes)| Row::Layers(Layers { class: name.to_owned(), count, bytes }))
        }
        Table::Assigned => {
            let mut behind = words.clone();
            let is_tiny = behind.next()?.starts_with("(<");
            let (layers, bytes) = sized(if is_tiny { behind } else { words })?;
            Some(Row::Assigned(Assigned { device: name.to_owned(), is_tiny, layers, bytes }))
        }
    }
}

/// `cuda:1   donor      11.63GB    2.63GB   -9.00GB`.
fn lent<'t>(object: &str, mut words: impl Iterator<Item = &'t str>) -> Option<Lent> {
    let role = match words.next()? {
        "recip" => Role::Recipient,
        "donor" => Role::Donor,
        "model" => Role::Model,
        _ => return None,
    };
    let own_bytes = amount(words.next()?, GB)?;
    words.next()?;
    let change = words.next()?;
    let bytes = amount(change.trim_start_matches(['+', '-']), GB)?;
    words.next().is_none().then(|| Lent { object: object.to_owned(), role, own_bytes, bytes })
}

/// `cuda:0       0.06    96.5%       0.06     33.3%`, and before version 2.2 `cuda:0       96%       0.06       0.06`.
fn planned<'t>(device: &str, mut words: impl Iterator<Item = &'t str>) -> Option<Planned> {
    let percent = |word: &str| number(word.strip_suffix('%')?).map(|(percent, _)| percent / 100.0);
    let (first, second) = (words.next()?, words.next()?);
    let (share, total) = match percent(first) {
        Some(share) => (share, second),
        None => (percent(second)?, first),
    };
    let planned = words.next()?;
    Some(Planned { device: device.to_owned(), total_bytes: whole(total, GB)?, share, bytes: whole(planned, GB)? })
}

/// `45         61.73     33.3%`: a number and a size.
fn sized<'t>(mut words: impl Iterator<Item = &'t str>) -> Option<(u64, u64)> {
    let (layers, size, percent) = (words.next()?, words.next()?, words.next()?);
    let is_row = percent.ends_with('%') && words.next().is_none();
    is_row.then(|| Some((count(layers)?, whole(size, MB)?)))?
}

/// A word that is a number and nothing else, in bytes.
fn whole(word: &str, unit: f64) -> Option<u64> {
    number(word).and_then(|(amount, rest)| rest.is_empty().then(|| bytes(amount, unit)))
}
