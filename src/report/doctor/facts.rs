//! The tables of facts, for people and programs alike.

use std::fmt::Display;
use std::path::Path;

use super::{FactGroup, FactReport, GpuReport, PlaceReport};
use crate::allocator::gigabytes;
use crate::comfyui::{DynamicVram, Fit, Pair};
use crate::doctor::{Facts, Known, NodeCode, NodeFacts, NodeSource};
use crate::install::launch::{Launch, LaunchKind};
use crate::install::layout::Layout;
use crate::loaders::{Effect, Loaders};
use crate::report::{ComfyUiReport, Located, status};
use crate::text::visible;

/// The packages that matter to the node.
const PACKAGES: [&str; 6] = ["torch", "comfy-aimdo", "comfyui-frontend-package", "gguf", "accelerate", "sageattention"];

/// The tables, with paths relative to the folder `base`.
pub(super) fn groups(facts: &Facts, base: &Path) -> Vec<FactGroup> {
    let writer = Writer { facts, base };
    vec![
        FactGroup { id: "installation", title: "Installation", facts: writer.installation() },
        FactGroup { id: "node", title: "ComfyUI-MultiGPU", facts: writer.node() },
        FactGroup { id: "comfyui", title: "ComfyUI", facts: writer.comfyui() },
        FactGroup { id: "launches", title: "How it is started", facts: writer.launches() },
        FactGroup { id: "packages", title: "Packages", facts: writer.packages() },
        FactGroup { id: "machine", title: "Machine", facts: writer.machine() },
    ]
}

/// The GPUs.
pub(super) fn gpus(facts: &Facts) -> Known<Vec<GpuReport>> {
    let gpus = facts.machine.gpus.as_ref().map(|cards| {
        let gpu = |card: &crate::machine::Card| GpuReport {
            index: card.index,
            device: facts.device_of(card),
            name: card.name.clone().unwrap_or_default(),
            total_bytes: card.total_bytes,
            free_bytes: card.free_bytes,
        };
        cards.iter().map(gpu).collect()
    });
    gpus.map_err(Clone::clone).into()
}

struct Writer<'w> {
    facts: &'w Facts,
    base: &'w Path,
}

impl Writer<'_> {
    fn installation(&self) -> Vec<FactReport> {
        let installation = &self.facts.installation;
        let mut facts = vec![fact("kind", layout(installation.layout)), self.folder("ComfyUI", &installation.comfyui)];
        if installation.base != installation.comfyui {
            facts.push(self.folder("base directory", &installation.base));
        }
        facts.extend(installation.custom_nodes.iter().map(|folder| self.folder("node packs", folder)));
        facts.push(match &installation.python {
            Some(python) => self.folder("Python", python),
            None => unknown("Python", "none was found in the usual places"),
        });
        facts.extend(installation.extra_model_paths.iter().map(|file| self.folder("model folders", file)));
        facts.extend(installation.problems.iter().map(|problem| fact("configuration", problem)));
        facts
    }

    fn node(&self) -> Vec<FactReport> {
        let node = match &self.facts.node {
            Known::Is(node) => node,
            Known::Unknown(why) => return vec![unknown("node", why)],
        };
        let checkout = &node.checkout;
        let mut facts = vec![
            self.folder("folder", &checkout.root),
            optional("version", checkout.version.as_deref(), "its pyproject.toml has none"),
            fact("installed", installed(node)),
        ];
        facts.extend(node.others.iter().map(|other| self.folder("another one", other)));
        match &node.code {
            Known::Is(code) => facts.extend(self::code(node, code)),
            Known::Unknown(why) => facts.push(unknown("code", why)),
        }
        facts
    }

    fn comfyui(&self) -> Vec<FactReport> {
        let comfyui = match &self.facts.comfyui {
            Known::Is(comfyui) => comfyui,
            Known::Unknown(why) => return vec![unknown("ComfyUI", why)],
        };
        let report = ComfyUiReport::read(self.base, comfyui, false);
        let dynamic = match comfyui.dynamic.state {
            DynamicVram::Absent => "it has none",
            DynamicVram::OnRequest(_) => "off, unless it is asked for",
            DynamicVram::ByDefault(_) => "on, unless an option or the machine prevents it",
            DynamicVram::Unclear(_) => "it has it; whether it is on was not understood",
        };
        vec![
            optional("version", comfyui.version.as_deref(), "it states none"),
            optional("load lists", report.fields().as_deref(), "they were not understood"),
            fact("dynamic VRAM", dynamic),
        ]
    }

    fn launches(&self) -> Vec<FactReport> {
        let launches = &self.facts.installation.launches;
        if launches.is_empty() {
            return vec![unknown("arguments", "no file that starts it was found, and it is not running")];
        }
        launches.iter().map(|launch| self.launch(launch)).collect()
    }

    fn launch(&self, launch: &Launch) -> FactReport {
        let mut words: Vec<String> = launch.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        words.extend(launch.arguments.iter().cloned());
        let value = if words.is_empty() { String::from("no arguments") } else { words.join(" ") };
        let name = launch.file.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let place = launch.file.as_deref().map(|file| PlaceReport::File {
            path: Located::new(self.base, file),
            line: launch.line.map(|line| line as usize),
        });
        FactReport {
            name: name.unwrap_or_else(|| starter(launch.kind).to_owned()),
            value: Known::Is(visible(&value).into_owned()),
            place,
        }
    }

    fn packages(&self) -> Vec<FactReport> {
        let mut facts = match &self.facts.packages {
            Known::Is(packages) => {
                let version = |name: &str| packages.version(name).unwrap_or("not installed").to_owned();
                PACKAGES.iter().map(|name| fact(name, version(name))).collect()
            }
            Known::Unknown(why) => vec![unknown("packages", why)],
        };
        match &self.facts.packs {
            Known::Is(packs) => {
                let disabled = packs.iter().filter(|pack| pack.is_disabled).count();
                let disabled = if disabled > 0 { format!(", {disabled} disabled") } else { String::new() };
                facts.push(fact("node packs", format!("{}{disabled}", packs.len())));
                facts.extend(self.needed_packs());
            }
            Known::Unknown(why) => facts.push(unknown("node packs", why)),
        }
        facts
    }

    /// The packs that the workflows need.
    fn needed_packs(&self) -> Option<FactReport> {
        let read = self.facts.read_workflows().map(|(_, read)| read);
        let mut packs: Vec<&str> = read
            .flat_map(|read| read.workflow.nodes().iter().filter_map(|node| read.classes.get(&node.class)))
            .filter_map(|class| class.pack.as_deref())
            .collect();
        packs.sort_unstable();
        packs.dedup();
        (!packs.is_empty()).then(|| fact("used by workflows", packs.join(", ")))
    }

    fn machine(&self) -> Vec<FactReport> {
        let machine = &self.facts.machine;
        let wsl = if machine.is_wsl { ", in Windows (WSL)" } else { "" };
        let mut facts = vec![fact("system", format!("{}{wsl}", machine.os))];
        match machine.memory {
            Some(memory) => {
                let [total, free, swap] = [memory.total_bytes, memory.free_bytes, memory.swap_bytes].map(gigabytes);
                facts.push(fact("memory", format!("{total:.1} GB, {free:.1} GB free; {swap:.1} GB of swap")));
            }
            None => facts.push(unknown("memory", "the system does not tell")),
        }
        if let Err(why) = &machine.gpus {
            facts.push(unknown("GPUs", why));
        }
        facts
    }

    fn folder(&self, name: &str, path: &Path) -> FactReport {
        let path = Located::new(self.base, path);
        let value = Known::Is(path.shown());
        FactReport { name: name.to_owned(), value, place: Some(PlaceReport::File { path, line: None }) }
    }
}

/// What the code of the node shows.
fn code(node: &NodeFacts, code: &NodeCode) -> Vec<FactReport> {
    let surveys = code.repair.surveys.all();
    let mut facts: Vec<FactReport> = surveys
        .map(|survey| fact(survey.fix.name(), format!("{}: {}", survey.status.name(), survey.verdict())))
        .collect();
    facts.extend(code.pair.map(|pair| fact("with ComfyUI", fits(pair))));
    facts.extend(code.loaders.as_ref().map(|loaders| fact("loaders", effects(loaders))));
    let repaired = code.reversal.map(|reversal| status::repaired(&node.checkout, &code.repair, reversal));
    facts.push(FactReport { name: String::from("repair"), value: repaired, place: None });
    let guard = status::guard(&node.checkout).map(|guard| guard.state());
    facts.push(fact("update", status::update(&node.checkout, &code.repair, guard.as_ref())));
    facts
}

fn fact(name: &str, value: impl Display) -> FactReport {
    FactReport { name: name.to_owned(), value: Known::Is(visible(&value.to_string()).into_owned()), place: None }
}

fn unknown(name: &str, why: &str) -> FactReport {
    FactReport { name: name.to_owned(), value: Known::Unknown(visible(why).into_owned()), place: None }
}

fn optional(name: &str, value: Option<&str>, why: &str) -> FactReport {
    value.map_or_else(|| unknown(name, why), |value| fact(name, value))
}

fn installed(node: &NodeFacts) -> String {
    let Some(git) = &node.checkout.git else {
        return String::from(match node.source {
            NodeSource::Registry => "from the registry: an update overwrites its files",
            NodeSource::Git | NodeSource::Copied => "copied: it has no repository",
        });
    };
    let head = git.head.as_ref();
    let at = head.map(|head| head.describe.clone().unwrap_or_else(|| head.short_id.clone()));
    let branch = head.and_then(|head| head.branch.as_deref()).map(|branch| format!(" on {branch}")).unwrap_or_default();
    format!("a clone at {}{branch}", at.as_deref().unwrap_or("no commit"))
}

fn fits(pair: Pair) -> String {
    match pair {
        Pair::Known(Fit::Broken) => String::from("its places that read load lists are broken"),
        Pair::Known(fit) => format!("its places that read load lists: {fit}"),
        Pair::Either { four, five } => format!("with load lists of 4 fields {four}, of 5 {five}"),
    }
}

/// `act: GGUF diffusion models; no effect while dynamic VRAM is active: diffusion models, VAEs`
fn effects(loaders: &Loaders) -> String {
    let words = [
        (Effect::Acts, "act"),
        (Effect::InertWhileDynamic, "no effect while dynamic VRAM is active"),
        (Effect::Inert, "no effect"),
        (Effect::Unknown, "unknown"),
    ];
    let group = |(effect, word): (Effect, &str)| {
        let kinds: Vec<String> = loaders
            .each
            .iter()
            .filter(|loader| loader.effect == effect)
            .map(|loader| loader.kind.to_string())
            .collect();
        (!kinds.is_empty()).then(|| format!("{word}: {}", kinds.join(", ")))
    };
    words.into_iter().filter_map(group).collect::<Vec<_>>().join("; ")
}

fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::Portable => "portable archive for Windows",
        Layout::Desktop => "ComfyUI Desktop",
        Layout::Desktop2 => "Comfy Desktop 2",
        Layout::ComfyCli => "comfy-cli",
        Layout::StabilityMatrix => "StabilityMatrix",
        Layout::Pinokio => "Pinokio",
        Layout::Docker => "a container",
        Layout::Git => "a clone",
        Layout::Folder => "a folder without a repository",
    }
}

fn starter(kind: LaunchKind) -> &'static str {
    match kind {
        LaunchKind::Process => "running process",
        LaunchKind::Batch => "batch file",
        LaunchKind::PowerShell => "PowerShell script",
        LaunchKind::Shell => "shell script",
        LaunchKind::Systemd => "systemd service",
        LaunchKind::Compose => "compose service",
        LaunchKind::Dockerfile => "Dockerfile",
        LaunchKind::Desktop => "ComfyUI Desktop",
        LaunchKind::Desktop2 => "Comfy Desktop 2",
        LaunchKind::ComfyCli => "comfy-cli",
        LaunchKind::StabilityMatrix => "StabilityMatrix",
        LaunchKind::Pinokio => "Pinokio",
    }
}
