//! May something be missing that a pack imports? Told by the text of its files, in favour of suspicion: only then are they
//! all parsed, to see whether it is so.

use std::collections::BTreeSet;

use super::needs::{Modules, is_of_comfyui};
use crate::python::skim::{Skimmed, skim};
use crate::python::{FileId, Package};

/// May the pack lack a name of its own, or need one that the ComfyUI with these modules lacks?
pub(super) fn is_any(package: &Package, mut modules: Option<&mut Modules<'_>>) -> bool {
    let mut open = vec![package.init().unwrap_or(FileId::FIRST)];
    let mut seen: BTreeSet<_> = open.iter().copied().collect();
    while let Some(file) = open.pop() {
        let Some(text) = package.text(file) else { continue };
        let Some(imports) = skim(text) else { return true };
        for import in &imports {
            if import.dots > 0 {
                let module = package.resolve(file, import.dots, import.module);
                let below = package.resolve(file, import.dots, &import.dotted());
                if below.is_none() && module.is_some_and(|from| lacks(package, from, import)) {
                    return true;
                }
                open.extend(module.into_iter().chain(below).filter(|target| seen.insert(*target)));
            } else if let Some(modules) = modules.as_deref_mut()
                && is_of_comfyui(&import.dotted())
                && is_missing(modules, text, import)
            {
                return true;
            }
        }
    }
    false
}

/// Is a name that is taken from a file nowhere where it could be defined?
fn lacks(package: &Package, from: FileId, import: &Skimmed<'_>) -> bool {
    let text = package.text(from).unwrap_or_default();
    let Some(name) = import.name.filter(|name| *name != "*" && !text.contains("import *")) else { return false };
    !memchr::memmem::find_iter(text.as_bytes(), name).any(|at| {
        let (before, after) = (text[..at].trim_end(), text[at + name.len()..].trim_start());
        ["def", "class", "as", "import", "for", "global", ",", "("].iter().any(|word| before.ends_with(word))
            || after.starts_with(['=', ':', ',', ')'])
    })
}

/// Does this ComfyUI lack what is imported, or something that is read from it anywhere in the file?
fn is_missing(modules: &mut Modules<'_>, text: &str, import: &Skimmed<'_>) -> bool {
    let mut lacks = |dotted: &str, is_module: bool| modules.missing(dotted, is_module).is_some();
    let dotted = import.dotted();
    if import.name != Some("*") && lacks(&dotted, import.name.is_none()) {
        return true;
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    // `import a.b` binds `a`, whose attributes are read with its own name before them.
    let bound = if import.name.is_none() && dotted.starts_with(&format!("{}.", import.bound)) {
        import.bound.to_owned()
    } else {
        dotted
    };
    let mut chains = BTreeSet::new();
    for at in memchr::memmem::find_iter(text.as_bytes(), &format!("{}.", import.bound)) {
        if !text[..at].ends_with(|c| is_part(c) || c == '.') {
            let rest = &text[at + import.bound.len() + 1..];
            let chain = &rest[..rest.find(|c| !is_part(c) && c != '.').unwrap_or(rest.len())];
            chains.insert(chain.trim_matches('.'));
        }
    }
    chains.into_iter().any(|chain| !chain.is_empty() && lacks(&format!("{bound}.{chain}"), false))
}
