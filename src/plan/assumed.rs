//! What a plan assumes about the card, and what else it could be.

use super::{Gpu, Loading, NamedModel, Options};
use crate::allocator::{Accounting, gigabytes};

/// Cards that differ in what they compute in.
const OTHERS: [&str; 3] = ["pascal", "turing", "ada"];

/// A note for each model that another card would load or count differently from the assumed one.
pub fn notes(models: &[NamedModel], options: &Options) -> Vec<String> {
    if options.loading.card.gpu.is_some() {
        return Vec::new();
    }
    models.iter().filter_map(|named| note(named, options)).collect()
}

fn note(named: &NamedModel, options: &Options) -> Option<String> {
    let bytes = |modules: &super::modules::Modules| modules.model.total_bytes(options.accounting);
    let now = bytes(&named.modules);
    let otherwise = OTHERS.iter().filter_map(|name| {
        let mut loading: Loading = options.loading.clone();
        loading.card.gpu = Gpu::of_name(name);
        let then = bytes(&named.contents.modules(&loading));
        (!named.contents.tensors.is_empty() && then != now).then(|| format!("{:.2} GB on {name}", gigabytes(then)))
    });
    let otherwise: Vec<_> = otherwise.collect();
    let counts = match options.accounting {
        Accounting::Resident => "takes",
        Accounting::Offload => "counts as",
    };
    (!otherwise.is_empty()).then(|| {
        format!(
            "the types that the GPU computes in are unknown: fp16 and bf16 without fp8 are assumed, as on ampere. {} {counts} {:.2} GB \
             then, but {}: --gpu-arch sets them",
            named.name,
            gigabytes(now),
            otherwise.join(", ")
        )
    })
}
