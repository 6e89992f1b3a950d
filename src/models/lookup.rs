//! From the name in a loader node to the file.

use std::fs;
use std::path::{Path, PathBuf};

/// The most entries of a folder that are compared, to find a name that is written differently.
const MOST_ENTRIES: usize = 100_000;
/// The most parts of a name.
const MOST_PARTS: usize = 64;
/// Names of the VAE loader that are no file, or several.
const VAES_OF_COMFYUI: [&str; 6] = ["taesd", "taesdxl", "taesd3", "taef1", "taef2", "pixel_space"];

/// What is behind the name of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// This file.
    Found {
        /// Where it is.
        path: PathBuf,
        /// Files of that name in folders that are searched later; ComfyUI does not load them.
        hidden: Vec<PathBuf>,
    },
    /// Not by this name, but there is such a file by another: with the other system's separators, or in other letters.
    Otherwise {
        /// Where it is.
        path: PathBuf,
        /// Its name on this system.
        name: String,
    },
    /// Nothing.
    Missing {
        /// The folders of the category; none if the category is not known.
        looked_in: Vec<PathBuf>,
    },
    /// A model that ComfyUI makes from several files, or from none.
    BuiltIn,
}

impl Lookup {
    /// The file, by whatever name.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Found { path, .. } | Self::Otherwise { path, .. } => Some(path),
            Self::Missing { .. } | Self::BuiltIn => None,
        }
    }
}

/// Looks in the folders of a category.
pub(super) fn find(folders: &[PathBuf], category: &str, name: &str) -> Lookup {
    let separator = |c: char| c == '/' || (cfg!(windows) && c == '\\');
    if let Some(parts) = parts(name, separator) {
        let mut found = folders.iter().map(|folder| join(folder, &parts)).filter(|path| path.is_file());
        if let Some(path) = found.next() {
            return Lookup::Found { path, hidden: found.collect() };
        }
    }
    if category == "vae" && VAES_OF_COMFYUI.contains(&name) {
        return Lookup::BuiltIn;
    }
    let alike = parts(name, |c| c == '/' || c == '\\');
    let found = alike.and_then(|parts| folders.iter().find_map(|folder| written_differently(folder, &parts)));
    found.unwrap_or_else(|| Lookup::Missing { looked_in: folders.to_vec() })
}

fn join(folder: &Path, parts: &[&str]) -> PathBuf {
    parts.iter().fold(folder.to_owned(), |path, part| path.join(part))
}

/// The parts of a name, without a way out of its folder: `os.path.relpath(os.path.join("/", name), "/")`.
fn parts(name: &str, is_separator: impl Fn(char) -> bool) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    for part in name.split(is_separator) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            // On Windows a drive, or a stream of a file.
            part if part.contains('\0') || (cfg!(windows) && part.contains(':')) => return None,
            part => parts.push(part),
        }
    }
    (!parts.is_empty() && parts.len() <= MOST_PARTS).then_some(parts)
}

/// The same parts in any letters. Only the folders on the way are listed.
fn written_differently(folder: &Path, parts: &[&str]) -> Option<Lookup> {
    let mut path = folder.to_owned();
    let mut names = Vec::new();
    for part in parts {
        let name = if path.join(part).exists() {
            (*part).to_owned()
        } else {
            let wanted = part.to_lowercase();
            let entries = fs::read_dir(&path).ok()?.take(MOST_ENTRIES).flatten();
            let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            names.find(|name| name.to_lowercase() == wanted)?
        };
        path.push(&name);
        names.push(name);
    }
    path.is_file().then(|| Lookup::Otherwise { path, name: names.join(std::path::MAIN_SEPARATOR_STR) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(files: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let folders = ["one", "two", "absent"].map(|name| root.path().join(name));
        (root, folders.into())
    }

    #[test]
    fn the_first_folder_counts_and_the_others_are_told() {
        let (_root, folders) = folders(&["one/a", "two/a", "two/sub/b"]);
        let hidden = vec![folders[1].join("a")];
        assert_eq!(find(&folders, "x", "a"), Lookup::Found { path: folders[0].join("a"), hidden });
        assert_eq!(find(&folders, "x", "sub/b").path(), Some(&*folders[1].join("sub").join("b")));
        assert_eq!(find(&folders, "x", "sub"), Lookup::Missing { looked_in: folders.clone() });
        assert_eq!(find(&folders, "x", ""), Lookup::Missing { looked_in: folders });
    }

    #[test]
    fn no_name_leads_out_of_its_folder() {
        let (root, folders) = folders(&["secret", "one/a"]);
        let secret = root.path().join("secret");
        for name in ["../secret", "..\\secret", "x/../../secret", secret.to_str().unwrap(), "a\0"] {
            assert!(matches!(find(&folders, "x", name), Lookup::Missing { .. }), "{name}");
        }
        assert!(matches!(find(&folders, "x", "../../a"), Lookup::Found { .. }));
    }

    #[test]
    fn names_of_another_system_are_recognised() {
        let (_root, folders) = folders(&["two/Wan/High.gguf"]);
        let by_its_separator = find(&folders, "x", "Wan\\High.gguf");
        let otherwise =
            Lookup::Otherwise { path: folders[1].join("Wan").join("High.gguf"), name: "Wan/High.gguf".into() };
        assert!(if cfg!(windows) { by_its_separator.path().is_some() } else { by_its_separator == otherwise });
        let by_its_letters = find(&folders, "x", "wan/HIGH.gguf");
        assert!(by_its_letters == otherwise || !cfg!(target_os = "linux"), "{by_its_letters:?}");
    }

    #[test]
    fn models_of_comfyui_itself_are_no_files() {
        let (_root, folders) = folders(&["one/taesdxl"]);
        assert_eq!(find(&folders, "vae", "taesd"), Lookup::BuiltIn);
        assert!(matches!(find(&folders, "vae", "taesdxl"), Lookup::Found { .. }));
        assert!(matches!(find(&folders, "loras", "taesd"), Lookup::Missing { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_dangling_ones_are_not_files() {
        let (root, folders) = folders(&["far/a"]);
        std::os::unix::fs::symlink(root.path().join("far"), root.path().join("one")).unwrap();
        fs::create_dir(root.path().join("two")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.path().join("two/b")).unwrap();
        assert!(matches!(find(&folders, "x", "a"), Lookup::Found { .. }));
        assert!(matches!(find(&folders, "x", "b"), Lookup::Missing { .. }));
    }
}
