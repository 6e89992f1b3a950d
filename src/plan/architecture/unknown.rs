//! The modules of a model of unknown architecture, as far as the names of its tensors show them.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use crate::plan::built::{BuiltModule, Parameter};
use crate::plan::tensor::Tensor;

/// Its modules, by their names, and the tensors that belong to none: those of modules that have others below them.
pub(super) fn modules(tensors: &[Tensor]) -> (Vec<BuiltModule>, Vec<Tensor>) {
    let mut found: HashMap<&str, Vec<&Tensor>> = HashMap::new();
    for tensor in tensors {
        found.entry(tensor.parts().0).or_default().push(tensor);
    }
    let inner: HashSet<&str> = found.keys().flat_map(|name| ancestors(name, &found)).collect();
    let mut modules = Vec::new();
    let mut unlisted = Vec::new();
    for (name, own) in &found {
        if inner.contains(name) {
            unlisted.extend(own.iter().copied().cloned());
        } else {
            modules.push(module(name, own));
        }
    }
    modules.sort_by(|a, b| natural(&a.name, &b.name).then_with(|| a.name.cmp(&b.name)));
    unlisted.sort_by(|a, b| natural(&a.name, &b.name).then_with(|| a.name.cmp(&b.name)));
    (modules, unlisted)
}

fn module(name: &str, tensors: &[&Tensor]) -> BuiltModule {
    let of_name = |name: &str| tensors.iter().find(|tensor| tensor.parts().1 == name);
    let (weight, bias) = (of_name("weight"), of_name("bias"));
    let parameter =
        |tensor: &&Tensor| Parameter { name: tensor.parts().1.to_owned(), tensor: (*tensor).clone(), fixed: None };
    BuiltModule {
        name: name.to_owned(),
        kind: kind(name, weight.map(|weight| weight.shape.len()), bias.is_some()).into(),
        casts: weight.is_some(),
        // ComfyUI's layers have the attribute even without a bias; bare parameters have none.
        has_bias: weight.is_some() || bias.is_some(),
        parameters: tensors.iter().map(parameter).collect(),
    }
}

/// The class of a module, by the dimensions of its weight.
fn kind(name: &str, dimensions: Option<usize>, has_bias: bool) -> &'static str {
    match dimensions {
        None => "Parameter",
        Some(0 | 1) if has_bias => "LayerNorm",
        Some(0 | 1) => "RMSNorm",
        Some(2) if !has_bias && is_embedding(name) => "Embedding",
        Some(2) => "Linear",
        Some(3) => "Conv1d",
        Some(4) => "Conv2d",
        Some(_) => "Conv3d",
    }
}

/// Is it a table of embeddings, by its name? A linear layer has a weight of the same form.
fn is_embedding(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    matches!(last, "shared" | "embed_tokens" | "token_embd" | "wte" | "wpe" | "relative_attention_bias")
        || last.ends_with("token_embedding")
        || last.ends_with("position_embedding")
}

/// The deepest name of which all modules above are looked for.
const MOST_PARTS: usize = 40;

/// The modules with tensors that a module is in: of `a.b.c` these may be `a.b`, `a` and the root.
fn ancestors<'n>(name: &'n str, found: &HashMap<&str, Vec<&Tensor>>) -> impl Iterator<Item = &'n str> {
    let root = (!name.is_empty()).then_some("");
    name.match_indices('.')
        .take(MOST_PARTS)
        .map(|(at, _)| &name[..at])
        .chain(root)
        .filter(|above| found.contains_key(above))
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
