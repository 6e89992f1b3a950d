//! The string that was probably meant.

use super::{Fields, Level, device, findings};
use crate::allocator::{Device, Logged};

/// A larger number without a unit is one of megabytes or bytes.
const MOST_GIGABYTES: f64 = 1024.0;

/// An amount that can be written as the node reads it.
#[derive(Debug, Clone, PartialEq)]
enum Amount {
    /// Everything else
    Rest,
    /// A number as it was written, and its unit: `gb`, `mb`, `kb`, `b`
    Sized(String, String),
    /// Percent
    Percent(String),
    /// Without a unit
    Plain(String),
}

/// The whole string, if it is clear what was meant, and nothing is wrong with that.
pub(super) fn corrected(fields: &Fields<'_>) -> Option<String> {
    let parts = parts(fields.string, fields.compute)?;
    let text = written(&parts)?;
    let repaired = Fields { string: &text, ..*fields };
    let is_right = text != fields.string && findings(&repaired).iter().all(|finding| finding.level == Level::Note);
    is_right.then_some(text)
}

/// The text as input methods and editors would not have changed it, without what follows a `#`.
fn plain(string: &str) -> String {
    let text = Logged::of(string).expert;
    let one = |c: char| match c {
        '，' | '、' => ',',
        '；' | '\n' | '|' => ';',
        '：' => ':',
        '％' => '%',
        '＊' => '*',
        '＝' => '=',
        c if c.is_whitespace() => ' ',
        c => c,
    };
    let text: String = text.chars().map(one).collect();
    text.trim_matches([' ', '"', '\'', '`']).to_owned()
}

/// Devices and amounts, whatever is between them.
fn parts(string: &str, compute: &Device) -> Option<Vec<(String, Amount)>> {
    let text = plain(string);
    let words = text.split(';').flat_map(|part| split(part.trim()));
    let mut parts: Vec<(String, Vec<String>)> = Vec::new();
    for word in words {
        match device::corrected(&word, compute).filter(|_| word.starts_with(char::is_alphabetic)) {
            Some(name) => parts.push((name, Vec::new())),
            None => parts.last_mut()?.1.push(word),
        }
    }
    parts.into_iter().map(|(device, words)| Some((device, amount(&words)?))).collect()
}

/// The words of a part: at commas and equal signs, and where an amount follows a device behind a blank or a colon.
fn split(part: &str) -> Vec<String> {
    let words = part.split([',', '=']).map(str::trim).filter(|word| !word.is_empty());
    let words = words.flat_map(|word| {
        let second = word.match_indices(':').nth(1).map(|(at, _)| at);
        let at = second.or_else(|| word.rfind(' ').filter(|_| word.starts_with(char::is_alphabetic)));
        match at {
            Some(at) if amount(&[word[at + 1..].to_owned()]).is_some() && is_device_like(&word[..at]) => {
                vec![word[..at].trim().to_owned(), word[at + 1..].to_owned()]
            }
            _ => vec![word.to_owned()],
        }
    });
    words.collect()
}

/// A device with its number, or the main memory: what comes behind it is not its number.
fn is_device_like(word: &str) -> bool {
    let word = word.trim();
    word.ends_with(|c: char| c.is_ascii_digit()) || word.eq_ignore_ascii_case("cpu") || word.eq_ignore_ascii_case("ram")
}

/// The amount that some words make: one, or the two halves of a number with a comma in it.
fn amount(words: &[String]) -> Option<Amount> {
    let word = match words {
        [word] => word.clone(),
        [whole, part]
            if whole.bytes().all(|byte| byte.is_ascii_digit()) && part.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            format!("{whole}.{part}")
        }
        _ => return None,
    };
    let word = word.to_lowercase();
    if word.trim_end_matches(['g', 'm', 'k', 'b', 'i']) == "*" {
        return Some(Amount::Rest);
    }
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (number, unit) = word.split_at(end);
    let value: f64 = number.parse().ok()?;
    let number = if number.starts_with('.') { format!("0{number}") } else { number.trim_end_matches('.').to_owned() };
    match unit.trim() {
        "" => Some(Amount::Plain(number)),
        "%" => Some(Amount::Percent(number)),
        "t" | "tb" | "tib" => Some(Amount::Sized((value * 1024.0).to_string(), String::from("gb"))),
        "b" => Some(Amount::Sized(number, String::from("b"))),
        unit @ ("g" | "gb" | "gib" | "m" | "mb" | "mib" | "k" | "kb" | "kib") => {
            Some(Amount::Sized(number, format!("{}b", &unit[..1])))
        }
        _ => None,
    }
}

/// Parts as the node reads them, if all their amounts go together and each device is named once.
fn written(parts: &[(String, Amount)]) -> Option<String> {
    let is_twice = |at: usize| parts[..at].iter().any(|(device, _)| *device == parts[at].0);
    if parts.is_empty() || (0..parts.len()).any(is_twice) {
        return None;
    }
    let has = |wanted: fn(&Amount) -> bool| parts.iter().any(|(_, amount)| wanted(amount));
    let sized = has(|amount| matches!(amount, Amount::Sized(..)));
    let percent = has(|amount| matches!(amount, Amount::Percent(_)));
    let rest = parts.iter().filter(|(_, amount)| *amount == Amount::Rest).count();
    let value = |amount: &Amount| if let Amount::Plain(number) = amount { number.parse::<f64>().ok() } else { None };
    let plain: Vec<f64> = parts.iter().filter_map(|(_, amount)| value(amount)).collect();
    // More than a part of a device, and no more gigabytes than one has.
    let are_gigabytes = plain.iter().all(|value| *value == 0.0 || (*value > 1.0 && *value <= MOST_GIGABYTES));
    let are_fractions = plain.iter().all(|value| *value <= 1.0);
    let is_clear = rest <= 1
        && match (sized, percent) {
            (true, true) => false,
            (true, false) | (false, true) => plain.iter().all(|value| *value == 0.0 || *value > 1.0),
            (false, false) => !plain.is_empty() && (are_gigabytes || (are_fractions && rest == 0)),
        };
    if !is_clear {
        return None;
    }
    let in_percent: f64 = parts
        .iter()
        .filter_map(|(_, amount)| match amount {
            Amount::Percent(number) | Amount::Plain(number) => number.parse::<f64>().ok(),
            _ => None,
        })
        .sum();
    let texts = parts.iter().map(|(device, amount)| {
        let text = match amount {
            Amount::Sized(number, unit) => format!("{number}{unit}"),
            Amount::Percent(number) => format!("{number}%"),
            Amount::Plain(number) if percent => format!("{number}%"),
            // A number of bytes that someone counted.
            Amount::Plain(number) if sized && !are_gigabytes => format!("{number}b"),
            Amount::Plain(number) if sized || !are_fractions => format!("{number}gb"),
            Amount::Plain(number) => number.clone(),
            Amount::Rest if percent => format!("{}%", Some(100.0 - in_percent).filter(|rest| *rest > 0.0)?),
            Amount::Rest => String::from("*"),
        };
        Some(format!("{device},{text}"))
    });
    Some(texts.collect::<Option<Vec<_>>>()?.join(";"))
}
