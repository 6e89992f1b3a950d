//! Parts of documents that tests generate: between `<!-- begin NAME -->` and `<!-- end NAME -->`.

use std::path::Path;
use std::{env, fs};

/// Holds a part of a document to what it should be. With `UPDATE` set, the part is written anew first.
pub fn assert_section(path: &Path, name: &str, right: &str) {
    let text = fs::read_to_string(path).unwrap();
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let start = text.find(&begin).unwrap_or_else(|| panic!("{}: no `{begin}`", path.display())) + begin.len();
    let stop = start + text[start..].find(&end).unwrap_or_else(|| panic!("{}: no `{end}`", path.display()));
    if env::var_os("UPDATE").is_some() {
        fs::write(path, format!("{}{right}{}", &text[..start], &text[stop..])).unwrap();
        return;
    }
    assert_eq!(&text[start..stop], right, "{}: `UPDATE=1 cargo test` writes `{name}` anew", path.display());
}

/// Prose in lines of the length of the other documents.
pub fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= 125 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
