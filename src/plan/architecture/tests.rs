use ::safetensors::Dtype;

use super::outline::{EVERY, Entry, Expected, Outline};
use super::*;
use crate::plan::tensor::Storage;

fn tensor(name: &str, shape: &[u64]) -> Tensor {
    Tensor::new(name.to_owned(), shape.to_vec(), Storage::Torch(Dtype::F16)).unwrap()
}

fn tensors(names: &[&str]) -> Vec<Tensor> {
    names.iter().map(|name| tensor(name, &[4])).collect()
}

/// An order that has nothing to do with that of the outline.
fn shuffled(mut tensors: Vec<Tensor>) -> Vec<Tensor> {
    tensors.sort_by_key(|tensor| tensor.name.bytes().rev().collect::<Vec<_>>());
    tensors
}

/// A model as an outline describes it: the modules that are listed, and the tensors of its file.
struct Made<'o> {
    outline: &'o Outline,
    repeats: usize,
    with_optional: bool,
    modules: Vec<(String, &'static str)>,
    tensors: Vec<Tensor>,
}

impl<'o> Made<'o> {
    fn new(outline: &'o Outline, with_optional: bool) -> Self {
        let numbers = outline.conditions.iter().flat_map(|condition| condition.name.split('.'));
        let repeats = numbers.filter_map(|part| part.parse::<usize>().ok()).max().unwrap_or(0) + 2;
        let mut made = Self { outline, repeats, with_optional, modules: Vec::new(), tensors: Vec::new() };
        made.entries(&outline.entries, "");
        made
    }

    /// Its name in the file.
    fn in_file<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(self.outline.at).unwrap_or_default().trim_start_matches('.')
    }

    fn is_ruled_out(&self, path: &str) -> bool {
        let name = self.in_file(path);
        self.outline.conditions.iter().any(|c| c.expected == Expected::Absent && c.name == name)
    }

    fn is_chosen(&self, entry: &Entry, path: &str) -> bool {
        let name = self.in_file(path);
        let is_above =
            |long: &str| long.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let mut wanted = self.outline.conditions.iter().filter(|condition| condition.expected != Expected::Absent);
        let is_wanted = !name.is_empty() && wanted.any(|condition| is_above(condition.name));
        !self.is_ruled_out(path) && (is_wanted || !entry.optional || self.with_optional)
    }

    fn entries(&mut self, entries: &'o [Entry], path: &str) {
        let mut taken: Vec<&str> = Vec::new();
        for entry in entries {
            if taken.contains(&entry.name) {
                continue;
            }
            let with = entry.with.is_none_or(|(name, expected)| {
                let neighbour = entries.iter().find(|entry| entry.name == name).unwrap();
                self.is_chosen(neighbour, &join(path, name)) == expected
            });
            let count = if entry.name == EVERY { self.repeats } else { 1 };
            for index in 0..count {
                let name = if entry.name == EVERY { index.to_string() } else { entry.name.to_owned() };
                let path = join(path, &name);
                if entry.name == EVERY && self.is_ruled_out(&path) {
                    break;
                }
                if with && (self.is_chosen(entry, &path) || entry.name == EVERY) {
                    taken.push(entry.name);
                    let before = (self.modules.len(), self.tensors.len());
                    self.entry(entry, &path);
                    // A file without tensors of it does not show that it is there.
                    if entry.name == EVERY && entry.as_many_as.is_none() && self.tensors.len() == before.1 {
                        self.modules.truncate(before.0);
                    }
                }
            }
        }
    }

    fn entry(&mut self, entry: &'o Entry, path: &str) {
        if let Some(kind) = entry.kind {
            self.modules.push((path.to_owned(), kind));
        }
        let in_file = path.strip_prefix(self.outline.at).filter(|_| path.starts_with(self.outline.at));
        for slot in entry.parameters.iter().filter(|slot| !slot.optional || self.with_optional) {
            let Some(rest) = in_file else { continue };
            let name = join(rest.trim_start_matches('.'), slot.name);
            let mut shape = vec![4; slot.rank.unwrap_or(2)];
            for condition in self.outline.conditions.iter().filter(|condition| condition.name == name) {
                if let Expected::Dimension(axis, size) = condition.expected {
                    shape[axis] = size;
                }
            }
            self.tensors.push(tensor(&name, &shape));
        }
        self.entries(&entry.below, path);
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn listed(built: &Built) -> Vec<(String, &str)> {
    built.modules.iter().map(|module| (module.name.clone(), &*module.kind)).collect()
}

#[test]
fn every_outline_is_read_and_says_what_it_is() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/plan/architecture/outlines");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), registry::OUTLINES.len());
    for text in registry::OUTLINES {
        let outline = Outline::parse(text).unwrap();
        let title = outline.title(|_| false).expect("a title without conditions");
        assert!(!outline.conditions.is_empty() && !outline.entries.is_empty(), "{title}");
        assert_eq!(outline.types(|_| false).is_empty(), outline.is_text_encoder(), "{title}");
        assert!(["diffusion", "encoder", "vae"].contains(&outline.kind) && is_plain(&outline.entries), "{title}");
    }
}

/// Does every list hold numbers or names, and not both?
fn is_plain(entries: &[Entry]) -> bool {
    let every = entries.iter().filter(|entry| entry.name == EVERY).count();
    [0, entries.len()].contains(&every) && entries.iter().all(|entry| is_plain(&entry.below))
}

#[test]
fn a_file_made_by_an_outline_is_built_as_it_says_in_whatever_order_it_is() {
    for text in registry::OUTLINES {
        let outline = Outline::parse(text).unwrap();
        for with_optional in [true, false] {
            let made = Made::new(&outline, with_optional);
            let title = outline.title(|_| false).unwrap();
            let built = build(&shuffled(made.tensors));
            assert_eq!(built.doubt, None, "{title}");
            assert_eq!(listed(&built), made.modules, "{title}");
        }
    }
}

fn of(title: &str) -> Vec<Tensor> {
    let outlines = registry::OUTLINES.into_iter().map(|text| Outline::parse(text).unwrap());
    let outline = outlines.into_iter().find(|outline| outline.title(|_| false) == Some(title)).unwrap();
    Made::new(&outline, false).tensors
}

#[test]
fn what_a_model_does_not_have_is_ignored_and_a_bias_that_a_file_lacks_is_made() {
    let whole = of("WAN");
    let (expected, size) = (build(&whole), build(&whole).modules.len());
    let extra = ["logvar", "a_table.weight", "rope.inv_freq", "blocks.0.attn.inv_freq", "spiece_model"];
    let built = build(&shuffled([whole.clone(), tensors(&extra)].concat()));
    assert_eq!((built.doubt.as_ref(), listed(&built)), (None, listed(&expected)));
    assert_eq!(built.ignored.len(), 2, "{:?}", built.ignored);
    assert_eq!((expected.ignored.len(), size), (0, expected.modules.len()));

    let without: Vec<_> = whole.iter().filter(|tensor| tensor.name != "blocks.1.ffn.2.bias").cloned().collect();
    let built = build(&without);
    assert_eq!((built.doubt.as_ref(), listed(&built)), (None, listed(&expected)));
    let layer = built.modules.iter().find(|module| module.name == "diffusion_model.blocks.1.ffn.2").unwrap();
    assert_eq!((&layer.parameters[1].name[..], &layer.parameters[1].tensor.shape[..]), ("bias", &[4][..]));
}

#[test]
fn where_it_is_unclear_what_is_built_the_order_is_not_known_and_the_outline_taken() {
    let whole = of("WAN");
    let expected = listed(&build(&whole)).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let names = |built: &Built| built.modules.iter().map(|module| module.name.clone()).collect::<Vec<_>>();

    let with = |names: &[&str]| build(&[whole.clone(), tensors(names)].concat());
    let built = with(&["blocks.0.extra.weight", "blocks.0.extra.bias"]);
    assert_eq!((built.architecture, built.order_known, names(&built)), (Some("WAN"), false, expected.clone()));
    let doubt = built.doubt.unwrap();
    assert_eq!(doubt, "taken for WAN, but the outline of it has no `blocks.0.extra.weight` and 1 more");

    // What decides between architectures elsewhere may do so here.
    assert!(!with(&["t5_yproj.weight"]).order_known && !with(&["llm_adapter.proj"]).order_known);

    let without = |name: &str| build(&whole.iter().filter(|tensor| tensor.name != name).cloned().collect::<Vec<_>>());
    let built = without("blocks.1.ffn.2.weight");
    assert_eq!((built.order_known, names(&built)), (false, expected));
    assert!(built.doubt.unwrap().contains("the file lacks `diffusion_model.blocks.1.ffn.2.weight`"));

    let layer: Vec<_> = whole.iter().filter(|tensor| !tensor.name.starts_with("text_embedding.0.")).cloned().collect();
    let doubt = build(&layer).doubt.unwrap();
    assert_eq!(doubt, "taken for WAN, but the file lacks `diffusion_model.text_embedding.0.weight` and 1 more");

    let gap: Vec<_> = whole.into_iter().filter(|tensor| !tensor.name.starts_with("blocks.1.")).collect();
    assert!(build(&gap).order_known, "a shorter model");
    let gap: Vec<_> = [gap, tensors(&["blocks.2.ffn.0.weight"])].concat();
    assert!(!build(&gap).order_known);
}

#[test]
fn an_outline_that_explains_little_of_a_file_is_not_taken() {
    let few = tensors(&["head.modulation", "blocks.0.self_attn.norm_q.weight", "a.0.weight", "a.1.weight", "b.weight"]);
    let built = build(&few);
    assert!(built.architecture.is_none() && built.doubt.unwrap().starts_with("taken for WAN, but"));
    assert_eq!(built.modules.len(), few.len());
    let doubt = build(&tensors(&["a.weight"])).doubt;
    assert_eq!(doubt.as_deref(), Some("no architecture with such tensors is known"));
}

#[test]
fn what_quantisation_adds_belongs_to_its_layer() {
    let scale = "blocks.0.ffn.0.scale_weight";
    let built = build(&[of("WAN"), tensors(&[scale, "scaled_fp8"])].concat());
    assert_eq!(built.doubt, None);
    let layer = built.modules.iter().find(|module| module.name == "diffusion_model.blocks.0.ffn.0").unwrap();
    let names: Vec<_> = layer.parameters.iter().map(|parameter| &parameter.name[..]).collect();
    assert_eq!(names, ["weight", "bias", "scale_weight"]);
}

#[test]
fn types_that_never_change_and_types_to_compute_in() {
    let built = build(&of("WAN"));
    let fixed = |name: &str| built.modules.iter().find(|module| module.name == name).unwrap().parameters[0].fixed;
    assert_eq!(fixed("diffusion_model.patch_embedding"), Some(Dtype::F32));
    assert_eq!(fixed("diffusion_model.text_embedding.0"), None);
    assert_eq!(built.compute_types, [Dtype::F16, Dtype::BF16, Dtype::F32]);
    assert!(built.unlisted.iter().any(|tensor| tensor.name == "blocks.0.modulation"));
}

#[test]
fn a_vae_is_one_and_has_types_to_work_in() {
    let built = build(&of("the VAE of WAN 2.1 and Qwen-Image"));
    assert!(built.is_vae && !built.is_text_encoder);
    assert_eq!(built.compute_types, [Dtype::BF16, Dtype::F16, Dtype::F32]);
}

#[test]
fn a_clip_without_a_projection_gets_one() {
    let built = build(&of("CLIP-L"));
    let projection = built.modules.last().unwrap();
    assert_eq!(projection.name, "clip_l.transformer.text_projection");
    assert_eq!(projection.parameters[0].tensor.shape, [4, 4]);
    let without: Vec<_> = of("CLIP-L").into_iter().filter(|tensor| !tensor.name.contains("projection")).collect();
    assert_eq!(listed(&build(&without)), listed(&built));
    assert_eq!(build(&without).modules.last().unwrap().parameters[0].tensor.shape, [4, 4]);
    assert!(built.is_text_encoder);
}

#[test]
fn names_of_checkpoints_and_of_gguf_become_those_of_comfyui() {
    let named = |name: &str, architecture| named_as_in_comfyui(tensors(&[name]), architecture).remove(0).name;
    for (file, own) in [
        ("enc.blk.3.attn_rel_b.weight", "encoder.block.3.layer.0.SelfAttention.relative_attention_bias.weight"),
        ("enc.blk.3.ffn_norm.weight", "encoder.block.3.layer.1.layer_norm.weight"),
        ("token_embd.weight", "shared.weight"),
        ("enc.output_norm.weight", "encoder.final_layer_norm.weight"),
    ] {
        assert_eq!(named(file, Some("t5encoder")), own);
    }
    for (file, own) in [
        ("blk.3.attn_q_norm.weight", "model.layers.3.self_attn.q_norm.weight"),
        ("blk.3.attn_q.weight", "model.layers.3.self_attn.q_proj.weight"),
        ("output_norm.weight", "model.norm.weight"),
        ("output.weight", "lm_head.weight"),
    ] {
        assert_eq!(named(file, Some("qwen3")), own);
    }
    let prefixed = |prefix: &str| -> Vec<_> {
        let renamed = |t: Tensor| Tensor { name: format!("{prefix}{}", t.name), ..t };
        of("WAN").into_iter().map(renamed).chain(tensors(&["first_stage_model.conv1.weight"])).collect()
    };
    for prefix in ["model.diffusion_model.", "model."] {
        let own = named_as_in_comfyui(prefixed(prefix), None);
        assert_eq!(build(&own).architecture, Some("WAN"), "{prefix}");
    }
    assert_eq!(named_as_in_comfyui(of("Qwen3 4B"), None), of("Qwen3 4B"), "the prefix of a text encoder is its own");
}

#[test]
fn the_numbers_and_depths_of_a_hostile_file_cost_no_more_than_its_names() {
    let far = tensor("blocks.99999999999.ffn.0.weight", &[4]);
    assert!(!build(&[of("WAN"), vec![far]].concat()).order_known);
    let huge = tensor("blocks.99999999999999999999999999.ffn.0.weight", &[4]);
    assert!(!build(&[of("WAN"), vec![huge, tensor("blocks.01.ffn.0.weight", &[4])]].concat()).order_known);
    let deep = "a.".repeat(30_000) + "weight";
    assert_eq!(build(&[of("WAN"), vec![tensor(&deep, &[4])]].concat()).ignored, [deep]);
}

#[test]
fn modules_of_unknown_models_are_in_the_order_of_their_names_numbers_by_value() {
    let built = build(&tensors(&["b.10.a.weight", "b.9.z.weight", "b.09.weight", "a.weight", "b.9.free", "ba.weight"]));
    let names: Vec<_> = built.modules.iter().map(|module| &module.name[..]).collect();
    assert_eq!(names, ["a", "b.09", "b.9.z", "b.10.a", "ba"]);
    assert_eq!(built.unlisted, tensors(&["b.9.free"]));
}
