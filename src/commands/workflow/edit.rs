//! Changes workflows: shows what changes, and writes it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::files;
use super::installation::{Installation, Installations};
use crate::advice::Advise as _;
use crate::allocator::Device;
use crate::cli::change::{self, Further, Selected};
use crate::cli::workflow::Files;
use crate::commands::problem;
use crate::inputs::Classes;
use crate::lint::{self, Fields, Level};
use crate::render::{Human, Render as _, Screen};
use crate::report::{ChangeEnding, Outcome, WorkflowChangeReport};
use crate::store::{self, Replacement, Store};
use crate::text::{real_or_same, shown};
use crate::workflow::change::{Change, Selection, Wanted};
use crate::workflow::{Container, Workflow, json};

/// What both `set` and `convert` are told.
pub(super) struct Edit<'a> {
    pub(super) files: Files,
    pub(super) how: &'a change::Change,
}

/// A workflow that is to be changed.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) workflow: &'a Workflow,
    pub(super) classes: &'a Classes,
    pub(super) installation: &'a Installation,
}

/// What loaders are to be set to. Fails if the node could not use the string; what it would misread is a warning.
pub(super) fn wanted(string: Option<&str>, further: &Further, screen: &mut Screen) -> Result<Wanted> {
    if let Some(string) = string {
        let compute = Device::from(further.device.as_deref().unwrap_or("cuda:0"));
        let virtual_vram_gb = further.virtual_vram.unwrap_or(0.0);
        let lint = lint::lint(&Fields { string, compute: &compute, virtual_vram_gb, donor: "cpu" });
        let instead = lint.instead.map(|instead| format!("write \"{instead}\""));
        for finding in lint.findings.iter().filter(|finding| finding.level > Level::Note) {
            let error = anyhow!("`{string}`: {}", finding.effect).help(instead.as_ref().unwrap_or(&finding.help));
            if finding.level == Level::Error {
                return Err(error);
            }
            screen.warning(&problem(&error));
        }
    }
    Ok(Wanted {
        string: string.map(str::to_owned),
        device: further.device.clone(),
        virtual_vram: further.virtual_vram,
        part: further.part.clone(),
    })
}

impl Edit<'_> {
    /// Changes each workflow. One that cannot be changed does not keep the others from it.
    pub(super) fn run(
        &self,
        screen: &mut Screen,
        change: impl Fn(&Source<'_>, &Selection) -> Result<Change>,
    ) -> Result<Outcome> {
        let Selected { nodes, classes, models } = &self.how.selected;
        let selection = Selection { nodes: nodes.clone(), classes: classes.clone(), models: models.clone() };
        ensure!(
            self.how.writing.output.is_none() || matches!(&self.files.files[..], [file] if !file.is_dir()),
            anyhow!("--output is for one workflow").help("name one file, or leave --output out")
        );
        let mut outcome = Outcome::InOrder;
        let mut done = BTreeSet::new();
        let mut installations = Installations::new(&self.how.installation);
        files::each(&self.files, |path, workflow| {
            if !done.insert(real_or_same(path)) {
                return Ok(());
            }
            let changed = workflow.and_then(|workflow| {
                let classes = installations.classes(path, &workflow)?;
                let installation = installations.of(path)?;
                let source = Source { path, workflow: &workflow, classes: &classes, installation: &installation };
                let change =
                    change(&source, &selection).with_context(|| format!("{}: nothing was changed", shown(path)))?;
                Ok((workflow, change))
            });
            let result = changed.and_then(|(workflow, change)| {
                let (ending, result) = match self.write(path, &workflow, &change) {
                    Ok(ending) => (ending, Ok(())),
                    Err(error) => (ChangeEnding::Failed, Err(error)),
                };
                let report = WorkflowChangeReport::new(path, &workflow, &change, ending);
                Human.render(&report, screen)?;
                if !report.is_complete() {
                    outcome = outcome.max(Outcome::Found);
                }
                result
            });
            if let Err(error) = result {
                screen.error(&problem(&error));
                outcome = Outcome::Failed;
            }
            Ok(())
        })?;
        Ok(outcome)
    }

    fn write(&self, path: &Path, workflow: &Workflow, change: &Change) -> Result<ChangeEnding> {
        let is_same = workflow.text() == change.text;
        if !self.how.writing.dry_run && is_same {
            self::tidy(path);
        }
        if change.nodes.is_empty() {
            return Ok(if change.is_done { ChangeEnding::Nothing } else { ChangeEnding::NoLoaders });
        }
        if let Some(output) = &self.how.writing.output {
            store::create(output, &change.text)?;
            return Ok(ChangeEnding::Written { to: Some(shown(output)), is_listed: false });
        }
        if is_same {
            return Ok(ChangeEnding::Nothing);
        }
        if self.how.writing.dry_run {
            return Ok(ChangeEnding::DryRun);
        }
        let [old, new] = in_place(path, workflow, &change.text)?;
        let replacement = Replacement { path: path.to_owned(), old: &old, new: &new };
        self::store(path)?.repair(&[replacement])?;
        Ok(ChangeEnding::Written { to: None, is_listed: is_listed(path) })
    }
}

/// The text of a workflow's file as it is and as it is to be. Fails if such a file is not changed in place.
pub(in crate::commands) fn in_place(path: &Path, workflow: &Workflow, text: &str) -> Result<[String; 2]> {
    let Container::Json(encoding) = workflow.container() else {
        bail!(
            anyhow!("{}: only workflows in JSON files are changed in place", shown(path))
                .help("name a new file for the changed workflow: --output FILE.json")
        );
    };
    ensure!(
        encoding.is_utf8(),
        anyhow!("{}: it is not UTF-8, which ComfyUI needs", shown(path))
            .help("save it as UTF-8, or name a new file for the changed workflow: --output FILE.json")
    );
    let [old, new] = [workflow.text(), text].map(|text| String::from_utf8(encoding.encode(text)));
    Ok([old?, new?])
}

/// The store of a workflow's file.
pub(in crate::commands) fn store(path: &Path) -> Result<Store> {
    Store::of_file(path, usize::try_from(json::MOST_BYTES)?)
}

/// Removes what a killed run left beside a file.
pub(super) fn tidy(path: &Path) {
    if let Ok(store) = store(path) {
        store.tidy_beside();
    }
}

/// Is a file in a folder whose workflows ComfyUI lists: `user/NAME/workflows`?
pub(in crate::commands) fn is_listed(path: &Path) -> bool {
    let path = real_or_same(path);
    let names: Vec<_> = path.ancestors().skip(1).filter_map(Path::file_name).collect();
    names.windows(3).any(|names| names[0] == "workflows" && names[2] == "user")
}
