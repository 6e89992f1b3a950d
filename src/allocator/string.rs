//! Allocation strings: `expert#compute;gigabytes;donors`.
//!
//! | part | meaning | |---|---|
//! | expert | amounts per device, `device,amount;device,amount`, in one of three [modes](Mode) |
//! | compute | the compute device; `cuda:0` if there is no `#`, or nothing after it |
//! | gigabytes, donors | virtual VRAM; they count only where the expert part is empty |

use std::ops::Range;

use super::error::{Expected, ParseError};
use super::machine::{Device, DeviceMap};
use super::number;
use super::request::{Fraction, Mode, Quota, Quotas, Ratio, Request, VirtualVram};

/// Bytes of an allocation string.
pub type Span = Range<usize>;

/// A parsed allocation string.
#[derive(Debug, Clone, PartialEq)]
pub struct AllocationString {
    text: String,
    expert: Span,
    mode: Mode,
    compute: Device,
    request: Request,
    named: Vec<(Device, Span)>,
    ignored: Vec<Span>,
}

impl AllocationString {
    /// Reads a string as the node does, with its tolerance: blanks around amounts, parts without a comma, and anything
    /// after the unit of an amount are ignored. See [`AllocationString::ignored`].
    ///
    /// # Errors If the node raises an exception, whatever the machine and the model are, or if a number is infinite or
    /// not a number. The error points at the first such place.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let (expert, rest) = match text.find('#') {
            Some(at) => (0..at, at + 1..text.len()),
            None => (0..text.len(), text.len()..text.len()),
        };
        let mode = Mode::of(&text[expert.clone()]);
        let mut parser = Parser { text, mode, named: Vec::new(), ignored: Vec::new() };
        let request = match mode {
            Mode::Byte => Request::Byte(parser.quotas(&expert)?),
            Mode::Ratio => Request::Ratio(parser.ratios(&expert)?),
            Mode::Fraction => Request::Fraction(parser.fractions(&expert)?),
            Mode::VirtualVram => Request::VirtualVram(parser.virtual_vram(&rest)?),
        };
        let compute = if rest.is_empty() {
            "cuda:0".into()
        } else {
            let end = text[rest.clone()].find(';').map_or(rest.end, |at| rest.start + at);
            parser.device(rest.start..end)
        };
        let Parser { named, ignored, .. } = parser;
        Ok(Self { text: text.to_owned(), expert, mode, compute, request, named, ignored })
    }

    /// The string itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The part before the first `#`.
    pub fn expert(&self) -> &str {
        &self.text[self.expert.clone()]
    }

    /// How its amounts are meant.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The device that computes, and keeps whatever no quota takes.
    pub fn compute_device(&self) -> &Device {
        &self.compute
    }

    /// What is asked for.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The devices that are named, in the order of the string, repeats included.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.named.iter().map(|(device, _)| device)
    }

    /// Where a device is first named; `None` for one that is not, such as a compute device by default.
    pub fn span_of(&self, device: &Device) -> Option<Span> {
        self.named.iter().find(|(named, _)| named == device).map(|(_, span)| span.clone())
    }

    /// What the node silently ignores although the user may have meant it: parts without a comma, and text after an
    /// amount. `12tb` is 12 bytes, `4.5.6gb` is 4.5. The letters that complete a unit (`gb`, `GiB`) do not count.
    pub fn ignored(&self) -> &[Span] {
        &self.ignored
    }
}

/// The string that a node makes of its fields, and logs as "Full allocation string".
///
/// It is empty if there is neither an expert part nor any gigabytes; then the node leaves the model alone. With an
/// expert part the gigabytes and the donor are written too, but have no effect.
pub fn full_allocation(expert: &str, compute: &Device, gigabytes: f64, donor: &str) -> String {
    if gigabytes > 0.0 {
        // Debug writes the shortest digits that read back the same and always a point: 4.0.
        format!("{expert}#{compute};{gigabytes:?};{donor}")
    } else if expert.is_empty() {
        String::new()
    } else {
        format!("{expert}#{compute}")
    }
}

/// A part of the expert part, as the node splits it: at every semicolon, and then at the first comma.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What is before the comma; all of it without the blanks around it if there is none.
    pub device: Span,
    /// What is behind the comma; without one, the node ignores the part.
    pub amount: Option<Span>,
}

/// The parts of an expert part, the string up to its first `#`.
pub fn parts(expert: &str) -> impl Iterator<Item = Part> {
    split(expert, &(0..expert.len()), ';').map(|part| match expert[part.clone()].find(',') {
        Some(comma) => {
            let comma = part.start + comma;
            Part { device: part.start..comma, amount: Some(comma + 1..part.end) }
        }
        None => Part { device: trimmed(expert, &part), amount: None },
    })
}

struct Parser<'a> {
    text: &'a str,
    mode: Mode,
    named: Vec<(Device, Span)>,
    ignored: Vec<Span>,
}

impl Parser<'_> {
    fn quotas(&mut self, expert: &Span) -> Result<Quotas, ParseError> {
        let mut quotas = Quotas::default();
        for (name, value) in self.parts(expert) {
            let device = self.device(name);
            let value = trimmed(self.text, &value);
            if self.text[value.clone()].contains('*') {
                quotas.wildcard = Some(device);
                continue;
            }
            let Some((bytes, end)) = number::amount(&self.text[value.clone()]) else {
                return Err(self.error_at(value.start, value.end, Expected::Amount));
            };
            self.ignore_unless_unit(value.start + end..value.end);
            quotas.listed.push(Quota { device, bytes });
        }
        Ok(quotas)
    }

    fn ratios(&mut self, expert: &Span) -> Result<Vec<Ratio>, ParseError> {
        let mut ratios = DeviceMap::default();
        for (name, value) in self.parts(expert) {
            let device = self.device(name);
            ratios.set(device, self.percentage(&value)?);
        }
        let ratios: Vec<_> = ratios.into_entries().into_iter().map(|(device, parts)| Ratio { device, parts }).collect();
        if ratios.is_empty() {
            return Err(self.error(expert.end..expert.end, Expected::Percentages));
        }
        // The node logs each percentage as an integer, and fails if it is too large for one.
        let total: f64 = ratios.iter().map(|ratio| ratio.parts).sum();
        if !ratios.iter().all(|ratio| (ratio.parts / total * 100.0).is_finite()) {
            return Err(self.error(expert.clone(), Expected::Sum));
        }
        Ok(ratios)
    }

    fn fractions(&mut self, expert: &Span) -> Result<Vec<Fraction>, ParseError> {
        let mut fractions = Vec::new();
        for (name, value) in self.parts(expert) {
            if let Some(comma) = self.text[value.clone()].find(',') {
                return Err(self.error_at(value.start + comma, value.end, Expected::OneComma));
            }
            let device = self.device(name);
            let value = self.float(&value, Expected::Fraction)?;
            fractions.push(Fraction { device, value });
        }
        Ok(fractions)
    }

    fn virtual_vram(&mut self, rest: &Span) -> Result<VirtualVram, ParseError> {
        let fields: Vec<Span> = split(self.text, rest, ';').collect();
        let [recipient, gigabytes, donors] = fields.as_slice() else {
            // One field too many begins after the third semicolon; one too few is missing at the end.
            let at = fields.get(3).map_or(rest.end, |extra| extra.start - 1);
            return Err(self.error_at(at, rest.end, Expected::ThreeFields));
        };
        let recipient = self.device(recipient.clone());
        let gigabytes = self.float(gigabytes, Expected::Gigabytes)?;
        let donors = split(self.text, donors, ',').map(|donor| self.device(donor)).collect();
        Ok(VirtualVram { recipient, gigabytes, donors })
    }

    /// Device and value of each part of the expert part that has both.
    fn parts(&mut self, expert: &Span) -> Vec<(Span, Span)> {
        let mut both = Vec::new();
        for part in parts(&self.text[expert.clone()]) {
            match part.amount {
                Some(amount) => both.push((part.device, amount)),
                None if part.device.is_empty() => {}
                None => self.ignored.push(part.device),
            }
        }
        both
    }

    /// Names are not trimmed: torch knows no device ` cuda:1`.
    fn device(&mut self, span: Span) -> Device {
        let device = Device::from(&self.text[span.clone()]);
        self.named.push((device.clone(), span));
        device
    }

    /// A number without its percent signs, which can be anywhere in it.
    fn percentage(&self, value: &Span) -> Result<f64, ParseError> {
        let text = &self.text[value.clone()];
        let plain = text.replace('%', "");
        let trimmed = plain.trim_start_matches(number::is_blank);
        number::float(trimmed.trim_end_matches(number::is_blank)).map_err(|at| {
            let at = plain.len() - trimmed.len() + at;
            // The same place with the signs in it.
            let mut kept = text.char_indices().filter(|&(_, c)| c != '%').scan(0, |seen, (index, c)| {
                let before = *seen;
                *seen += c.len_utf8();
                Some((before, index))
            });
            let index = kept.find(|&(before, _)| before == at).map_or(text.len(), |(_, index)| index);
            self.error_at(value.start + index, value.end, Expected::Percentage)
        })
    }

    fn float(&self, value: &Span, expected: Expected) -> Result<f64, ParseError> {
        number::float(&self.text[value.clone()]).map_err(|at| self.error_at(value.start + at, value.end, expected))
    }

    fn ignore_unless_unit(&mut self, rest: Span) {
        let rest = trimmed(self.text, &rest);
        let text = &self.text[rest.clone()];
        if !["", "b", "ib"].iter().any(|unit| text.eq_ignore_ascii_case(unit)) {
            self.ignored.push(rest);
        }
    }

    /// The error is the character at a place, unless the value ends there.
    fn error_at(&self, at: usize, end: usize, expected: Expected) -> ParseError {
        let length = self.text[at..end].chars().next().map_or(0, char::len_utf8);
        self.error(at..at + length, expected)
    }

    fn error(&self, span: Span, expected: Expected) -> ParseError {
        ParseError::new(self.text, span, self.mode, expected)
    }
}

/// A span without the blanks around it.
fn trimmed(text: &str, span: &Span) -> Span {
    let within = &text[span.clone()];
    let start = span.start + within.len() - within.trim_start_matches(number::is_blank).len();
    start..start + within.trim_matches(number::is_blank).len()
}

/// The pieces between separators, of which there is at least one.
fn split<'a>(text: &'a str, span: &Span, separator: char) -> impl Iterator<Item = Span> + use<'a> {
    let mut start = span.start;
    text[span.clone()].split(separator).map(move |piece| {
        let piece = start..start + piece.len();
        start = piece.end + separator.len_utf8();
        piece
    })
}

#[cfg(test)]
#[path = "string_tests.rs"]
mod tests;
