//! The guard: a folder in `custom_nodes` that repairs the node at every start of ComfyUI, before it is imported.
//!
//! ```text
//! ComfyUI starts ─> prestartup_script.py ─> `distorch-fix guard run` ─> check, from the cache ─> apply if there is a need
//! ```
//!
//! Source: `execute_prestartup_script` in `main.py` of ComfyUI, which runs every `prestartup_script.py` before it imports a
//! node, and `load_custom_node` in `nodes.py`, which wants `NODE_CLASS_MAPPINGS`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::advice::Advise as _;
use crate::store;
use crate::text::shown;

/// The name of its folder.
pub const NAME: &str = "distorch-fix-guard";
/// The variable that turns it off.
pub const VARIABLE: &str = "DISTORCH_FIX_GUARD";

/// The file that says what it runs.
const SETTINGS: &str = "guard.json";
/// Its code.
const CODE: [(&str, &str); 2] =
    [("__init__.py", include_str!("__init__.py")), ("prestartup_script.py", include_str!("prestartup_script.py"))];
/// What Python makes of code, in a folder of its own.
const COMPILED: &str = "__pycache__";
/// The most bytes of its files that are read.
const MOST_BYTES: u64 = 64 << 10;

/// What it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// This program, by the path that it was installed with.
    pub program: PathBuf,
    /// Its version then.
    pub version: String,
}

/// The guard of a folder of node packs.
#[derive(Debug)]
pub struct Guard {
    folder: PathBuf,
}

/// Is it there?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No.
    Absent,
    /// Yes; what keeps it from working, if anything does.
    Installed(Settings, Option<String>),
    /// There is something else in its place, for this reason.
    Foreign(String),
}

/// How a removal ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// There was nothing to remove.
    Absent,
    /// All of it is gone.
    Whole,
    /// Its files are gone, but not these, which are not its own.
    Left(Vec<PathBuf>),
}

impl Guard {
    /// The guard of a folder of node packs, whether it is there or not.
    pub fn of(custom_nodes: &Path) -> Self {
        Self { folder: custom_nodes.join(NAME) }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Is it there, and does it work?
    pub fn state(&self) -> State {
        if fs::symlink_metadata(&self.folder).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return State::Absent;
        }
        let settings = match self.text(SETTINGS).map(|text| serde_json::from_str::<Settings>(&text)) {
            Ok(Ok(settings)) => settings,
            Ok(Err(error)) => return State::Foreign(format!("{SETTINGS}: {error}")),
            Err(error) => return State::Foreign(format!("{SETTINGS}: {error}")),
        };
        let changed = CODE.iter().find(|(name, text)| self.text(name).is_ok_and(|found| found != *text));
        let missing = CODE.iter().find(|(name, _)| self.text(name).is_err());
        let problem = if !settings.program.is_file() {
            Some(format!("{} is not there", shown(&settings.program)))
        } else if let Some((name, _)) = missing {
            Some(format!("its {name} is missing"))
        } else {
            changed.map(|(name, _)| format!("its {name} is not that of this version of distorch-fix"))
        };
        State::Installed(settings, problem)
    }

    /// Writes it, or writes it anew.
    ///
    /// # Errors If something else is in its place, or a file cannot be written.
    pub fn install(&self, program: &Path) -> Result<()> {
        if let State::Foreign(why) = self.state() {
            bail!(anyhow!("{} is not a guard: {why}", shown(&self.folder)).help("move it away, and try again"));
        }
        let program = program.to_str().with_context(|| format!("{} is not Unicode", shown(program)));
        let program = program.help("install distorch-fix under a path that is, and try again")?;
        let settings = Settings { program: PathBuf::from(program), version: env!("CARGO_PKG_VERSION").to_owned() };
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot make {}", shown(&self.folder)))
            .help("check the permissions of the folder")?;
        let settings = serde_json::to_string_pretty(&settings)? + "\n";
        // The script comes last: it is not run without its settings.
        for (name, text) in [(SETTINGS, settings.as_str())].into_iter().chain(CODE) {
            store::put(&self.folder.join(name), text)?;
        }
        Ok(())
    }

    /// Removes its files, and its folder if nothing else is in it.
    ///
    /// # Errors If something else is in its place, or a file cannot be removed.
    pub fn remove(&self) -> Result<Removal> {
        match self.state() {
            State::Absent => return Ok(Removal::Absent),
            State::Foreign(why) => {
                bail!(anyhow!("{} is not a guard: {why}", shown(&self.folder)).help("remove it by hand if it is yours"))
            }
            State::Installed(..) => {}
        }
        let remove = || -> io::Result<Removal> {
            let compiled = self.folder.join(COMPILED);
            if compiled.is_dir() {
                fs::remove_dir_all(compiled)?;
            }
            // The settings go last: without them it is not recognised any more.
            for (name, _) in CODE.into_iter().chain([(SETTINGS, "")]) {
                match fs::remove_file(self.folder.join(name)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            let mut left =
                fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
            if left.is_empty() {
                fs::remove_dir(&self.folder)?;
                return Ok(Removal::Whole);
            }
            left.sort();
            Ok(Removal::Left(left))
        };
        remove()
            .with_context(|| format!("cannot remove {}", shown(&self.folder)))
            .help("close ComfyUI, and check the permissions of the folder")
    }

    fn text(&self, name: &str) -> io::Result<String> {
        use io::Read as _;
        let mut text = String::new();
        fs::File::open(self.folder.join(name))?.take(MOST_BYTES).read_to_string(&mut text)?;
        // Python reads either.
        Ok(text.replace("\r\n", "\n"))
    }
}

/// May a program of this version run for a guard that was installed by another?
///
/// # Errors Why not: it is older, so it may lack what the guard asks for.
pub fn suits(program: &str, installed_by: &str) -> Result<()> {
    let numbers =
        |version: &str| -> Vec<u64> { version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect() };
    if numbers(program) < numbers(installed_by) {
        bail!(
            anyhow!("this is distorch-fix {program}, and the guard was installed by {installed_by}")
                .help("run `distorch-fix guard install` again")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_older_program_does_not_suit() {
        for (program, installed_by) in [("0.1.0", "0.1.0"), ("0.2.0", "0.1.9"), ("0.10.0", "0.9.0"), ("1.0.0", "0.9")] {
            assert!(suits(program, installed_by).is_ok(), "{program} {installed_by}");
        }
        assert!(suits("0.1.0", "0.2.0").is_err() && suits("0.9.0", "0.10.0").is_err());
    }
}
