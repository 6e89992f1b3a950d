//! When a ComfyUI uses its dynamic patcher, read from the conditions around the place that puts it in.
//!
//! ```text
//! if args.enable_x or (enables_x() and supported()):        main.py
//!     comfy.model_patcher.CoreModelPatcher = comfy.model_patcher.ModelPatcherDynamic
//!
//! def enables_x():                                          comfy/cli_args.py
//!     return not args.disable_x and not args.cpu            off: --disable-x, --cpu
//! ```
//!
//! The conditions are evaluated as they are without options, and with each option by itself. What they ask of the machine
//! is unknown, and listed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use super::Patchers;
use super::options::{Flag, flags, last};
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::syntax::top_definition;
use crate::python::{Place, Source};

/// The option that is looked for where ComfyUI's start was not understood.
const OFF: &str = "--disable-dynamic-vram";

/// Conditions and statements that are evaluated for one answer.
const MOST_STEPS: usize = 500;
/// Functions that call one another.
const DEEPEST: usize = 8;

/// What it takes for dynamic VRAM to be active.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    /// The options that prevent it, each by itself, in the order of the code.
    pub off: Vec<String>,
    /// The options that ask for it where it is not on by default.
    pub on: Vec<String>,
    /// What else it depends on, in ComfyUI's own expressions.
    pub depends_on: Vec<String>,
    /// Where `main.py` puts the dynamic patcher in.
    pub place: Option<Place>,
}

/// Is it active without any option, on a machine that does?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Default {
    On,
    Off,
    Unknown,
}

/// Reads the conditions, and tells the patchers by which name the dynamic one goes.
pub(super) fn read(main: Option<&Source>, options: Option<&Source>, patchers: &mut Patchers) -> (Default, Switches) {
    let rebound = main.and_then(|main| Some((main, rebinding(main, patchers)?)));
    let Some((main, assignment)) = rebound else {
        // The option alone shows what is meant.
        let switches =
            |off: &[&str]| Switches { off: off.iter().map(|name| (*name).to_owned()).collect(), ..Switches::default() };
        return match options {
            None => (Default::Unknown, switches(&[])),
            Some(options) if flags(options).values().any(|flag| flag.option == OFF) => (Default::On, switches(&[OFF])),
            Some(_) => (Default::Off, switches(&[])),
        };
    };
    for name in assignment.field("left").into_iter().filter_map(|left| last(main, left)) {
        patchers.rebind(name);
    }
    let conditions = Conditions {
        sources: [Some(main), options].into_iter().flatten().collect(),
        flags: options.map(flags).unwrap_or_default(),
        given: RefCell::default(),
        asked: RefCell::default(),
        leaves: RefCell::default(),
        steps: Cell::new(0),
    };
    let plain = conditions.with(None, assignment);
    let (asked, depends_on) = (conditions.asked.take(), conditions.leaves.take());
    let flags: Vec<_> = asked.iter().filter_map(|name| conditions.flags.get_key_value(name.as_str())).collect();
    let given = |wanted: fn(Option<bool>) -> bool| {
        let fits = flags.iter().filter(|(name, _)| wanted(conditions.with(Some(name), assignment)));
        fits.map(|(_, flag)| flag.option.clone()).collect()
    };
    let place = Some(main.place(assignment.start_byte()));
    if plain == Some(false) {
        return (
            Default::Off,
            Switches { off: Vec::new(), on: given(|is_on| is_on != Some(false)), depends_on, place },
        );
    }
    (Default::On, Switches { off: given(|is_on| is_on == Some(false)), on: Vec::new(), depends_on, place })
}

/// The first assignment of a dynamic patcher to an attribute or a name.
fn rebinding<'t>(main: &'t Source, patchers: &Patchers) -> Option<Node<'t>> {
    let mut found = None;
    walk(&mut main.root().walk(), |node| {
        if node.kind() == "assignment" && found.is_none() {
            let value = node.field("right").and_then(|right| last(main, right));
            found = value.filter(|value| patchers.is_dynamic(value) == Some(true)).map(|_| node);
        }
        found.is_none()
    });
    found
}

/// The conditions, evaluated with one option or none.
struct Conditions<'t> {
    /// Where functions are looked up; the first is the file with the assignment.
    sources: Vec<&'t Source>,
    flags: BTreeMap<String, Flag>,
    /// The attribute of the option that is given.
    given: RefCell<Option<String>>,
    /// The attributes of `args` that were asked for, in order.
    asked: RefCell<Vec<String>>,
    /// The expressions that are unknown, in order.
    leaves: RefCell<Vec<String>>,
    steps: Cell<usize>,
}

/// What some statements do.
#[derive(Clone, Copy)]
enum Flow {
    /// What follows them is run.
    On,
    /// They return this.
    Returns(Option<bool>),
}

impl<'t> Conditions<'t> {
    /// Is the assignment reached with this option?
    fn with(&self, given: Option<&str>, assignment: Node<'t>) -> Option<bool> {
        self.given.replace(given.map(str::to_owned));
        self.steps.set(0);
        let main = self.sources[0];
        let mut is_reached = Some(true);
        let mut below = assignment;
        while let Some(around) = below.parent() {
            is_reached = match around.kind() {
                "if_statement" | "elif_clause" if around.field("consequence") == Some(below) => {
                    let condition = around.field("condition");
                    and(condition.and_then(|condition| self.truth(main, condition, 0)), is_reached)
                }
                // Every condition before it fails.
                "if_statement" if matches!(below.kind(), "else_clause" | "elif_clause") => {
                    let before = around.parts().into_iter().take_while(|part| *part != below);
                    let clauses = before.filter(|part| part.kind() == "elif_clause");
                    let mut all = vec![around];
                    all.extend(clauses);
                    all.into_iter()
                        .filter_map(|clause| clause.field("condition"))
                        .fold(is_reached, |known, condition| {
                            and(self.truth(main, condition, 0).map(|is_true| !is_true), known)
                        })
                }
                _ => is_reached,
            };
            below = around;
        }
        is_reached
    }

    fn truth(&self, source: &'t Source, node: Node<'t>, depth: usize) -> Option<bool> {
        if !self.step() {
            return None;
        }
        match node.kind() {
            "parenthesized_expression" => self.truth(source, node.part(0)?, depth),
            "true" => Some(true),
            "false" | "none" => Some(false),
            "not_operator" => self.truth(source, node.field("argument")?, depth).map(|is_true| !is_true),
            "boolean_operator" => {
                // Both, so that nothing that may count is left out of the lists.
                let left = self.truth(source, node.field("left")?, depth);
                let right = self.truth(source, node.field("right")?, depth);
                let is_and = node.field("operator").is_some_and(|operator| source.slice(operator) == "and");
                if is_and { and(left, right) } else { and(left.map(|l| !l), right.map(|r| !r)).map(|neither| !neither) }
            }
            "attribute" => self.option(source, node, |flag| flag.is_switch),
            // A list of features is empty unless it is asked for.
            "comparison_operator" if source.slice(node).contains(" in ") => {
                let list = node.parts().into_iter().next_back()?;
                self.option(source, list, |flag| !flag.has_default && !flag.is_switch)
            }
            "call" => match self.function(source, node) {
                Some((source, body)) if depth < DEEPEST => match self.block(source, body.parts(), depth + 1) {
                    Flow::Returns(value) => value,
                    Flow::On => Some(false),
                },
                _ => self.unknown(source, node),
            },
            _ => self.unknown(source, node),
        }
    }

    /// The value of `args.NAME`, if it is an option of this sort.
    fn option(&self, source: &'t Source, node: Node<'t>, is_wanted: fn(&Flag) -> bool) -> Option<bool> {
        let name = node.field("attribute").map(|name| source.slice(name));
        let is_args = node.field("object").and_then(|object| last(source, object)) == Some("args");
        match name.filter(|name| is_args && self.flags.get(*name).is_some_and(is_wanted)) {
            None => self.unknown(source, node),
            Some(name) => {
                add(&self.asked, name);
                Some(self.given.borrow().as_deref() == Some(name))
            }
        }
    }

    fn unknown(&self, source: &Source, node: Node<'_>) -> Option<bool> {
        add(&self.leaves, &source.slice(node).split_whitespace().collect::<Vec<_>>().join(" "));
        None
    }

    /// The body of the function that is called, where it is one of these files.
    fn function(&self, source: &'t Source, call: Node<'t>) -> Option<(&'t Source, Node<'t>)> {
        let name = last(source, call.field("function")?)?;
        let find =
            |source: &'t Source| Some((source, top_definition(source, &["function_definition"], name)?.field("body")?));
        self.sources.iter().find_map(|source| find(source))
    }

    fn block(&self, source: &'t Source, statements: Vec<Node<'t>>, depth: usize) -> Flow {
        let mut rest = statements.into_iter();
        while let Some(statement) = rest.next() {
            if !self.step() {
                return Flow::Returns(None);
            }
            match statement.kind() {
                "return_statement" => {
                    let value = statement.part(0).map_or(Some(false), |value| self.truth(source, value, depth));
                    return Flow::Returns(value);
                }
                "if_statement" => {
                    return self.branch(source, &branches(statement), &rest.collect::<Vec<_>>(), depth);
                }
                "expression_statement" | "pass_statement" | "comment" | "global_statement" => {}
                _ => {
                    self.unknown(source, statement.part(0).unwrap_or(statement));
                    return Flow::Returns(None);
                }
            }
        }
        Flow::On
    }

    /// The first branch whose condition holds, and then the rest; both ways where that is unknown.
    fn branch(
        &self,
        source: &'t Source,
        branches: &[(Option<Node<'t>>, Node<'t>)],
        rest: &[Node<'t>],
        depth: usize,
    ) -> Flow {
        let Some(((condition, body), others)) = branches.split_first() else {
            return self.block(source, rest.to_vec(), depth);
        };
        let taken = || self.block(source, body.parts().into_iter().chain(rest.iter().copied()).collect(), depth);
        match condition.map_or(Some(true), |condition| self.truth(source, condition, depth)) {
            Some(true) => taken(),
            Some(false) => self.branch(source, others, rest, depth),
            None => match (value(taken()), value(self.branch(source, others, rest, depth))) {
                (one, other) if one == other => Flow::Returns(one),
                _ => Flow::Returns(None),
            },
        }
    }

    fn step(&self) -> bool {
        self.steps.set(self.steps.get() + 1);
        self.steps.get() <= MOST_STEPS
    }
}

/// What a function returns that ends so.
fn value(flow: Flow) -> Option<bool> {
    match flow {
        Flow::On => Some(false),
        Flow::Returns(value) => value,
    }
}

/// The branches of an `if`, with their conditions; `else` has none.
fn branches(statement: Node<'_>) -> Vec<(Option<Node<'_>>, Node<'_>)> {
    let mut clauses = vec![statement];
    clauses.extend(statement.parts().into_iter().filter(|part| matches!(part.kind(), "elif_clause" | "else_clause")));
    clauses
        .into_iter()
        .filter_map(|clause| {
            let body = clause.field("consequence").or_else(|| clause.field("body"))?;
            Some((clause.field("condition"), body))
        })
        .collect()
}

fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// Adds a text that is not in the list yet.
fn add(list: &RefCell<Vec<String>>, text: &str) {
    let mut list = list.borrow_mut();
    if !list.iter().any(|known| known == text) {
        list.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parse(text: &str) -> Source {
        Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).unwrap()
    }

    fn patchers() -> Patchers {
        Patchers::read(&parse("class Plain: pass\nclass Paged(Plain):\n    def is_dynamic(self): return True\n"))
    }

    const OPTIONS: &str = "parser.add_argument('--no-paging', action='store_true')\n\
                           group.add_argument(\"--all-on-gpu\", action=\"store_true\", help='x')\n\
                           group.add_argument('--force', dest='paging', action='store_true')\n\
                           parser.add_argument('--fast', nargs='*')\n";

    /// Of a file that starts ComfyUI and, behind the options, one that says when.
    fn told(main: &str, when: &str) -> (Default, Switches) {
        let options = parse(&format!("{OPTIONS}{when}"));
        let mut patchers = patchers();
        let told = read(Some(&parse(main)), Some(&options), &mut patchers);
        assert_eq!(patchers.is_dynamic("Core"), Some(true), "the name that is given away");
        told
    }

    #[test]
    fn options_that_prevent_it_are_found_through_the_conditions() {
        let main = "def supported():\n    if gpu.is_green():\n        return True\n    return gpu.version >= (7, 14)\n\
                    if args.paging or (pages() and supported()):\n\
                    \x20   if old:\n        log()\n    else:\n        try:\n            p.Core = p.Paged\n\
                    \x20       finally:\n            pass\n";
        let when = "def pages():\n    \"\"\"Unless.\"\"\"\n    if args.paging:\n        return True\n\
                    \x20   return not args.no_paging and not args.all_on_gpu\n";
        let (default, switches) = told(main, when);
        assert_eq!((default, &switches.off[..]), (Default::On, &["--no-paging", "--all-on-gpu"].map(String::from)[..]));
        assert!(switches.on.is_empty() && switches.place.is_some());
        assert_eq!(switches.depends_on, ["old", "gpu.is_green()", "gpu.version >= (7, 14)"]);
    }

    #[test]
    fn what_must_be_asked_for_is_off() {
        for (main, when, on) in [
            (
                "if pages():\n    p.Core = p.Paged\n",
                "def pages():\n    return X.Y in args.fast and not args.no_paging\n",
                &["--fast"][..],
            ),
            ("if args.paging and works():\n    p.Core = p.Paged\n", "", &["--force"]),
            ("if not args.paging:\n    pass\nelif works():\n    p.Core = p.Paged\n", "", &["--force"]),
            ("if pages():\n    p.Core = p.Paged\n", "def pages():\n    if args.paging: return works()\n", &["--force"]),
            ("if False:\n    p.Core = p.Paged\n", "", &[]),
        ] {
            let (default, switches) = told(main, when);
            assert!(default == Default::Off && switches.on == on, "{main}{when}: {switches:?}");
        }
    }

    #[test]
    fn what_is_not_understood_counts_as_possible() {
        for (main, when) in [
            ("p.Core = p.Paged\n", ""),
            ("if pages():\n    p.Core = p.Paged\n", "def pages():\n    while True: pass\n"),
            ("if pages():\n    p.Core = p.Paged\n", "def pages(): return pages()\n"),
            ("if args.other:\n    p.Core = p.Paged\n", ""),
            ("if works():\n    pass\nelse:\n    p.Core = p.Paged\n", ""),
        ] {
            let (default, switches) = told(main, when);
            assert_eq!((default, switches.off.len(), switches.on.len()), (Default::On, 0, 0), "{main}{when}");
        }
        let many = format!("def pages():\n{}    return True\n", "    if a():\n        b\n".repeat(500));
        assert_eq!(told("if pages():\n    p.Core = p.Paged\n", &many).0, Default::On, "it comes to an end");
    }

    #[test]
    fn without_a_start_that_was_understood_the_option_says_it() {
        let told = |main: Option<&str>, options: Option<&str>| {
            let (main, options) = (main.map(parse), options.map(parse));
            let (default, switches) = read(main.as_ref(), options.as_ref(), &mut patchers());
            (default, switches.off.len())
        };
        let option = "parser.add_argument('--disable-dynamic-vram', action='store_true')\n";
        assert_eq!(told(None, Some(option)), (Default::On, 1));
        assert_eq!(told(Some("start()\n"), Some(option)), (Default::On, 1));
        assert_eq!(told(None, Some("parser.add_argument('--dynamic')\n")), (Default::Off, 0));
        assert_eq!(told(None, None), (Default::Unknown, 0));
    }
}
