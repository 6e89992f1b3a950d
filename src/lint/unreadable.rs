//! Why the node stops at a string.

use super::{Finding, Level};
use crate::allocator::{Expected, ParseError, Span, parts};

/// The finding about the place in an expert part where the node stops.
pub(super) fn finding(expert: &str, error: &ParseError) -> Finding {
    let at = error.span().start;
    let amount = parts(expert).filter_map(|part| part.amount).find(|amount| amount.start <= at && at <= amount.end);
    let span = amount.unwrap_or(0..expert.len());
    let text = expert[span.clone()].trim();
    let (why, help) = match error.expected() {
        Expected::Amount => of_amount(text),
        Expected::Percentages => (
            String::from("`list index out of range`: no part has a device, a comma and a percentage"),
            String::from("write it like cuda:0,60%;cpu,40%"),
        ),
        Expected::Sum => (
            String::from("`division by zero`: the percentages add up to nothing"),
            String::from("give at least one device a percentage above 0"),
        ),
        Expected::OneComma => of_commas(expert, &span),
        _ => of_number(text),
    };
    Finding { level: Level::Error, span, effect: format!("the node stops with {why}"), help }
}

/// In a string with units, an amount that does not begin with a digit.
fn of_amount(text: &str) -> (String, String) {
    let why = format!("`Invalid memory string format: {}`", text.to_lowercase());
    let help = match text {
        "" => String::from("write an amount behind the comma, such as 4gb, or `*` for the rest"),
        text if text.starts_with('.') => format!("write a digit before the point: 0{text}"),
        text if text.starts_with('-') => String::from("an amount cannot be negative"),
        _ => String::from("write an amount such as 4gb, or `*` for the rest"),
    };
    (why, help)
}

/// In a string without units, more than one comma in a part.
fn of_commas(expert: &str, amount: &Span) -> (String, String) {
    let why = String::from("`too many values to unpack`: the part has more than one comma");
    let text = expert[amount.clone()].trim();
    let help = match text.split_once(',') {
        Some((_, behind)) if behind.trim_start().starts_with(|c: char| c.is_ascii_alphabetic()) => {
            String::from("write a semicolon between the parts")
        }
        _ => format!("write a decimal point: {}", text.replacen(',', ".", 1)),
    };
    (why, help)
}

/// In a string without units, what is no number.
fn of_number(text: &str) -> (String, String) {
    let why = format!("`could not convert string to float`: `{text}` is no number");
    let help = if text.contains('*') {
        "a `*` needs a part with a unit beside it: cuda:0,8gb;cpu,*"
    } else if text.contains(',') {
        "write a decimal point, and semicolons between parts"
    } else {
        "write an amount with one of the units gb, mb, kb, a percentage such as 25%, or a part of the device such as 0.5"
    };
    (why, help.to_owned())
}
