//! What stands in front of a line: times, levels, services. Several may be nested, as where the lines of a file with
//! times were collected by `docker compose`.

use memchr::memchr;

use super::Container;

/// How many prefixes a line may have.
const MOST: usize = 8;
/// What levels are called.
const LEVELS: [&str; 9] = ["INFO", "WARNING", "ERROR", "DEBUG", "CRITICAL", "DETAIL", "WARN", "NOTSET", "FATAL"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "];

/// A line, and what stood in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// The line without its prefixes.
    pub(super) text: &'t str,
    /// Who wrote it.
    pub(super) container: Option<Container>,
    /// What it was collected with.
    pub(super) collector: Option<Container>,
    /// The service or process that it comes from.
    pub(super) source: Option<&'t str>,
    /// When it was written: the innermost time.
    pub(super) time: Option<&'t str>,
    /// Does the name of a logger stand in front of it? Then the same line follows without it: that form is printed by a
    /// handler that some package adds to ComfyUI's own.
    pub(super) is_named: bool,
}

/// Takes the prefixes off a line.
pub(super) fn strip(line: &str) -> Line<'_> {
    // A mark of the encoding is where something was appended, also one of another encoding than the text before it.
    let line = line.trim_start_matches(['\u{feff}', '\u{fffd}']);
    let mut found = Line { text: line, container: None, collector: None, source: None, time: None, is_named: false };
    for _ in 0..MOST {
        let Some(part) = part(found.text) else { break };
        match part.container {
            Some(container) if is_collector(container) => found.collector = found.collector.or(Some(container)),
            container => found.container = container.or(found.container),
        }
        found.source = found.source.or(part.source);
        found.time = part.time.or(found.time);
        found.is_named |= part.is_named;
        found.text = part.rest;
    }
    found
}

fn is_collector(container: Container) -> bool {
    use Container::{Compose, Docker, Journal, Quote, Timestamp};
    matches!(container, Compose | Docker | Journal | Quote | Timestamp)
}

/// One prefix, and what is behind it.
struct Part<'t> {
    rest: &'t str,
    container: Option<Container>,
    source: Option<&'t str>,
    time: Option<&'t str>,
    is_named: bool,
}

impl<'t> Part<'t> {
    fn new(rest: &'t str, container: Container) -> Self {
        Self { rest, container: Some(container), source: None, time: None, is_named: false }
    }

    /// A prefix that tells no container.
    fn plain(rest: &'t str) -> Self {
        Self { rest, container: None, source: None, time: None, is_named: false }
    }

    fn at(self, time: &'t str) -> Self {
        Self { time: Some(time), ..self }
    }
}

fn part(text: &str) -> Option<Part<'_>> {
    let shown = text.trim_ascii_start();
    // Nearly all lines have none: their first bytes show it.
    match shown.as_bytes().get(..2)? {
        b"[M" | b"De" | b"Di" | b"Li" | b"==" | b"--" | b"go" | b"cp" | b"cu" => return compose(shown),
        _ => {}
    }
    match shown.as_bytes().first()? {
        b'[' => bracket(shown),
        b'0'..=b'9' => dated(shown).or_else(|| compose(shown)),
        b'>' => Some(Part::new(shown[1..].strip_prefix(' ').unwrap_or(&shown[1..]), Container::Quote)),
        b'A'..=b'Z' => syslog(shown).or_else(|| leveled(shown)).or_else(|| compose(shown)),
        b'a'..=b'z' => compose(shown),
        _ => None,
    }
}

/// `[2025-01-31 12:00:00.123] `, `[2025-01-31 12:00:00,123] [INFO] `, `[INFO] `, `[pod/name/container] `.
fn bracket(text: &str) -> Option<Part<'_>> {
    let inner = &text[1..];
    let first = *inner.as_bytes().first()?;
    if first.is_ascii_digit() {
        let (length, has_date) = time(inner)?;
        let stamp = &inner[..length];
        let behind = inner[length..].trim_start();
        // A level or a name may follow the time within the bracket.
        let (inside, rest) =
            behind.get(..behind.len().min(48)).unwrap_or(behind).find(']').map(|end| behind.split_at(end))?;
        let rest = rest[1..].strip_prefix(' ').unwrap_or(&rest[1..]);
        if !inside.chars().all(|c| c.is_ascii_alphanumeric() || " _.:-".contains(c)) {
            return None;
        }
        let container = match level(rest) {
            Some((level, rest)) if has_date && inside.is_empty() => {
                let is_lower = level.bytes().all(|byte| byte.is_ascii_lowercase());
                let container = if is_lower { Container::Desktop } else { Container::VerboseFile };
                let rest = if is_lower { rest.strip_prefix(' ').unwrap_or(rest) } else { rest };
                return Some(Part::new(rest, container).at(stamp));
            }
            _ if has_date && inside.is_empty() && stamp.contains('.') => Container::Manager,
            _ => Container::Timestamp,
        };
        return Some(Part::new(rest, container).at(stamp));
    }
    if let Some((_, rest)) = level(text) {
        return Some(Part::plain(rest));
    }
    if let Some(name) = inner.strip_prefix("pod/") {
        let (source, rest) = name.split_once("] ")?;
        return Some(Part { source: Some(source), ..Part::new(rest, Container::Compose) });
    }
    None
}

/// A level in brackets, and what is behind it.
fn level(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('[')?;
    let end = inner.get(..inner.len().min(12)).unwrap_or("").find(']')?;
    let name = inner[..end].trim();
    let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(name));
    let rest = &inner[end + 1..];
    is_level.then(|| (name, rest.strip_prefix(' ').unwrap_or(rest)))
}

/// `INFO:root:`, `WARNING - `.
fn leveled(text: &str) -> Option<Part<'_>> {
    let rest = LEVELS.iter().find_map(|level| text.strip_prefix(level))?;
    let is_named = rest.starts_with(':');
    let rest = match rest.strip_prefix(':') {
        Some(rest) => {
            let (name, rest) = rest.split_once(':')?;
            let is_name =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            is_name.then_some(rest)?
        }
        None => rest.strip_prefix(" - ")?,
    };
    Some(Part { is_named, ..Part::plain(rest) })
}

/// A line that begins with a date or a time.
fn dated(text: &str) -> Option<Part<'_>> {
    let (length, has_date) = time(text)?;
    let (stamp, rest) = text.split_at(length);
    let is_iso = has_date && stamp.as_bytes()[10] == b'T';
    if let Some((source, rest)) = rest.strip_prefix(' ').and_then(process) {
        return Some(Part { source, ..Part::new(rest, Container::Journal) }.at(stamp));
    }
    if rest == " -" {
        return Some(Part::new("", Container::ErrorReport).at(stamp));
    }
    if let Some(rest) = rest.strip_prefix(" - ") {
        let named = rest.split_once(" - ").and_then(|(name, rest)| {
            let (level, rest) = rest.split_once(" - ")?;
            (LEVELS.contains(&level) && name.len() < 48).then_some(rest)
        });
        return Some(match named {
            Some(rest) => Part::new(rest, Container::OldReport).at(stamp),
            None if is_iso => Part::new(rest, Container::ErrorReport).at(stamp),
            None => Part::new(rest, Container::Timestamp).at(stamp),
        });
    }
    let has_zone = stamp.ends_with('Z') || stamp.get(19..).is_some_and(|tail| tail.contains(['+', '-']));
    let container = if is_iso && has_zone { Container::Docker } else { Container::Timestamp };
    if rest.is_empty() {
        return Some(Part::new("", container).at(stamp));
    }
    let rest = rest.strip_prefix([' ', '\t'])?;
    let rest = rest.strip_prefix("| ").unwrap_or(rest);
    let bare = LEVELS.iter().find_map(|level| rest.strip_prefix(level)?.strip_prefix([' ', ':']));
    Some(Part::new(bare.unwrap_or(rest), container).at(stamp))
}

/// `Jan 31 12:00:00 host python[123]: `, also with a day of the week and a full date.
fn syslog(text: &str) -> Option<Part<'_>> {
    if let Some(rest) = DAYS.iter().find_map(|day| text.strip_prefix(day)) {
        let (length, has_date) = time(rest)?;
        let (stamp, rest) = rest.split_at(length);
        let rest = rest.strip_prefix(' ')?;
        // The zone stands in front of the host.
        let (source, rest) = process(rest).or_else(|| process(rest.split_once(' ')?.1))?;
        return has_date.then(|| Part { source, ..Part::new(rest, Container::Journal) }.at(stamp));
    }
    let rest = MONTHS.iter().find_map(|month| text.strip_prefix(month)?.strip_prefix(' '))?;
    let rest = rest.trim_start();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let rest = (matches!(digits, 1 | 2)).then(|| rest[digits..].strip_prefix(' '))??;
    let (length, has_date) = time(rest)?;
    let (stamp, rest) = (&text[..text.len() - rest.len() + length], &rest[length..]);
    let rest = if has_date { return None } else { rest.strip_prefix(' ')? };
    Some(match process(rest) {
        Some((source, rest)) => Part { source, ..Part::new(rest, Container::Journal) }.at(stamp),
        None => Part::new(rest, Container::Timestamp).at(stamp),
    })
}

/// `host python[123]: `: the process id, and what is behind it.
fn process(text: &str) -> Option<(Option<&str>, &str)> {
    let (host, rest) = text.split_once(' ')?;
    let is_name = |text: &str| {
        !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@/()+".contains(&byte))
    };
    let end = rest.find(": ").or_else(|| rest.ends_with(':').then(|| rest.len() - 1))?;
    let (name, rest) = (&rest[..end], rest.get(end + 2..).unwrap_or(""));
    let (name, id) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((name, id)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(id)),
        _ => return None,
    };
    (is_name(host) && is_name(name)).then_some((id, rest))
}

/// `comfyui-1  | `, and `0|comfyui  | ` of pm2.
fn compose(text: &str) -> Option<Part<'_>> {
    memchr(b'|', text.as_bytes())?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let number = text.bytes().take_while(u8::is_ascii_digit).count();
    let start = if number > 0 && text.as_bytes().get(number) == Some(&b'|') { number + 1 } else { 0 };
    let length = text.as_bytes()[start..].iter().take_while(|byte| is_name(**byte)).count();
    let name = &text[..start + length];
    let rest = &text[name.len()..];
    let rest = rest.trim_start_matches(' ').strip_prefix('|').filter(|_| length > 0 && rest.starts_with(' '))?;
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix(' ')? };
    Some(Part { source: Some(name), ..Part::new(rest, Container::Compose) })
}

/// The length of a time at the beginning of a text, and whether a date stands before it:
/// `2025-01-31T12:00:00.123456Z`, `2025-01-31 12:00:00,123`, `12:00:00`.
fn time(text: &str) -> Option<(usize, bool)> {
    let bytes = text.as_bytes();
    let has = |at: usize, form: &[u8]| {
        bytes.len() >= at + form.len()
            && form.iter().zip(&bytes[at..]).all(|(form, byte)| match form {
                b'0' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b' '),
                b'-' => matches!(byte, b'-' | b'/'),
                form => form == byte,
            })
    };
    let has_date = has(0, b"0000-00-00T");
    let mut end = if has_date { 11 } else { 0 };
    if !has(end, b"00:00:00") {
        return None;
    }
    end += 8;
    if has(end, b".0") || has(end, b",0") {
        end += 1;
        end += bytes[end..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    }
    if has(end, b"Z") {
        end += 1;
    } else if matches!(bytes.get(end), Some(b'+' | b'-')) {
        let length = [&b"00:00"[..], b"0000"].iter().find(|form| has(end + 1, form)).map_or(0, |form| form.len() + 1);
        end += length;
    }
    Some((end, has_date))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text, the containers and the source behind the prefixes of a line.
    fn of(line: &str) -> (&str, Option<Container>, Option<Container>, Option<&str>) {
        let Line { text, container, collector, source, .. } = strip(line);
        (text, container, collector, source)
    }

    #[test]
    fn every_prefix_is_taken_off() {
        use Container::{
            Compose, Desktop, Docker, ErrorReport, Journal, Manager, OldReport, Quote, Timestamp, VerboseFile,
        };
        let some = |container| Some(container);
        for (prefix, container, collector, source) in [
            ("", None, None, None),
            ("[INFO] ", None, None, None),
            ("INFO:root:", None, None, None),
            ("[2025-01-31 12:00:00.123] ", some(Manager), None, None),
            ("2025-01-31T12:00:00.123456 - ", some(ErrorReport), None, None),
            ("[2025-01-31 12:00:00,123] [INFO] ", some(VerboseFile), None, None),
            ("[2025-01-31 12:00:00.123] [info]  ", some(Desktop), None, None),
            ("2025-01-31 12:00:00,123 - root - INFO - ", some(OldReport), None, None),
            ("Jan 31 12:00:00 host python[123]: ", None, some(Journal), Some("123")),
            ("Jan  1 12:00:00.123456 my-host python3.11[7]: ", None, some(Journal), Some("7")),
            ("Fri 2025-01-31 12:00:00 UTC host python[123]: ", None, some(Journal), Some("123")),
            ("2025-01-31T12:00:00+0000 host python[123]: ", None, some(Journal), Some("123")),
            ("Jan 31 12:00:00 ", None, some(Timestamp), None),
            ("2025-01-31T12:00:00.123456789Z ", None, some(Docker), None),
            ("2025-01-31T12:00:00.123456+01:00 ", None, some(Docker), None),
            ("comfyui-1  | ", None, some(Compose), Some("comfyui-1")),
            ("0|comfyui  | ", None, some(Compose), Some("0|comfyui")),
            ("comfyui-1  | 2025-01-31T12:00:00.1Z ", None, some(Compose), Some("comfyui-1")),
            ("comfyui-1  | [2025-01-31 12:00:00.123] ", some(Manager), some(Compose), Some("comfyui-1")),
            ("[pod/comfyui-5d/comfyui] ", None, some(Compose), Some("comfyui-5d/comfyui")),
            ("> ", None, some(Quote), None),
            ("> > 2025-01-31T12:00:00.123456 - ", some(ErrorReport), some(Quote), None),
            ("    2025-01-31T12:00:00.123456 - ", some(ErrorReport), None, None),
            ("12:00:00.123 ", None, some(Timestamp), None),
            ("[12:00:00] ", None, some(Timestamp), None),
            ("[12:00:00 INFO] ", None, some(Timestamp), None),
            ("2025/01/31 12:00:00 INFO ", None, some(Timestamp), None),
            ("2025-01-31 12:00:00 | [INFO] ", None, some(Timestamp), None),
        ] {
            for text in
                ["got prompt", "[MultiGPU DisTorch V2] Full allocation string: a|b", "    DisTorch2 Model", "", "cpu 1"]
            {
                let line = format!("{prefix}{text}");
                assert_eq!(of(&line), (text, container, collector, source), "{line:?}");
            }
        }
    }

    #[test]
    fn the_end_of_a_line_may_be_cut_off_with_its_blank() {
        assert_eq!(of("2025-12-28T11:48:38.695713 -"), ("", Some(Container::ErrorReport), None, None));
        assert_eq!(of("comfyui-1  |"), ("", None, Some(Container::Compose), Some("comfyui-1")));
    }

    #[test]
    fn what_only_begins_like_a_prefix_stays() {
        for line in [
            "100%|██████████| 1/1 [00:00<00:00, 34.44it/s]",
            "[MultiGPU] a",
            "[Prompt Server] web root: /a",
            "Device: cuda:0 a : b",
            "0.0 seconds: /a",
            "12:00 now",
            "May be [1]: x",
            "[2025 is no time] a",
            "INFO: a",
        ] {
            assert_eq!(of(line), (line, None, None, None));
        }
    }
}
