//! How versions read wildcards in unusual places.

use super::answer::{Answer, Kind};
use super::case::Case;
use super::program::{Program, Role};
use super::scenario;

/// Where a version expects the `*` of a wildcard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WildcardStyle {
    /// In the value, as in `cpu,*`.
    Value,
    /// Behind the device, as in `cpu*,1gb`: the versions of August 2025.
    Device,
}

impl WildcardStyle {
    /// The style of a program, found by trying both.
    pub(super) fn of(program: &Program, cases: &[Case], answers: &[Answer]) -> Self {
        let marked = cases
            .iter()
            .zip(answers)
            .filter(|(case, _)| program.entries[case.call].role == Role::Bytes && case.text == scenario::MARKED_DEVICE);
        let mut answers = marked.map(|(_, answer)| answer).peekable();
        if answers.peek().is_some() && answers.all(|answer| answer.error().is_none()) {
            Self::Device
        } else {
            Self::Value
        }
    }

    /// The same string for a version that marks values.
    pub(super) fn on_values(self, text: &str) -> String {
        if self == Self::Value {
            return text.to_owned();
        }
        let parts = text.split(';').map(|part| match part.split_once(',') {
            Some((device, value)) if device.contains('*') => format!("{},{value}*", device.replace('*', "")),
            // No amount, so an error there as well as here.
            Some((device, value)) if value.trim() == "*" => format!("{device},-"),
            Some((device, value)) => format!("{device},{}", value.replace('*', "")),
            None => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join(";")
    }
}

/// Is an answer right for a string with unusual wildcards, if these are read in another way? An amount followed by an
/// asterisk may be that amount, and of several wildcards the first may count. `right` gives the right answers to a
/// call.
pub(super) fn reads_wildcards_otherwise(case: &Case, answer: &Answer, right: impl Fn(&Case) -> [Answer; 2]) -> bool {
    let readings = other_readings(&case.text);
    readings.into_iter().any(|text| match text {
        Some(text) => right(&Case { text, ..case.clone() }).iter().any(|right| right.is_same(answer)),
        None => answer.error().is_some_and(|raised| raised.kind == Kind::Own),
    })
}

/// Other ways to read a string than the usual one; `None` for refusing it.
fn other_readings(text: &str) -> Vec<Option<String>> {
    let parts: Vec<_> = text.split(';').collect();
    let value = |part: &str| part.split_once(',').map_or("", |(_, value)| value).trim().to_owned();
    let is_marked = |part: &&&str| value(part).contains('*') && value(part) != "*";
    let marked = parts.iter().filter(is_marked).count();
    let wild = parts.iter().filter(|part| value(part) == "*").count();
    let mut readings = Vec::new();
    if marked > 0 {
        let plain: Vec<_> = parts
            .iter()
            .map(|part| if is_marked(&part) { part.replace('*', "") } else { (*part).to_owned() })
            .collect();
        readings.extend([Some(plain.join(";")), None]);
    }
    if wild + marked > 1 {
        let firsts = |is_wild: &dyn Fn(&str) -> bool| {
            let mut seen = false;
            let kept = parts.iter().filter(|part| !is_wild(&value(part)) || !std::mem::replace(&mut seen, true));
            kept.map(|part| (*part).to_owned()).collect::<Vec<_>>().join(";")
        };
        let first = firsts(&|value| value == "*");
        readings.push(Some(firsts(&|value| value.contains('*'))));
        let is_plain = |part: &str| value(part) != "*" && value(part).contains('*');
        let plain = first.split(';').map(|part| if is_plain(part) { part.replace('*', "") } else { part.to_owned() });
        readings.push(Some(plain.collect::<Vec<_>>().join(";")));
        readings.push(Some(first.clone()));
    }
    readings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_wildcards_have_other_readings() {
        let readings = |text: &str| {
            let readings = other_readings(text).into_iter().map(|reading| reading.unwrap_or("refused".to_owned()));
            readings.collect::<Vec<_>>()
        };
        for usual in ["", "cuda:0,1gb", "cuda:0,1gb;cpu,*"] {
            assert!(readings(usual).is_empty(), "{usual}");
        }
        assert_eq!(readings("cuda:0,1gb;cpu,2gb*"), ["cuda:0,1gb;cpu,2gb", "refused"]);
        // The first of several counts; with one that is marked as well, that may be an amount.
        assert_eq!(readings("cpu,*;cuda:1,*"), ["cpu,*"; 3]);
        let mixed = ["cpu,2gb;cuda:1,*", "refused", "cpu,2gb*", "cpu,2gb;cuda:1,*", "cpu,2gb*;cuda:1,*"];
        assert_eq!(readings("cpu,2gb*;cuda:1,*"), mixed);
    }
}
