//! Errors: exceptions with their tracebacks, refusals, crashes.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use memchr::memchr;

use super::{Event, Fault};
use crate::log::remark::{Frame, RemarkKind};

/// A line that begins an error, or is one.
pub(super) fn recognise(text: &str) -> Option<Event<'_>> {
    fault(text).map(Event::Fault)
}

fn fault(text: &str) -> Option<Fault<'_>> {
    Some(match text.as_bytes()[0] {
        b'!' => {
            let rest = text.strip_prefix("!!! Exception during processing")?;
            Fault::Raised(rest.trim_start_matches([' ', '!']))
        }
        b'T' if text.starts_with("Traceback (most recent call last)") => Fault::Traceback,
        b'#' if text.ends_with("ComfyUI Error Report") => Fault::Report,
        b'F' if text.starts_with("Failed to validate prompt for output") => Fault::Invalid,
        b'F' if text.starts_with("Fatal Python error: ") => Fault::Crashed(text),
        b'-' => Fault::Problem(text.strip_prefix("- ").filter(|problem| problem.starts_with("Value not in list"))?),
        b'W' if text.starts_with("Windows fatal exception: ") => Fault::Crashed(text),
        b'G' if text.starts_with("Got an OOM") => Fault::OutOfMemory(text),
        _ if is_out_of_memory(text) => Fault::OutOfMemory(text),
        _ if is_known(text) => Fault::Remark(RemarkKind::Other),
        _ => return None,
    })
}

/// Is it the class of an exception that says that memory is used up?
fn is_out_of_memory(text: &str) -> bool {
    let class = memchr(b':', text.as_bytes()).map_or(text, |end| &text[..end]);
    class.len() < 80 && (class.ends_with("OutOfMemoryError") || class.ends_with("MemoryError"))
}

/// Errors that also come without a traceback.
fn is_known(text: &str) -> bool {
    const PARTS: [&str; 5] =
        ["HostBuffer.", "Input tensors must be on cuda", "libcudart", "aimdo device", "Could not find module"];
    static SEARCHER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(PARTS).ok());
    SEARCHER.as_ref().is_some_and(|searcher| searcher.is_match(text))
}

/// A line of a traceback: `File "x.py", line 1, in f`.
pub(in crate::log) fn frame(text: &str) -> Option<Frame> {
    let (file, rest) = text.trim_ascii().strip_prefix("File \"")?.rsplit_once("\", line ")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let function = rest[digits..].trim_start_matches(',').trim_start().strip_prefix("in ").unwrap_or_default();
    Some(Frame { file: file.to_owned(), line: rest[..digits].parse().ok()?, function: function.to_owned() })
}

/// The last line of a traceback: the class of the exception, and its message.
pub(in crate::log) fn closing(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_ascii_end();
    let (class, message) = text.split_once(": ").unwrap_or((text.strip_suffix(':').unwrap_or(text), ""));
    let is_name = |part: &str| {
        part.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    (class.len() <= 120 && class.split('.').all(is_name)).then_some((class, message.trim_ascii()))
}
