//! Whole logs: of every version and container, in every encoding, cut anywhere.

use std::fs;

use proptest::prelude::*;

use super::*;

fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new("tests/data/log").join(name)).unwrap()
}

fn log(bytes: impl AsRef<[u8]>) -> Log {
    let mut reader = Reader::new();
    reader.feed(bytes.as_ref());
    reader.finish()
}

fn loads(log: &Log) -> Vec<(&Start, &Load)> {
    let of = |start| move |load| (start, load);
    log.starts.iter().flat_map(|start| start.prompts.iter().flat_map(|prompt| &prompt.loads).map(of(start))).collect()
}

/// A load in one line.
fn line((start, load): (&Start, &Load)) -> String {
    let outcome = match &load.outcome {
        Outcome::Failed { cause, .. } => format!("failed: {cause}"),
        Outcome::Unknown { why } => format!("unknown: {why}"),
        Outcome::Standard { is_partial, .. } => format!("standard{}", if *is_partial { ", in part" } else { "" }),
        outcome => format!("{outcome:?}").split(' ').next().unwrap().to_lowercase(),
    };
    let mode = match &load.mode {
        Mode::Wildcard { device } => format!("rest to {device}"),
        mode => format!("{mode:?}"),
    };
    let banner = load.banner.map_or("no banner", |index| &start.banners[index].text);
    let model = load.model.as_deref().unwrap_or("?");
    let cpu = load.cpu_bytes.map_or("?".to_owned(), |bytes| format!("{} MB", bytes >> 20));
    format!("{model} | {banner} | {mode} | cpu {cpu} | {:?} | {outcome}", load.asked)
}

fn lines(text: impl AsRef<[u8]>) -> Vec<String> {
    loads(&log(text)).into_iter().map(line).collect()
}

const CONSOLE: [&str; 7] = [
    "FluxClipModel_ | #cuda:0;0.5;cpu | VirtualVram | cpu 503 MB | Distribution | distributed",
    "Flux | cuda:0,5gb;cuda:1,3gb#cuda:0 | GpuOnly | cpu 0 MB | Distribution | distributed",
    "AutoencodingEngine | no banner | Nothing | cpu ? | Nothing | standard",
    "? | cuda:0,5gb;cuda:1,3gb#cuda:0 | GpuOnly | cpu 0 MB | Distribution | reused",
    "ControlNetFlux | no banner | Nothing | cpu ? | Nothing | standard",
    "Flux | cuda:0,20%;cpu,80%#cuda:0 | Ratio | cpu ? | Distribution | failed: torch.OutOfMemoryError: Allocation on device",
    "Flux | cuda:1,6gb#cuda:1 | rest to cpu | cpu 3075 MB | Distribution | distributed",
];

#[test]
fn every_load_has_its_outcome_in_every_version() {
    let fraction = "Flux | cuda:0,0.4;cuda:1,0.5#cuda:0 | Fraction | cpu 0 MB | Distribution | distributed";
    assert_eq!(lines(fixture("console.log")), CONSOLE);
    for version in ["2.0.0.log", "2.1.0.log", "2.2.1.log", "2.4.7.log"] {
        assert_eq!(lines(fixture(version)), [fraction], "{version}");
    }
    let first = "WAN21 | #cuda:0;4.0;cpu | VirtualVram | cpu 4096 MB | Distribution | distributed";
    assert_eq!(lines(fixture("first.log")), [first]);
    let dynamic = "Flux | #cuda:0;4.0;cpu | Nothing | cpu ? | Distribution | inert";
    assert_eq!(lines(fixture("dynamic.log")), [dynamic]);
    let twice = "WanTEModel | no banner | Nothing | cpu ? | Nothing | standard, in part";
    assert_eq!(lines(fixture("twice.log")), [twice]);
}

#[test]
fn a_start_says_what_runs_where() {
    let log = log(fixture("console.log"));
    let [start] = &log.starts[..] else { panic!("{} starts", log.starts.len()) };
    assert!(start.is_begun_here);
    assert_eq!(start.comfyui.as_deref(), Some("0.18.0"));
    assert_eq!(start.frontend.as_deref(), Some("1.41.2"));
    assert_eq!(start.pytorch.as_deref(), Some("2.9.1+cu128"));
    assert_eq!(start.python.as_deref(), Some("3.12.9"));
    assert_eq!(start.aimdo.as_deref(), Some("0.2.1"));
    assert_eq!(start.devices[1].card, "NVIDIA GeForce RTX 3060 Ti");
    assert_eq!((start.vram_bytes, start.ram_bytes), (Some(12 << 30), Some(32 << 30)));
    let Some(DynamicVram::Disabled { why }) = &start.dynamic_vram else { panic!("{:?}", start.dynamic_vram) };
    assert_eq!(why, "No working comfy-aimdo install detected");
    assert_eq!(start.mappings.as_deref().map(<[_]>::len), Some(3));
    let broken = start.packs.iter().find(|pack| pack.failed).unwrap();
    assert_eq!(broken.why.as_deref(), Some("No module named 'nothing'"));
    assert_eq!(start.node.prefix.as_deref(), Some("MultiGPU DisTorch V2"));
    let ends: Vec<End> = start.prompts.iter().map(|prompt| prompt.end).collect();
    let executed = |seconds| End::Executed { seconds: Some(seconds) };
    assert_eq!(ends, [executed(35.41), executed(20.0), End::Failed, End::Rejected, executed(725.0)]);
    assert_eq!(log.lines, fixture("console.log").lines().count() as u64);
}

#[test]
fn remarks_have_the_facts_in_them() {
    let log = log(fixture("console.log"));
    let kinds: Vec<&RemarkKind> = log.starts[0].remarks.iter().map(|remark| &remark.kind).collect();
    let RemarkKind::OutOfMemory(raised) = kinds[4] else { panic!("{kinds:#?}") };
    assert_eq!(raised.frames.last().unwrap().function, "new_partially_load");
    let text = |text: &str| text.to_owned();
    assert_eq!(
        kinds[5],
        &RemarkKind::ValueNotInList {
            class: Some(text("UNETLoaderDisTorch2MultiGPU")),
            id: Some(text("12")),
            input: text("compute_device"),
            value: text("cuda:2"),
            allowed: vec![text("cpu"), text("cuda:0"), text("cuda:1")],
        }
    );
    assert!(matches!(kinds[2], RemarkKind::RegisterFailed { module, .. } if module == "ComfyUI-WanVideoWrapper"));
    assert_eq!(kinds.len(), 6, "{kinds:#?}");
}

/// A log with something in front of each line, or of those that begin a message.
fn prefixed(text: &str, prefix: &str, is_message: bool) -> String {
    let mut is_inside = false;
    let line = |line: &str| {
        // A traceback, and the string of fractions, are part of the line before them.
        let is_first = !(is_message && is_inside);
        is_inside = line.starts_with("Traceback")
            || line.ends_with("Allocation String:")
            || (is_inside && line.starts_with(' '));
        if is_first { format!("{prefix}{line}\n") } else { format!("{line}\n") }
    };
    text.lines().map(line).collect()
}

#[test]
fn every_container_says_the_same() {
    let text = fixture("console.log");
    for (prefix, is_message, container, collector) in [
        ("[2026-03-01 12:00:00.123] ", true, Container::Manager, None),
        ("2026-03-01T12:00:00.123456 - ", true, Container::ErrorReport, None),
        ("[2026-03-01 12:00:00.123] [info]  ", false, Container::Desktop, None),
        ("2026-03-01 12:00:00,123 - root - INFO - ", true, Container::OldReport, None),
        ("\u{1b}[32m[INFO]\u{1b}[0m ", true, Container::Console, None),
        ("Mar 01 12:00:00 host python[4711]: ", false, Container::Console, Some(Container::Journal)),
        ("2026-03-01T12:00:00+0100 host python[4711]: ", false, Container::Console, Some(Container::Journal)),
        ("2026-03-01T12:00:00.123456789Z ", false, Container::Console, Some(Container::Docker)),
        ("\u{1b}[36mcomfyui-1  |\u{1b}[0m ", false, Container::Console, Some(Container::Compose)),
        ("comfyui-1  | [2026-03-01 12:00:00.123] ", false, Container::Manager, Some(Container::Compose)),
        ("> ", false, Container::Console, Some(Container::Quote)),
        ("    ", false, Container::Console, None),
        ("12:00:00 ", false, Container::Console, Some(Container::Timestamp)),
    ] {
        let text = prefixed(&text, prefix, is_message);
        let log = log(&text);
        assert_eq!(loads(&log).into_iter().map(line).collect::<Vec<_>>(), CONSOLE, "{prefix:?}");
        let start = log.starts.last().unwrap();
        assert_eq!((start.container, start.collector), (container, collector), "{prefix:?}");
        assert_eq!(start.remarks.len(), 6, "{prefix:?} {:#?}", start.remarks);
        assert_eq!(start.prompts.len(), 5, "{prefix:?}");
    }
    let fenced = format!("My log:\n\n```\n{}```\nWhat is wrong?\n", fixture("console.log"));
    assert_eq!(lines(fenced), CONSOLE);
}

#[test]
fn encodings_and_ends_of_lines_do_not_matter() {
    let text = fixture("console.log");
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    assert_eq!(lines(wide(&text)), CONSOLE);
    assert_eq!(lines(text.replace('\n', "\r\n")), CONSOLE);
    // PowerShell appended what it runs to a file in UTF-8.
    let appended = [b"earlier\n".to_vec(), wide(&text)].concat();
    assert_eq!(lines(appended), CONSOLE);
    let dirty: Vec<u8> =
        text.bytes().flat_map(|byte| if byte == b'\n' { vec![0, b'\n'] } else { vec![byte] }).collect();
    assert_eq!(lines(dirty), CONSOLE);
    for size in [1, 7, 64, 1000] {
        let mut reader = Reader::new();
        text.as_bytes().chunks(size).for_each(|part| reader.feed(part));
        assert_eq!(reader.finish(), log(&text), "parts of {size}");
    }
}

#[test]
fn servers_in_one_log_are_told_apart() {
    let text = fixture("console.log");
    let one = |name: &str| prefixed(&text, &format!("{name}  | "), false);
    let (first, second) = (one("comfyui-1"), one("comfyui-2"));
    let mixed: String = first.lines().zip(second.lines()).flat_map(|(a, b)| [a, "\n", b, "\n"]).collect();
    let log = log(mixed);
    let sources: Vec<_> = log.starts.iter().map(|start| start.source.as_deref().unwrap()).collect();
    assert_eq!(sources, ["comfyui-1", "comfyui-2"]);
    let twice = [CONSOLE, CONSOLE].concat();
    assert_eq!(loads(&log).into_iter().map(line).collect::<Vec<_>>(), twice);
}

#[test]
fn starts_follow_one_another() {
    let log = log(fixture("console.log").repeat(3));
    assert_eq!(log.starts.len(), 3);
    assert_eq!(loads(&log).into_iter().map(line).collect::<Vec<_>>(), [CONSOLE, CONSOLE, CONSOLE].concat());
}

#[test]
fn a_line_may_be_very_long() {
    let long = "x".repeat(10 << 20);
    let text = format!("{long}\n{}{long} got prompt\n{long}", fixture("console.log"));
    assert_eq!(lines(&text), CONSOLE);
    assert_eq!(log(&text).lines, text.lines().count() as u64);
}

#[test]
fn prompts_are_told_as_they_end() {
    let mut reader = Reader::new();
    let text = fixture("console.log");
    let mut ended = Vec::new();
    for part in text.as_bytes().chunks(100) {
        reader.feed(part);
        ended.extend(reader.ended().into_iter().map(|ended| ended.prompt));
    }
    assert_eq!(ended, reader.finish().starts[0].prompts);
}

#[test]
fn very_many_loads_are_counted() {
    let prompt = "got prompt\nRequested to load WAN21\nloaded completely; 1.00 MB usable, 1.00 MB loaded, full load: True\n\
                  Prompt executed in 1.00 seconds\n";
    let log = log(format!("Total VRAM 1 MB, total RAM 1 MB\n{}", prompt.repeat(5000)));
    let kept = loads(&log).len() as u64;
    assert!(kept >= 1000, "{kept}");
    assert_eq!(log.earlier.standard + kept, 5000);
    assert_eq!(log.earlier.prompts + kept, 5000);
}

#[test]
fn of_a_large_file_the_newest_part_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("comfyui.log");
    let text = fixture("console.log");
    let filler = "INFO nothing of interest is said here, and that very often\n".repeat(600_000);
    // Of the newest start, the beginning is read too, although it is long ago.
    let newest = text.split_once("got prompt").unwrap().0;
    fs::write(&path, format!("{text}{text}{newest}{filler}{text}")).unwrap();
    let log = read(&path).unwrap();
    assert_eq!(loads(&log).into_iter().map(line).collect::<Vec<_>>(), CONSOLE);
    assert_eq!((log.earlier.starts, log.earlier.prompts), (2, 10));
    assert_eq!((log.earlier.distributed, log.earlier.standard, log.earlier.failed), (8, 4, 2));
    assert_eq!(log.starts.len(), 2);
    assert_eq!(log.starts[0].comfyui.as_deref(), Some("0.18.0"));
    assert!(!log.starts[0].is_begun_here);
    assert_eq!(log.bytes, fs::metadata(&path).unwrap().len());
    assert_eq!(
        log.lines,
        (4 * text.lines().count() - (text.lines().count() - newest.lines().count()) + 600_000) as u64
    );
}

/// Is what a log says of a load also said, or more of it, by the whole log?
fn is_backed(cut: &Start, load: &Load, whole: &[(&Start, &Load)], is_excerpt: bool) -> bool {
    // A row of very small layers may be missing without a trace.
    let is_near = |a: Option<u64>, b: Option<u64>| a.zip(b).is_none_or(|(a, b)| a.abs_diff(b) < 1 << 18);

    let is_same_or_unknown = |a: &Option<String>, b: &Option<String>| a.is_none() || a == b;
    let text = |start: &Start, load: &Load| load.banner.map(|index| start.banners[index].text.clone());
    matches!(load.outcome, Outcome::Unknown { .. })
        || whole.iter().any(|(start, full)| {
            let is_same_outcome = match (&load.outcome, &full.outcome) {
                (Outcome::Failed { cause, .. }, Outcome::Failed { cause: whole, .. }) => whole.contains(cause.as_str()),
                (found, whole) => found == whole,
            };
            is_same_outcome
                // Nothing shows that a request, or the line of a loader node, was there.
                && (!is_excerpt || is_same_or_unknown(&load.model, &full.model))
                && (!is_excerpt || is_same_or_unknown(&text(cut, load), &text(start, full)))
                && (load.mode == Mode::Unknown || load.mode == full.mode || full.mode == Mode::Unknown)
                && (load.assigned.is_empty() || load.assigned == full.assigned)
                && (load.planned.is_empty() || load.planned == full.planned)
                && (load.total_bytes.is_none() || load.total_bytes == full.total_bytes)
                && is_near(load.cpu_bytes, full.cpu_bytes)
                && (!is_excerpt || load.asked == Asked::Unknown || full.asked == Asked::Unknown || load.asked == full.asked)
        })
}

/// Takes lines out of logs, and keeps only a few: nothing may be said that the whole log does not say.
fn hold_when_cut(name: &str, text: &str) {
    let whole = log(text);
    let all = loads(&whole);
    let rows: Vec<&str> = text.split_inclusive('\n').collect();
    // No step is a multiple of the lines of a load.
    let step = 1 + rows.len() / 40;
    for size in [1, 3, 40, 200] {
        for from in (0..rows.len()).step_by(step) {
            let to = (from + size).min(rows.len());
            let excerpt = rows[from..to].concat();
            let rest = rows[..from].concat() + &rows[to..].concat();
            for (cut, what) in [(excerpt, "only"), (rest, "without")] {
                // Without the tables of the first `DisTorch`, only a load by ComfyUI is left.
                if what == "without" && text.contains(" DisTorch Model") {
                    continue;
                }
                let cut = log(&cut);
                for (start, load) in loads(&cut) {
                    assert!(
                        is_backed(start, load, &all, what == "only"),
                        "{name}, {what} lines {from}..{to}: {load:#?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_cut_log_says_nothing_that_the_whole_one_does_not() {
    for entry in fs::read_dir("tests/data/log").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        hold_when_cut(&name, &fixture(&name));
    }
}

#[test]
fn real_logs_may_be_cut_too() {
    let Some(folder) = std::env::var_os("DISTORCH_FIX_LOGS") else {
        println!("SKIPPED: DISTORCH_FIX_LOGS names no folder with real logs");
        return;
    };
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log" || extension == "txt") {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            println!("{}", path.display());
            for load in loads(&log(&text)) {
                println!("  {}", line(load));
            }
            hold_when_cut(&path.display().to_string(), &text);
        }
    }
}

proptest! {
    #[test]
    fn any_lines_are_read(picks in prop::collection::vec((0_usize..4000, 0_usize..200), 0..60), noise in any::<Vec<u8>>()) {
        let text = fixture("console.log") + &fixture("first.log") + &fixture("dynamic.log");
        let rows: Vec<&str> = text.split_inclusive('\n').collect();
        let mut bytes = noise.clone();
        for (row, end) in picks {
            let row = rows[row % rows.len()].as_bytes();
            bytes.extend_from_slice(&row[..row.len().min(end)]);
            bytes.extend_from_slice(&noise[..noise.len().min(end % 3)]);
        }
        let whole = log(&bytes);
        prop_assert_eq!(whole.bytes, bytes.len() as u64);
        let mut reader = Reader::new();
        bytes.chunks(13).for_each(|part| reader.feed(part));
        prop_assert_eq!(reader.finish(), whole);
    }
}
