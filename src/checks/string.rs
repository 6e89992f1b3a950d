//! Allocation strings that the node reads differently than they are meant, or not at all.

use super::context::site;
use super::{Check, Context, Finding, Level, Step, ValueRef};
use crate::allocator::Device;
use crate::lint::{self, Fields};

pub(super) const CHECK: Check = Check {
    id: "string",
    level: Level::Error,
    title: "An allocation string does not say what it seems to",
    about: "The node reads an allocation string with little care: it ignores what it does not understand, and often \
            without a word. A comma for a semicolon, a decimal comma, a unit that it does not know, a blank in front of a \
            device or a part without an amount change where the model goes, or make the node stop.",
    help: "Write devices and amounts as `device,amount`, with semicolons between them: `cuda:0,8gb;cuda:1,6gb;cpu,*`.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for allotment in context.allotments() {
        let Some(string) = allotment.string.filter(|string| !string.is_empty()) else { continue };
        let compute = Device::from(allotment.compute.unwrap_or("cuda:0"));
        let lint = lint::lint(&Fields {
            string,
            compute: &compute,
            virtual_vram_gb: allotment.gigabytes.unwrap_or(0.0),
            donor: allotment.donor.unwrap_or("cpu"),
        });
        let site = allotment.part.string.and_then(|widget| site(allotment.loader, widget));
        for (at, found) in lint.findings.into_iter().enumerate() {
            let value = ValueRef { site: site.clone(), text: string.to_owned(), part: found.span };
            let step = lint.instead.clone().filter(|_| at == 0);
            let finding = CHECK.finding(allotment.label() + &found.effect).at(allotment.loader, context);
            findings.push(Finding {
                level: found.level,
                help: Some(found.help),
                value: Some(value),
                step: step.map(|string| Step::Set {
                    string,
                    node: allotment.loader.id.clone(),
                    part: allotment.part.label.clone(),
                }),
                ..finding
            });
        }
    }
    findings
}
