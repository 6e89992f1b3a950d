//! Caches answers, so that the same question about the same files need not be computed again.
//!
//! An answer depends on what was asked, on the bytes that were read for it, and on this program; an entry's name is a
//! [`Key`] made of all of these, so an entry is never out of date, only unused. What is written to a checkout never
//! comes from the cache. A cache that cannot be read or written, or an entry that is damaged, is ignored.

use std::fs::{self, DirEntry};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::SystemTime;
use std::{env, io};

use blake3::{Hash, Hasher};
use etcetera::BaseStrategy;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The name of the folder among the user's caches.
const NAME: &str = "distorch-fix";

/// The most entries that are kept; the oldest are removed first. One has about ten kilobytes, and a run may have
/// hundreds of checkouts.
const MOST_ENTRIES: usize = 1024;

/// The key of an entry.
#[derive(Clone, Debug)]
pub struct Key(Hasher);

impl Key {
    /// A key for a kind of question.
    pub fn new(kind: &str) -> Self {
        Self(Hasher::new()).with(kind).with(env!("CARGO_PKG_VERSION"))
    }

    /// The same key with one more part. Parts are delimited, so that their bytes cannot be confused.
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.update(&(part.len() as u64).to_le_bytes()).update(part);
        self
    }

    /// The same key with a list of parts.
    pub fn with_all<T: AsRef<[u8]>>(self, parts: impl ExactSizeIterator<Item = T>) -> Self {
        let count = self.with((parts.len() as u64).to_le_bytes());
        parts.fold(count, Self::with)
    }
}

/// A folder of answers.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    /// What distinguishes this build from others of the same version.
    build: Vec<u8>,
}

impl Cache {
    /// The user's cache; None if there is no folder for one.
    pub fn of_user() -> Option<Self> {
        let mut folder = etcetera::choose_base_strategy().ok()?.cache_dir().join(NAME);
        if cfg!(windows) {
            // The journals are beside it, and are not to go when somebody empties it.
            folder.push("cache");
        }
        let about = fs::metadata(env::current_exe().ok()?).ok()?;
        let age = about.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Self { folder, build: [about.len().to_le_bytes().as_slice(), &age.as_nanos().to_le_bytes()].concat() })
    }

    /// The answer that was kept under a key.
    pub fn get<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let entry = fs::read(self.entry(key)).ok()?;
        let (sum, answer) = entry.split_at_checked(blake3::OUT_LEN)?;
        // Hashes of this type are compared in constant time, which does no harm.
        (blake3::hash(answer) == Hash::from_slice(sum).ok()?).then(|| serde_json::from_slice(answer).ok())?
    }

    /// Keeps an answer, if possible.
    pub fn keep<T: Serialize>(&self, key: &Key, answer: &T) {
        let _ = self.write(key, answer);
    }

    fn write<T: Serialize>(&self, key: &Key, answer: &T) -> io::Result<()> {
        let answer = serde_json::to_vec(answer)?;
        fs::create_dir_all(&self.folder)?;
        self.make_room()?;
        // Another run may be reading it, so it appears complete.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(blake3::hash(&answer).as_bytes())?;
        file.write_all(&answer)?;
        file.persist(self.entry(key))?;
        Ok(())
    }

    fn make_room(&self) -> io::Result<()> {
        let entries: Vec<_> = fs::read_dir(&self.folder)?.collect::<Result<_, _>>()?;
        if entries.len() < MOST_ENTRIES {
            return Ok(());
        }
        let age = |entry: &DirEntry| entry.metadata().and_then(|about| about.modified()).ok();
        let mut entries: Vec<_> = entries.into_iter().map(|entry| (age(&entry), entry.path())).collect();
        entries.sort();
        // Not one at a time: then every run would list all of them.
        entries.iter().take(MOST_ENTRIES / 2).try_for_each(|(_, path)| fs::remove_file(path))
    }

    fn entry(&self, key: &Key) -> PathBuf {
        self.folder.join(key.clone().with(&self.build).0.finalize().to_hex().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &tempfile::TempDir) -> Cache {
        Cache { folder: folder.path().join("new"), build: vec![1] }
    }

    #[test]
    fn an_answer_is_found_under_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder);
        let key = Key::new("sum").with("ab").with("c");
        assert_eq!(cache.get::<String>(&key), None);
        cache.keep(&key, &"abc");
        assert_eq!(cache.get::<String>(&key).as_deref(), Some("abc"));
        for other in [Key::new("sum").with("a").with("bc"), Key::new("product").with("ab").with("c")] {
            assert_eq!(cache.get::<String>(&other), None);
        }
        let other_build = Cache { build: vec![2], ..cache };
        assert_eq!(other_build.get::<String>(&key), None);
    }

    #[test]
    fn a_damaged_entry_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder);
        let key = Key::new("sum");
        cache.keep(&key, &"abc");
        let whole = fs::read(cache.entry(&key)).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(cache.entry(&key), damaged).unwrap();
            assert_eq!(cache.get::<String>(&key), None, "byte {at}");
            fs::write(cache.entry(&key), &whole[..at]).unwrap();
            assert_eq!(cache.get::<String>(&key), None, "{at} bytes");
        }
        fs::write(cache.entry(&key), whole).unwrap();
        assert_eq!(cache.get::<String>(&key).as_deref(), Some("abc"));
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder);
        for number in 0..MOST_ENTRIES + 10 {
            cache.keep(&Key::new("sum").with(number.to_le_bytes()), &number);
        }
        assert!(fs::read_dir(&cache.folder).unwrap().count() <= MOST_ENTRIES);
        let newest = MOST_ENTRIES + 9;
        assert_eq!(cache.get::<usize>(&Key::new("sum").with(newest.to_le_bytes())), Some(newest));
    }

    #[test]
    fn nothing_goes_wrong_where_nothing_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let cache = Cache { folder: file, build: Vec::new() };
        cache.keep(&Key::new("sum"), &1);
        assert_eq!(cache.get::<usize>(&Key::new("sum")), None);
    }
}
