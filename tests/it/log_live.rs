//! Standard input: a log that is still being written is passed on at once, byte for byte, with a verdict after each prompt.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::common::{program, skip};

/// Nothing takes this long, unless it is never done.
const LONGEST: Duration = Duration::from_mins(2);

/// The program while it reads from this test.
struct Live {
    child: Child,
    input: Option<ChildStdin>,
    out: Receiver<Vec<u8>>,
    err: Receiver<Vec<u8>>,
}

fn chunks(mut from: impl std::io::Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut chunk = vec![0; 1 << 16];
        while let Ok(count) = from.read(&mut chunk) {
            if count == 0 || sender.send(chunk[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

impl Live {
    fn new(arguments: &[&str]) -> Self {
        let mut program = program(".".as_ref());
        let piped = program.args(["log", "-"]).args(arguments).stdin(Stdio::piped());
        let mut child = piped.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (chunks(child.stdout.take().unwrap()), chunks(child.stderr.take().unwrap()));
        Self { input: child.stdin.take(), child, out, err }
    }

    fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).and_then(|()| input.flush()).unwrap();
    }

    /// Waits for this many bytes on standard output.
    fn passed(&self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            bytes.extend(self.out.recv_timeout(LONGEST).expect("passed on at once"));
        }
        bytes
    }

    /// Waits for a text on standard error.
    fn told(&self, text: &str) -> String {
        let mut said = String::new();
        while !said.contains(text) {
            said += &String::from_utf8(self.err.recv_timeout(LONGEST).expect(text)).unwrap();
        }
        said
    }

    /// Ends the input: what is still printed, and the exit code.
    fn end(mut self) -> (Vec<u8>, String, i32) {
        drop(self.input.take());
        let out = self.out.iter().flatten().collect();
        let err = String::from_utf8(self.err.iter().flatten().collect()).unwrap();
        (out, err, self.child.wait().unwrap().code().unwrap())
    }
}

fn text(file: &str) -> String {
    fs::read_to_string(format!("tests/data/logs/{file}")).unwrap()
}

#[test]
fn every_byte_is_passed_on_at_once_and_verdicts_wait_for_a_line_to_end() {
    let mut live = Live::new(&[]);
    let log = text("as-shipped.log");
    let (loading, end) = log.split_at(log.find("Prompt executed").unwrap());
    live.write(loading.as_bytes());
    assert_eq!(live.passed(loading.len()), loading.as_bytes());
    // A line that has not ended, and bytes that are no text.
    let bar = b"  0%|          | 0/10\r \xff\xfe\0 50%|#####";
    live.write(bar);
    assert_eq!(live.passed(bar.len()), bar);
    let rest = format!("\n{end}");
    live.write(rest.as_bytes());
    let told = live.told("WanVAE");
    assert!(told.starts_with("distorch-fix: WAN21 distributed: cuda:0 5.03 GB, cuda:1 4.99 GB, cpu 1.29 GB"), "{told}");
    assert_eq!(live.passed(rest.len()), rest.as_bytes());
    let (out, err, code) = live.end();
    assert_eq!((out, code), (Vec::new(), 0));
    assert!(err.ends_with("  distorch-fix apply\n"), "the verdict comes at the end: {err}");
}

#[test]
fn a_verdict_is_told_before_a_line_that_has_begun_behind_it() {
    let mut live = Live::new(&[]);
    let log = text("inert.log") + "got prompt\n  0%|   ";
    live.write(log.as_bytes());
    assert!(live.told("WanVAE").contains("WAN21 inert"));
    assert_eq!(live.end().2, 1);
}

#[test]
fn whoever_stops_reading_does_not_stop_the_log() {
    let mut program = program(".".as_ref());
    let piped = program.args(["log", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    let log = text("unpacked-wrongly.log");
    for line in log.split_inclusive('\n') {
        input.write_all(line.as_bytes()).unwrap();
    }
    drop(input);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(said.contains("WAN21 failed: ") && !said.contains("warning"), "{said}");
}

#[test]
#[cfg(unix)]
fn an_interrupt_is_left_to_comfyui() {
    let mut live = Live::new(&[]);
    let log = text("as-shipped.log");
    let (before, after) = log.split_at(log.len() / 2);
    live.write(before.as_bytes());
    live.passed(before.len());
    for _ in 0..2 {
        let killed = Command::new("kill").args(["-INT", &live.child.id().to_string()]).status();
        if !killed.is_ok_and(|status| status.success()) {
            return skip("there is no `kill`, so nothing was interrupted");
        }
    }
    live.write(after.as_bytes());
    assert_eq!(live.passed(after.len()), after.as_bytes());
    let (_, err, code) = live.end();
    assert_eq!(code, 0);
    assert!(err.contains("distributed"), "{err}");
}

#[test]
fn a_pipe_can_be_read_like_a_file_and_a_file_always_is() {
    let log = text("as-shipped.log");
    for arguments in [&["--report"][..], &["--format", "json"]] {
        let mut live = Live::new(arguments);
        live.write(log.as_bytes());
        let (out, err, code) = live.end();
        let out = String::from_utf8(out).unwrap();
        assert_eq!((err.as_str(), code), ("", 0));
        assert!(out.contains("WAN21") && !out.contains("Checkpoint files will"), "{arguments:?}: {out}");
    }
    let file = File::open("tests/data/logs/as-shipped.log").unwrap();
    let ran = crate::common::Ran::of(program(".".as_ref()).args(["log", "-"]).stdin(file));
    assert!(ran.out.starts_with("standard input  ") && !ran.out.contains("Checkpoint files will"), "{}", ran.out);
}
