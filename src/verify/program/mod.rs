//! Builds a program from the text of a checkout's own functions: those that allocate, and all they reach.

mod build;
mod entries;
mod modules;

use std::collections::{BTreeMap, BTreeSet};

use self::build::Builder;
pub(super) use self::build::STAND_INS;
use self::modules::methods;
pub(super) use self::modules::{Module, Top};
use crate::python::{FileId, Package};

/// What a function is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Turns byte quotas into fractions.
    Bytes,
    /// Turns shares of the model into fractions.
    Ratios,
    /// Places the blocks.
    Analyzer,
}

/// A function that is called from outside of the program.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) role: Role,
    pub(super) name: String,
    /// Where it stands: the file and the line.
    pub(super) place: String,
    /// Does it take `is_clip`?
    pub(super) clip: bool,
}

/// The functions of a checkout, ready to be called.
pub(super) struct Program {
    pub(super) text: String,
    pub(super) entries: Vec<Entry>,
    /// Features it uses that the sandbox lacks, and where.
    pub(super) lacks: Vec<String>,
}

/// Builds the program of a package. `followed` are the files whose functions are used as they are (those of others are
/// replaced by stand-ins); `sharing` are the files and names of the functions that assign the remainder.
pub(super) fn build(
    package: &Package,
    followed: &[FileId],
    sharing: &BTreeSet<(FileId, String)>,
    arithmetic: bool,
) -> Result<Program, String> {
    let modules: BTreeMap<FileId, Module<'_>> = followed
        .iter()
        .filter_map(|file| package.source(*file).ok().map(|source| (*file, Module::of(package, *file, source))))
        .collect();
    let mut builder = Builder {
        methods: methods(&modules),
        modules,
        arithmetic,
        renamed: BTreeMap::new(),
        taken: BTreeMap::new(),
        stands: BTreeMap::new(),
        outside: None,
        lacks: Vec::new(),
    };
    let entries = builder.entries(sharing);
    // Whenever two files turn out to define the same name, one of the two is renamed, and collecting starts again.
    while !builder.take_all(&entries)? {}
    if let Some(call) = builder.outside {
        return Err(format!("`{call}` reaches outside the program, and has no stand-in"));
    }
    Ok(Program { text: builder.text(&entries), entries, lacks: builder.lacks })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program of a file that has a function `size` and imports `measured` from another one.
    fn built(items: &str) -> Result<Program, String> {
        let main = "import re\nfrom .items import measured\n\n\ndef size(item):\n    return re.sub('a', 'b', item[-4])\n\n\n\
                    def analyze(patcher, text):\n    items = patcher._load_list()\n    \
                    return {'block_assignments': [(measured(item), size(item)) for item in items]}\n";
        let files = [("distorch_2.py", main), ("items.py", items)];
        let package = Package::new(files.map(|(path, text)| (path.into(), text.into())));
        build(&package, &package.ids().collect::<Vec<_>>(), &BTreeSet::new(), false)
    }

    #[test]
    fn a_name_of_which_two_files_have_their_own_is_not_mixed_up() {
        let own = "def measured(item):\n    return own_size(item)\n\n\ndef own_size(item):\n    return item[0]\n";
        let program = built(own).unwrap_or_else(|error| panic!("{error}"));
        assert!(program.text.contains("return item[0]") && program.text.contains("def size("), "{}", program.text);
        let both = built(&own.replace("own_size", "size")).unwrap_or_else(|error| panic!("{error}")).text;
        assert!(both.contains("def size(") && both.contains("def size_of_file_1("), "{both}");
        assert!(both.contains("return size_of_file_1(item)"), "{both}");
        // A module is the same for both.
        assert!(built(&format!("import re\n{}", own.replace("item[0]", "re.sub('a', 'b', item[0])"))).is_ok());
    }
}
