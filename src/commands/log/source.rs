//! Which log is read.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, anyhow};

use crate::advice::Advise as _;
use crate::cli::log::Log;
use crate::install;
use crate::install::layout::{self, Installation};
use crate::report::{Located, LogSource};
use crate::seen::Installed;
use crate::text;

/// A log, and what is known of where it is.
#[derive(Default)]
pub(super) struct Source {
    /// Its file; None for standard input.
    pub(super) path: Option<PathBuf>,
    /// The folder of the ComfyUI that it belongs to.
    pub(super) comfyui: Option<PathBuf>,
    /// Is it passed on while it is read?
    pub(super) is_live: bool,
    others: Vec<PathBuf>,
    node: Option<PathBuf>,
}

impl Source {
    /// What the arguments name.
    pub(super) fn of(arguments: &Log) -> Result<Self> {
        let named = &arguments.source;
        if named.as_os_str() == "-" {
            let is_report = arguments.report || arguments.format.name != "human";
            let is_live = !is_report && !io::stdin().is_terminal() && !is_stdin_a_file();
            return Ok(Self { is_live, ..Self::default() });
        }
        let about =
            fs::metadata(named).with_context(|| format!("{}: cannot be looked at", named.display())).help_path(
                named,
                "name a log such as ~/ComfyUI/user/comfyui.log, the folder of ComfyUI, or `-` for standard input",
            )?;
        if !about.is_dir() {
            let found = layout::installation(named);
            let (comfyui, node) = found.ok().map(|found| (found.comfyui.clone(), node(&found))).unzip();
            return Ok(Self { path: Some(named.clone()), comfyui, node: node.flatten(), ..Self::default() });
        }
        let found = installation(named)?;
        let mut logs = found.logs.clone().into_iter();
        let path = logs.next().ok_or_else(|| anyhow!("{}: it has no log", text::shown(&found.comfyui))).help(
            "ComfyUI itself writes no log file, ComfyUI-Manager does; without it, run \
             `python main.py 2>&1 | distorch-fix log -`",
        )?;
        let node = node(&found);
        Ok(Self { path: Some(path), comfyui: Some(found.comfyui), node, others: logs.collect(), is_live: false })
    }

    /// Opens it; None for standard input.
    pub(super) fn open(&self) -> Result<Option<File>> {
        let Some(path) = &self.path else { return Ok(None) };
        let opened = File::open(path).with_context(|| format!("{}: cannot be read", path.display()));
        opened.help_open("check its permissions").map(Some)
    }

    /// Its name, for people.
    pub(super) fn name(&self) -> String {
        self.path.as_deref().map_or_else(|| "standard input".to_owned(), text::shown)
    }

    /// The same for a report.
    pub(super) fn about(&self) -> Result<LogSource> {
        let here = text::logical_dir()?;
        let located = |path: &PathBuf| Ok(Located::new(&here, &here.join(path)));
        Ok(LogSource {
            file: self.path.as_ref().map(located).transpose()?,
            others: self.others.iter().map(located).collect::<Result<_>>()?,
            installed: Installed {
                node: self.node.clone(),
                changed: self.node.as_deref().and_then(changed),
                logged: self.path.as_deref().and_then(written),
            },
        })
    }
}

/// The installation that a folder means. The current folder may mean none: then the only one in the usual places.
fn installation(named: &Path) -> Result<Installation> {
    layout::installation(named).or_else(|error| {
        let mut all = if named == Path::new(".") { layout::everywhere() } else { Vec::new() };
        match all.len() {
            0 => Err(error.help("or name the log itself, or `-` for standard input")),
            1 => Ok(all.remove(0)),
            several => {
                let folders = all.iter().map(|one| format!("  {}", text::shown(&one.comfyui)));
                let asked = anyhow!("there are {several} ComfyUIs").details(folders.collect::<Vec<_>>());
                Err(asked.help("name the one that you mean"))
            }
        }
    })
}

/// Is standard input a file, as in `< comfyui.log`?
fn is_stdin_a_file() -> bool {
    #[cfg(unix)]
    let handle = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned();
    #[cfg(windows)]
    let handle = std::os::windows::io::AsHandle::as_handle(&io::stdin()).try_clone_to_owned();
    handle.map(File::from).and_then(|file| file.metadata()).is_ok_and(|about| about.is_file())
}

/// The folder of the node that an installation loads.
fn node(found: &Installation) -> Option<PathBuf> {
    let places = found.custom_nodes.iter().filter(|folder| folder.is_dir());
    let mut checkouts = places.filter_map(|folder| install::locate(folder).ok()).flat_map(|search| search.checkouts);
    checkouts.find(|checkout| !checkout.disabled).map(|checkout| checkout.root)
}

/// When the newest Python file of the node was written.
fn changed(node: &Path) -> Option<SystemTime> {
    let files = fs::read_dir(node).ok()?.flatten().map(|entry| entry.path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .filter_map(|path| written(&path))
        .max()
}

fn written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|about| about.modified()).ok()
}
