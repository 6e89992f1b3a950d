//! Standard input that is a pipe: every byte is passed on at once, and a verdict comes after each prompt.
//!
//! Verdicts go to standard error, and only where the passed-on text is at the beginning of a line. If nobody reads
//! standard output any more, the log is still read to its end: otherwise the program that writes it would be stopped.

use std::io::{self, ErrorKind, Read};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Error, Result};

use crate::advice::Advise as _;
use crate::commands::problem;
use crate::render::Screen;

/// Larger than what a pipe holds.
const CHUNK: usize = 128 << 10;

/// Reads `input` to its end. `read` gets each chunk, and returns what is to be said once it has been passed on.
pub(super) fn follow(mut input: impl Read, screen: &mut Screen, mut read: impl FnMut(&[u8]) -> String) -> Result<()> {
    outlive_interrupts();
    let mut onward = Onward { is_open: true, is_at_line_start: true };
    let mut waiting = String::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = match input.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.context("standard input cannot be read").help("run the command again")?,
        };
        let bytes = &chunk[..count];
        waiting.push_str(&read(bytes));
        let whole_lines = if waiting.is_empty() { 0 } else { after_last_line(bytes) };
        onward.pass(&bytes[..whole_lines], screen);
        if !waiting.is_empty() && onward.is_at_line_start {
            screen.aside(&waiting);
            waiting.clear();
        }
        onward.pass(&bytes[whole_lines..], screen);
        if count == 0 {
            if !onward.is_at_line_start {
                screen.aside("\n");
            }
            return Ok(());
        }
    }
}

/// Where the bytes go.
struct Onward {
    is_open: bool,
    is_at_line_start: bool,
}

impl Onward {
    fn pass(&mut self, bytes: &[u8], screen: &mut Screen) {
        let Some(last) = bytes.last() else { return };
        self.is_at_line_start = *last == b'\n';
        if !self.is_open {
            return;
        }
        self.is_open = screen.pass_on(bytes).unwrap_or_else(|error| {
            screen.warning(&problem(&stopped(error)));
            false
        });
    }
}

fn stopped(error: io::Error) -> Error {
    Error::from(error)
        .context("the log is no longer passed on, but still read")
        .help("look at where it goes, such as a full disk")
}

/// How many bytes make whole lines.
fn after_last_line(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// A terminal sends an interrupt to ComfyUI and to this process. The first two are left to ComfyUI, whose last lines are
/// still to come; the third ends this process, if ComfyUI does not end.
fn outlive_interrupts() {
    const MOST: u32 = 3;
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let interrupted = || {
        if COUNT.fetch_add(1, Ordering::Relaxed) + 1 == MOST {
            process::exit(130);
        }
    };
    // If it cannot be set, an interrupt ends this process, as it would without.
    let _ = ctrlc::set_handler(interrupted);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_end_after_the_last_line_break() {
        assert_eq!([&b""[..], b"a", b"a\nb", b"a\nb\n", b"a\rb"].map(after_last_line), [0, 0, 2, 4, 0]);
    }
}
