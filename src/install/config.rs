//! Files that programs are configured with, read with bounds.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use serde_json::Value;

use crate::text::shown;

/// The longest file that is read. Settings of launchers reach some hundred kilobytes.
const MOST_BYTES: u64 = 8 << 20;

/// The text of a file, in whichever encoding an editor may have left it; None if there is no such file. One that cannot
/// be read is a problem.
pub(in crate::install) fn text(path: &Path, problems: &mut Vec<String>) -> Option<String> {
    let mut problem = |why: &str| {
        problems.push(format!("{}: {why}", shown(path)));
        None
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return None,
        // Windows opens no folders.
        Err(_) if path.is_dir() => return None,
        Err(error) => return problem(&format!("cannot be read: {error}")),
    };
    match file.metadata() {
        Ok(about) if about.is_file() && about.len() <= MOST_BYTES => {}
        Ok(about) if about.is_file() => return problem("larger than 8 MiB, so it is not read"),
        _ => return None,
    }
    let mut bytes = Vec::new();
    match file.take(MOST_BYTES).read_to_end(&mut bytes) {
        Ok(_) => Some(decoded(&bytes)),
        Err(error) => problem(&format!("cannot be read: {error}")),
    }
}

/// UTF-8 and UTF-16, with a byte order mark or without; of other encodings what is ASCII.
fn decoded(bytes: &[u8]) -> String {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [first, 0, ..] if *first != 0 => wide(bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => wide(bytes, u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).into_owned(),
    }
}

/// A file of JSON with its text; None if there is none. One that is not JSON is a problem.
pub(in crate::install) fn json(path: &Path, problems: &mut Vec<String>) -> Option<(Value, String)> {
    let text = text(path, problems)?;
    match serde_json::from_str(&text) {
        Ok(value) => Some((value, text)),
        Err(error) => {
            problems.push(format!("{}: not JSON: {error}", shown(path)));
            None
        }
    }
}

/// The line, from 1, on which the last of these texts begins, each looked for behind the one before it.
pub(in crate::install) fn line_of(text: &str, parts: &[&str]) -> Option<u32> {
    let mut at = 0;
    for part in parts {
        at += text.get(at..)?.find(part)?;
    }
    line_at(text, at)
}

/// The line, from 1, of a byte.
pub(in crate::install) fn line_at(text: &str, at: usize) -> Option<u32> {
    u32::try_from(memchr::memchr_iter(b'\n', text.as_bytes().get(..at)?).count() + 1).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn text_is_read_in_every_encoding_of_an_editor() {
        let wide = |unit: fn(u16) -> [u8; 2]| "set X=ä\r\n".encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        for bytes in [
            "set X=ä\r\n".as_bytes().to_vec(),
            [&b"\xef\xbb\xbf"[..], "set X=ä\r\n".as_bytes()].concat(),
            [vec![0xff, 0xfe], wide(u16::to_le_bytes)].concat(),
            [vec![0xfe, 0xff], wide(u16::to_be_bytes)].concat(),
            wide(u16::to_le_bytes),
        ] {
            assert_eq!(decoded(&bytes), "set X=ä\r\n", "{bytes:?}");
        }
        assert_eq!(decoded(b"--cpu \xe4"), "--cpu \u{fffd}");
    }

    #[test]
    fn what_cannot_be_read_is_a_problem_and_what_is_absent_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut problems = Vec::new();
        assert_eq!(text(&folder.path().join("absent"), &mut problems), None);
        assert_eq!(text(folder.path(), &mut problems), None);
        assert_eq!(problems, [""; 0]);
        let large = folder.path().join("large.json");
        File::create(&large).unwrap().set_len(100 << 20).unwrap();
        assert!(json(&large, &mut problems).is_none());
        let broken = folder.path().join("broken.json");
        fs::write(&broken, "{\"a\": ").unwrap();
        assert!(json(&broken, &mut problems).is_none());
        assert!(problems[0].contains("larger than 8 MiB") && problems[1].contains("not JSON"), "{problems:?}");
    }

    #[test]
    fn lines_are_counted_from_one() {
        let text = "{\n \"a\": 1,\n \"b\": 2\n}";
        assert_eq!(line_of(text, &["\"a\"", "\"b\""]), Some(3));
        assert_eq!(line_of(text, &["\"b\"", "\"a\""]), None);
    }
}
