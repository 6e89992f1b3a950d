//! Each ComfyUI that checkouts are judged by, read once however many of them are in it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result, anyhow};

use super::choose::Chosen;
use crate::cache::Cache;
use crate::comfyui::{self, Facts};
use crate::install::{Checkout, Files};

/// Every ComfyUI of a run.
pub(super) struct ComfyUis<'a> {
    /// The one that was named for all checkouts.
    named: Option<ComfyUi>,
    /// Those around checkouts, by their folder, read on demand.
    around: HashMap<PathBuf, OnceLock<ComfyUi>>,
    cache: Option<&'a Cache>,
}

/// A ComfyUI that was read, or could not be.
pub(super) struct ComfyUi {
    /// Locked, since libgit2 allows one thread at a time in a repository.
    files: Mutex<Files>,
    pub(super) facts: Result<Facts>,
}

impl ComfyUi {
    fn new(files: Files, facts: Result<Facts>) -> Self {
        Self { files: Mutex::new(files), facts }
    }

    /// Looks something up in its files. Those on disk can be read by many at once.
    pub(super) fn with_files<T>(&self, look: impl FnOnce(&Files) -> T) -> T {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let Files::Folder(root) = &*files else { return look(&files) };
        let folder = Files::Folder(root.clone());
        drop(files);
        look(&folder)
    }
}

impl<'a> ComfyUis<'a> {
    /// Judge by the one around each checkout. Nothing is read yet.
    pub(super) fn around(chosen: &[Chosen], cache: Option<&'a Cache>) -> Self {
        let roots = chosen.iter().filter_map(|chosen| chosen.checkout.comfyui.as_ref());
        let around = roots.map(|comfyui| (comfyui.root.clone(), OnceLock::new())).collect();
        Self { named: None, around, cache }
    }

    /// Judge all of them by one, which is read now.
    pub(super) fn named(argument: &OsStr, cache: Option<&'a Cache>) -> Result<Self> {
        let files = comfyui::named(argument)?;
        let facts = comfyui::read(&files, cache);
        let facts = facts.with_context(|| format!("cannot use {} as the ComfyUI", argument.display()))?;
        Ok(Self { named: Some(ComfyUi::new(files, Ok(facts))), around: HashMap::new(), cache })
    }

    /// Was it named for all checkouts?
    pub(super) fn is_named(&self) -> bool {
        self.named.is_some()
    }

    /// The one to judge a checkout by, if there is one.
    pub(super) fn of(&self, checkout: &Checkout) -> Option<&ComfyUi> {
        let around = || {
            let root = &checkout.comfyui.as_ref()?.root;
            Some(self.around.get(root)?.get_or_init(|| read(Files::Folder(root.clone()), self.cache)))
        };
        self.named.as_ref().or_else(around)
    }
}

/// Reads a ComfyUI. A panic while reading it only leaves the checkouts without a verdict.
fn read(files: Files, cache: Option<&Cache>) -> ComfyUi {
    let read = panic::catch_unwind(AssertUnwindSafe(|| comfyui::read(&files, cache)));
    let facts = read.unwrap_or_else(|_| Err(anyhow!("reading it failed unexpectedly")));
    ComfyUi::new(files, facts)
}
