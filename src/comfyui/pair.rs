//! The verdict about a pair: the places in a checkout that read a load list, and the ComfyUI that makes it.
//!
//! | a place that is | 4 fields | 5 | 6 or more |
//! |---|---|---|---|
//! | `legacy` | works today, breaks at 5 | broken | broken |
//! | `five-only` | broken | works | broken |
//! | `any` | works | works | unclear: judged for 4 and 5 only |
//! | `opaque` | unclear | unclear | unclear |
//!
//! No place works with fewer than 4 fields, or if the fields are in another order than in every release of ComfyUI. If
//! their order is unknown, no place is reported to work.

use std::fmt;

use serde::Serialize;

use super::load_list::{LoadList, Order, Shape};
use crate::fixes::State;
use crate::fixes::load_list::ARITIES;
use crate::python::flow::value::as_i64;

/// How a place, or all of them together, works with a ComfyUI; from best to worst. Displayed as a phrase for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Right.
    Works,
    /// Right with this ComfyUI, which returns 4 fields; wrong as soon as it returns 5.
    WorksToday,
    /// Unknown.
    Unclear,
    /// Wrong: an error, or another field than intended.
    Broken,
}

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Pair {
    /// With this ComfyUI.
    Known(Fit),
    /// The shape of its items is unknown: the verdict for 4 fields, and for 5.
    Either {
        /// If they have 4 fields.
        four: Fit,
        /// If they have 5.
        five: Fit,
    },
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Works => "works",
            Self::WorksToday => "works today, breaks at 5 fields",
            Self::Unclear => "undetermined",
            Self::Broken => "broken",
        })
    }
}

impl Fit {
    /// How a place in this state works with items of this many fields.
    pub fn of(state: State, arity: i64) -> Self {
        match state.arities {
            _ if state.is_unknown() => Self::Unclear,
            None => Self::Works,
            Some(right) if right.contains(&arity) => {
                if state.needs_fix() {
                    Self::WorksToday
                } else {
                    Self::Works
                }
            }
            // That it is right for all numbers so far proves nothing about a new one.
            Some(right) if right == ARITIES && right.iter().all(|known| *known < arity) => Self::Unclear,
            Some(_) => Self::Broken,
        }
    }

    /// How a place in this state works with items of this shape.
    pub fn with(state: State, shape: &Shape) -> Self {
        let (fit, none) = (Self::of(state, as_i64(shape.arity())), Self::of(state, 0));
        match shape.order {
            Order::Usual => fit,
            Order::Other => none,
            // If the number of fields makes no difference, nor does their order.
            Order::Unknown if fit == none => fit,
            Order::Unknown => fit.max(Self::Unclear),
        }
    }
}

/// Judges the places, by their states, with every load list of a ComfyUI; only the items of a call without arguments
/// count, since `DisTorch2` calls it so.
pub fn judge(states: &[State], lists: &[LoadList]) -> Pair {
    let mut worst = Fit::Works;
    for list in lists {
        let Ok(shapes) = &list.shapes else { return either(states) };
        for shape in shapes.iter().filter(|shape| shape.argument.is_none()) {
            worst = states.iter().map(|state| Fit::with(*state, shape)).fold(worst, Fit::max);
        }
    }
    if lists.is_empty() { either(states) } else { Pair::Known(worst) }
}

fn either(states: &[State]) -> Pair {
    let of = |arity| states.iter().map(|state| Fit::of(*state, arity)).max().unwrap_or(Fit::Works);
    let [four, five] = ARITIES.map(of);
    Pair::Either { four, five }
}
