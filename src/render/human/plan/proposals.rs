//! Strings that fit, for people.

use std::fmt::Write as _;

use crate::allocator::{Logged, gigabytes};
use crate::plan::Plan;
use crate::plan::fit::{Place, Proposal};
use crate::render::style::{NEXT, STRONG, UNSURE};
use crate::text::visible;

/// The strings to enter in the nodes.
pub(super) fn block(plan: &Plan, proposals: &[Proposal]) -> String {
    let headroom = gigabytes(plan.options.headroom_bytes);
    let mut out = format!("{STRONG}What fits{STRONG:#} (with {headroom:.1} GB free on every device)\n");
    if proposals.is_empty() {
        let _ = writeln!(
            out,
            "  {UNSURE}nothing{UNSURE:#}: less --headroom, a smaller quantisation, or more memory is needed"
        );
    }
    for proposal in proposals {
        let _ = writeln!(out, "  {}:", title(proposal));
        for (planned, string) in plan.models.iter().zip(&proposal.strings) {
            let name = match plan.models.len() {
                1 => String::new(),
                _ => format!("   {}", visible(&planned.named.name)),
            };
            // The part that users enter; the node adds the rest.
            let expert = Logged::of(string).expert;
            let _ = writeln!(out, "    {NEXT}{}{NEXT:#}{name}", visible(expert));
        }
    }
    out
}

fn title(proposal: &Proposal) -> String {
    let place = match proposal.place {
        Place::GpuOnly => "on the GPUs only",
        Place::WithCpu => "with the rest in main memory, which is slow",
    };
    let smaller = match proposal.smaller {
        Some((name, saved)) => format!("as {name}, which saves about {:.2} GB, ", gigabytes(saved)),
        None => String::new(),
    };
    let together = match (proposal.strings.len(), proposal.together) {
        (1, _) => "",
        (_, true) => ", all models loaded at the same time",
        (_, false) => ", one model loaded at a time",
    };
    format!("{smaller}{place}{together}")
}
