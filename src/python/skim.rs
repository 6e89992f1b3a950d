//! What a file may import, from its text alone: every import that it has, and perhaps more, such as one in a comment.
//!
//! Parsing all files of a pack takes several times as long as parsing the one that matters. If their text already shows
//! that nothing is wrong, they need not be parsed.

use super::imports::dotted;

/// An import that a file may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skimmed {
    /// Leading dots: 0 for an absolute import.
    pub dots: usize,
    /// The dotted module; empty in `from . import name`.
    pub module: String,
    /// The name that is taken from the module, `*` for all; None in `import module`.
    pub name: Option<String>,
    /// The name that the importing file gets; `a` in `import a.b`.
    pub bound: String,
}

impl Skimmed {
    /// The module with the name that is taken from it, which may be a module too.
    pub fn dotted(&self) -> String {
        dotted(&self.module, self.name.as_deref())
    }
}

const WORD: &str = "import";

/// Every import that a text may have; None if one is written over several lines with backslashes.
pub fn skim(text: &str) -> Option<Vec<Skimmed>> {
    let mut found = Vec::new();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    for at in memchr::memmem::find_iter(text.as_bytes(), WORD) {
        let (before, after) = (&text[..at], &text[at + WORD.len()..]);
        if before.ends_with(is_part) || after.starts_with(is_part) {
            continue;
        }
        // A statement begins a line, or follows a semicolon or a colon.
        let start = before.rfind(['\n', ';', ':']).map_or(0, |end| end + 1);
        let left = before[start..].trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let goes_on = before[..start].trim_end_matches(['\r', '\n']).ends_with('\\');
        let after = after.trim_start_matches([' ', '\t']);
        let names = match after.strip_prefix('(') {
            Some(list) => &list[..list.find(')').unwrap_or(list.len())],
            None => &after[..after.find(['\n', ';']).unwrap_or(after.len())],
        };
        let module = left.strip_prefix("from").filter(|rest| rest.starts_with(['.', ' ', '\t', '\\']));
        if !left.is_empty() && module.is_none() && !goes_on {
            continue;
        }
        if goes_on || left.contains('\\') || names.contains('\\') {
            return None;
        }
        let path = module.unwrap_or_default().trim();
        let written = path.trim_start_matches('.');
        let lines = names.lines().map(|line| line.split('#').next().unwrap_or_default());
        for part in lines.flat_map(|line| line.split(',')) {
            let mut words = part.split_whitespace();
            let Some(first) = words.next() else { continue };
            let alias = words.skip_while(|word| *word != "as").nth(1);
            found.push(match module {
                Some(_) => Skimmed {
                    dots: path.len() - written.len(),
                    module: written.to_owned(),
                    name: Some(first.to_owned()),
                    bound: alias.unwrap_or(first).to_owned(),
                },
                None => Skimmed {
                    dots: 0,
                    module: first.to_owned(),
                    name: None,
                    bound: alias.unwrap_or_else(|| first.split('.').next().unwrap_or_default()).to_owned(),
                },
            });
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::python::Source;
    use crate::python::imports::imports;

    fn told(text: &str) -> Vec<String> {
        let told = |found: Skimmed| format!("{}{} as {}", ".".repeat(found.dots), found.dotted(), found.bound);
        skim(text).expect("no backslash").into_iter().map(told).collect()
    }

    #[test]
    fn every_form_of_an_import_is_seen() {
        let text = "import a.b, c as d\nfrom .e import (\n    f,  # one\n    g as h,\n)\nif x: from .. import i\n\
                    try: import j; from k.l import *\nexcept ImportError: pass\n# import m\nx = important\n";
        let expected = ["a.b as a", "c as d", ".e.f as f", ".e.g as h", "..i as i", "j as j", "k.l.* as *"];
        assert_eq!(told(text), expected);
        assert_eq!(skim("from a import \\\n    b\n"), None);
        assert_eq!(skim("from a \\\n    import b\n"), None);
    }

    proptest! {
        /// Every import in the tree is among those of the text.
        #[test]
        fn no_import_of_the_tree_is_missed(lines in prop::collection::vec(prop::sample::select(vec![
            "import a", "import a.b as c, d", "from . import x", "from .m import (x as y, z)", "from ..m.n import *",
            "if a: import b", "try: from c import d", "except E: import e", "x = 1; import f", "def g(): import h",
            "class C: from . import i", "lambda: 0", "s = 'import t'", "# from u import v", "from w import(q)",
            "with a as b: import c; import d", "for i in j: from k import l # import m", "\u{c}import n", "\timport o",
        ]), 0..12)) {
            let text = lines.iter().fold(String::new(), |text, line| text + "if 1:\n    " + line + "\n");
            let source = Source::parse(Path::new("a.py"), text.clone().into_bytes());
            let Ok(source) = source else { return Ok(()) };
            let skimmed = skim(&text).expect("no backslash");
            for import in imports(&source) {
                let name = if import.star { Some("*") } else { import.name };
                let is_seen = skimmed.iter().any(|skimmed| {
                    skimmed.dots == import.dots && skimmed.module == import.module && skimmed.name.as_deref() == name
                });
                prop_assert!(is_seen, "{import:?} in {text}");
            }
        }
    }
}
