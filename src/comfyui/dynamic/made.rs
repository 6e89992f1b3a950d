//! Which patcher ComfyUI's own loaders give to the models that they load.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Patchers;
use crate::python::source::walk;
use crate::python::syntax::top_definition;
use crate::python::{Place, Source};

/// What a `DisTorch2` loader loads. Displayed as a phrase for people, in the plural.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LoaderKind {
    /// Diffusion models in GGUF files, by the loaders of ComfyUI-GGUF.
    GgufDiffusion,
    /// Text encoders in GGUF files, by the loaders of ComfyUI-GGUF.
    GgufTextEncoder,
    /// Diffusion models in safetensors files.
    Diffusion,
    /// Text encoders in safetensors files.
    TextEncoder,
    /// VAEs.
    Vae,
    /// CLIP vision models.
    ClipVision,
    /// The diffusion models of checkpoints.
    Checkpoint,
    /// `ControlNet` models.
    ControlNet,
}

impl LoaderKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::GgufDiffusion,
        Self::GgufTextEncoder,
        Self::Diffusion,
        Self::TextEncoder,
        Self::Vae,
        Self::ClipVision,
        Self::Checkpoint,
        Self::ControlNet,
    ];
}

impl fmt::Display for LoaderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GgufDiffusion => "GGUF diffusion models",
            Self::GgufTextEncoder => "GGUF text encoders",
            Self::Diffusion => "diffusion models",
            Self::TextEncoder => "text encoders",
            Self::Vae => "VAEs",
            Self::ClipVision => "CLIP vision",
            Self::Checkpoint => "checkpoints",
            Self::ControlNet => "ControlNets",
        })
    }
}

/// What makes the patcher of a kind of model: a function or a class, in a file.
const MAKERS: [(LoaderKind, &str, &str); 5] = [
    (LoaderKind::Diffusion, "comfy/sd.py", "load_diffusion_model_state_dict"),
    (LoaderKind::TextEncoder, "comfy/sd.py", "CLIP"),
    (LoaderKind::Vae, "comfy/sd.py", "VAE"),
    (LoaderKind::ClipVision, "comfy/clip_vision.py", "ClipVisionModel"),
    (LoaderKind::Checkpoint, "comfy/sd.py", "load_state_dict_guess_config"),
];

/// What ComfyUI's own loader of one kind makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The kind.
    pub loader: LoaderKind,
    /// The file that makes it.
    pub path: String,
    /// Is it a dynamic patcher, and where is it made? Otherwise, why that is unknown.
    pub patcher: Result<(bool, Place), String>,
}

/// The files that make patchers, each once.
pub(super) fn files() -> Vec<&'static str> {
    let mut files: Vec<_> = MAKERS.iter().map(|(_, path, _)| *path).collect();
    files.sort_unstable();
    files.dedup();
    files
}

/// Reads what every loader of ComfyUI's own makes, while dynamic VRAM is active. Unless `is_bound`, what the names of plain
/// patchers stand for then is unknown.
pub(super) fn read(patchers: &Patchers, is_bound: bool, look: &dyn Fn(&str) -> Option<Source>) -> Vec<Made> {
    let sources: Vec<_> = files().into_iter().map(|path| (path, look(path))).collect();
    let made = |(loader, path, name): &(LoaderKind, &'static str, &str)| {
        let source = sources.iter().find(|(known, _)| known == path).and_then(|(_, source)| source.as_ref());
        let patcher = match source.map(|source| patcher(source, name, patchers)) {
            None => Err(format!("{path} could not be read")),
            Some(None) => Err(format!("no patcher was found in `{name}` of {path}")),
            Some(Some((false, _))) if !is_bound => {
                Err(String::from("no place was found where ComfyUI puts its dynamic patcher in"))
            }
            Some(Some(found)) => Ok(found),
        };
        Made { loader: *loader, path: (*path).to_owned(), patcher }
    };
    MAKERS.iter().map(made).collect()
}

/// The patcher that a definition makes: the dynamic one, if it names one at all.
fn patcher(source: &Source, name: &str, patchers: &Patchers) -> Option<(bool, Place)> {
    let definition = top_definition(source, &["class_definition", "function_definition"], name)?;
    let mut found: Option<(bool, Place)> = None;
    walk(&mut definition.walk(), |node| {
        if node.kind() == "identifier"
            && let Some(is_dynamic) = patchers.is_dynamic(source.slice(node))
            && found.is_none_or(|(known, _)| is_dynamic && !known)
        {
            found = Some((is_dynamic, source.place(node.start_byte())));
        }
        true
    });
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_loader_makes_the_dynamic_patcher_where_it_names_it() {
        let patchers = Patchers::read(&parse(
            "class Plain:\n    def is_dynamic(self): return False\n\
             class Paged(Plain):\n    def is_dynamic(self): return True\n",
        ));
        let sd = "def load_diffusion_model_state_dict(static):\n    make = Plain if static else m.Paged\n\
                  class CLIP:\n    def __init__(self): self.patcher = m.Plain(self.model)\n\
                  class VAE:\n    def __init__(self): self.patcher = other()\n";
        let made = |is_bound| read(&patchers, is_bound, &|path| (path == "comfy/sd.py").then(|| parse(sd)));
        assert!(made(false)[0].patcher.is_ok() && made(false)[1].patcher.is_err(), "plain names may stand for either");
        let made = made(true);
        let told = made.iter().map(|made| made.patcher.clone().map(|(is_dynamic, place)| (is_dynamic, place.line)));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                Ok((true, 2)),
                Ok((false, 4)),
                Err(String::from("no patcher was found in `VAE` of comfy/sd.py")),
                Err(String::from("comfy/clip_vision.py could not be read")),
                Err(String::from("no patcher was found in `load_state_dict_guess_config` of comfy/sd.py")),
            ]
        );
    }

    fn parse(text: &str) -> Source {
        Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).unwrap()
    }
}
