//! The models that people name: files, built-in profiles, sizes.

use std::io::Read as _;
use std::path::Path;

use ::safetensors::Dtype;
use anyhow::{Context as _, Result, bail};

use super::architecture;
use super::file;
use super::ggml::GgmlType;
use super::gguf::{self, Gguf};
use super::modules::{self, Modules};
use super::quantise::{QUANTISATIONS, Quantisation};
use super::safetensors;
use super::tensor::{Storage, Tensor};
use super::wan::{PROFILES, Profile};
use crate::allocator::{Block, Model};

/// A model, ready to be allocated.
#[derive(Debug, Clone, Default)]
pub struct NamedModel {
    /// What it was asked for by.
    pub name: String,
    /// What it is, and where its sizes come from.
    pub origin: String,
    /// Its blocks.
    pub modules: Modules,
    /// Its tensors; none if only its size is known.
    pub tensors: Vec<Tensor>,
}

/// Layers of a model of which only the size is known: as many as 40 blocks of ten.
const LAYERS: u64 = 400;

impl NamedModel {
    /// A file, or a profile with its quantisation: `wan2.2-14b:Q6_K`.
    pub fn open(name: &Path) -> Result<Self> {
        let text = name.to_string_lossy();
        let (before, quantisation) = text.split_once(':').unwrap_or((&text, ""));
        match Profile::of_name(before) {
            Some(profile) if !name.exists() => Self::of_profile(profile, quantisation),
            _ => Self::of_file(name),
        }
    }

    /// A model of so many bytes, in layers of one size. They are taken for quantised ones: casting them costs two more
    /// bytes for each.
    pub fn of_size(bytes: u64) -> Self {
        let block = |index: u64| {
            let resident_bytes = bytes / LAYERS + u64::from(index < bytes % LAYERS);
            Block {
                name: format!("layers.{index}"),
                kind: "Linear".into(),
                resident_bytes,
                offload_bytes: resident_bytes.saturating_mul(3),
                has_bias: true,
            }
        };
        let model = Model::new((0..LAYERS).map(block).collect());
        Self {
            name: format!("a model of {:.2} GB", crate::allocator::gigabytes(bytes)),
            origin: format!("taken for {LAYERS} quantised layers of one size"),
            modules: Modules { model, ordered: true, ..Modules::default() },
            tensors: Vec::new(),
        }
    }

    /// The same model in another quantisation, estimated: what it quantises is what is quantised in the file, or in a
    /// file that is not, what ComfyUI-GGUF's converter would. `None` if its tensors are not known.
    pub fn quantised(&self, quantisation: &Quantisation) -> Option<Self> {
        let is_packed = |tensor: &Tensor| matches!(tensor.storage, Storage::Ggml(ggml) if ggml.is_quantised());
        let any_packed = self.tensors.iter().any(is_packed);
        let is_large =
            |tensor: &Tensor| if any_packed { is_packed(tensor) } else { super::quantise::is_quantised(tensor) };
        let tensors = quantisation.of_tensors(&self.tensors, is_large);
        let modules = modules::group(&tensors);
        let name = format!("{} as {}", self.name, quantisation.name);
        (!tensors.is_empty()).then_some(Self { name, origin: self.origin.clone(), modules, tensors })
    }

    fn of_tensors(name: &Path, origin: String, tensors: Vec<Tensor>) -> Result<Self> {
        let shown = name.display().to_string();
        let modules = modules::group(&tensors);
        if modules.model.blocks().is_empty() {
            bail!("{shown}: there are no layers in it\nhelp: name the file of a model");
        }
        Ok(Self { name: shown, origin, modules, tensors })
    }

    fn of_profile(profile: &Profile, quantisation: &str) -> Result<Self> {
        let known = QUANTISATIONS.map(|known| known.name).join(", ");
        let Some(found) = Quantisation::of_name(quantisation) else {
            bail!(
                "{}: it needs a quantisation that is known, but has `{quantisation}`\n\
                 help: write {}:Q6_K, or one of {known}",
                profile.name,
                profile.name
            );
        };
        let name = format!("{}:{}", profile.name, found.name);
        let origin = format!("{}, built from its published architecture", profile.title);
        Self::of_tensors(Path::new(&name), origin, profile.tensors(&found))
    }

    fn of_file(path: &Path) -> Result<Self> {
        let shown = path.display();
        if !path.exists() {
            let profiles = PROFILES.map(|profile| profile.name).join(", ");
            bail!(
                "{shown}: there is no such file\nhelp: name a GGUF or safetensors file, an index of safetensors files, or a \
                 built-in profile with its quantisation such as wan2.2-14b:Q6_K (there are {profiles})"
            );
        }
        let mut first = Vec::new();
        let begin = file::open(path)?.0.take(9).read_to_end(&mut first);
        begin.with_context(|| format!("{shown}: cannot be read\nhelp: look whether its disk is in order"))?;
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if gguf::is_gguf(&first) {
            return Self::of_gguf(path);
        }
        let (what, tensors) = if is_json {
            ("safetensors files", safetensors::read_index(path)?)
        } else if first.get(8) == Some(&b'{') {
            ("a safetensors file", safetensors::read(path)?)
        } else {
            bail!("{shown}: neither a GGUF nor a safetensors file\nhelp: convert it, or plan by --model-size");
        };
        Self::of_tensors(path, format!("the header of {what}"), architecture::named_as_in_comfyui(tensors, None))
    }

    fn of_gguf(path: &Path) -> Result<Self> {
        let Gguf { architecture, tensors, files } = gguf::read(path)?;
        let architecture = architecture.unwrap_or_default();
        let tensors = tensors.into_iter().map(|tensor| as_loaded(tensor, &architecture)).collect();
        let tensors = architecture::named_as_in_comfyui(tensors, Some(&architecture));
        let what = if files == 1 { "a GGUF file".to_owned() } else { format!("{files} GGUF files") };
        let architecture = if architecture.is_empty() { "unnamed" } else { &architecture };
        Self::of_tensors(path, format!("the header of {what}, architecture {architecture}"), tensors)
    }
}

/// A tensor as ComfyUI-GGUF loads it (`loader.py`): vectors in `BF16` become 32 bits, the large table of words of a text
/// encoder 16 bits.
fn as_loaded(tensor: Tensor, architecture: &str) -> Tensor {
    let is_bf16 = matches!(tensor.storage, Storage::Ggml(ggml) if ggml.name == "BF16");
    if is_bf16 && tensor.shape.len() <= 1 {
        let full = GgmlType::of_name("F32").and_then(|full| tensor.stored(Storage::Ggml(full)));
        return full.unwrap_or(tensor);
    }
    let is_large = match architecture {
        "t5" | "t5encoder" => tensor.shape == [256_384, 4096],
        "llama" | "qwen2vl" | "qwen3" | "qwen3vl" => tensor.shape.first().is_some_and(|&words| words >= 64 * 1024),
        _ => return tensor,
    };
    if tensor.name != "token_embd.weight" || !is_large {
        return tensor;
    }
    tensor.stored(Storage::Torch(Dtype::F16)).unwrap_or(tensor)
}
