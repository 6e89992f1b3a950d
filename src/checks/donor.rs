//! Virtual VRAM that is lent by the device that needs it.

use super::context::site;
use super::{Check, Context, Finding, Level};

pub(super) const CHECK: Check = Check {
    id: "donor",
    level: Level::Warning,
    title: "The donor is the compute device itself",
    about: "With virtual VRAM and no allocation string, the donor takes a part of the model off the compute device. If both are \
            the same device, the whole model stays on it.",
    help: "Choose another donor, such as `cpu`.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for allotment in context.allotments() {
        let lends = allotment.string == Some("") && allotment.gigabytes.is_some_and(|gigabytes| gigabytes > 0.0);
        let (Some(compute), Some(donor)) = (allotment.compute, allotment.donor) else { continue };
        // What computes on the CPU may as well stay there.
        if lends && compute == donor && compute != "cpu" {
            let message = format!("{compute} is the compute device and the donor, so the whole model stays on it");
            let place = allotment.part.donor.and_then(|widget| site(allotment.loader, widget));
            let finding = CHECK.finding(allotment.label() + &message).at(allotment.loader, context);
            findings.push(finding.help("choose another donor, such as cpu").value(donor, place));
        }
    }
    findings
}
