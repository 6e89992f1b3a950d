//! LoRA files: which weights of a model they patch.
//!
//! ComfyUI counts for each patched weight what patching it would cost, in the offload accounting; the numbers in the
//! file do not matter for that, only its keys. A key is the name of a weight in one of several dialects
//! ([`aliases`]) and a suffix that says what part of which kind of patch it is.
//!
//! Source: `load_lora` in `comfy/lora.py` of ComfyUI, `comfy/weight_adapter`, and `comfy/lora_convert.py`.

mod aliases;
mod diffusers;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::{Result, anyhow, ensure};

use super::built::Built;
use super::safetensors;
use crate::advice::Advise as _;
pub use aliases::{Alias, aliases};

/// A LoRA file, or one of a similar kind: LoHa, LoKr, OFT, differences.
#[derive(Debug, Clone, Default)]
pub struct Lora {
    /// The file.
    pub name: String,
    /// What it patches, by its own names.
    patches: HashMap<String, Parts>,
}

/// What is patched under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Parts {
    weight: bool,
    bias: bool,
}

/// What the LoRA files of a plan do to a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patched {
    /// The patched parameters, by their full names in ComfyUI.
    pub parameters: HashSet<String>,
    /// For each file: its names that the model does not have, sorted, and how many it has.
    pub files: Vec<Matched>,
}

/// How a file and a model match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matched {
    /// The file.
    pub name: String,
    /// How many of its names the model has.
    pub known: usize,
    /// Its names that the model does not have, sorted.
    pub unknown: Vec<String>,
}

/// Suffixes that make a patch of the weight.
const WEIGHT: [&str; 17] = [
    ".lora_up.weight",
    "_lora.up.weight",
    ".lora_B.default.weight",
    ".lora_B.weight",
    ".lora_B",
    ".lora.up.weight",
    ".lora_linear_layer.up.weight",
    ".hada_w1_a",
    ".lokr_w1",
    ".lokr_w1_a",
    ".lokr_w2",
    ".lokr_w2_a",
    ".a1.weight",
    ".oft_blocks",
    ".w_norm",
    ".diff",
    ".set_weight",
];
/// Suffixes that make a patch of the bias.
const BIAS: [&str; 2] = [".diff_b", ".b_norm"];
/// Suffixes of what belongs to a patch, but makes none on its own.
const REST: [&str; 25] = [
    ".lora_down.weight",
    "_lora.down.weight",
    ".lora_A.default.weight",
    ".lora_A.weight",
    ".lora_A",
    ".lora.down.weight",
    ".lora_linear_layer.down.weight",
    ".lora_mid.weight",
    ".alpha",
    ".dora_scale",
    ".reshape_weight",
    ".hada_w1_b",
    ".hada_w2_a",
    ".hada_w2_b",
    ".hada_t1",
    ".hada_t2",
    ".lokr_w1_b",
    ".lokr_w2_b",
    ".lokr_t2",
    ".a2.weight",
    ".b1.weight",
    ".b2.weight",
    ".rescale",
    ".lora_B.bias",
    ".lora_up.bias",
];

impl Lora {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// If it cannot be read as safetensors, or no key of it is one of a LoRA.
    pub fn open(path: &Path) -> Result<Self> {
        let header = safetensors::read(path)?;
        let keys: Vec<_> = header.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        let lora = Self::of_keys(path.display().to_string(), &keys);
        ensure!(
            lora.patches.values().any(|parts| parts.weight || parts.bias),
            anyhow!("{}: none of its keys belongs to a LoRA", lora.name)
                .help("name the file of a LoRA; models are given with --model")
        );
        Ok(lora)
    }

    fn of_keys(name: String, keys: &[&str]) -> Self {
        let mut patches: HashMap<String, Parts> = HashMap::new();
        for key in &converted(keys) {
            let (base, parts) = split(key);
            let known = patches.entry(base.to_owned()).or_default();
            known.weight |= parts.weight;
            known.bias |= parts.bias;
        }
        Self { name, patches }
    }

    /// Which of its names the model has, adding what they patch.
    fn apply(&self, aliases: &[Alias], parameters: &mut HashSet<String>) -> Matched {
        let mut known = HashSet::new();
        for Alias { name: alias, key, whole } in aliases {
            let Some((name, parts)) = self.patches.get_key_value(alias) else { continue };
            known.insert(name.as_str());
            if parts.weight {
                parameters.insert(key.clone());
            }
            if let Some(module) = key.strip_suffix(".weight").filter(|_| parts.bias && *whole) {
                parameters.insert(format!("{module}.bias"));
            }
        }
        let unknown = self.patches.keys().filter(|name| !known.contains(name.as_str())).cloned();
        let mut unknown: Vec<_> = unknown.collect();
        unknown.sort();
        Matched { name: self.name.clone(), known: known.len(), unknown }
    }
}

/// What the files do to a model.
pub fn patched(loras: &[Lora], built: &Built) -> Patched {
    let mut patched = Patched::default();
    if loras.is_empty() {
        return patched;
    }
    let aliases = aliases(built);
    for lora in loras {
        let matched = lora.apply(&aliases, &mut patched.parameters);
        patched.files.push(matched);
    }
    patched
}

/// A key's name and what it patches. A key without a known suffix is all name.
fn split(key: &str) -> (&str, Parts) {
    let suffixes = [
        (&WEIGHT[..], Parts { weight: true, bias: false }),
        (&BIAS[..], Parts { weight: false, bias: true }),
        (&REST[..], Parts::default()),
    ];
    let fits = suffixes.iter().flat_map(|(suffixes, parts)| suffixes.iter().map(move |suffix| (*suffix, *parts)));
    // Of two that fit, such as `.lora_B` and `.lora.B`, the longer one is the whole of it.
    let fits = fits.filter_map(|(suffix, parts)| Some((key.strip_suffix(suffix)?, parts)));
    fits.min_by_key(|(base, _)| base.len()).unwrap_or((key, Parts::default()))
}

/// The keys as ComfyUI renames them before it reads them (`convert_lora`).
fn converted(keys: &[&str]) -> Vec<String> {
    let has = |name: &str| keys.contains(&name);
    if has("lora_unet__blocks_0_cross_attn_k.lora_down.weight") {
        return keys.iter().map(|key| key.replacen("lora_unet__", "lora_unet_", 1)).collect();
    }
    if has("img_in.lora_A.weight") && has("single_blocks.0.norm.key_norm.scale") {
        let renamed = |key: &&str| {
            let key = key.replace(".lora_B.bias", ".diff_b").replace("_norm.scale", "_norm.scale.set_weight");
            format!("diffusion_model.{key}")
        };
        return keys.iter().map(renamed).collect();
    }
    keys.iter().map(|&key| key.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_names_and_suffixes() {
        let weight = Parts { weight: true, bias: false };
        for key in ["a.b.lora_up.weight", "a.b.lora_B.weight", "a.b.lora_B.default.weight", "a.b.lokr_w2", "a.b.diff"] {
            assert_eq!(split(key), ("a.b", weight), "{key}");
        }
        assert_eq!(split("a.b.diff_b"), ("a.b", Parts { weight: false, bias: true }));
        assert_eq!(split("a.b.alpha"), ("a.b", Parts::default()));
        assert_eq!(split("a.b.else"), ("a.b.else", Parts::default()));
    }

    #[test]
    fn names_that_a_model_has_are_patched_and_others_told() {
        let keys = ["x.lora_A.weight", "x.lora_B.weight", "x.diff_b", "y.alpha", "z.lora_down.weight"];
        let lora = Lora::of_keys("l".to_owned(), &keys);
        let alias = |name: &str, whole| Alias { name: name.to_owned(), key: format!("m.{name}.weight"), whole };
        let aliases = [alias("x", true), alias("y", true)];
        let mut parameters = HashSet::new();
        let matched = lora.apply(&aliases, &mut parameters);
        let mut parameters: Vec<_> = parameters.into_iter().collect();
        parameters.sort();
        assert_eq!(parameters, ["m.x.bias", "m.x.weight"]);
        assert_eq!((matched.known, matched.unknown), (2, vec!["z".to_owned()]));
        // The bias is not patched by what patches a part of the weight.
        let mut parameters = HashSet::new();
        lora.apply(&[alias("x", false)], &mut parameters);
        assert_eq!(parameters.into_iter().collect::<Vec<_>>(), ["m.x.weight"]);
    }
}
