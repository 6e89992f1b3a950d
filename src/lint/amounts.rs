//! Amounts that the node reads, but as something else than they seem to be.

use super::{Finding, Level, quoted};
use crate::allocator::{AllocationString, Device, Fraction, Logged, Part, Quota, Request, Span};

/// A number without a unit that asks for less is no number of bytes that someone counted.
const FEWEST_BYTES: f64 = 1_048_576.0;
/// No layer that the node moves is smaller.
const SMALLEST_LAYER_BYTES: f64 = 1024.0;

/// The findings about the amounts of a string that the node can read. All parts have an amount.
pub(super) fn findings(string: &str, parts: &[Part], parsed: &AllocationString) -> Vec<Finding> {
    let mut findings = match parsed.request() {
        Request::Byte(quotas) => of_bytes(string, parts, &quotas.listed, parsed.ignored()),
        Request::Ratio(ratios) => {
            let parts_of =
                |device: &str| ratios.iter().find(|ratio| ratio.device.as_str() == device).map(|ratio| ratio.parts);
            let mut findings: Vec<Finding> = parts
                .iter()
                .filter_map(|part| of_ratio(string, part, parts_of(&string[part.device.clone()])?))
                .collect();
            findings.extend(sum_of_ratios(string, ratios.iter().map(|ratio| ratio.parts)));
            findings
        }
        Request::Fraction(fractions) => {
            let values = fractions.iter().map(|fraction| fraction.value);
            let mut findings: Vec<Finding> =
                parts.iter().zip(values).filter_map(|(part, value)| of_fraction(string, part, value)).collect();
            findings.extend(sum_of_fractions(string, fractions));
            if Logged::of(string).expert.replace(';', "").trim().is_empty() {
                findings.push(nothing(string, parsed.compute_device()));
            }
            findings
        }
        Request::VirtualVram(_) => Vec::new(),
    };
    findings.extend(twice(string, parts, parsed));
    findings
}

/// A string of blanks and semicolons is not empty to the node.
fn nothing(string: &str, compute: &Device) -> Finding {
    Finding {
        level: Level::Warning,
        span: 0..string.len(),
        effect: format!("the node reads no amount, and leaves the whole model on {compute}"),
        help: String::from("name devices and amounts, such as cuda:0,8gb;cpu,*, or leave the field empty"),
    }
}

fn of_bytes(string: &str, parts: &[Part], listed: &[Quota], ignored: &[Span]) -> Vec<Finding> {
    let amounts = parts.iter().filter_map(|part| Some((part, part.amount.clone()?)));
    let (wildcards, plain): (Vec<_>, Vec<_>) = amounts.partition(|(_, amount)| string[amount.clone()].contains('*'));
    // The mode is decided by letters anywhere, so that those of a device can make bytes of what has no unit.
    let has_unit =
        |(_, amount): &(&Part, Span)| string[amount.clone()].contains(|c: char| "gmkbGMKB\u{212a}".contains(c));
    let by_device = !plain.iter().chain(&wildcards).any(has_unit);
    let mut findings: Vec<Finding> = plain
        .iter()
        .zip(listed)
        .filter_map(|((part, amount), quota)| {
            let inside = |ignored: &&Span| amount.start <= ignored.start && ignored.end <= amount.end;
            match ignored.iter().find(inside) {
                Some(ignored) => Some(cut(string, amount, ignored, quota.bytes)),
                None => small(string, part, amount, quota.bytes, by_device),
            }
        })
        .collect();
    findings.extend(wildcards.iter().enumerate().filter_map(|(at, (part, amount))| {
        let text = string[amount.clone()].trim();
        let effect = if at + 1 < wildcards.len() {
            format!("of several `*`, only the last counts; {} gets nothing from this one", &string[part.device.clone()])
        } else if text.contains(|c: char| c.is_ascii_digit()) {
            format!("the node reads `{text}` as `*`: everything that no other part covers, without a limit")
        } else {
            return None;
        };
        let help = String::from("write one `*` alone, and amounts without it");
        Some(Finding { level: Level::Warning, span: amount.clone(), effect, help })
    }));
    findings
}

/// An amount behind whose number something is left that the node ignores.
fn cut(string: &str, amount: &Span, ignored: &Span, bytes: f64) -> Finding {
    // The unit ends with its first letter for the node, which is no matter to readers.
    let completed = string[ignored.clone()].trim_start_matches(['i', 'I']).trim_start_matches(['b', 'B']);
    let has_unit = string[amount.start..ignored.start].ends_with(char::is_alphabetic);
    let start = if has_unit { ignored.end - completed.len() } else { ignored.start };
    let rest = &string[start..ignored.end];
    let read = string[amount.start..start].trim();
    let is_bare = read.ends_with(|c: char| c.is_ascii_digit() || c == '.');
    let text = string[amount.clone()].trim();
    let size = size(bytes);
    let (effect, help) = match rest.strip_prefix(',') {
        Some(behind) if is_bare && behind.starts_with(|c: char| c.is_ascii_digit()) => (
            format!("the node reads `{text}` as {size} and ignores `{rest}`"),
            format!("write a decimal point: {}", text.replacen(',', ".", 1)),
        ),
        Some(behind) if behind.trim_start().starts_with(|c: char| c.is_ascii_alphabetic()) => (
            format!("the node reads {size} and ignores `{rest}`, since a semicolon separates parts"),
            format!("write {read};{}", behind.trim_start()),
        ),
        _ if rest.starts_with('%') => (
            format!("the node reads `{text}` as {size}: in a string with units, all amounts are bytes"),
            String::from("write all amounts with a unit, or all with a percent sign"),
        ),
        _ if is_bare => (
            format!("the node reads `{text}` as {size} and ignores `{rest}`"),
            String::from("an amount is a number and one of the units gb, mb, kb, b"),
        ),
        _ => (format!("the node reads {size} and ignores `{rest}`"), String::from("leave that out")),
    };
    Finding { level: Level::Warning, span: amount.clone(), effect, help }
}

/// An amount that is read in full, but is too small to be meant.
fn small(string: &str, part: &Part, amount: &Span, bytes: f64, by_device: bool) -> Option<Finding> {
    let text = string[amount.clone()].trim();
    let has_unit = text.ends_with(char::is_alphabetic);
    let span = amount.clone();
    if bytes <= 0.0 {
        return None;
    }
    if !has_unit && by_device && bytes < FEWEST_BYTES {
        let device = &string[part.device.clone()];
        let letter = string.chars().find(|c| "gmkbGMKB\u{212a}".contains(*c))?;
        return Some(Finding {
            level: Level::Warning,
            span,
            effect: format!(
                "the node reads `{text}` as {}: for it, the `{letter}` in the name of a device is a unit, and all \
                 amounts are bytes",
                size(bytes)
            ),
            help: format!("write the amount with a unit, such as {device},4gb"),
        });
    }
    if !has_unit && bytes < FEWEST_BYTES {
        return Some(Finding {
            level: Level::Warning,
            span,
            effect: format!("the node reads `{text}` as {}", size(bytes)),
            help: format!("write it with a unit: {text}gb"),
        });
    }
    (bytes < SMALLEST_LAYER_BYTES).then(|| Finding {
        level: Level::Warning,
        span,
        effect: format!("`{text}` is {}, less than any layer has", size(bytes)),
        help: String::from("write gb for gigabytes"),
    })
}

fn of_ratio(string: &str, part: &Part, parts: f64) -> Option<Finding> {
    let span = part.amount.clone()?;
    let text = string[span.clone()].trim();
    let (effect, help) = if parts < 0.0 {
        (format!("the node reads {} as a negative share", quoted(string, &span)), "write a positive share")
    } else if parts > 0.0 && parts < 1.0 && !text.contains('%') {
        (
            format!(
                "the node reads `{text}` as {parts} %: in a string with percent signs, all amounts are percentages"
            ),
            "write all amounts with a percent sign, or none",
        )
    } else {
        return None;
    };
    Some(Finding { level: Level::Warning, span, effect, help: help.to_owned() })
}

/// Percentages of which not all can be meant of the whole model.
fn sum_of_ratios(string: &str, ratios: impl Iterator<Item = f64> + Clone) -> Option<Finding> {
    let sum: f64 = ratios.clone().sum();
    if sum <= 101.0 {
        return None;
    }
    let shares: Vec<String> = ratios.map(|parts| format!("{:.0} %", parts / sum * 100.0)).collect();
    Some(Finding {
        level: Level::Note,
        span: 0..string.len(),
        effect: format!("the percentages add up to {sum}; the node divides them by that: {}", shares.join(", ")),
        help: String::from("nothing to do if these are the shares that you want"),
    })
}

fn of_fraction(string: &str, part: &Part, value: f64) -> Option<Finding> {
    let span = part.amount.clone()?;
    let device = &string[part.device.clone()];
    let text = string[span.clone()].trim();
    let (effect, help) = if value > 1.0 {
        (
            format!("the node reads `{text}` as {} % of the memory of {device}", rounded(value * 100.0)),
            format!("write it with a unit: {device},{text}gb"),
        )
    } else if value < 0.0 {
        (format!("the node reads `{text}` as a negative part of the memory of {device}"), String::from("write 0"))
    } else {
        return None;
    };
    Some(Finding { level: Level::Warning, span, effect, help })
}

/// Fractions that look like shares of the model.
fn sum_of_fractions(string: &str, fractions: &[Fraction]) -> Option<Finding> {
    let values = fractions.iter().map(|fraction| fraction.value);
    let is_whole = values.clone().filter(|value| *value > 0.0).count() > 1
        && (values.clone().sum::<f64>() - 1.0).abs() < 1e-6
        && values.clone().all(|value| value >= 0.0);
    is_whole.then(|| Finding {
        level: Level::Note,
        span: 0..string.len(),
        effect: String::from("each number is a part of the memory of its device, not of the model"),
        help: String::from("for parts of the model, write percentages: cuda:0,25%;cpu,75%"),
    })
}

/// Devices that have more than one amount.
fn twice(string: &str, parts: &[Part], parsed: &AllocationString) -> Vec<Finding> {
    let is_wildcard = |part: &Part| part.amount.clone().is_some_and(|amount| string[amount].contains('*'));
    let is_byte = matches!(parsed.request(), Request::Byte(_));
    let device = |part: &Part| &string[part.device.clone()];
    let counted: Vec<&Part> = parts.iter().filter(|part| !(is_byte && is_wildcard(part))).collect();
    let repeats = counted.iter().enumerate().filter_map(|(at, part)| {
        let first = counted[..at].iter().rev().find(|before| device(before) == device(part))?;
        let device = device(part);
        let effect = if is_byte {
            format!(
                "`{device}` has two amounts: only the later one counts for it, but both are taken off the model, and what \
                 is lost stays on {} above its quota",
                parsed.compute_device()
            )
        } else {
            format!("`{device}` has two amounts: only the later one counts")
        };
        let span = first.device.start..part.amount.as_ref().map_or(part.device.end, |amount| amount.end);
        Some(Finding { level: Level::Warning, span, effect, help: String::from("name each device once") })
    });
    repeats.collect()
}

/// Bytes for people.
fn size(bytes: f64) -> String {
    const MB: f64 = 1_048_576.0;
    let shown = |number: f64, unit: &str| format!("{} {unit}", rounded(number));
    match bytes {
        bytes if bytes >= FEWEST_BYTES * 1024.0 => shown(bytes / MB / 1024.0, "GB"),
        bytes if bytes >= FEWEST_BYTES => shown(bytes / MB, "MB"),
        1.0 => String::from("1 byte"),
        bytes => shown(bytes, "bytes"),
    }
}

/// With two decimals at most.
fn rounded(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
