//! Which loader node of a workflow a load is of.
//!
//! A node prints its allocation string, and neither its id nor its file. So it is known by its settings and the kind of its
//! model. Nodes that have both in common are told apart by their order, if as many loads as nodes are in the prompt: models
//! are loaded in the order in which they are first at work.

use crate::allocator::Logged;
use crate::log::{Asked, Load, LoadKind, Prompt, Start};
use crate::stages::{Kind, Named, Outline, Placing};

/// The loader nodes of workflows.
#[derive(Debug, Default)]
pub struct Loaders {
    workflows: Vec<Workflow>,
}

/// A workflow, as far as loads can be matched with it.
#[derive(Debug)]
struct Workflow {
    outline: Outline,
    /// In the order in which their models are first at work.
    nodes: Vec<LoaderNode>,
}

/// A loader node, and one of its models.
#[derive(Debug, Clone, PartialEq)]
pub struct LoaderNode {
    /// Which of the workflows.
    pub workflow: usize,
    /// The name of that workflow.
    pub file: String,
    /// Which of its loads.
    pub load: usize,
    /// The node.
    pub node: Named,
    /// The names of its files, as in the node.
    pub names: Vec<String>,
    kind: Kind,
    settings: Settings,
}

/// What the node makes its string of.
#[derive(Debug, Clone, PartialEq)]
enum Settings {
    /// The expert part, the compute device, the virtual VRAM in GB, and who lends it.
    Known(String, String, Option<f64>, String),
    /// It distributes nothing.
    Empty,
    /// They are only known when the workflow runs.
    Unknown,
}

impl Loaders {
    /// Adds a workflow.
    pub fn add(&mut self, file: &str, outline: Outline) {
        let workflow = self.workflows.len();
        let nodes = outline.loads.iter().enumerate().map(|(load, about)| LoaderNode {
            workflow,
            file: file.to_owned(),
            load,
            node: about.node.clone(),
            names: about.names.clone(),
            kind: about.kind,
            settings: match (&about.placing, &about.string) {
                (Ok(Placing::Distributed(string)), _) => Settings::of(string.text()),
                (Ok(_), _) => Settings::Empty,
                (Err(_), Some(string)) => Settings::of(&string.full(&string.text)),
                (Err(_), None) => Settings::Unknown,
            },
        });
        let nodes = nodes.collect();
        self.workflows.push(Workflow { outline, nodes });
    }

    /// The models of a workflow.
    pub fn outline(&self, workflow: usize) -> &Outline {
        &self.workflows[workflow].outline
    }

    /// The nodes that a load of a prompt can be of.
    pub fn of<'s>(&'s self, start: &Start, prompt: &Prompt, load: &Load) -> Vec<&'s LoaderNode> {
        // A workflow that lacks a string of the prompt, or a loader of what was to be distributed, is not the one that ran.
        let banners = start.banners.get(prompt.banners.clone()).unwrap_or_default();
        let asked = prompt.loads.iter().filter(|load| load.asked == Asked::Distribution);
        let ran = |workflow: &&Workflow| {
            banners.iter().all(|banner| workflow.has(&banner.text))
                && asked.clone().all(|load| !workflow.candidates(load).is_empty())
        };
        let ran: Vec<&Workflow> = self.workflows.iter().filter(ran).collect();
        ran.into_iter().flat_map(|workflow| workflow.of(prompt, load)).collect()
    }
}

impl Workflow {
    fn has(&self, banner: &str) -> bool {
        let wanted = Settings::of(banner);
        self.nodes.iter().any(|node| node.settings == wanted || node.settings == Settings::Unknown)
    }

    fn of(&self, prompt: &Prompt, load: &Load) -> Vec<&LoaderNode> {
        let candidates = self.candidates(load);
        if candidates.len() < 2 {
            return candidates;
        }
        let is_alike = |other: &&Load| other.string == load.string && other.kind == load.kind;
        let alike: Vec<&Load> = prompt.loads.iter().filter(is_alike).collect();
        let place = alike.iter().position(|other| other.line == load.line);
        match place {
            Some(place) if alike.len() == candidates.len() => vec![candidates[place]],
            _ => candidates,
        }
    }

    fn candidates(&self, load: &Load) -> Vec<&LoaderNode> {
        let is_of_kind = |node: &&LoaderNode| load.kind.is_none_or(|kind| is_of_kind(node.kind, kind));
        let of_kind = || self.nodes.iter().filter(is_of_kind);
        let with =
            |wanted: &Settings| -> Vec<&LoaderNode> { of_kind().filter(|node| node.settings == *wanted).collect() };
        let wanted = match &load.string {
            Some(string) => Settings::of(string),
            // Without a string and without its kind, it can be any.
            None if load.kind.is_none() => return Vec::new(),
            // The loader ran in an earlier prompt, or its line is cut off.
            None if load.asked == Asked::Distribution => {
                return of_kind().filter(|node| node.settings != Settings::Empty).collect();
            }
            None => Settings::Empty,
        };
        let known = with(&wanted);
        if known.is_empty() && wanted != Settings::Empty { with(&Settings::Unknown) } else { known }
    }
}

fn is_of_kind(kind: Kind, loaded: LoadKind) -> bool {
    match loaded {
        LoadKind::Diffusion => kind == Kind::Model,
        LoadKind::TextEncoder => kind == Kind::Clip,
        LoadKind::Vae => kind == Kind::Vae,
        LoadKind::Other => matches!(kind, Kind::ClipVision | Kind::ControlNet),
    }
}

impl Settings {
    /// `expert#compute;gigabytes;donors`. Python writes `4` where a file for the API has it, and `4.0` elsewhere.
    fn of(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            return Self::Empty;
        }
        let logged = Logged::of(text);
        let gigabytes = logged.virtual_vram_gb();
        Self::Known(logged.expert.to_owned(), logged.compute.to_owned(), gigabytes, logged.donors.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_compared_by_what_they_mean() {
        assert_eq!(Settings::of("#cuda:0;4;cpu"), Settings::of(" #cuda:0;4.0;cpu"));
        assert_ne!(Settings::of("#cuda:0;4.0;cpu"), Settings::of("#cuda:0;4.5;cpu"));
        assert_ne!(Settings::of("cuda:0,4gb#cuda:0"), Settings::of("cuda:0,4gb#cuda:1"));
        assert_eq!(Settings::of(" "), Settings::Empty);
    }
}
