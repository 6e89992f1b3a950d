//! Model files that are not there.

use super::context::{site, text};
use super::{Check, Context, Finding, Level};
use crate::models::Lookup;
use crate::text::shown;

pub(super) const CHECK: Check = Check {
    id: "model-file",
    level: Level::Error,
    title: "A model file is not there",
    about: "A loader node names a file that is in none of the folders that ComfyUI looks in for it: those below `models`, \
            those of `extra_model_paths.yaml`, and those of the options that you name. ComfyUI refuses such a workflow.",
    help: "Choose a file that is there, or move it to one of the folders.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let Some(folders) = context.known.folders else { return Vec::new() };
    let mut findings = Vec::new();
    for loader in &context.loaders {
        for (widget, categories) in loader.class.models() {
            let Some(name) = text(loader, widget) else { continue };
            let found: Vec<Lookup> = categories.iter().map(|category| folders.find(category, name)).collect();
            if found.iter().any(|found| matches!(found, Lookup::Found { .. } | Lookup::BuiltIn)) {
                continue;
            }
            let otherwise = found.iter().find_map(|found| match found {
                Lookup::Otherwise { name, .. } => Some(name),
                _ => None,
            });
            let folder = found.iter().find_map(|found| match found {
                Lookup::Missing { looked_in } => looked_in.first(),
                _ => None,
            });
            let (message, help) = match (otherwise, folder) {
                (Some(other), _) => {
                    (format!("`{name}` is not there, but `{other}` is"), String::from("choose that one in the node"))
                }
                (None, Some(folder)) => (
                    format!("`{name}` is not there"),
                    format!("put it into {}, or choose another file in the node", shown(folder)),
                ),
                // Nobody knows where it would have to be.
                (None, None) => continue,
            };
            let finding = CHECK.finding(message).at(loader, context).help(help);
            findings.push(finding.value(name, site(loader, widget)));
        }
    }
    findings
}
