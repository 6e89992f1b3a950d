//! Which loaders a change is about.

use anyhow::anyhow;

use crate::advice::Advise as _;
use crate::inputs::Literal;
use crate::workflow::loader::{Held, Loader};

/// Which loaders; without any pattern, all. Patterns of one kind are alternatives.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Of their ids, such as `37`, `12:37` or `12:*`.
    pub nodes: Vec<String>,
    /// Of their classes.
    pub classes: Vec<String>,
    /// Of the names of their model files, with or without folders.
    pub models: Vec<String>,
}

impl Selection {
    /// Is there no pattern?
    pub fn is_all(&self) -> bool {
        self.nodes.is_empty() && self.classes.is_empty() && self.models.is_empty()
    }

    /// Does it name loaders by what they are, not by what they load?
    pub(super) fn is_explicit(&self) -> bool {
        !self.nodes.is_empty() || !self.classes.is_empty()
    }

    /// Is it about this loader?
    pub fn takes(&self, loader: &Loader<'_, '_>) -> bool {
        let any = |patterns: &[String], texts: &[&str]| {
            let matches = |pattern: &String| texts.iter().any(|text| is_match(pattern, text));
            patterns.is_empty() || patterns.iter().any(matches)
        };
        let models = models(loader);
        let file = |model: &'_ str| model.rfind(['/', '\\']).map_or(0, |at| at + 1);
        let texts: Vec<&str> = models.iter().flat_map(|model| [&model[..], &model[file(model)..]]).collect();
        any(&self.nodes, &[&loader.id]) && any(&self.classes, &[&loader.class.name]) && any(&self.models, &texts)
    }

    /// That it is about none of these loaders, and which there are.
    pub(super) fn matches_nothing<'l>(&self, there: impl Iterator<Item = &'l Loader<'l, 'l>>) -> anyhow::Error {
        let line =
            |loader: &Loader<'_, '_>| format!("  {}  {}  {}", loader.id, loader.class.name, models(loader).join(", "));
        let options = [("--node", &self.nodes), ("--class", &self.classes), ("--model", &self.models)];
        let named: Vec<String> = options
            .into_iter()
            .flat_map(|(option, patterns)| patterns.iter().map(move |pattern| format!("{option} {pattern}")))
            .collect();
        let details: Vec<String> = there.map(line).collect();
        anyhow!("no loader matches {}", named.join(" "))
            .details(details)
            .help("name one of these by its id, class or model; * stands for any text")
    }
}

/// The model files of a loader, as far as they are known.
pub(super) fn models(loader: &Loader<'_, '_>) -> Vec<String> {
    let names = loader.class.models().filter_map(|(at, _)| match &loader.settings[at] {
        Held::Stored { value: Literal::Text(text), .. } => Some(text.clone()),
        _ => None,
    });
    names.collect()
}

/// Does a pattern with `*` for any text and `?` for any character match a whole text, whatever the case of letters?
fn is_match(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.to_lowercase().chars().collect(), text.to_lowercase().chars().collect());
    let (mut at, mut done) = (0, 0);
    // The last star, and up to where it reaches so far.
    let mut star: Option<(usize, usize)> = None;
    while done < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, done));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[done] => {
                at += 1;
                done += 1;
            }
            _ => {
                let Some((before, reach)) = star else { return false };
                star = Some((before, reach + 1));
                (at, done) = (before + 1, reach + 1);
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::is_match;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text) in [
            ("12:37", "12:37"),
            ("12:*", "12:37"),
            ("*high*", "Wan2.2_HIGH_Q4.gguf"),
            ("unet*gguf*", "UnetLoaderGGUFDisTorch2MultiGPU"),
            ("?", "7"),
            ("*a*b", "xaxab"),
            ("", ""),
            ("**", ""),
        ] {
            assert!(is_match(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("37", "12:37"), ("12", "123"), ("*a*b", "xab_"), ("?", ""), ("a", "")] {
            assert!(!is_match(pattern, text), "{pattern} {text}");
        }
    }
}
