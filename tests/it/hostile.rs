//! Node files that mean harm, or only ask too much: each is refused within the limits, nothing on the host is touched,
//! and the program ends as programs do.

use std::fs;
use std::time::{Duration, Instant};

use crate::common::{Install, Ran, at_once, is_full};
use distorch_fix::verify::{Engine, Limits, Options, Verdict};

/// As in the program: memory is counted by it.
#[global_allocator]
static ALLOCATOR: monty_alloc::LimitedAllocator = monty_alloc::LimitedAllocator;

/// The line of the function for bytes that is replaced.
const LINE: &str = "    final_bytes = defaultdict(int)\n";

/// `legacy`, with something in its function for bytes and something above it.
fn hostile(inside: &str, above: &str) -> Install {
    let install = Install::of("legacy");
    let text = install.text();
    assert_eq!(text.matches(LINE).count(), 1);
    let indented: Vec<_> = inside.lines().map(|line| format!("    {line}")).collect();
    let text = text.replace(LINE, &format!("{LINE}{}\n", indented.join("\n")));
    let place = text.find("def calculate_fraction_from_byte_expert_string").unwrap();
    // Not a `raise` in the function itself: what stands behind it would be known to be dead.
    let above = format!("{above}\n\n\ndef leave(how):\n    raise how\n\n\n");
    let text = format!("{}{above}{}", &text[..place], &text[place..]);
    fs::write(install.file(), text).unwrap();
    install
}

/// Is it refused, and clearly, without a trace? `apply` looks as `check` does, and would write.
fn is_refused(what: &str, install: &Install) -> Ran {
    let before = install.files();
    let commands: &[&str] = if is_full() { &["check", "apply"] } else { &["apply"] };
    let refused = commands.iter().map(|command| {
        let begun = Instant::now();
        let ran = install.run(&[command]);
        println!("{what:<40} {command:<6} {:>6} ms  {}", begun.elapsed().as_millis(), said(&ran));
        assert_eq!(ran.code, 2, "{what}: {ran:?}");
        assert!(ran.err.starts_with("error: ") || ran.err.contains("\nerror: "), "{what}: {ran:?}");
        assert!(ran.err.contains("help: "), "{what}: {ran:?}");
        assert!(ran.err.len() < 10_000, "{what}: {} bytes of message", ran.err.len());
        assert!(!ran.err.contains("panicked"), "{what}: {ran:?}");
        assert!(install.files() == before, "{what}: something was written");
        ran
    });
    refused.collect::<Vec<_>>().pop().unwrap()
}

fn said(ran: &Ran) -> String {
    let lines: Vec<_> = ran.err.lines().skip_while(|line| !line.starts_with("error: ")).take(2).collect();
    lines.join(" ").chars().take(150).collect()
}

/// Is it stopped within limits of a fraction of those of the program?
fn all_are_stopped(hostile_ones: &[(&str, &str, &str)]) {
    let limits = Limits {
        time: Duration::from_millis(200),
        time_per_call: Duration::ZERO,
        step: Duration::from_millis(200),
        ..Limits::default()
    };
    let options = Options { engine: Engine::Sandbox(limits), ..Options::default() };
    at_once(hostile_ones, |(what, inside, above)| {
        let begun = Instant::now();
        let verdict = hostile(inside, above).repair().unwrap().verify(&options);
        println!("{what:<40} {:>6} ms  {verdict:?}", begun.elapsed().as_millis());
        let Verdict::Inconclusive(reason) = verdict else { panic!("{what}: {verdict:?}") };
        assert!(reason.len() < 1000, "{what}: {} bytes of reason", reason.len());
        assert!(!reason.contains("crashed"), "{what}: {reason}");
    });
}

#[test]
fn the_limits_are_those_of_the_documentation() {
    let Limits { time, time_per_call, step, memory_bytes, calls } = Limits::default();
    let rows = [
        format!("| time | {} ms, and {} ms for each call |", time.as_millis(), time_per_call.as_millis()),
        format!("| time of a single step beyond that | {} ms |", step.as_millis()),
        format!("| memory of the program's values | {} MiB |", memory_bytes >> 20),
        format!("| calls inside calls | {calls} |"),
    ];
    let documentation = fs::read_to_string("docs/safety.md").unwrap();
    for row in rows {
        assert!(documentation.lines().any(|line| line == row), "{row}");
    }
}

#[test]
fn the_program_stops_what_exceeds_a_limit() {
    let hostile_ones = [
        ("time limit exceeded", "while True:\n    pass", ""),
        ("memory limit exceeded", "[0] * 10**10", ""),
        ("maximum recursion depth exceeded", "again(0)", "def again(depth):\n    return again(depth + 1)"),
    ];
    at_once(&hostile_ones, |(limit, inside, above)| {
        let install = hostile(inside, above);
        let ran = is_refused(limit, &install);
        assert!(ran.err.contains(limit), "{limit}: {ran:?}");
    });
}

#[test]
fn what_never_ends_is_stopped() {
    all_are_stopped(&[
        ("an endless loop", "while True:\n    pass", ""),
        (
            "an endless loop that catches everything",
            "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        continue",
            "",
        ),
        ("a loop as good as endless", "for number in range(10**18):\n    number += 1", ""),
        ("a sum as good as endless", "sum(range(10**12))", ""),
        (
            "a generator without end",
            "final_bytes = defaultdict(int, {str(number): 0 for number in forever()})",
            "def forever():\n    while True:\n        yield 1",
        ),
        ("printing without end", "while True:\n    print(\"x\" * 1000)", ""),
        ("logging without end", "while True:\n    logger.info(\"GPU-ONLY x\")", ""),
        ("unbounded recursion", "again(0)", "def again(depth):\n    return again(depth + 1)"),
        (
            "recursion that catches everything",
            "again(0)",
            "def again(depth):\n    try:\n        return again(depth + 1)\n    except BaseException:\n        return again(depth + 1)",
        ),
        (
            "a regex that explodes",
            "re.match(\"(a+)+$\", \"a\" * 60 + \"b\")\nre.match(\"(a|a)*$\", \"a\" * 60 + \"b\")\nre.match(r\"^(\\w+\\s?)*$\", \"a \" * 60 + \"!\")\nfinal_bytes = None",
            "",
        ),
        ("a regex with references that explodes", "re.match(r\"(a*)*\\1b\", \"a\" * 5000)\nfinal_bytes = None", ""),
        (
            "an error whose text has no end",
            "raise Endless()",
            "class Endless(Exception):\n    def __str__(self):\n        while True:\n            pass",
        ),
        (
            "an object whose text has no end",
            "return Endless()",
            "class Endless:\n    def __str__(self):\n        while True:\n            pass\n\n    __repr__ = __str__",
        ),
    ]);
}

#[test]
fn what_asks_for_too_much_is_stopped() {
    all_are_stopped(&[
        ("a list of gigabytes", "[0] * 10**10", ""),
        ("a list that grows", "grown = [0]\nwhile True:\n    grown += grown", ""),
        ("a list that grows slowly", "grown = []\nwhile True:\n    grown.append([])", ""),
        ("a text of gigabytes", "\"x\" * 10**10", ""),
        ("a text that grows", "grown = \"x\"\nwhile True:\n    grown += grown", ""),
        ("bytes of gigabytes", "b\"x\" * 10**10", ""),
        ("a dict of millions", "{number: number for number in range(10**8)}", ""),
        ("a set of millions", "set(range(10**9))", ""),
        ("a tuple of millions", "tuple(range(10**10))", ""),
        ("a shift of gigabytes", "1 << 10**11", ""),
        ("a power of gigabytes", "10 ** 10**10", ""),
        ("a tower of powers", "9 ** 9 ** 9 ** 9", ""),
        ("a number squared for ever", "number = 3\nwhile True:\n    number *= number", ""),
        ("a number written out", "str(7 ** 3_000_000)\nfinal_bytes = None", ""),
        ("a text padded to gigabytes", "\"{:>10000000000}\".format(1)", ""),
        ("an f-string padded to gigabytes", "f\"{1:>{10**10}}\"", ""),
        ("a float with a billion decimals", "f\"{1.5:.1000000000f}\"\nfinal_bytes = None", ""),
        ("a text centred to gigabytes", "\"x\".center(10**10)", ""),
        ("a text replaced to gigabytes", "(\"x\" * 10**5).replace(\"x\", \"x\" * 10**6)", ""),
        ("a text joined to gigabytes", "(\"x\" * 10**5).join([\"y\"] * 10**6)", ""),
        (
            "a list in itself, as text",
            "own = []\nfor _ in range(100000):\n    own = [own]\nstr(own)\nfinal_bytes = None",
            "",
        ),
        (
            "a list in itself, compared",
            "one, two = [], []\nfor _ in range(100000):\n    one, two = [one], [two]\none == two\nfinal_bytes = None",
            "",
        ),
        ("an answer of gigabytes", "return \"x\" * 60_000_000 + \"x\" * 60_000_000", ""),
    ]);
}

#[test]
fn what_reaches_for_the_host_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("marker");
    let secret = folder.path().join("secret");
    fs::write(&secret, "a secret that is read").unwrap();
    let (marker_text, secret_text) = (marker.display().to_string(), secret.display().to_string());
    let attempts = [
        ("os.system", "import os\nos.system(\"touch MARKER\")\nfinal_bytes = None"),
        ("os by another way", "from os import system as run\nrun(\"touch MARKER\")\nfinal_bytes = None"),
        ("subprocess", "import subprocess\nsubprocess.run([\"touch\", \"MARKER\"])\nfinal_bytes = None"),
        ("writing", "open(\"MARKER\", \"w\").write(\"x\")"),
        ("writing by pathlib", "from pathlib import Path\nPath(\"MARKER\").write_text(\"x\")\nfinal_bytes = None"),
        ("reading", "leave(ValueError(open(\"SECRET\").read()))"),
        ("reading by pathlib", "from pathlib import Path\nleave(ValueError(Path(\"SECRET\").read_text()))"),
        ("the environment", "import os\nleave(ValueError(os.environ[\"PATH\"]))"),
        ("__import__", "__import__(\"os\").system(\"touch MARKER\")"),
        ("importlib", "import importlib\nimportlib.import_module(\"os\").system(\"touch MARKER\")\nfinal_bytes = None"),
        ("eval", "eval(\"open('MARKER', 'w')\")"),
        ("exec", "exec(\"open('MARKER', 'w')\")"),
        ("compile", "compile(\"open('MARKER', 'w')\", \"x\", \"exec\")"),
        ("__class__.__bases__", "().__class__.__bases__[0].__subclasses__()"),
        ("__subclasses__ of object", "object.__subclasses__()"),
        ("__mro__", "str.__mro__[-1].__subclasses__()"),
        ("__globals__", "logger.info.__globals__[\"json\"]"),
        ("__globals__ of its own", "parse_memory_string.__globals__[\"__builtins__\"]"),
        ("__builtins__", "__builtins__[\"open\"](\"MARKER\", \"w\")"),
        ("__code__", "parse_memory_string.__code__.co_consts[10**9]"),
        ("__init__.__globals__ of a stand-in", "mm.__init__.__globals__[\"sys\"]"),
        ("__getattribute__", "object.__getattribute__(re, \"__loader__\")"),
        ("the modules of a module", "re.sys.modules[\"os\"].system(\"touch MARKER\")"),
        ("json's own", "json.codecs.open(\"MARKER\", \"w\")"),
        ("a socket", "import socket\nsocket.create_connection((\"127.0.0.1\", 9))\nfinal_bytes = None"),
        ("ctypes", "import ctypes\nctypes.string_at(0)\nfinal_bytes = None"),
        ("leaving", "leave(SystemExit(0))"),
        ("leaving by sys", "import sys\nsys.exit(0)\nfinal_bytes = None"),
        ("leaving by os", "import os\nos._exit(0)\nfinal_bytes = None"),
        ("interrupting", "leave(KeyboardInterrupt())"),
        ("format of attributes", "\"{0.__class__.__init__.__globals__}\".format(logger)\nfinal_bytes = None"),
    ];
    at_once(&attempts, |(what, inside)| {
        let inside = inside.replace("MARKER", &marker_text).replace("SECRET", &secret_text);
        let install = hostile(&inside, "");
        let ran = is_refused(what, &install);
        assert!(!marker.exists(), "{what}: the host was touched");
        let path = std::env::var("PATH").unwrap();
        assert!(!ran.err.contains("a secret that is read") && !ran.err.contains(&path), "{what}: {ran:?}");
    });
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    let deep = |open: &str, close: &str, count: usize| format!("{}0{}", open.repeat(count), close.repeat(count));
    let counts: &[usize] = if is_full() { &[150, 300, 1000, 5000, 100_000] } else { &[300, 10_000] };
    for &count in counts {
        let nested = [
            ("parentheses", deep("(", ")", count)),
            ("lists", deep("[", "]", count)),
            ("calls", deep("abs(", ")", count)),
            ("subscripts", format!("[0]{}", "[0]".repeat(count))),
            ("attributes", format!("logger{}", ".x".repeat(count))),
            ("additions", format!("0{}", " + 0".repeat(count))),
            ("negations", format!("{}0", "not ".repeat(count))),
            ("signs", format!("{}0", "-".repeat(count))),
            ("powers", format!("0{}", " ** 0".repeat(count))),
            ("comparisons", format!("0{}", " < 0".repeat(count))),
            ("conditions", format!("{}0", "0 if 0 else ".repeat(count))),
            ("lambdas", format!("{}0", "lambda: ".repeat(count))),
            ("comprehensions", deep("[0 for _ in ", "]", count)),
            ("texts side by side", format!("\"\"{}", " \"\"".repeat(count))),
        ];
        at_once(&nested, |(what, code)| {
            let install = hostile(&format!("{code}\nfinal_bytes = None"), "");
            is_refused(&format!("{count} {what}"), &install);
        });
    }
}

#[test]
fn statements_nested_too_deep_are_refused() {
    let heads = ["if True:", "for _ in [0]:", "with logger:", "class Inner:", "try:", "while True:", "def inner():"];
    // Of the last two, 95 are run until a limit stops them.
    let cases: &[(usize, &[&str])] = if is_full() {
        &[(60, &heads), (95, &heads), (200, &heads), (1000, &heads)]
    } else {
        &[(95, &heads[..5]), (1000, &heads)]
    };
    for &(depth, heads) in cases {
        at_once(heads, |head| {
            let heads = (0..depth).map(|level| format!("{}{head}", " ".repeat(level)));
            let body = format!("{}pass", " ".repeat(depth));
            let end = |level| format!("{0}finally:\n{0} pass", " ".repeat(level));
            let ends = (0..depth).rev().filter(|_| *head == "try:").map(end);
            let lines: Vec<_> = heads.chain([body]).chain(ends).chain(["final_bytes = None".to_owned()]).collect();
            let code = lines.join("\n");
            is_refused(&format!("{depth} times {head}"), &hostile(&code, ""));
        });
    }
}
