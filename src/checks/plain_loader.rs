//! Loaders without DisTorch2 in a workflow that has others, or in an installation that has the node.

use super::{Check, Context, Finding, Level, Step};
use crate::inputs::{Kind, names};

pub(super) const CHECK: Check = Check {
    id: "plain-loader",
    level: Level::Warning,
    title: "A loader is not one of DisTorch2",
    about: "In a workflow with DisTorch2 loaders, another loader was left as it is: its model goes to one device as a whole. If \
            the node is installed, the loaders of a workflow without any of DisTorch2 are named too. A loader of MultiGPU has a \
            device of its own, which may be all that you want; that is only a note.",
    help: "Replace it by the DisTorch2 loader of the same name: `distorch-fix workflow convert` keeps its links.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let is_installed = context.known.packs.is_some();
    if !context.distributes() && !is_installed {
        return Vec::new();
    }
    let findings = context.loaders.iter().filter_map(|loader| {
        let level = match loader.class.kind {
            Kind::Plain => Level::Warning,
            Kind::MultiGpu => Level::Note,
            Kind::DisTorch2 | Kind::DisTorch | Kind::Other => return None,
        };
        let other = names::distorch2(&loader.class.name)?;
        let is_there = context.classes.has(&other) != Some(false)
            && context.classes.get(&other).is_some_and(|class| class.kind == Kind::DisTorch2);
        let finding = CHECK.finding(format!("not distributed; {other} would be")).at(loader, context).with_level(level);
        is_there.then(|| if level == Level::Note { finding } else { finding.step(Step::Convert) })
    });
    findings.collect()
}
