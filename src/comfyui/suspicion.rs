//! May something be missing that a pack imports? The text of its files tells, and errs on the side of suspicion: only then
//! are they all parsed to find out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::needs::{Modules, is_of_comfyui};
use crate::python::skim::Skimmed;
use crate::python::{FileId, Package};

/// What the text of a pack alone says about its imports. It is kept with the surveys, so that a pack that was checked
/// before is not read again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Suspicion {
    /// The pack may lack something of its own, or its text does not say what it imports.
    is_own: bool,
    /// What it may need of ComfyUI: the modules and then, unless all of it is a module, a name.
    needs: BTreeSet<(String, bool)>,
}

impl Suspicion {
    /// Reads a pack, from its `__init__.py` on, or from its first file.
    pub(super) fn of(package: &Package) -> Self {
        let mut suspicion = Self::default();
        let mut open = vec![package.init().unwrap_or(FileId::FIRST)];
        let mut seen: BTreeSet<_> = open.iter().copied().collect();
        while let Some(file) = open.pop() {
            let Some(text) = package.text(file) else { continue };
            let Some(imports) = package.skimmed(file) else {
                suspicion.is_own = true;
                continue;
            };
            for import in imports {
                if import.dots > 0 {
                    let module = package.resolve(file, import.dots, &import.module);
                    let below = package.resolve(file, import.dots, &import.dotted());
                    suspicion.is_own |= below.is_none() && module.is_some_and(|from| lacks(package, from, import));
                    open.extend(module.into_iter().chain(below).filter(|target| seen.insert(*target)));
                } else if is_of_comfyui(&import.dotted()) {
                    suspicion.needs.extend(needs(text, import));
                }
            }
        }
        suspicion
    }

    /// May the pack lack a name of its own, or need one that the ComfyUI with these modules lacks?
    pub(super) fn is_raised(&self, modules: Option<&mut Modules<'_>>) -> bool {
        let is_lacking = |modules: &mut Modules<'_>| {
            self.needs.iter().any(|(dotted, is_module)| modules.missing(dotted, *is_module).is_some())
        };
        self.is_own || modules.is_some_and(is_lacking)
    }
}

/// Does a name that is imported from a file occur nowhere in it as a definition?
fn lacks(package: &Package, from: FileId, import: &Skimmed) -> bool {
    let text = package.text(from).unwrap_or_default();
    let name = import.name.as_deref().filter(|name| *name != "*" && !text.contains("import *"));
    let Some(name) = name else { return false };
    !memchr::memmem::find_iter(text.as_bytes(), name).any(|at| {
        let (before, after) = (text[..at].trim_end(), text[at + name.len()..].trim_start());
        ["def", "class", "as", "import", "for", "global", ",", "("].iter().any(|word| before.ends_with(word))
            || after.starts_with(['=', ':', ',', ')'])
    })
}

/// What is imported, and what is read from it anywhere in the file.
fn needs(text: &str, import: &Skimmed) -> BTreeSet<(String, bool)> {
    let is_star = import.name.as_deref() == Some("*");
    let dotted = import.dotted();
    let mut needs = BTreeSet::new();
    if !is_star {
        needs.insert((dotted.clone(), import.name.is_none()));
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    // `import a.b` binds `a`, whose attributes are read with its own name before them.
    let bound = if import.name.is_none() && dotted.starts_with(&format!("{}.", import.bound)) {
        import.bound.clone()
    } else {
        dotted
    };
    for at in memchr::memmem::find_iter(text.as_bytes(), &format!("{}.", import.bound)) {
        if !text[..at].ends_with(|c| is_part(c) || c == '.') {
            let rest = &text[at + import.bound.len() + 1..];
            let chain = &rest[..rest.find(|c| !is_part(c) && c != '.').unwrap_or(rest.len())];
            let chain = chain.trim_matches('.');
            if !chain.is_empty() {
                needs.insert((format!("{bound}.{chain}"), false));
            }
        }
    }
    needs
}
