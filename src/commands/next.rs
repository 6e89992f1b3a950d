//! What to run next.

use std::fmt::Write as _;

use crate::cli::{Accounting, Target};
use crate::text::quoted;

/// The command that repairs what `check` found, to be copied.
pub(super) fn apply(target: &Target) -> String {
    let mut command = String::from("distorch-fix apply");
    let is_here = target.paths.iter().all(|path| path.as_os_str() == ".");
    for path in target.paths.iter().filter(|_| !is_here) {
        let _ = write!(command, " {}", quoted(path));
    }
    for fix in target.fixes().iter().filter(|_| !target.fixes.is_empty()) {
        let _ = write!(command, " --fix {fix}");
    }
    if target.accounting == Accounting::Offload {
        command.push_str(" --accounting offload");
    }
    if target.all {
        command.push_str(" --all");
    }
    command
}
