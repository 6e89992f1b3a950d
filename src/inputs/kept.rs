//! Keeps the classes of an installation in the cache.
//!
//! Following the definitions takes longer than reading the files, and which files are needed is only known afterwards. So
//! there are two entries: the one says what was read the last time that the same was asked, the other one has the classes
//! under a key with the texts of these files. What is read depends on nothing but what is asked and these texts, so an
//! answer is found only if it would be given again.

use std::path::Path;

use super::Classes;
use super::library::{Library, Read};
use crate::cache::{Cache, Key};

/// The classes of these folders and the wanted names, from the cache, or else by reading them.
pub(super) fn classes(
    library: &Library,
    folders: [Option<&Path>; 2],
    wanted: &[&str],
    cache: Option<&Cache>,
    read: impl FnOnce() -> Classes,
) -> Classes {
    let Some(cache) = cache else { return read() };
    let folders = folders.iter().map(|folder| folder.map_or(&[][..], |folder| folder.as_os_str().as_encoded_bytes()));
    let key = library.with_names(Key::new("classes").with_all(wanted.iter()).with_all(folders));
    let last: Option<Read> = cache.get(&key);
    let known = last.and_then(|last| cache.get(&library.with_texts(key.clone(), &last)?));
    known.unwrap_or_else(|| {
        let classes = read();
        let last = library.read();
        if let Some(answer) = library.with_texts(key.clone(), &last) {
            cache.keep(&answer, &classes);
            cache.keep(&key, &last);
        }
        classes
    })
}

/// Numbers as their bits: JSON has no infinity, and its reader can be off by the last digit.
pub(super) mod bits {
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub(in crate::inputs) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(number.to_bits())
    }

    pub(in crate::inputs) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}
