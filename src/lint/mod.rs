//! What is wrong with an allocation string: what the node really makes of it, and what to write instead.
//!
//! ```text
//! the fields of a loader node ─> allocator: the parser of the node ─┬─> amounts: what it silently misreads ─┐
//!                                                                   └─> unreadable: why it stops           ─┼─> findings
//!                                 device: names that torch does not know ───────────────────────────────────┘
//!                                 corrected: the whole string as it was probably meant; accepted only if nothing is
//!                                            wrong with it
//! ```
//!
//! A finding says what the parser of [`allocator`](crate::allocator) makes of a part, and never what a string should look
//! like: whatever does what it says is in order.

mod amounts;
mod corrected;
pub mod device;
mod unreadable;

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::allocator::{AllocationString, Device, Logged, Mode, Part, Span, full_allocation, parts};

/// The fields of a loader node that its allocation string is made of.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'f> {
    /// The allocation string.
    pub string: &'f str,
    /// The compute device.
    pub compute: &'f Device,
    /// The virtual VRAM, in GB.
    pub virtual_vram_gb: f64,
    /// The device that lends memory for it.
    pub donor: &'f str,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Good to know; nothing is wrong.
    Note,
    /// It does something else than it says.
    Warning,
    /// It fails.
    Error,
}

/// Something that is wrong with a part of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// The part of the string.
    pub span: Span,
    /// What the node makes of it.
    pub effect: String,
    /// What to do.
    pub help: String,
}

/// What was found in a string.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lint {
    /// By their place in the string.
    pub findings: Vec<Finding>,
    /// What to write instead, if that is clear.
    pub instead: Option<String>,
}

/// Looks at the string of a loader node. An empty one is in order: it asks for nothing.
pub fn lint(fields: &Fields<'_>) -> Lint {
    let mut findings = findings(fields);
    findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
    findings.dedup_by(|later, earlier| later.span == earlier.span && later.level <= earlier.level);
    let is_wrong = findings.iter().any(|finding| finding.level > Level::Note);
    let instead = if is_wrong { corrected::corrected(fields) } else { None };
    Lint { findings, instead }
}

fn findings(fields: &Fields<'_>) -> Vec<Finding> {
    let string = fields.string;
    if string.is_empty() {
        return Vec::new();
    }
    let expert = Logged::of(string).expert;
    let parts: Vec<Part> = parts(expert).collect();
    let full = full_allocation(string, fields.compute, fields.virtual_vram_gb, fields.donor);
    let parsed = AllocationString::parse(&full);
    let mut findings: Vec<Finding> = behind_hash(fields, &full).into_iter().collect();
    let mode = Mode::of(expert);
    let is_empty = !parts.iter().any(|part| part.amount.is_some());
    let ignored = parts.iter().filter_map(|part| without_amount(string, part));
    findings
        .extend(ignored.map(|finding| if is_empty { nothing_left(finding, mode, fields.compute) } else { finding }));
    findings.extend(
        parts.iter().filter(|part| part.amount.is_some()).filter_map(|part| {
            device::finding(&string[part.device.clone()], part.device.clone(), fields.compute, mode)
        }),
    );
    match &parsed {
        Ok(parsed) => {
            let parts: Vec<Part> = parts.into_iter().filter(|part| part.amount.is_some()).collect();
            findings.extend(amounts::findings(string, &parts, parsed));
        }
        Err(error) if error.span().end <= expert.len() => findings.push(unreadable::finding(expert, error)),
        // Behind the `#` that the user wrote; without one, the node's own text is always understood.
        Err(_) => {}
    }
    findings
}

/// A part without a comma.
fn without_amount(string: &str, part: &Part) -> Option<Finding> {
    let text = &string[part.device.clone()];
    if part.amount.is_some() || text.is_empty() {
        return None;
    }
    Some(Finding {
        level: Level::Warning,
        span: part.device.clone(),
        effect: format!("the node ignores `{text}`, which has no comma"),
        help: String::from("a part is a device, a comma and an amount: cuda:1,4gb"),
    })
}

/// With what becomes of the model if there is no other part.
fn nothing_left(finding: Finding, mode: Mode, compute: &Device) -> Finding {
    let fate = match mode {
        Mode::Byte => format!(
            ": no amount is left, so the whole model goes to the CPU, or stays on {compute} once the node is repaired"
        ),
        Mode::Fraction => format!(": no amount is left, so the whole model stays on {compute}"),
        // The node stops, which is another finding.
        Mode::Ratio | Mode::VirtualVram => String::new(),
    };
    Finding { effect: finding.effect + &fate, ..finding }
}

/// A `#` in the field, behind which the node writes another one.
fn behind_hash(fields: &Fields<'_>, full: &str) -> Option<Finding> {
    let hash = fields.string.find('#')?;
    let rest = &full[hash + 1..];
    let compute = rest.split(';').next().unwrap_or_default();
    let own = fields.compute;
    let (level, effect) = if hash == 0 {
        (Level::Error, String::from("the node adds a `#` of its own, and cannot read the virtual VRAM any more"))
    } else if compute == own.as_str() {
        return None;
    } else if device::is_known(compute) {
        (
            Level::Warning,
            format!("the node takes `{compute}` as the compute device for what no quota covers, not {own}"),
        )
    } else {
        (Level::Error, format!("the node takes `{compute}` as the compute device, which does not exist"))
    };
    Some(Finding {
        level,
        span: hash..fields.string.len(),
        effect,
        help: String::from("leave out everything from the `#` on; the other fields of the node say the rest"),
    })
}

/// A place in a string, for its readers.
fn quoted(string: &str, span: &Span) -> String {
    format!("`{}`", &string[span.clone()])
}
