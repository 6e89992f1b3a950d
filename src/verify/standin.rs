//! Stand-ins for what a checkout's functions use: torch, comfy, logging.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Names whose effect or answer a stand-in cannot give: the content of a file may decide, and an allocation is not
/// expected to write one.
const OUTSIDE: [&str; 16] = [
    "open",
    "eval",
    "exec",
    "compile",
    "input",
    "breakpoint",
    "exit",
    "quit",
    "globals",
    "locals",
    "vars",
    "subprocess",
    "socket",
    "ctypes",
    "shutil",
    "importlib",
];

/// Does it reach outside the program? Reading the environment and computing paths is fine: some versions do so to
/// decide whether to log.
pub(super) fn reaches_outside(name: &str, chain: &[String], called: bool) -> bool {
    let harmless = |first: &String| matches!(first.as_str(), "environ" | "path" | "getenv" | "getpid" | "cpu_count");
    match name {
        "os" | "sys" => called && !chain.first().is_some_and(harmless),
        "builtins" | "Path" => called,
        _ => OUTSIDE.contains(&name) || (name.starts_with("__") && name.ends_with("__") && name != "__name__"),
    }
}

/// Names that need no stand-in.
pub(super) const BUILTINS: [&str; 59] = [
    "abs",
    "all",
    "any",
    "bool",
    "dict",
    "divmod",
    "enumerate",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "hasattr",
    "hash",
    "id",
    "int",
    "isinstance",
    "iter",
    "len",
    "list",
    "map",
    "max",
    "min",
    "next",
    "pow",
    "print",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "str",
    "sum",
    "tuple",
    "type",
    "zip",
    "Exception",
    "ValueError",
    "TypeError",
    "KeyError",
    "IndexError",
    "AttributeError",
    "RuntimeError",
    "StopIteration",
    "ZeroDivisionError",
    "NotImplementedError",
    "ArithmeticError",
    "AssertionError",
    "LookupError",
    "True",
    "False",
    "None",
    "object",
    "defaultdict",
    "self",
    "OSError",
];

/// What Python has as well, and the sandbox may lack.
const OTHER_BUILTINS: [&str; 24] = [
    "aiter",
    "anext",
    "ascii",
    "bin",
    "bytearray",
    "bytes",
    "chr",
    "classmethod",
    "complex",
    "delattr",
    "dir",
    "help",
    "hex",
    "issubclass",
    "memoryview",
    "oct",
    "ord",
    "property",
    "staticmethod",
    "BaseException",
    "Ellipsis",
    "NotImplemented",
    "KeyboardInterrupt",
    "SystemExit",
];

/// Those of them that the sandbox lacks.
const LACKED: [&str; 20] = [
    "EOFError",
    "FloatingPointError",
    "StopAsyncIteration",
    "UnicodeError",
    "UserWarning",
    "Warning",
    "aiter",
    "anext",
    "ascii",
    "bytearray",
    "callable",
    "classmethod",
    "complex",
    "delattr",
    "dir",
    "help",
    "issubclass",
    "memoryview",
    "staticmethod",
    "super",
];

/// Is it one of Python's own names, which no stand-in may hide? If so, whether the sandbox has it.
pub(super) fn builtin(name: &str) -> Option<bool> {
    let is_own = LACKED.contains(&name) || OTHER_BUILTINS.contains(&name) || is_exception(name);
    is_own.then(|| !LACKED.contains(&name))
}

fn is_exception(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && (name.ends_with("Error") || name.ends_with("Warning"))
}

/// Does Python have it, in every scope?
pub(super) fn is_of_python(name: &str) -> bool {
    OTHER_BUILTINS.contains(&name)
        || OUTSIDE.contains(&name)
        || (name.starts_with("__") && name.ends_with("__"))
        || is_exception(name)
}

pub(super) fn stand_in_text(text: &mut String, name: &str, uses: &BTreeSet<(Vec<String>, bool)>) {
    let mut made: BTreeSet<String> = BTreeSet::new();
    let plain: Vec<_> = uses.iter().filter(|(chain, _)| chain.is_empty()).collect();
    if uses.iter().all(|(chain, _)| chain.is_empty()) && !plain.is_empty() {
        let called = plain.iter().any(|(_, called)| *called);
        let _ = writeln!(text, "{name} = {}", leaf(name, called));
        return;
    }
    let _ = writeln!(text, "{name} = Nothing()");
    made.insert(name.to_owned());
    for (chain, called) in uses {
        let mut path = name.to_owned();
        for (at, attribute) in chain.iter().enumerate() {
            path = format!("{path}.{attribute}");
            let last = at + 1 == chain.len();
            let deeper = uses.iter().any(|(other, _)| other.len() > at + 1 && other[..=at] == chain[..=at]);
            if made.insert(path.clone()) {
                let value = if last && !deeper { leaf(attribute, *called) } else { "Nothing()" };
                let _ = writeln!(text, "{path} = {value}");
            }
        }
    }
}

/// Does a function of this name query the devices of the machine, wherever it is defined?
pub(super) fn asks_the_machine(name: &str) -> bool {
    leaf(name, true) == "listed_devices"
}

/// The stand-in for a name: the few that allocation depends on have one of their own, the rest do nothing.
fn leaf(name: &str, called: bool) -> &'static str {
    match name {
        "get_total_memory" | "get_free_memory" => "total_memory",
        "get_device_list" | "get_all_torch_devices" => "listed_devices",
        "device" if called => "as_text",
        "info" | "debug" | "warning" | "warn" | "error" | "critical" | "exception" | "log" => "logged",
        "time" | "perf_counter" | "monotonic" => "zero",
        "OrderedDict" => "dict",
        "Module" => "(Linear, Embedding, RMSNorm)",
        _ if name.contains("device") && called => "lambda *given, **named: \"cuda:0\"",
        _ if name.contains("device") => "\"cuda:0\"",
        _ if called || name.starts_with(char::is_lowercase) => "nothing",
        _ => "Nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_has_what_is_asked_of_it() {
        let of = |uses: &[(&[&str], bool)]| {
            let owned =
                |(chain, called): &(&[&str], bool)| (chain.iter().map(|&part| part.to_owned()).collect(), *called);
            let mut text = String::new();
            stand_in_text(&mut text, "a", &uses.iter().map(owned).collect());
            text
        };
        assert_eq!(of(&[(&[], true)]), "a = nothing\n");
        assert_eq!(of(&[(&[], false), (&["b"], true)]), "a = Nothing()\na.b = nothing\n");
        // What has attributes of its own is an object, however it is used beside that.
        let deep = "a = Nothing()\na.b = Nothing()\na.b.time = zero\n";
        assert_eq!(of(&[(&["b"], true), (&["b", "time"], true)]), deep);
        assert_eq!(of(&[(&["b", "time"], true)]), deep);
    }

    #[test]
    fn python_has_its_builtins_and_what_is_named_like_them() {
        let named = ["__name__", "__import__", "ValueError", "DeprecationWarning"];
        for name in named.into_iter().chain(OTHER_BUILTINS).chain(OUTSIDE) {
            assert!(is_of_python(name), "{name}");
        }
        for name in ["logger", "__x", "x__", "valueError", "is_Warning", "Errors", "Warned", "Tensor", ""] {
            assert!(!is_of_python(name), "{name}");
        }
    }
}
