//! Runs a program: in the sandbox inside this process, or in the user's Python.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use std::{env, thread};

use monty::MontyRun;
use monty_types::{
    BASELINE_MEMORY, CompileOptions, LIVE_MEMORY, MontyObject, PrintWriter, ResourceLimits, ResourceTracker,
};
use wait_timeout::ChildExt as _;

/// Time that a real interpreter may take to start, in addition to the time of the program.
const MOST_START: Duration = Duration::from_secs(8);
/// The stack of the sandbox's thread. Nested calls and nested code need it.
const STACK_BYTES: usize = 32 * 1024 * 1024;
/// The longest part of an error, and of the line that raised it, that is shown; in characters.
const MOST_REASON: usize = 200;
/// What a program may print, in bytes.
const MOST_OUTPUT_BYTES: usize = 64 * 1024 * 1024;

/// What a program may take before it is stopped. Those of the program are the default; tests of hostile code need not
/// wait as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time that a program may take before its first call. It needs some milliseconds.
    pub time: Duration,
    /// Time that each call may take on average, in addition. One needs about a tenth of a millisecond.
    pub time_per_call: Duration,
    /// Time that a single step of a program may take beyond that.
    pub step: Duration,
    /// Memory that the values of a program may take, in bytes. The sandbox checks it before anything large is created.
    pub memory_bytes: usize,
    /// The deepest nesting of calls.
    pub calls: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(2),
            time_per_call: Duration::from_millis(5),
            step: Duration::from_secs(1),
            memory_bytes: 64 * 1024 * 1024,
            calls: 200,
        }
    }
}

/// Where programs run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// `monty`, an interpreter in this process that reaches nothing of the host.
    Sandbox(Limits),
    /// A real interpreter, isolated (`-I -S`): a second opinion for those who trust the checkout.
    Python(PathBuf),
}

impl Default for Engine {
    fn default() -> Self {
        Self::Sandbox(Limits::default())
    }
}

impl Engine {
    /// Whether it is the sandbox, which cannot run all of Python.
    pub fn is_sandbox(&self) -> bool {
        matches!(self, Self::Sandbox(_))
    }

    /// Starts a program whose last line is an expression that gives a text. It runs in parallel with the caller until
    /// [`Running::finish`]. The more calls it makes, the longer it may take.
    pub fn start(&self, program: String, calls: usize) -> Running {
        let (limits, start) = match self {
            Self::Sandbox(limits) => (*limits, Duration::ZERO),
            Self::Python(_) => (Limits::default(), MOST_START),
        };
        let most_time = start + limits.time + limits.time_per_call * u32::try_from(calls).unwrap_or(u32::MAX);
        let (done, outcome) = mpsc::sync_channel(1);
        let engine = self.clone();
        let run = move || {
            let given = match engine {
                Self::Sandbox(limits) => in_sandbox(program, most_time, limits),
                Self::Python(python) => in_python(&python, &program, most_time),
            };
            // If the receiver is gone, the result is not needed.
            let _ = done.send(given);
        };
        let thread = thread::Builder::new().name("sandbox".to_owned()).stack_size(STACK_BYTES);
        // If no thread can be started, nothing is ever sent, and `finish` reports it.
        let _ = thread.spawn(run);
        Running { outcome, most_wait: most_time + limits.step }
    }
}

/// A program that runs.
pub struct Running {
    outcome: mpsc::Receiver<Result<String, String>>,
    most_wait: Duration,
}

impl Running {
    /// Waits for the text that the program gives, or for the reason why there is none.
    ///
    /// The sandbox checks the clock between two steps of a program, and a single step can be a division of numbers with
    /// millions of digits. A thread that is stuck in such a step is abandoned: it ends with the process.
    pub fn finish(self) -> Result<String, String> {
        self.outcome.recv_timeout(self.most_wait).unwrap_or_else(|error| {
            Err(match error {
                mpsc::RecvTimeoutError::Timeout => "time limit exceeded by a single step".to_owned(),
                mpsc::RecvTimeoutError::Disconnected => "it could not be started".to_owned(),
            })
        })
    }
}

fn in_sandbox(program: String, most_time: Duration, limits: Limits) -> Result<String, String> {
    let limited = ResourceLimits::default()
        .max_duration(most_time)
        .max_memory(in_use_bytes() + limits.memory_bytes)
        .max_recursion_depth(limits.calls);
    let run = || {
        let program = MontyRun::new(program, "program.py", Vec::new(), CompileOptions::default())?;
        program.run(Vec::new(), ResourceTracker::new(limited), PrintWriter::Disabled)
    };
    // A panic inside monty makes the run inconclusive; it must not take the process down.
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(Ok(MontyObject::String(text))) => Ok(text),
        Ok(Ok(_)) => Err("the program gave no text".to_owned()),
        Ok(Err(error)) => Err(reason(&error.to_string())),
        Err(_) => Err("the sandbox crashed while running it".to_owned()),
    }
}

/// The memory that the process already uses: the sandbox counts all of it.
fn in_use_bytes() -> usize {
    LIVE_MEMORY.load(Ordering::Relaxed).saturating_sub(BASELINE_MEMORY.load(Ordering::Relaxed))
}

fn in_python(python: &Path, program: &str, most_time: Duration) -> Result<String, String> {
    // The value of the last line has to be printed here, even if the program redefines `print`.
    let at = program.trim_end().rfind('\n').map_or(0, |newline| newline + 1);
    let program = format!("{}import sys\nsys.stdout.write({})\n", &program[..at], program[at..].trim_end());
    // Python before 3.11 has no random numbers without it on Windows, and does not start.
    let system = env::var_os("SystemRoot").filter(|_| cfg!(windows));
    let mut child = Command::new(python)
        .args(["-I", "-S", "-"])
        .env_clear()
        .envs(system.map(|system| ("SystemRoot", system)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", python.display()))?;
    let mut input = child.stdin.take().ok_or("no standard input")?;
    let feed = thread::spawn(move || input.write_all(program.as_bytes()));
    let read = |stream: Option<Box<dyn std::io::Read + Send>>| {
        thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(stream) = stream {
                let mut limited = std::io::Read::take(stream, MOST_OUTPUT_BYTES as u64);
                let _ = std::io::Read::read_to_end(&mut limited, &mut text);
            }
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|stream| Box::new(stream) as Box<_>));
    let err = read(child.stderr.take().map(|stream| Box::new(stream) as Box<_>));
    let Some(status) = child.wait_timeout(most_time).map_err(|error| error.to_string())? else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("time limit exceeded: {} s", most_time.as_secs()));
    };
    let _ = feed.join();
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    if status.success() { Ok(out.trim_end().to_owned()) } else { Err(reason(&err)) }
}

/// A traceback in short: the error, and the line of the program that raised it, both cut if they are long.
fn reason(traceback: &str) -> String {
    let is_frame = |line: &&str| line.trim_start().starts_with("File \"");
    let raised = traceback.lines().skip_while(|line| !is_frame(line)).filter(|line| !is_frame(line));
    // Each frame is followed by its line of the program, indented, and sometimes by a line of marks.
    let line = raised.filter(|line| line.starts_with("    ") && line.contains(char::is_alphanumeric)).last();
    let error = traceback.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason was given");
    let short = |text: &str| match text.trim().char_indices().nth(MOST_REASON) {
        Some((end, _)) => format!("{} …", &text.trim()[..end]),
        None => text.trim().to_owned(),
    };
    match line {
        Some(line) => format!("{}\n  at: {}", short(error), short(line)),
        None => short(error),
    }
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn a_traceback_comes_to_its_error_and_the_line_that_raised_it() {
        let traceback = "Traceback (most recent call last):\n  File \"program.py\", line 9, in <module>\n    \
                         share(1)\n    ~~~~~~~~\n  File \"program.py\", line 4, in share\n    \
                         1 / 0\nZeroDivisionError: division by zero\n";
        assert_eq!(reason(traceback), "ZeroDivisionError: division by zero\n  at: 1 / 0");
        assert_eq!(reason("time limit exceeded"), "time limit exceeded");
        assert!(reason(&format!("E: {}", "é".repeat(5000))).chars().count() < 500);
    }
}
