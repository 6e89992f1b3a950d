//! Compose files of Docker and Podman: which services start ComfyUI, with what, and which folders they mount.
//!
//! Source: the Compose specification; for devices, `daemon/nvidia_linux.go` of moby, which turns them into
//! `NVIDIA_VISIBLE_DEVICES`.

use std::fs;
use std::path::{Path, PathBuf};

use yaml_serde::Value;

use super::command::{Command, base_name, unknown};
use super::{Launch, LaunchKind, Site, quoted_words, shell};
use crate::install::config::{self, line_of};
use crate::install::layout::Places;
use crate::install::normal;
use crate::text::shown;

/// The names of such files, in the order in which they are preferred.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
/// Parts of the names of variables in which images take arguments for ComfyUI.
const OF_ARGUMENTS: [&str; 4] = ["ARG", "CMDLINE", "OPTIONS", "FLAGS"];

/// The services that start the ComfyUI, as compose files in and around the installation say.
pub(super) fn launches(site: &Site<'_>, problems: &mut Vec<String>) -> Vec<Launch> {
    let own = [Some(&*site.draft.root), Some(&*site.draft.comfyui), site.draft.root.parent()];
    let mut folders: Vec<&Path> = own.into_iter().flatten().collect();
    folders.dedup();
    let mut launches = Vec::new();
    for (at, folder) in folders.iter().enumerate() {
        if folders[..at].contains(folder) {
            continue;
        }
        for file in files(folder) {
            // Around the installation, other projects have theirs.
            if *folder != site.draft.root
                && *folder != site.draft.comfyui
                && !mounts_in(&file, &site.draft.comfyui, site.places)
            {
                continue;
            }
            launches.extend(of_file(&file, site, problems));
        }
    }
    launches
}

/// Does a compose file in this folder mount the folder, or one around it?
pub(in crate::install) fn mounts(folder: &Path, inner: &Path, places: &Places) -> bool {
    files(folder).iter().any(|file| mounts_in(file, inner, places))
}

/// The folders that compose files in this folder mount.
pub(in crate::install) fn mounted(folder: &Path, places: &Places) -> Vec<PathBuf> {
    files(folder).iter().flat_map(|file| volumes_of(file, places)).collect()
}

fn mounts_in(file: &Path, inner: &Path, places: &Places) -> bool {
    volumes_of(file, places)
        .iter()
        .any(|volume| inner == volume || inner.starts_with(volume) && file.parent() != Some(volume))
}

/// The compose file of a folder, and what overrides it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Some(first) = NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file()) else { return Vec::new() };
    let extension = first.extension().unwrap_or_default().to_owned();
    let stem = first.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let over = folder.join(format!("{stem}.override.{}", extension.to_string_lossy()));
    [first, over].into_iter().filter(|file| file.is_file()).collect()
}

/// A file, and what is put in for its variables.
struct Compose {
    file: PathBuf,
    text: String,
    value: Value,
    variables: Vec<(String, String)>,
    home: Option<PathBuf>,
}

impl Compose {
    fn read(file: &Path, places: &Places, problems: &mut Vec<String>) -> Option<Self> {
        let text = config::text(file, problems)?;
        let value = match yaml_serde::from_str(&text) {
            Ok(value) => value,
            Err(error) => {
                problems.push(format!("{}: not YAML: {error}", shown(file)));
                return None;
            }
        };
        let folder = file.parent()?.to_owned();
        let variables = config::text(&folder.join(".env"), &mut Vec::new());
        let variables = variables.map(|text| super::systemd::variables(&text)).unwrap_or_default();
        Some(Self { file: file.to_owned(), text, value, variables, home: places.home() })
    }

    fn services(&self) -> Vec<(&str, &Value)> {
        let services = self.value.get("services").and_then(Value::as_mapping).into_iter().flatten();
        services.filter_map(|(name, service)| Some((name.as_str()?, service))).collect()
    }

    /// A text with `${NAME}` and `${NAME:-default}` put in.
    fn text(&self, value: &Value) -> Option<String> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(is_true) => is_true.to_string(),
            _ => return None,
        };
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, behind)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(behind) = behind.strip_prefix('$') {
                out.push('$');
                rest = behind;
            } else if let Some((inside, behind)) = behind.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
                let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
                let (name, default) = inside.split_at(end);
                let default = default.strip_prefix(":-").or_else(|| default.strip_prefix('-'));
                out.push_str(&self.variable(name, default));
                rest = behind;
            } else {
                let end = behind.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(behind.len());
                let (name, behind) = behind.split_at(end);
                out.push_str(&if name.is_empty() { "$".into() } else { self.variable(name, None) });
                rest = behind;
            }
        }
        Some(out + rest)
    }

    fn variable(&self, name: &str, default: Option<&str>) -> String {
        let set = self.variables.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.clone());
        set.or_else(|| default.map(str::to_owned)).unwrap_or_else(|| unknown(name))
    }

    /// A list of words: a list, or a text as a shell reads it.
    fn words(&self, value: &Value) -> Option<Vec<String>> {
        match value {
            Value::Sequence(list) => list.iter().map(|word| self.text(word)).collect(),
            Value::Null => None,
            other => Some(quoted_words(&self.text(other)?)),
        }
    }

    /// The folders of the machine that a service mounts.
    fn volumes(&self, service: &Value) -> Vec<PathBuf> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let list = service.get("volumes").and_then(Value::as_sequence).into_iter().flatten();
        let sources = list.filter_map(|volume| match volume {
            Value::Mapping(_) => {
                let is_bind = volume.get("type").and_then(Value::as_str) == Some("bind");
                is_bind.then(|| self.text(volume.get("source")?)).flatten()
            }
            other => {
                let text = self.text(other)?;
                // A name alone is a volume that Docker keeps.
                let source = if text.get(1..3) == Some(":\\") || text.get(1..3) == Some(":/") {
                    let rest = text[2..].find(':')? + 2;
                    text[..rest].to_owned()
                } else {
                    text.split(':').next()?.to_owned()
                };
                source
                    .starts_with(['.', '/', '~', '\\'])
                    .then_some(source)
                    .or_else(|| Some(text).filter(|t| t.get(1..2) == Some(":")))
            }
        });
        let known = sources.filter(|source| super::command::first_unknown(source).is_none());
        let path = |source: String| match (source.strip_prefix('~'), &self.home) {
            (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
            _ => folder.join(super::command::native(&source)),
        };
        known.map(|source| normal(&path(source))).collect()
    }
}

fn volumes_of(file: &Path, places: &Places) -> Vec<PathBuf> {
    let Some(compose) = Compose::read(file, places, &mut Vec::new()) else { return Vec::new() };
    compose.services().into_iter().flat_map(|(_, service)| compose.volumes(service)).collect()
}

fn of_file(file: &Path, site: &Site<'_>, problems: &mut Vec<String>) -> Vec<Launch> {
    let Some(compose) = Compose::read(file, site.places, problems) else { return Vec::new() };
    let mut services = compose.services();
    let mounts = |service: &Value| compose.volumes(service).iter().any(|volume| site.draft.comfyui.starts_with(volume));
    // If some have this ComfyUI, the others have their own.
    if services.iter().any(|(_, service)| mounts(service)) {
        services.retain(|(_, service)| mounts(service));
    }
    services.into_iter().filter_map(|(name, service)| of_service(&compose, name, service, site, problems)).collect()
}

fn of_service(
    compose: &Compose,
    name: &str,
    service: &Value,
    site: &Site<'_>,
    problems: &mut Vec<String>,
) -> Option<Launch> {
    let key = |name: &str| service.get(name);
    let words = |name: &str| key(name).and_then(|value| compose.words(value)).unwrap_or_default();
    let command: Vec<String> = [words("entrypoint"), words("command")].concat();
    let image = key("image").and_then(|image| compose.text(image)).unwrap_or_default();
    let is_comfyui = |text: &str| text.to_ascii_lowercase().contains("comfy");
    let mounts = compose.volumes(service).iter().any(|volume| site.draft.comfyui.starts_with(volume));
    let starts = command.iter().any(|word| word.contains("main.py"));
    if !(starts || is_comfyui(name) || is_comfyui(&image) || mounts) {
        return None;
    }
    let environment = environment(compose, service, problems);
    let line = |part: &str| line_of(&compose.text, &["services:", &format!("{name}:"), part]);
    let mut launch = if starts {
        let outside = |_: &str| None;
        let context = shell::Context {
            folder: None,
            script_folder: None,
            environment: &environment,
            outside: &outside,
            line: line("main.py").unwrap_or(1),
        };
        let inner = command.iter().find(|word| word.contains("main.py") && word.contains(char::is_whitespace));
        let commands = match inner.filter(|_| !command.iter().any(|word| base_name(word) == "main.py")) {
            Some(inner) => shell::commands(inner, context),
            None => vec![Command { line: context.line, words: command, ..Command::default() }],
        };
        let launch = |command: &Command| command.launch(LaunchKind::Compose, Some(&compose.file), &site.draft.comfyui);
        commands.iter().find_map(launch)?
    } else {
        // The image starts it, with the command as its arguments or with those in a variable.
        let is_arguments = !command.is_empty() && command[0].starts_with("--");
        let is_of_arguments = |(name, value): &&(String, String)| {
            value.trim_start().starts_with("--")
                && OF_ARGUMENTS.iter().any(|part| name.to_ascii_uppercase().contains(part))
        };
        let variable = environment.iter().find(is_of_arguments);
        let arguments = match (is_arguments, variable) {
            (true, _) => command,
            (false, Some((_, value))) => quoted_words(value),
            (false, None) => Vec::new(),
        };
        let at = if is_arguments { line("command") } else { variable.and_then(|(name, _)| line(name)) };
        Command {
            line: at.or_else(|| line("")).unwrap_or(1),
            words: [vec!["main.py".into()], arguments].concat(),
            ..Command::default()
        }
        .launch(LaunchKind::Compose, Some(&compose.file), &site.draft.comfyui)?
    };
    launch.environment = environment;
    launch.environment.extend(devices(service).map(|devices| ("NVIDIA_VISIBLE_DEVICES".to_owned(), devices)));
    launch.environment.retain(|(_, value)| super::command::first_unknown(value).is_none());
    // Its paths are those of the container.
    launch.folder = None;
    Some(launch)
}

/// What a service sets: a list or a mapping, behind the files that it names.
fn environment(compose: &Compose, service: &Value, problems: &mut Vec<String>) -> Vec<(String, String)> {
    let mut environment = Vec::new();
    let files = match service.get("env_file") {
        Some(Value::Sequence(list)) => {
            list.iter().filter_map(|file| compose.text(file.get("path").unwrap_or(file))).collect()
        }
        Some(file) => compose.text(file).into_iter().collect::<Vec<_>>(),
        None => Vec::new(),
    };
    for file in files {
        let path = compose.file.parent().unwrap_or(Path::new("")).join(file);
        environment
            .extend(config::text(&path, problems).map(|text| super::systemd::variables(&text)).into_iter().flatten());
    }
    match service.get("environment") {
        Some(Value::Sequence(list)) => {
            let pairs = list.iter().filter_map(|pair| compose.text(pair));
            environment
                .extend(pairs.filter_map(|pair| pair.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()))));
        }
        Some(Value::Mapping(pairs)) => {
            let pairs =
                pairs.iter().filter_map(|(name, value)| Some((name.as_str()?.to_owned(), compose.text(value)?)));
            environment.extend(pairs);
        }
        _ => {}
    }
    environment
}

/// The GPUs that a service gets: their numbers or identifiers; of a count, Docker takes the first ones.
fn devices(service: &Value) -> Option<String> {
    let reserved = || service.get("deploy")?.get("resources")?.get("reservations")?.get("devices")?.as_sequence();
    let requests = reserved().or_else(|| service.get("gpus").and_then(Value::as_sequence))?;
    let is_gpu = |request: &&Value| {
        let capabilities = request.get("capabilities").and_then(Value::as_sequence);
        capabilities.is_none_or(|list| list.iter().any(|one| one.as_str() == Some("gpu")))
    };
    let request = requests.iter().find(is_gpu)?;
    if let Some(ids) = request.get("device_ids").and_then(Value::as_sequence) {
        let ids: Vec<String> = ids
            .iter()
            .filter_map(|id| id.as_str().map(str::to_owned).or_else(|| Some(id.as_u64()?.to_string())))
            .collect();
        return Some(ids.join(","));
    }
    match request.get("count") {
        Some(Value::Number(count)) => {
            let count = count.as_u64().filter(|count| *count <= 64)?;
            Some((0..count).map(|number| number.to_string()).collect::<Vec<_>>().join(","))
        }
        _ => Some("all".to_owned()),
    }
}

/// The Dockerfiles beside compose files and ComfyUI.
pub(super) fn dockerfiles(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(2_000).flatten();
    let is_one = |name: &str| {
        let lower = name.to_ascii_lowercase();
        lower == "dockerfile"
            || lower.starts_with("dockerfile.")
            || lower.ends_with(".dockerfile")
            || lower == "containerfile"
    };
    let mut files: Vec<_> =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(is_one)).map(|entry| entry.path()).collect();
    files.sort();
    files
}
