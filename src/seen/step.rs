//! What to do next: one step, by the newest load that was not as asked.

use super::silence::Silence;
use crate::allocator::AllocationString;
use crate::log::{Asked, End, Load, Mode, Outcome, Prompt, RemarkKind, Start};

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Repair the node, which reads ComfyUI's load lists wrongly
    Repair,
    /// Repair the node, or do without dynamic VRAM
    HandOver,
    /// Repair the node, so that only a wildcard sends layers to the CPU
    KeepOnGpus,
    /// Start ComfyUI again: the node was changed since
    Restart,
    /// Run the workflow
    Run,
    /// Give the loaders a string
    Set,
    /// Look at all of the installation
    Look,
}

impl Step {
    /// By the loads that count, each with its start, and the prompts, in their order; and by why there are none, if there are
    /// none.
    pub fn of(
        loads: &[(&Start, &Load)],
        prompts: &[&Prompt],
        silence: Option<&Silence>,
        is_stale: bool,
    ) -> Option<Self> {
        let wrong = loads.iter().rev().find(|(_, load)| load.is_as_asked() == Some(false));
        let step = match (wrong, silence) {
            (Some((start, load)), _) => Some(Self::against(start, load)),
            (None, Some(silence)) => silence.step,
            (None, None) if prompts.last().is_some_and(|prompt| prompt.end == End::Failed) => Some(Self::Look),
            (None, None) if loads.iter().any(|(_, load)| spills(load)) => Some(Self::KeepOnGpus),
            (None, None) => {
                let is_set = loads.iter().any(|(_, load)| load.asked != Asked::Nothing);
                (!loads.is_empty() && !is_set).then_some(Self::Set)
            }
        };
        step.map(|step| if is_stale { Self::Restart } else { step })
    }

    fn against(start: &Start, load: &Load) -> Self {
        match &load.outcome {
            Outcome::Inert { .. } => Self::HandOver,
            Outcome::Failed { remark, .. } => {
                match remark.and_then(|remark| start.remarks.get(remark)).map(|remark| &remark.kind) {
                    Some(RemarkKind::Exception(raised)) if is_about_load_lists(&raised.message) => Self::Repair,
                    _ => Self::Look,
                }
            }
            _ => Self::Look,
        }
    }
}

/// Python's words for a tuple with more, or fewer, fields than names.
fn is_about_load_lists(message: &str) -> bool {
    message.contains("values to unpack")
}

/// Did a part go to the CPU only because no quota covers it?
pub fn spills(load: &Load) -> bool {
    let Mode::Wildcard { device } = &load.mode else { return false };
    let string = load.string.as_deref().and_then(|text| AllocationString::parse(text).ok());
    let names = |string: &AllocationString| {
        string.expert().contains('*') || string.devices().any(crate::allocator::Device::is_cpu)
    };
    device == "cpu" && string.is_some_and(|string| !names(&string))
}
