//! Virtual VRAM beside an allocation string.

use super::{Check, Context, Finding, Level, eviction};

pub(super) const CHECK: Check = Check {
    id: "virtual-vram",
    level: Level::Note,
    title: "Virtual VRAM beside a string moves nothing",
    about: "With an allocation string, virtual VRAM does not say where the model goes. But as long as it is more than 0, the node \
            unloads every other model from the compute device before it loads this one, and asks ComfyUI for less room by as \
            many gigabytes.",
    help: "Set it to 0 to keep other models loaded, if there is room for them.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let evicting: Vec<String> = eviction::groups(context)
        .into_iter()
        .flat_map(|(_, group)| group)
        .map(|allotment| allotment.loader.id.clone())
        .collect();
    let mut nodes = Vec::new();
    for allotment in context.allotments() {
        let has_string = allotment.string.is_some_and(|string| !string.is_empty());
        if has_string && allotment.evicts() && !evicting.contains(&allotment.loader.id) {
            nodes.push(context.reference(allotment.loader));
        }
    }
    nodes.dedup();
    if nodes.is_empty() {
        return Vec::new();
    }
    let message = "virtual VRAM moves nothing, since there is a string; but before this model is loaded, every other one is \
                   unloaded from the compute device";
    vec![CHECK.finding(message).of(nodes)]
}
