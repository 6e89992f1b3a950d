//! Values that an earlier release stored for something else.

use super::{Check, Context, Finding, Level};
use crate::inputs::{self, Classes, Kind, Literal, Widget};
use crate::workflow::node::Values;
use crate::workflow::{Held, Loader};

pub(super) const CHECK: Check = Check {
    id: "changed-value",
    level: Level::Note,
    title: "A value was stored for another input",
    about: "A workflow that was saved with another release of ComfyUI-MultiGPU has a value where that release had another input. \
            `high_precision_loras` of the releases up to 2.4 is where `eject_models` is today, so that its value is read as that. \
            Most workflows do not say which release they were saved with; then it is said what the value may be.",
    help: "Look at the value in ComfyUI, and save the workflow again.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for loader in &context.loaders {
        let is_own = matches!(loader.class.kind, Kind::DisTorch2 | Kind::DisTorch | Kind::MultiGpu);
        if !is_own || !matches!(loader.node.values, Values::List { .. }) {
            continue;
        }
        let release =
            loader.node.pack.version.as_deref().and_then(|version| Some((version, Classes::of_release(version)?)));
        for (at, now) in loader.class.widgets.iter().enumerate() {
            let Some(value) = stored(loader, at) else { continue };
            let message = match &release {
                Some((version, classes)) => of_release(classes, version, loader, at, now),
                None => perhaps(loader, at, now),
            };
            if let Some(message) = message {
                findings.push(
                    CHECK.finding(format!("{value} {message}, and is read as `{}`", now.name)).at(loader, context),
                );
            }
        }
    }
    findings
}

/// What the value was stored for in the release that the workflow names.
fn of_release(classes: &Classes, version: &str, loader: &Loader<'_, '_>, at: usize, now: &Widget) -> Option<String> {
    let before = classes.get(&loader.class.name)?.widgets.get(at)?;
    let is_other = before.kind == now.kind && !is_renamed(&before.name, &now.name);
    is_other.then(|| format!("was stored for `{}` of release {version}", before.name))
}

/// What the value may have been stored for.
fn perhaps(loader: &Loader<'_, '_>, at: usize, now: &Widget) -> Option<String> {
    if !matches!(now.kind, inputs::WidgetKind::Boolean) {
        return None;
    }
    let meanings = inputs::meanings(&loader.class.name, at);
    let others = meanings.iter().filter(|meaning| !is_renamed(meaning.name, &now.name));
    let others: Vec<String> = others
        .map(|meaning| match meaning.releases {
            (first, last) if first == last => format!("`{}` of release {first}", meaning.name),
            (first, last) => format!("`{}` of releases {first} to {last}", meaning.name),
        })
        .collect();
    (!others.is_empty()).then(|| format!("may have been stored for {}", others.join(" or ")))
}

/// `device` and `compute_device` are one input in different releases.
fn is_renamed(before: &str, now: &str) -> bool {
    before.ends_with(now) || now.ends_with(before)
}

fn stored(loader: &Loader<'_, '_>, widget: usize) -> Option<String> {
    match loader.settings.get(widget)? {
        Held::Stored { value: Literal::Boolean(boolean), .. } => Some(boolean.to_string()),
        Held::Stored { value: Literal::Number(number), .. } => Some(number.to_string()),
        Held::Stored { value: Literal::Text(text), .. } => Some(format!("`{text}`")),
        _ => None,
    }
}
