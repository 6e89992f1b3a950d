//! JSON in pieces of readable size. `ComfyUI` saves a workflow as one line, which is too much to compare or to show.

/// Bytes of the longest list that stays in one piece.
const MOST_TOGETHER: usize = 100;

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'t> {
    /// How many containers it is in.
    pub depth: usize,
    /// Its text, with the blanks around it.
    pub text: &'t str,
}

/// The pieces of a text, which are the whole text again when put together: about one for each value, as if the text had a
/// line for each. Of a text that is no JSON, some pieces.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let (mut start, mut at, mut depth) = (0, 0, 0_usize);
    let mut cut = |start: &mut usize, end: usize, depth: usize| {
        if *start < end {
            pieces.push(Piece { depth, text: &text[*start..end] });
            *start = end;
        }
    };
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = string_end(bytes, at),
            b',' => {
                at += 1;
                cut(&mut start, at, depth);
            }
            b'[' | b'{' => {
                if let Some(end) = together(bytes, at) {
                    at = end;
                } else {
                    at += 1;
                    cut(&mut start, at, depth);
                    depth += 1;
                }
            }
            b']' | b'}' => {
                cut(&mut start, at, depth);
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
    }
    cut(&mut start, bytes.len(), depth);
    pieces
}

/// Behind the string that begins there, or at the end of the text.
fn string_end(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Behind a short container on one line without others in it.
fn together(bytes: &[u8], begin: usize) -> Option<usize> {
    let mut at = begin + 1;
    while at < bytes.len().min(begin + MOST_TOGETHER) {
        match bytes[at] {
            b'"' => at = string_end(bytes, at),
            b'[' | b'{' | b'\n' => return None,
            b']' | b'}' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// What a line feed of the text is, where there is a line for each piece. JSON has no such character.
const LINE_FEED: char = '\u{1}';

/// A text with a line for each piece, and nothing added but line feeds. None if that could not be undone.
pub fn lines(text: &str) -> Option<String> {
    if text.contains(LINE_FEED) {
        return None;
    }
    let mut out = String::with_capacity(text.len() * 5 / 4);
    for piece in pieces(text) {
        out.extend(piece.text.chars().map(|c| if c == '\n' { LINE_FEED } else { c }));
        out.push('\n');
    }
    Some(out)
}

/// The text that [`lines`] was made of.
pub fn joined(lines: &str) -> String {
    lines.chars().filter(|c| *c != '\n').map(|c| if c == LINE_FEED { '\n' } else { c }).collect()
}

/// A text with an indented line for each piece, for people.
pub fn laid_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for piece in pieces(text) {
        let text = piece.text.trim();
        if !text.is_empty() {
            out.extend(std::iter::repeat_n("  ", piece.depth));
            out.extend(text.chars().map(|c| if c == '\n' { ' ' } else { c }));
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 6] = [
        r#"{"nodes":[{"id":1,"pos":[10,20],"widgets_values":["a,b]}\"",{"c":[]}]}],"links":[]}"#,
        "{\n  \"a\": [\n    1\n  ]\n}\n",
        "",
        "\u{feff}[1,,\"",
        "é{\"\\",
        "]]}}",
    ];

    #[test]
    fn pieces_are_the_whole_text() {
        for text in TEXTS {
            assert_eq!(pieces(text).iter().map(|piece| piece.text).collect::<String>(), text);
            assert_eq!(joined(&lines(text).unwrap()), text);
        }
        assert_eq!(lines("\u{1}"), None);
    }

    #[test]
    fn a_text_is_laid_out_by_its_containers() {
        let long = "x".repeat(MOST_TOGETHER);
        let text = format!(r#"{{"nodes":[{{"id":1,"pos":[10,20],"values":["{long}"]}}],"n":1}}"#);
        let shown = format!(
            "{{\n  \"nodes\":[\n    {{\n      \"id\":1,\n      \"pos\":[10,20],\n      \"values\":[\n        \"{long}\"\n      ]\n    }}\n  ],\n  \"n\":1\n}}\n"
        );
        assert_eq!(laid_out(&text), shown);
    }
}
