//! What several problems ask of the facts.

mod checked;
mod dynamic;
mod launch;
mod log;
mod machine;
mod memory;
mod node;
mod nodes;

pub(super) use self::checked::{checked, is_planned, planned};
pub(super) use self::dynamic::{active as dynamic_vram, turn_off as turn_dynamic_vram_off};
pub(super) use self::launch::{Way, edit_where, ways};
pub(super) use self::log::{banner_place, last_prompt, loads, name_of, raised, wanted_devices};
pub(super) use self::machine::{FirstGpu, cards, first_gpu_only, index_of, is_windows};
pub(super) use self::memory::{During, Shortage, is_of_pinned_memory, shortage};
pub(super) use self::node::{apply, has_dynamic_vram, mention, update};
pub(super) use self::nodes::nodes;

use super::Answer;

/// What two kinds of evidence say of a problem. It is absent if one of them says so and the other does not find it, and
/// unknown if neither says anything. What the second finds is further evidence for the first finding of the first.
pub(super) fn both(first: Answer, second: Answer) -> Answer {
    match (first, second) {
        (Ok(mut found), Ok(more)) if !found.is_empty() => {
            found[0].evidence.extend(more.into_iter().flat_map(|finding| finding.evidence));
            Ok(found)
        }
        (Ok(_) | Err(_), Ok(found)) | (Ok(found), Err(_)) => Ok(found),
        (Err(why), Err(_)) => Err(why),
    }
}
