//! What the files of a model hold.

use super::flow::Kind;
use super::loads::Load;
use crate::allocator::{Accounting, Block, Model};
use crate::plan::{Card, Loading, Lora, NamedModel, modules::Modules};

/// Reads the headers of a model's files; or says why its weights are not known.
pub(super) fn open(
    load: &Load,
    card: Card,
    loras: &[Result<std::path::PathBuf, String>],
    accounting: Accounting,
    notes: &mut Vec<String>,
) -> Result<(NamedModel, Loading), String> {
    let files = load.files.as_ref().map_err(Clone::clone)?;
    let is_checkpoint = load.node.class.to_ascii_lowercase().contains("checkpoint");
    if is_checkpoint && load.kind != Kind::Model {
        return Err(format!("how large the {} of a checkpoint is, is not read", load.kind.name()));
    }
    let loras = if accounting == Accounting::Offload { patches(loras, notes) } else { Vec::new() };
    let weight_type = load.weight_type.filter(|_| load.kind == Kind::Model);
    let loading = Loading { card, loras, weight_type, text_encoder: load.kind == Kind::Clip };
    let opened = files.iter().map(|file| NamedModel::open(file, &loading).map_err(|error| format!("{error:#}")));
    let opened = opened.collect::<Result<Vec<_>, _>>()?;
    Ok((together(opened), loading))
}

/// The LoRA files that can be read.
fn patches(files: &[Result<std::path::PathBuf, String>], notes: &mut Vec<String>) -> Vec<Lora> {
    let opened = files.iter().map(|file| {
        let file = file.as_ref().map_err(Clone::clone)?;
        Lora::open(file).map_err(|error| format!("{error:#}"))
    });
    let mut loras = Vec::new();
    for lora in opened {
        match lora {
            Ok(lora) => loras.push(lora),
            Err(why) => notes.push(format!("a LoRA is not counted: {why}")),
        }
    }
    loras
}

/// One model of several files, as text encoders can be.
fn together(mut models: Vec<NamedModel>) -> NamedModel {
    if models.len() == 1 {
        return models.remove(0);
    }
    let mut modules = Modules {
        doubt: Some("it is made of several files".to_owned()),
        is_text_encoder: models.iter().any(|model| model.modules.is_text_encoder),
        types: models.first().and_then(|model| model.modules.types),
        ..Modules::default()
    };
    let mut blocks = Vec::new();
    for (at, named) in models.iter().enumerate() {
        let part = &named.modules;
        let prefixed = |block: &Block| Block { name: format!("{at}.{}", block.name), ..block.clone() };
        blocks.extend(part.model.blocks().iter().map(prefixed));
        modules.unlisted_bytes = modules.unlisted_bytes.saturating_add(part.unlisted_bytes);
        modules.reserve_bytes = modules.reserve_bytes.saturating_add(part.reserve_bytes);
    }
    let weight_bytes = models.iter().fold(0, |sum: u64, named| sum.saturating_add(named.modules.model.weight_bytes()));
    modules.model = Model::new(blocks).with_weight_bytes(weight_bytes);
    let names: Vec<&str> = models.iter().map(|named| named.name.as_str()).collect();
    NamedModel { name: names.join(" + "), origin: "several files".to_owned(), modules, ..NamedModel::default() }
}
