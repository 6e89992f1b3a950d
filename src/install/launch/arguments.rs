//! What arguments mean to ComfyUI: Python's `argparse` with the options of the installed ComfyUI.
//!
//! `argparse` takes the beginning of an option for the whole if no other option begins so, and `--option=value` for
//! `--option value`. Of an option that is given twice, the last counts.
//!
//! Source: `Lib/argparse.py` of Python 3.10 to 3.14, and `comfy/cli_args.py` of the ComfyUI, which is read and not run.

use std::collections::HashMap;
use std::path::Path;

use tree_sitter::Node;

use crate::install::Files;
use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::source::walk;

/// Where a ComfyUI has its options.
const FILE: &str = "comfy/cli_args.py";
/// The largest such file that is read.
const MOST_BYTES: u64 = 1 << 20;

/// An option that is given, with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its full name, such as `--disable-dynamic-vram`.
    pub option: String,
    /// Its values, none for a switch.
    pub values: Vec<String>,
}

/// The options that a ComfyUI knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    known: Vec<Known>,
    /// Are these all? If not, an option that is not among them may be one.
    are_all: bool,
    /// Does the beginning of a name stand for the whole?
    are_shortened: bool,
}

/// An option.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    /// Its names; the first counts.
    names: Vec<String>,
    values: Values,
    /// Of the options with the same one, only one can be given.
    group: Option<String>,
}

/// How many values an option has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    Exactly(usize),
    AtMostOne,
    Any,
    AtLeastOne,
}

/// What an argument is.
enum Word<'o> {
    /// An option, and the value behind its `=`.
    Option(&'o Known, Option<String>),
    /// An option that is not known.
    Unknown,
    /// The beginning of several options.
    Ambiguous(Vec<&'o str>),
    Value,
}

impl Options {
    /// The options of the ComfyUI in this folder; none that are known if they cannot be read.
    pub fn of(comfyui: &Path) -> Self {
        let bytes = Files::Folder(comfyui.to_owned()).read(Path::new(FILE), MOST_BYTES);
        let source = bytes.ok().flatten().and_then(|bytes| Source::parse(Path::new(FILE), bytes).ok());
        source.as_ref().map(Self::read).unwrap_or_default()
    }

    fn read(source: &Source) -> Self {
        let mut options = Self { known: vec![Known::help()], are_all: true, are_shortened: true };
        // The parser or group that each variable holds.
        let mut groups: HashMap<&str, &str> = HashMap::new();
        walk(&mut source.root().walk(), |node| {
            if node.kind() == "call"
                && let Some(function) = node.field("function")
            {
                let called = source.slice(function.field("attribute").unwrap_or(function));
                let arguments = node.field("arguments").map(|arguments| arguments.parts()).unwrap_or_default();
                match called {
                    "add_argument" => {
                        let group = function.field("object").and_then(|group| groups.get(source.slice(group)));
                        match Known::of(source, &arguments, group.copied()) {
                            Some(known) => options.known.push(known),
                            None => options.are_all = false,
                        }
                    }
                    "add_mutually_exclusive_group" => {
                        let assigned = node.parent().filter(|parent| parent.kind() == "assignment");
                        let name = assigned.and_then(|assigned| assigned.field("left")).map(|left| source.slice(left));
                        groups.extend(name.map(|name| (name, name)));
                    }
                    "ArgumentParser" => {
                        let shortened = keyword(source, &arguments, "allow_abbrev");
                        options.are_shortened = shortened.is_none_or(|value| value.kind() != "false");
                    }
                    "parse_known_args" | "add_subparsers" => options.are_all = false,
                    _ => {}
                }
            }
            true
        });
        options.are_all &= options.known.len() > 1;
        options
    }

    /// The options that the arguments give, in order, and why ComfyUI does not start with them.
    pub(super) fn interpret(&self, arguments: &[String]) -> (Vec<Given>, Vec<String>) {
        let (mut given, mut problems): (Vec<Given>, Vec<String>) = (Vec::new(), Vec::new());
        let mut in_groups: HashMap<&str, &str> = HashMap::new();
        let mut rest = arguments.iter().map(String::as_str).peekable();
        while let Some(argument) = rest.next() {
            if argument == "--" {
                break;
            }
            match self.word(argument) {
                Word::Option(known, value) => {
                    let name = known.names[0].as_str();
                    let mut values: Vec<String> = value.into_iter().collect();
                    let (least, most) = known.values.bounds();
                    if values.len() > most {
                        problems.push(format!("ComfyUI does not start with {argument}: {name} has no value"));
                        continue;
                    }
                    // A value behind `=` is the only one.
                    let most = if values.is_empty() { most } else { values.len() };
                    while values.len() < most
                        && let Some(value) =
                            rest.next_if(|next| matches!(self.word(next), Word::Value) && *next != "--")
                    {
                        values.push(value.to_owned());
                    }
                    if values.len() < least {
                        problems.push(format!("ComfyUI does not start with {argument}: a value is missing"));
                        continue;
                    }
                    if let Some(group) = &known.group
                        && let Some(other) = in_groups.insert(group, name).filter(|other| *other != name)
                    {
                        problems.push(format!("ComfyUI does not start with both {other} and {name}"));
                    }
                    given.push(Given { option: name.to_owned(), values });
                }
                Word::Ambiguous(names) => {
                    problems
                        .push(format!("ComfyUI does not start with {argument}: it could be {}", names.join(" or ")));
                }
                Word::Unknown if self.are_all => {
                    problems.push(format!("ComfyUI does not start with {argument}: this version does not know it"));
                }
                // How many values it has is not known: those up to the next option are taken for its own.
                Word::Unknown => {
                    let (name, value) = argument.split_once('=').map_or((argument, None), |(name, v)| (name, Some(v)));
                    let mut values: Vec<String> = value.into_iter().map(str::to_owned).collect();
                    while let Some(value) = rest.next_if(|next| !next.starts_with("--")) {
                        values.push(value.to_owned());
                    }
                    given.push(Given { option: name.to_owned(), values });
                }
                Word::Value if self.are_all => {
                    problems.push(format!("ComfyUI does not start with `{argument}`: it belongs to no option"));
                }
                Word::Value => {}
            }
        }
        (given, problems)
    }

    fn word(&self, argument: &str) -> Word<'_> {
        if !argument.starts_with('-') || argument == "-" {
            return Word::Value;
        }
        let exact = |name: &str| self.known.iter().find(|known| known.names.iter().any(|known| known == name));
        if let Some(known) = exact(argument) {
            return Word::Option(known, None);
        }
        let (name, value) =
            argument.split_once('=').map_or((argument, None), |(name, value)| (name, Some(value.to_owned())));
        if let Some(known) = exact(name) {
            return Word::Option(known, value);
        }
        if self.are_shortened && self.are_all && name.starts_with("--") {
            let all = self.known.iter().flat_map(|known| known.names.iter().map(move |name| (known, name.as_str())));
            let begun: Vec<_> = all.filter(|(_, known)| known.starts_with(name)).collect();
            match begun[..] {
                [] => {}
                [(known, _)] => return Word::Option(known, value),
                _ => return Word::Ambiguous(begun.into_iter().map(|(_, name)| name).collect()),
            }
        }
        let is_number =
            argument[1..].parse::<f64>().is_ok() && argument[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.');
        if is_number || argument.contains(' ') { Word::Value } else { Word::Unknown }
    }
}

impl Known {
    /// `-h`, which every parser has.
    fn help() -> Self {
        Self { names: vec!["--help".into(), "-h".into()], values: Values::Exactly(0), group: None }
    }

    /// None if its name is not written there.
    fn of(source: &Source, arguments: &[Node<'_>], group: Option<&str>) -> Option<Self> {
        let named = arguments.iter().take_while(|argument| argument.kind() != "keyword_argument");
        let mut names = named.map(|name| text(source, *name).map(str::to_owned)).collect::<Option<Vec<_>>>()?;
        names.sort_by_key(|name| !name.starts_with("--"));
        names.first().filter(|name| name.starts_with('-'))?;
        let action = keyword(source, arguments, "action").and_then(|action| text(source, action));
        let values = match keyword(source, arguments, "nargs") {
            None if action.is_some_and(|action| action != "store" && action != "append" && action != "extend") => {
                Values::Exactly(0)
            }
            None => Values::Exactly(1),
            Some(count) => match text(source, count) {
                Some("?") => Values::AtMostOne,
                Some("*") => Values::Any,
                Some("+") => Values::AtLeastOne,
                _ => Values::Exactly(source.slice(count).parse().ok()?),
            },
        };
        Some(Self { names, values, group: group.map(str::to_owned) })
    }
}

impl Values {
    /// The least and the most of them.
    fn bounds(self) -> (usize, usize) {
        match self {
            Self::Exactly(count) => (count, count),
            Self::AtMostOne => (0, 1),
            Self::Any => (0, usize::MAX),
            Self::AtLeastOne => (1, usize::MAX),
        }
    }
}

fn keyword<'t>(source: &Source, arguments: &[Node<'t>], name: &str) -> Option<Node<'t>> {
    let is_it = |node: &&Node<'_>| node.field("name").is_some_and(|own| source.slice(own) == name);
    arguments.iter().filter(|node| node.kind() == "keyword_argument").find(is_it)?.field("value")
}

/// What is in the quotes of a plain string.
fn text<'t>(source: &'t Source, node: Node<'_>) -> Option<&'t str> {
    let is_plain = node.kind() == "string" && node.parts().iter().all(|part| part.kind() != "interpolation");
    let parts = if is_plain { node.parts() } else { Vec::new() };
    parts.into_iter().find(|part| part.kind() == "string_content").map(|content| source.slice(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLI_ARGS: &str = "\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument('--listen', type=str, nargs='?', const='0.0.0.0,::')
parser.add_argument(\"--port\", type=int, default=8188)
parser.add_argument('--extra-model-paths-config', nargs='+', action='append')
parser.add_argument('--fast', nargs='*')
parser.add_argument('--cuda-device', type=str, default=None)
parser.add_argument('--disable-dynamic-vram', action='store_true')
parser.add_argument('--disable-async-offload', action='store_true')
vram_group = parser.add_mutually_exclusive_group()
vram_group.add_argument('--highvram', action='store_true')
vram_group.add_argument('--cpu', action='store_true')
parser.add_argument('--cpu-vae', action='store_true')
args = parser.parse_args()
";

    fn options(text: &str) -> Options {
        Options::read(&Source::parse(Path::new("cli_args.py"), text.as_bytes().to_vec()).unwrap())
    }

    /// What is given, and what is wrong.
    fn read(options: &Options, line: &str) -> (Vec<String>, Vec<String>) {
        let arguments: Vec<String> = line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let (given, problems) = options.interpret(&arguments);
        let shown = |given: Given| [vec![given.option], given.values].concat().join(" ");
        (given.into_iter().map(shown).collect(), problems)
    }

    #[test]
    fn arguments_mean_what_they_mean_to_argparse() {
        let options = options(CLI_ARGS);
        for (line, expected) in [
            ("--disable-dyn --port=8189", vec!["--disable-dynamic-vram", "--port 8189"]),
            ("--listen --cpu", vec!["--listen", "--cpu"]),
            ("--listen 0.0.0.0 --cpu", vec!["--listen 0.0.0.0", "--cpu"]),
            (
                "--extra-model a b --fast x --extra-model=c",
                vec!["--extra-model-paths-config a b", "--fast x", "--extra-model-paths-config c"],
            ),
            ("--cuda 1 --cuda-device=0,1", vec!["--cuda-device 1", "--cuda-device 0,1"]),
            ("--port -5", vec!["--port -5"]),
            ("--cpu --cpu", vec!["--cpu", "--cpu"]),
        ] {
            assert_eq!(
                read(&options, line),
                (expected.iter().map(|&text| text.to_owned()).collect(), vec![]),
                "{line}"
            );
        }
    }

    #[test]
    fn what_argparse_rejects_is_a_problem() {
        let options = options(CLI_ARGS);
        for (line, part) in [
            ("--disable", "--disable-dynamic-vram or --disable-async-offload"),
            ("--cpu --highvram", "both --cpu and --highvram"),
            ("--novram", "does not know it"),
            ("--port", "a value is missing"),
            ("--cpu=1", "has no value"),
            ("stray --cpu", "belongs to no option"),
        ] {
            let (_, problems) = read(&options, line);
            assert!(problems.len() == 1 && problems[0].contains(part), "{line}: {problems:?}");
        }
    }

    #[test]
    fn options_that_cannot_all_be_known_are_taken_as_they_are_written() {
        let some = options(&CLI_ARGS.replace("parse_args()", "parse_known_args()"));
        assert_eq!(read(&some, "--new x --cpu"), (vec!["--new x".into(), "--cpu".into()], vec![]));
        let none = Options::default();
        assert_eq!(read(&none, "--port 8189 --cpu"), (vec!["--port 8189".into(), "--cpu".into()], vec![]));
        let whole = options(&CLI_ARGS.replace("ArgumentParser()", "ArgumentParser(allow_abbrev=False)"));
        assert!(read(&whole, "--disable-dyn").1[0].contains("does not know it"));
    }
}
