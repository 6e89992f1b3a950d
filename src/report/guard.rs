//! Where a guard is, and what was done with it.

use std::path::PathBuf;

use crate::guard::{Guard, Removal, State, VARIABLE};
use crate::text::{counted, shown, visible};

/// The report of `guard install`, `status` and `remove`.
#[derive(Debug)]
pub struct GuardReport {
    /// Its folder.
    pub folder: PathBuf,
    /// Is it there, does it work, and what was done?
    pub state: String,
    /// What it runs; None if it is not there.
    pub runs: Option<String>,
    /// What to do next, if anything.
    pub next: Option<String>,
}

impl GuardReport {
    /// After it was installed; `before` is its state before that.
    pub fn installed(guard: &Guard, before: &State) -> Self {
        let state = if *before == State::Absent { "installed" } else { "brought up to date" };
        let next = format!(
            "Restart ComfyUI. At each start, it repairs the node if an update has undone the repair. To start without it, set \
             {VARIABLE}=off; to remove it, run `distorch-fix guard remove`."
        );
        Self { state: state.to_owned(), next: Some(next), ..Self::status(guard, &guard.state()) }
    }

    /// What is there.
    pub fn status(guard: &Guard, state: &State) -> Self {
        let (state, runs, next) = match state {
            State::Absent => ("not installed".to_owned(), None, Some("`distorch-fix guard install` installs it.")),
            State::Foreign(why) => (format!("something else is there: {why}"), None, None),
            State::Installed(settings, problem) => {
                let runs = format!("{} ({})", shown(&settings.program), visible(&settings.version));
                match problem {
                    None => ("installed, and works".to_owned(), Some(runs), None),
                    Some(problem) => {
                        let next = "`distorch-fix guard install` brings it up to date.";
                        (format!("installed, but {problem}"), Some(runs), Some(next))
                    }
                }
            }
        };
        Self { folder: guard.folder().to_owned(), state, runs, next: next.map(str::to_owned) }
    }

    /// After it was removed.
    pub fn removed(guard: &Guard, removal: &Removal) -> Self {
        let state = match removal {
            Removal::Absent => "not installed: nothing to remove".to_owned(),
            Removal::Whole => "removed; the repair stays".to_owned(),
            Removal::Left(left) => {
                let names = left.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy());
                let names: Vec<String> = names.map(|name| visible(&name).into_owned()).collect();
                format!("removed, but for {} that it did not write: {}", counted(left.len(), "file"), names.join(", "))
            }
        };
        Self { folder: guard.folder().to_owned(), state, runs: None, next: None }
    }
}
