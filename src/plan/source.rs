//! The models that people name: files, built-in profiles, sizes.

use std::io::Read as _;
use std::path::Path;

use ::safetensors::Dtype;
use anyhow::{Context as _, Result, anyhow, bail};

use super::architecture;
use super::file;
use super::ggml::GgmlType;
use super::gguf::{self, Gguf};
use super::loading::Loading;
use super::modules::{self, Modules};
use super::quantise::{QUANTISATIONS, Quantisation};
use super::quantised;
use super::safetensors;
use super::tensor::{Storage, Tensor};
use super::wan::{PROFILES, Profile};
use crate::advice::Advise as _;
use crate::allocator::{Block, Model};

/// A model, ready to be allocated.
#[derive(Debug, Clone, Default)]
pub struct NamedModel {
    /// The name that the user gave.
    pub name: String,
    /// What it is, and where its sizes come from.
    pub origin: String,
    /// Its blocks.
    pub modules: Modules,
    /// Its tensors; none if only its size is known.
    pub contents: Contents,
}

/// What a file holds of a model.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// The tensors that ComfyUI reads, in the order of the file.
    pub tensors: Vec<Tensor>,
    /// The architecture that a GGUF file names.
    pub architecture: Option<String>,
    /// The name of the tensor that ComfyUI-GGUF considers the largest, and reserves room to unpack.
    largest: Option<String>,
}

impl Contents {
    fn new(tensors: Vec<Tensor>) -> Self {
        let packed = tensors.iter().filter(|tensor| tensor.is_opaque());
        // Of equal ones the first; `max_by_key` gives the last.
        let largest = packed.rev().max_by_key(|tensor| tensor.bytes).map(|tensor| tensor.name.clone());
        Self { tensors, architecture: None, largest }
    }

    /// The blocks that ComfyUI makes of it.
    pub fn modules(&self, loading: &Loading) -> Modules {
        let mut built = architecture::build(&self.tensors);
        // If the architecture is unknown, what the user or the file says.
        let is_said = loading.text_encoder || self.architecture.as_deref().is_some_and(architecture::is_text);
        built.is_text_encoder |= built.architecture.is_none() && is_said;
        modules::of(&built, &self.tensors, self.largest.as_deref(), loading)
    }
}

/// Layers of a model of which only the size is known: 40 blocks of ten.
const LAYERS: u64 = 400;

impl NamedModel {
    /// A file, or a profile with its quantisation: `wan2.2-14b:Q6_K`.
    pub fn open(name: &Path, loading: &Loading) -> Result<Self> {
        let text = name.to_string_lossy();
        let (before, quantisation) = text.split_once(':').unwrap_or((&text, ""));
        match Profile::of_name(before) {
            Some(profile) if !name.exists() => Self::of_profile(profile, quantisation, loading),
            _ => Self::of_file(name, loading),
        }
    }

    /// A model of which only the bytes are known, in layers of one size. So the offload accounting counts
    /// the same: what it adds depends on types and on LoRA files.
    pub fn of_size(bytes: u64) -> Self {
        let block = |index: u64| {
            let resident_bytes = bytes / LAYERS + u64::from(index < bytes % LAYERS);
            Block {
                name: format!("layers.{index}"),
                kind: "Linear".into(),
                resident_bytes,
                offload_bytes: resident_bytes,
                has_bias: true,
            }
        };
        let model = Model::new((0..LAYERS).map(block).collect());
        Self {
            name: format!("a model of {:.2} GB", crate::allocator::gigabytes(bytes)),
            origin: format!("taken for {LAYERS} layers of one size"),
            modules: Modules { model, ordered: true, ..Modules::default() },
            contents: Contents::default(),
        }
    }

    /// The same model in another quantisation, estimated: what it quantises is what is quantised in the file, or in a
    /// file that is not, what ComfyUI-GGUF's converter would. `None` if its tensors are not known.
    pub fn quantised(&self, quantisation: &Quantisation, loading: &Loading) -> Option<Self> {
        let tensors = &self.contents.tensors;
        let is_packed = |tensor: &Tensor| matches!(tensor.storage, Storage::Ggml(ggml) if ggml.is_quantised());
        let any_packed = tensors.iter().any(is_packed);
        let is_large =
            |tensor: &Tensor| if any_packed { is_packed(tensor) } else { super::quantise::is_quantised(tensor) };
        if tensors.is_empty() {
            return None;
        }
        let architecture = self.contents.architecture.clone();
        let contents = Contents { architecture, ..Contents::new(quantisation.of_tensors(tensors, is_large)) };
        let name = format!("{} as {}", self.name, quantisation.name);
        Some(Self { name, origin: self.origin.clone(), modules: contents.modules(loading), contents })
    }

    fn of_contents(name: &Path, origin: String, contents: Contents, loading: &Loading) -> Result<Self> {
        let shown = name.display().to_string();
        let modules = contents.modules(loading);
        if modules.model.blocks().is_empty() {
            bail!(anyhow!("{shown}: it has no layers").help("name the file of a model"));
        }
        Ok(Self { name: shown, origin, modules, contents })
    }

    fn of_profile(profile: &Profile, quantisation: &str, loading: &Loading) -> Result<Self> {
        let known = QUANTISATIONS.map(|known| known.name).join(", ");
        let Some(found) = Quantisation::of_name(quantisation) else {
            let what = match quantisation {
                "" => String::from("a built-in profile needs a quantisation"),
                unknown => format!("unknown quantisation `{unknown}`"),
            };
            bail!(anyhow!("{}: {what}", profile.name).help(format!("write {}:Q6_K, or one of {known}", profile.name)));
        };
        let name = format!("{}:{}", profile.name, found.name);
        let origin = format!("{}, built from its published architecture", profile.title);
        Self::of_contents(Path::new(&name), origin, Contents::new(profile.tensors(&found)), loading)
    }

    fn of_file(path: &Path, loading: &Loading) -> Result<Self> {
        let shown = path.display();
        if !path.exists() {
            let profiles = PROFILES.map(|profile| profile.name).join(", ");
            bail!(anyhow!("{shown}: there is no such file").help(format!(
                "name a GGUF or safetensors file, an index of safetensors files, or a built-in profile with its \
                 quantisation such as wan2.2-14b:Q6_K (there are {profiles})"
            )));
        }
        let mut first = Vec::new();
        let begin = file::open(path)?.0.take(9).read_to_end(&mut first);
        begin.with_context(|| format!("{shown}: cannot be read")).help("check the disk that it is on")?;
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if gguf::is_gguf(&first) {
            return Self::of_gguf(path, loading);
        }
        let (what, header) = if is_json {
            ("safetensors files", safetensors::read_index(path)?)
        } else if first.get(8) == Some(&b'{') {
            ("a safetensors file", safetensors::read(path)?)
        } else {
            bail!(
                anyhow!("{shown}: neither a GGUF nor a safetensors file").help("convert it, or plan by --model-size")
            );
        };
        let tensors = quantised::converted(header.tensors, &header.quantised);
        let tensors = architecture::named_as_in_comfyui(tensors, None);
        let contents = Contents::new(quantised::converted(tensors, &[]));
        Self::of_contents(path, format!("the header of {what}"), contents, loading)
    }

    fn of_gguf(path: &Path, loading: &Loading) -> Result<Self> {
        let Gguf { architecture: named, tensors, files } = gguf::read(path)?;
        let architecture = named.clone().unwrap_or_default();
        let tensors = architecture::named_as_in_comfyui(tensors, named.as_deref());
        let mut contents = Contents { architecture: named, ..Contents::new(tensors) };
        contents.tensors = contents.tensors.into_iter().map(|tensor| as_loaded(tensor, &architecture)).collect();
        let what = if files == 1 { "a GGUF file".to_owned() } else { format!("{files} GGUF files") };
        let architecture = if architecture.is_empty() { "unnamed" } else { &architecture };
        let origin = format!("the header of {what}, architecture {architecture}");
        Self::of_contents(path, origin, contents, loading)
    }
}

/// A tensor as ComfyUI-GGUF loads it (`loader.py`): vectors in `BF16` become 32 bits, and the large embedding table of
/// a text encoder 16 bits.
fn as_loaded(tensor: Tensor, architecture: &str) -> Tensor {
    let is_bf16 = matches!(tensor.storage, Storage::Ggml(ggml) if ggml.name == "BF16");
    if is_bf16 && tensor.shape.len() <= 1 {
        let full = GgmlType::of_name("F32").and_then(|full| tensor.stored(Storage::Ggml(full)));
        return full.unwrap_or(tensor);
    }
    let (table, is_unpacked) = match architecture {
        "t5" | "t5encoder" => ("shared.weight", tensor.shape == [256_384, 4096]),
        "llama" | "qwen2vl" | "qwen3" | "qwen3vl" => {
            ("model.embed_tokens.weight", tensor.shape.first().is_some_and(|&words| words >= 64 * 1024))
        }
        _ => return tensor,
    };
    let half = tensor.stored(Storage::Torch(Dtype::F16)).filter(|_| is_unpacked && tensor.name == table);
    half.unwrap_or(tensor)
}
