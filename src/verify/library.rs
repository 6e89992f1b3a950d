//! Python's standard library, as far as it affects results: what the sandbox has of it, and stand-ins for the rest.

use std::fmt;

const PIECES: &str = include_str!("library.py");

/// Modules that the sandbox has, and that are harmless in a real interpreter.
const HAD: [&str; 7] = ["collections", "functools", "itertools", "json", "math", "re", "typing"];

/// Modules that it lacks; some of their names have a stand-in.
const LACKED: [&str; 13] = [
    "bisect",
    "contextlib",
    "copy",
    "dataclasses",
    "decimal",
    "enum",
    "fractions",
    "heapq",
    "operator",
    "random",
    "statistics",
    "string",
    "types",
];

/// Names that are missing in the modules it has.
const LACKED_NAMES: [&str; 4] =
    ["collections.ChainMap", "functools.cmp_to_key", "functools.singledispatch", "functools.total_ordering"];

/// A module of the standard library, or a name of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standard<'p> {
    pub(super) module: &'static str,
    pub(super) name: Option<&'p str>,
}

impl fmt::Display for Standard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.module)?;
        self.name.map_or(Ok(()), |name| write!(f, ".{name}"))
    }
}

impl<'p> Standard<'p> {
    /// A module, if it affects results.
    pub(super) fn module(module: &str) -> Option<Self> {
        let known = HAD.iter().chain(&LACKED).find(|known| **known == module)?;
        Some(Self { module: known, name: None })
    }

    /// A name of a module.
    pub(super) fn name(module: &str, name: &'p str) -> Option<Self> {
        Self::module(module).map(|standard| Self { name: Some(name), ..standard })
    }

    /// Python that binds `bound` to this name; `None` for a module as a whole.
    pub(super) fn text(&self, bound: &str) -> Option<String> {
        let (module, name) = (self.module, self.name?);
        let real = || format!("import {module} as harness_{module}\n{bound} = harness_{module}.{name}");
        Some(self.piece().map_or_else(real, |(code, stands)| format!("{code}\n{bound} = {stands}")))
    }

    /// The code of its stand-in, and the name that this defines.
    fn piece(&self) -> Option<(&'static str, &'static str)> {
        let wanted = self.to_string();
        let mut pieces = PIECES.split("\n#: ").skip(1).filter_map(|piece| piece.split_once('\n'));
        let (_, code) = pieces.find(|(names, _)| names.split(' ').any(|name| name == wanted))?;
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let first = code.trim_start_matches("def ").trim_start_matches("class ");
        Some((code.trim_end(), first.split(|c| !is_part(c)).next()?))
    }
}

/// Can the sandbox run it, or a stand-in for it?
pub(super) fn in_sandbox(standard: Standard<'_>) -> bool {
    let is_had = HAD.contains(&standard.module) && !LACKED_NAMES.contains(&standard.to_string().as_str());
    is_had || standard.name.is_none() || standard.piece().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_defines_the_name_that_it_is_taken_by() {
        let mut pieces = 0;
        for piece in PIECES.split("\n#: ").skip(1) {
            let (names, _) = piece.split_once('\n').unwrap();
            for name in names.split(' ') {
                let (module, name) = name.split_once('.').unwrap();
                let standard = Standard::name(module, name).unwrap();
                let (code, stands) = standard.piece().unwrap();
                assert!(stands.starts_with("harness_"), "{standard}: {stands}");
                assert!(
                    code.starts_with(&format!("def {stands}("))
                        || code.contains(&format!("{stands} ="))
                        || code.starts_with(&format!("class {stands}:"))
                );
                pieces += 1;
            }
        }
        assert!(pieces > 30);
    }
}
