//! What to run next.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::{Accounting, Target};
use crate::text::visible;

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

/// In quotes that shells of every system accept, if it needs any.
pub(super) fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let path = visible(&path);
    let is_plain = |c: char| c.is_alphanumeric() || "/\\._-~:+,@".contains(c);
    let quote = if path.chars().all(is_plain) { "" } else { "\"" };
    format!("{quote}{path}{quote}")
}
