//! Models of which only the names are known: tensors grouped by their modules.
//!
//! An item of the load list is a module with its own parameters. A module that has others below it is not listed.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::built::{Built, BuiltModule, Parameter};
use super::tensor::Tensor;
use super::wan;

/// The modules that the names tell, in the order of WAN or of their names.
pub(super) fn build(tensors: &[Tensor], is_text_encoder: bool) -> Built {
    let mut found: HashMap<&str, Vec<&Tensor>> = HashMap::new();
    for tensor in tensors {
        found.entry(tensor.parts().0).or_default().push(tensor);
    }
    let inner: HashSet<&str> = found.keys().flat_map(|name| ancestors(name)).collect();
    let mut built = Built { is_text_encoder, order_known: wan::is_wan(tensors), ..Built::default() };
    let prefix = if is_text_encoder { "" } else { "diffusion_model." };
    let mut modules = Vec::new();
    for (name, own) in found {
        if inner.contains(name) {
            built.unlisted.extend(own.into_iter().cloned());
            continue;
        }
        let has = |part: &str| own.iter().any(|tensor| tensor.parts().1 == part);
        modules.push((
            name,
            BuiltModule {
                name: format!("{prefix}{name}"),
                kind: kind(name, &own).into(),
                casts: has("weight"),
                has_bias: has("weight") || has("bias"),
                parameters: own.iter().map(|tensor| parameter(name, tensor)).collect(),
            },
        ));
    }
    if built.order_known {
        modules.sort_by_cached_key(|(name, _)| (wan::position(name), (*name).to_owned()));
    } else {
        modules.sort_by(|(a, _), (b, _)| natural(a, b).then_with(|| a.cmp(b)));
    }
    built.modules = modules.into_iter().map(|(_, module)| module).collect();
    built
}

fn parameter(module: &str, tensor: &Tensor) -> Parameter {
    let fixed = module.ends_with("patch_embedding").then_some(::safetensors::Dtype::F32);
    Parameter { name: tensor.parts().1.to_owned(), tensor: tensor.clone(), fixed }
}

/// The class of a module, going by its weight.
fn kind(name: &str, own: &[&Tensor]) -> &'static str {
    let find = |part: &str| own.iter().find(|tensor| tensor.parts().1 == part);
    let (Some(weight), has_bias) = (find("weight"), find("bias").is_some()) else { return "Parameter" };
    match weight.shape.len() {
        0 | 1 if has_bias => "LayerNorm",
        0 | 1 => "RMSNorm",
        2 if !has_bias && is_embedding(name) => "Embedding",
        2 => "Linear",
        3 => "Conv1d",
        4 => "Conv2d",
        _ => "Conv3d",
    }
}

/// Is it a table of embeddings, by its name? A linear layer has a weight of the same form.
fn is_embedding(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    matches!(last, "shared" | "embed_tokens" | "token_embd" | "wte" | "wpe" | "relative_attention_bias")
        || last.ends_with("token_embedding")
        || last.ends_with("position_embedding")
}

/// The modules that a module is in: of `a.b.c` these are `a.b`, `a` and the root.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    let root = (!name.is_empty()).then_some("");
    name.match_indices('.').map(|(at, _)| &name[..at]).chain(root)
}

/// Compares names with their numbers by value: `blocks.9` before `blocks.10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (in_a, in_b) = (digits(a), digits(b));
        if in_a > 0 && in_b > 0 {
            let (left, right) = (a[..in_a].trim_start_matches('0'), b[..in_b].trim_start_matches('0'));
            let order = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (&a[in_a..], &b[in_b..]);
            continue;
        }
        let (mut rest_a, mut rest_b) = (a.chars(), b.chars());
        match (rest_a.next(), rest_b.next()) {
            (Some(x), Some(y)) if x == y => (a, b) = (rest_a.as_str(), rest_b.as_str()),
            (x, y) => return x.cmp(&y),
        }
    }
}
