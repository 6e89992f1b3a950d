//! One writer at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::advice::Advise as _;

/// Held while a checkout is written to. The operating system releases it when the process ends, however it ends. The
/// file stays; its existence means nothing.
#[derive(Debug)]
pub(super) struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// Takes the lock in this folder, which is created if necessary. Fails at once if another process holds it.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join("lock");
        let open = || -> io::Result<File> {
            fs::create_dir_all(folder)?;
            // Opening a pipe would block, and a link could lead anywhere.
            let is_odd = |path: &Path, is_right: fn(&fs::Metadata) -> bool| {
                fs::symlink_metadata(path).is_ok_and(|about| !is_right(&about))
            };
            if is_odd(folder, fs::Metadata::is_dir) || is_odd(&path, fs::Metadata::is_file) {
                return Err(io::Error::other("it was not made by distorch-fix"));
            }
            File::options().create(true).write(true).truncate(false).open(&path)
        };
        let file = open()
            .with_context(|| format!("cannot keep a journal in {}", folder.display()))
            .help("check the free space and the permissions of the folder")?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => {
                bail!(anyhow!("another distorch-fix is writing here").help("wait for it to end, and try again"))
            }
            // Some network file systems have no locks. A file that changed meanwhile is noticed anyway.
            Err(TryLockError::Error(_)) => Ok(Self { _file: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice;

    #[test]
    fn there_is_one_at_a_time_and_a_stale_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let error = Lock::take(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "another distorch-fix is writing here");
        assert_eq!(advice::help(&error), ["wait for it to end, and try again"]);
        drop(first);
        assert!(folder.path().join("lock").exists());
        Lock::take(folder.path()).unwrap();
    }
}
