//! The progress of a long run: one line on a terminal, overwritten each time, and removed at the end.

use std::io::Write;
use std::time::{Duration, Instant};

/// How long a run takes before it shows progress.
const PATIENCE: Duration = Duration::from_millis(500);

/// The line, if there is one.
pub(super) struct Progress {
    begun: Instant,
    /// The columns that it takes; 0 if it is not there.
    columns: usize,
}

impl Progress {
    /// The progress of a run that begins now.
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), columns: 0 }
    }

    /// Shows how many of these are done; nothing at the beginning, nor when all are done.
    pub(super) fn show(&mut self, done: usize, all: usize, these: &str, out: &mut impl Write) {
        self.clear(out);
        if all > 1 && done < all {
            self.line(&format!("{done} of {all} {these}"), out);
        }
    }

    /// Shows what is being done.
    pub(super) fn doing(&mut self, what: &str, out: &mut impl Write) {
        self.clear(out);
        self.line(what, out);
    }

    /// Writes the line, if the run has taken long enough.
    fn line(&mut self, text: &str, out: &mut impl Write) {
        if self.begun.elapsed() >= PATIENCE {
            self.columns = text.chars().count();
            write(out, text);
        }
    }

    /// Removes the line, by overwriting it with spaces: not every terminal knows an escape sequence for that, and
    /// `--color never` allows none.
    pub(super) fn clear(&mut self, out: &mut impl Write) {
        if self.columns > 0 {
            write(out, &format!("\r{}\r", " ".repeat(self.columns)));
            self.columns = 0;
        }
    }
}

/// Progress that cannot be shown does no harm.
fn write(out: &mut impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(progress: &mut Progress, done: usize, all: usize) -> String {
        let mut out = Vec::new();
        progress.show(done, all, "checkouts", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_run_that_takes_a_while_says_how_far_it_is() {
        let mut progress = Progress { begun: Instant::now().checked_sub(PATIENCE).unwrap(), columns: 0 };
        assert_eq!(shown(&mut progress, 0, 1), "");
        assert_eq!(shown(&mut progress, 9, 268), "9 of 268 checkouts");
        assert_eq!(shown(&mut progress, 10, 268), format!("\r{}\r10 of 268 checkouts", " ".repeat(18)));
        assert_eq!(shown(&mut progress, 268, 268), format!("\r{}\r", " ".repeat(19)));
        assert_eq!(shown(&mut progress, 268, 268), "");
    }

    #[test]
    fn a_short_run_says_nothing() {
        let mut progress = Progress { begun: Instant::now() + Duration::from_mins(1), columns: 0 };
        assert_eq!(shown(&mut progress, 1, 2), "");
    }
}
