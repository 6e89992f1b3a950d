//! The right answers: those of the reference allocator.

use super::answer::{Answer, Raised};
use super::case::Case;
use super::program::Role;
use super::scenario;
use super::wildcards::WildcardStyle;
use crate::allocator::{
    Accounting, AllocationString, Device, Mode, Model, Options as Allocating, Policy, Remainder, Request, allocate,
    bytes, fraction,
};

/// The right answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) answer: Answer,
    pub(super) remainder: Remainder,
}

impl Expected {
    fn error() -> Self {
        Self { answer: Answer::Error(Raised::own("an error")), remainder: Remainder::None }
    }
}

/// The reference allocator's answer to a call.
pub(super) fn reference(
    case: &Case,
    role: Role,
    accounting: Accounting,
    policy: Policy,
    style: WildcardStyle,
    models: &[Model],
) -> Expected {
    let model = &models[case.model];
    let machine = scenario::machine();
    let text = match role {
        // The byte function is called directly, so the string need not be one of byte mode. A quota of 0 bytes makes it
        // one, and changes nothing else.
        Role::Bytes => format!("{};cpu,0b", style.on_values(&case.text)),
        Role::Ratios | Role::Analyzer => case.text.clone(),
    };
    let parsed = AllocationString::parse(&text);
    let total_bytes = model.total_bytes(accounting);
    let (fractions, remainder) = match (role, parsed) {
        (Role::Bytes, Ok(string)) => {
            let Request::Byte(quotas) = string.request() else { return Expected::error() };
            let (shares, remainder) = bytes::share(total_bytes, quotas, policy);
            (fraction::of_shares(&shares, &machine), remainder)
        }
        (Role::Ratios, Ok(string)) => match string.request() {
            Request::Ratio(ratios) => (fraction::of_ratios(total_bytes, ratios, &machine), Remainder::None),
            _ => return Expected::error(),
        },
        (Role::Analyzer, Ok(string)) => {
            let options = Allocating { accounting, policy, clip: case.clip.unwrap_or(false) };
            let Ok(allocation) = allocate(model, &machine, &string, &options) else { return Expected::error() };
            let device = |block| allocation.device_of(block).map(Device::to_string).unwrap_or_default();
            let devices = (0..model.blocks().len()).map(device).collect();
            return Expected { answer: Answer::Placed(devices), remainder: allocation.remainder };
        }
        (_, Err(_)) => return Expected::error(),
    };
    match fractions {
        Ok(fractions) => {
            Expected { answer: Answer::Text(fraction::fraction_string(&fractions), Vec::new()), remainder }
        }
        Err(_) => Expected::error(),
    }
}

/// The fractions that an analysis by bytes must begin with, if the repair changes them. An unrepaired analysis gets
/// these instead of its own.
pub(super) fn fractions_override(
    case: &Case,
    accounting: Accounting,
    policy: Policy,
    style: WildcardStyle,
    models: &[Model],
) -> Option<String> {
    let string = AllocationString::parse(&case.text).ok().filter(|string| string.mode() == Mode::Byte)?;
    let call = Case { text: string.expert().to_owned(), ..case.clone() };
    let right = |policy| reference(&call, Role::Bytes, accounting, policy, style, models).answer;
    match (case.is_placement(), right(policy)) {
        (true, Answer::Text(fractions, _)) if !right(Policy::CpuFallback).is_same(&right(policy)) => Some(fractions),
        _ => None,
    }
}
