//! Nodes of API files without a compute device.

use super::{Check, Context, Finding, Level};
use crate::workflow::Held;

pub(super) const CHECK: Check = Check {
    id: "no-device",
    level: Level::Error,
    title: "A node has no compute device",
    about: "All inputs of the node are optional, so ComfyUI accepts a workflow for the API that leaves the compute device out. \
            The node has no default for it: it writes `None` into its allocation string, and stops as soon as a part of the \
            model is to go there.",
    help: "Add the input, such as `\"compute_device\": \"cuda:0\"`.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let lacks = |allotment: &super::context::Allotment<'_>| {
        allotment.loader.settings.get(allotment.part.device) == Some(&Held::Absent) && allotment.acts() == Some(true)
    };
    let lacking = context.allotments().filter(lacks);
    let findings = lacking.map(|allotment| {
        let input = &allotment.loader.class.widgets[allotment.part.device].name;
        CHECK
            .finding(format!("the input `{input}` is missing, and the node has no default for it"))
            .at(allotment.loader, context)
            .help(format!("add \"{input}\": \"cuda:0\" to its inputs"))
    });
    findings.collect()
}
