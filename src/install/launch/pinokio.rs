//! Pinokio's `start.js` and `start.json`, and the file `ENVIRONMENT` of the app. The script is not run: what stands in
//! quotes in it is read.

use super::{Launch, LaunchKind, Site, shell};
use crate::install::config::{self, line_at};
use crate::install::layout::Layout;

/// How the app starts ComfyUI.
pub(super) fn launches(site: &Site<'_>, problems: &mut Vec<String>) -> Vec<Launch> {
    if site.draft.layout != Layout::Pinokio {
        return Vec::new();
    }
    let environment = config::text(&site.draft.root.join("ENVIRONMENT"), problems);
    let environment = environment.map(|text| super::systemd::variables(&text)).unwrap_or_default();
    let mut launches = Vec::new();
    for name in ["start.js", "start.json"] {
        let file = site.draft.root.join(name);
        let Some(text) = config::text(&file, problems) else { continue };
        for (at, command) in quoted(&text) {
            if !command.contains("main.py") {
                continue;
            }
            let line = line_at(&text, at).unwrap_or(1);
            let marked = marked(&command);
            let outside = |_: &str| None;
            let context = shell::Context {
                folder: Some(&site.draft.comfyui),
                script_folder: None,
                environment: &environment,
                outside: &outside,
                line,
            };
            for command in shell::commands(&marked, context) {
                launches.extend(command.launch(LaunchKind::Pinokio, Some(&file), &site.draft.comfyui));
            }
            // A condition around the whole command.
            if command.trim_start().starts_with("{{") {
                let mut launch = Launch::new(LaunchKind::Pinokio, Some(&file), Some(line), Vec::new());
                launch.problem("which of several arguments it is started with depends on a condition");
                launches.push(launch);
            }
        }
    }
    launches
}

/// The texts in quotes of a script, with where each begins.
pub(super) fn quoted(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '/' if chars.next_if(|(_, next)| *next == '/').is_some() => {
                while chars.next_if(|(_, c)| *c != '\n').is_some() {}
            }
            '"' | '\'' | '`' => {
                let mut inside = String::new();
                while let Some((_, next)) = chars.next() {
                    match next {
                        '\\' => inside.extend(chars.next().map(|(_, escaped)| escaped)),
                        next if next == c => break,
                        // Only the third kind of quotes goes on in the next line.
                        '\n' if c != '`' => break,
                        next => inside.push(next),
                    }
                }
                found.push((at, inside));
            }
            _ => {}
        }
    }
    found
}

/// With a mark for each `{{…}}`, whose value is not known.
fn marked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        out.push_str(before);
        let (inside, behind) = behind.split_once("}}").unwrap_or((behind, ""));
        out.push_str(
            &super::command::unknown(inside.trim())
                .replace([' ', '\'', '"', '$', '|', '&', ';', '(', ')', '?', '='], "_"),
        );
        rest = behind;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_quotes_are_found() {
        let text = "// \"no\"\nrun: ['a \\'b', \"c\"] , `d\ne` 'f";
        let found: Vec<_> = quoted(text).into_iter().map(|(_, inside)| inside).collect();
        assert_eq!(found, ["a 'b", "c", "d\ne", "f"]);
        assert!(super::super::command::first_unknown(&marked("python main.py {{args.x ? '--a' : ''}} --b")).is_some());
    }
}
