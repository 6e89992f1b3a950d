//! Which log is read.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::advice::Advise as _;
use crate::cli::log::Log;
use crate::install;
use crate::report::{Located, LogSource};
use crate::seen::silence::Installed;
use crate::text::{self, shown};

/// A log, and what is known of where it is.
pub(super) struct Source {
    /// Its file; None for standard input.
    pub(super) path: Option<PathBuf>,
    /// The folder of the ComfyUI that it belongs to.
    pub(super) root: Option<PathBuf>,
    /// The other logs there.
    others: Vec<PathBuf>,
    /// Is it passed on while it is read?
    pub(super) is_live: bool,
}

impl Source {
    /// What the arguments name.
    pub(super) fn of(arguments: &Log) -> Result<Self> {
        let named = &arguments.source;
        if named.as_os_str() == "-" {
            let is_document = arguments.format.name != "human";
            let is_live = !is_document && !arguments.report && !io::stdin().is_terminal() && !is_file(&io::stdin());
            return Ok(Self { path: None, root: None, others: Vec::new(), is_live });
        }
        let about = fs::metadata(named)
            .with_context(|| format!("{}: cannot be looked at", named.display()))
            .help("name a log, such as ~/ComfyUI/user/comfyui.log, the folder of ComfyUI, or `-` for standard input")?;
        if !about.is_dir() {
            let root = install::comfyui_around(&std::path::absolute(named)?);
            return Ok(Self { path: Some(named.clone()), root, others: Vec::new(), is_live: false });
        }
        Self::in_folder(named)
    }
}
