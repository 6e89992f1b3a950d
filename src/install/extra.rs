//! `extra_model_paths.yaml`: folders of models and of node packs that are elsewhere.
//!
//! ```yaml
//! a111:                         # any name
//!     base_path: ~/sd-webui     # optional; relative to this file
//!     is_default: true          # its folders come first
//!     checkpoints: models/Stable-diffusion
//!     loras: |
//!         models/Lora
//!         models/LyCORIS
//! ```
//!
//! Source: `load_extra_path_config` in `utils/extra_config.py` of ComfyUI.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::advice::Advise as _;

/// The longest file that is read. Such a file has some lines.
const MOST_BYTES: u64 = 1 << 20;
/// Text that YAML 1.1, which ComfyUI reads, takes for `false`; YAML 1.2 does not.
const FALSE: [&str; 3] = ["no", "off", "false"];

/// A folder that such a file adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// The category of its models, or `custom_nodes`.
    pub category: String,
    /// The folder.
    pub folder: PathBuf,
    /// Does it come before the others of the category?
    pub first: bool,
}

/// The folders that a file adds, in order.
///
/// # Errors If ComfyUI would not start with it.
pub fn extra_model_paths(path: &Path) -> Result<Vec<Extra>> {
    let shown = path.display();
    let cannot = || format!("{shown}: cannot be read");
    let help = "check that it is there and is a text file";
    let file = File::open(path).with_context(cannot).help_open(help)?;
    ensure!(file.metadata().is_ok_and(|about| about.is_file()), anyhow!("{shown}: not a file").help(help));
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).with_context(cannot)?;
    ensure!(bytes.len() as u64 <= MOST_BYTES, anyhow!("{shown}: larger than 1 MiB").help("it lists folders only"));
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("{shown}: not UTF-8")).help(help)?;
    let added = || format!("{shown}: ComfyUI does not start with it");
    // A byte order mark is part of YAML, but not of what this parser takes.
    let yaml: Yaml = yaml_serde::from_str(text.trim_start_matches('\u{feff}'))
        .with_context(|| format!("{shown}: not YAML"))
        .help("compare it with extra_model_paths.yaml.example of ComfyUI")?;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = absolute.parent().unwrap_or(&absolute);
    let sections = yaml.sections().with_context(added).help("compare it with extra_model_paths.yaml.example")?;
    Ok(sections.iter().flat_map(|section| section.folders(folder, &|name| env::var(name).ok())).collect())
}

/// A value of the file.
#[derive(Debug, Clone, PartialEq)]
enum Yaml {
    Text(String),
    /// As Python counts it: 0 is false.
    Scalar(bool),
    Nothing,
    List,
    Map(Vec<(String, Yaml)>),
}

/// A section, checked.
struct Section {
    base: Option<String>,
    first: bool,
    /// Categories and their folders as they are written.
    listed: Vec<(String, String)>,
}

impl Yaml {
    fn sections(self) -> Result<Vec<Section>> {
        let sections = match self {
            Self::Map(sections) => sections,
            Self::Nothing => bail!("it is empty"),
            _ => bail!("it is not made of sections"),
        };
        sections.into_iter().filter(|(_, section)| *section != Self::Nothing).map(Section::of).collect()
    }

    fn is_true(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty() && !FALSE.iter().any(|word| text.eq_ignore_ascii_case(word)),
            Self::Scalar(is_true) => *is_true,
            Self::Nothing => false,
            Self::List => true,
            Self::Map(entries) => !entries.is_empty(),
        }
    }
}

impl Section {
    fn of((name, section): (String, Yaml)) -> Result<Self> {
        let Yaml::Map(entries) = section else { bail!("the section `{name}` has no folders") };
        let mut read = Self { base: None, first: false, listed: Vec::new() };
        for (key, value) in entries {
            match (key.as_str(), value) {
                ("is_default", value) => read.first = value.is_true(),
                ("base_path", Yaml::Text(base)) => read.base = Some(base),
                (_, Yaml::Text(listed)) => read.listed.push((key, listed)),
                _ => bail!("`{key}` of the section `{name}` is not text"),
            }
        }
        Ok(read)
    }

    fn folders(&self, file_folder: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Extra> {
        let base = match &self.base {
            Some(base) => file_folder.join(expanded(base, variable)),
            None => file_folder.to_owned(),
        };
        let each = self.listed.iter().flat_map(|(category, listed)| {
            listed.split('\n').filter(|line| !line.is_empty()).map(move |line| (category, line))
        });
        each.map(|(category, line)| Extra {
            category: category.clone(),
            folder: normal(&base.join(line)),
            first: self.first,
        })
        .collect()
    }
}

/// `os.path.expandvars(os.path.expanduser(text))`. What is not known stays as it is written.
fn expanded(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    let is_home =
        text.strip_prefix('~').is_some_and(|rest| rest.is_empty() || rest.starts_with(std::path::is_separator));
    let text = match variable(home).filter(|_| is_home) {
        Some(home) => format!("{}{}", home.trim_end_matches(std::path::is_separator), &text[1..]),
        None => text.to_owned(),
    };
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['$', '%']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (name, length) = reference(rest).unwrap_or(("", 1));
        match variable(name).filter(|_| !name.is_empty()) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    out + rest
}

/// `$NAME`, `${NAME}`, and on Windows `%NAME%`: the name, and the bytes of the whole.
fn reference(text: &str) -> Option<(&str, usize)> {
    if let Some(rest) = text.strip_prefix("${") {
        let name = &rest[..rest.find('}')?];
        return Some((name, name.len() + 3));
    }
    if let Some(rest) = text.strip_prefix('$') {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        return Some((&rest[..end], end + 1));
    }
    let rest = text.strip_prefix('%').filter(|_| cfg!(windows))?;
    let name = &rest[..rest.find('%')?];
    Some((name, name.len() + 2))
}

/// `os.path.normpath`: without `.` and `..`, whatever is a link.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            Component::ParentDir if normal.has_root() => {}
            other => normal.push(other),
        }
    }
    normal
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Reads any value. Of a key that is there twice the last value counts, as for ComfyUI.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(value != 0))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(value != 0))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(value != 0.0))
    }

    fn visit_str<E>(self, value: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Nothing)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Yaml, A::Error> {
        while list.next_element::<Yaml>()?.is_some() {}
        Ok(Yaml::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Yaml, A::Error> {
        let (mut entries, mut others): (Vec<(String, Yaml)>, Vec<_>) = (Vec::new(), Vec::new());
        while let Some((key, value)) = map.next_entry::<Yaml, Yaml>()? {
            // A key that is no text is no category.
            let Yaml::Text(key) = key else { continue };
            match (key.as_str(), value) {
                // What another section has; what is written here counts before it.
                ("<<", Yaml::Map(merged)) => others.extend(merged),
                (_, value) => match entries.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, known)) => *known = value,
                    None => entries.push((key, value)),
                },
            }
        }
        others.retain(|(key, _)| entries.iter().all(|(known, _)| known != key));
        others.extend(entries);
        Ok(Yaml::Map(others))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<String> {
        match name {
            "HOME" | "USERPROFILE" => Some("/home/me/".to_owned()),
            "DISK" => Some("/mnt/disk".to_owned()),
            _ => None,
        }
    }

    /// Categories and folders below `/at`, with slashes.
    fn folders(text: &str) -> Result<Vec<String>> {
        let sections = yaml_serde::from_str::<Yaml>(text)?.sections()?;
        let all = sections.iter().flat_map(|section| section.folders(Path::new("/at"), &variable));
        let shown = |Extra { category, folder, first }: Extra| {
            let first = if first { " first" } else { "" };
            format!("{category} {}{first}", folder.to_string_lossy().replace('\\', "/"))
        };
        Ok(all.map(shown).collect())
    }

    #[test]
    fn sections_give_folders_as_in_comfyui() {
        let text = "a:\n  base_path: ~/sd\n  is_default: true\n  checkpoints: models/x\n  loras: |\n    one\n    ../two/.\n\
                    b:\n  vae: near\n  clip: /far\nc:\nd:\n  base_path: ${DISK}/$NONE\n  is_default: no\n  vae: x\n";
        assert_eq!(
            folders(text).unwrap(),
            [
                "checkpoints /home/me/sd/models/x first",
                "loras /home/me/sd/one first",
                "loras /home/me/two first",
                "vae /at/near",
                "clip /far",
                "vae /mnt/disk/$NONE/x",
            ]
        );
    }

    #[test]
    fn of_a_key_that_is_there_twice_the_last_value_counts() {
        assert_eq!(folders("a:\n  vae: x\n  vae: y\n").unwrap(), ["vae /at/y"]);
        assert_eq!(folders("a:\n  vae: x\na:\n  clip: y\n").unwrap(), ["clip /at/y"]);
    }

    #[test]
    fn a_section_can_take_over_another_one() {
        let text = "a: &a\n  vae: x\n  clip: y\nb:\n  vae: z\n  <<: *a\n";
        assert_eq!(folders(text).unwrap(), ["vae /at/x", "clip /at/y", "clip /at/y", "vae /at/z"]);
    }

    #[test]
    fn what_comfyui_does_not_start_with_is_an_error() {
        for (text, why) in [
            ("", "it is empty"),
            ("- a", "it is not made of sections"),
            ("a: text", "the section `a` has no folders"),
            ("a:\n  vae: [x, y]", "`vae` of the section `a` is not text"),
            ("a:\n  base_path: 5\n  vae: x", "`base_path` of the section `a` is not text"),
        ] {
            assert_eq!(folders(text).unwrap_err().to_string(), why, "{text}");
        }
    }

    #[test]
    fn a_file_that_would_never_end_is_an_error() {
        let mut bomb = "a0: &a0 {x: y}\n".to_owned();
        for level in 1..60 {
            let before = level - 1;
            let _ = fmt::Write::write_fmt(
                &mut bomb,
                format_args!("a{level}: &a{level} {{x: *a{before}, y: *a{before}, z: *a{before}}}\n"),
            );
        }
        assert!(folders(&bomb).is_err());
        assert!(folders(&"[".repeat(100_000)).is_err());
    }
}
