//! Values that an earlier release stored for something else.

use super::context::site;
use super::{Check, Context, Finding, Level};
use crate::inputs::{Kind, Literal};
use crate::workflow::node::Values;
use crate::workflow::{Held, Loader};

pub(super) const CHECK: Check = Check {
    id: "changed-value",
    level: Level::Warning,
    title: "A value means something else in the installed release",
    about: "The workflow was saved with another release of ComfyUI-MultiGPU, in which an input of another name had this place. \
            `high_precision_loras` of the releases before 2.5 stands where `eject_models` stands today, so that its value is read \
            as that.",
    help: "Look at the value in ComfyUI, and save the workflow again.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let Some(release) = context.known.release else { return Vec::new() };
    let mut findings = Vec::new();
    for loader in &context.loaders {
        let is_own = matches!(loader.class.kind, Kind::DisTorch2 | Kind::DisTorch | Kind::MultiGpu);
        let is_list = matches!(loader.node.values, Values::List { .. });
        let Some(version) = loader.node.pack.version.as_deref().filter(|_| is_own && is_list) else { continue };
        let Some(then) = release(version) else { continue };
        let Some(class) = then.get(&loader.class.name) else { continue };
        for (at, (before, now)) in class.widgets.iter().zip(&loader.class.widgets).enumerate() {
            let Some(value) = stored(loader, at).filter(|_| before.name != now.name && before.kind == now.kind) else {
                continue;
            };
            // Renamed, and of the same meaning: everything in front and behind is the same.
            if is_renamed(&before.name, &now.name) {
                continue;
            }
            let message = format!(
                "{value} was stored for `{}` of release {version}, and is read as `{}` today",
                before.name, now.name
            );
            let finding = CHECK.finding(message).at(loader, context).value(&value, site(loader, at));
            findings.push(finding.help(format!("look at `{}` in ComfyUI, and save the workflow again", now.name)));
        }
    }
    findings
}

/// `device` and `compute_device` are one input in different releases.
fn is_renamed(before: &str, now: &str) -> bool {
    before.ends_with(now) || now.ends_with(before)
}

fn stored(loader: &Loader<'_, '_>, widget: usize) -> Option<String> {
    match loader.settings.get(widget)? {
        Held::Stored { value: Literal::Boolean(boolean), .. } => Some(boolean.to_string()),
        Held::Stored { value: Literal::Number(number), .. } => Some(number.to_string()),
        Held::Stored { value: Literal::Text(text), .. } => Some(format!("\"{text}\"")),
        _ => None,
    }
}
