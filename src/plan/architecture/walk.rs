//! Walks an outline and a file's names in parallel.

use ::safetensors::Dtype;

use super::names::{Names, Place};
use super::outline::{EVERY, Entry, Outline, Slot};
use super::registry;
use crate::plan::built::{BuiltModule, Parameter};
use crate::plan::tensor::{Storage, Tensor};

/// What quantised layers hold besides their weight: `comfy_quant` and the scales of `fp8_scaled` files.
const OF_QUANTISATION: [&str; 7] =
    ["weight_scale", "weight_scale_2", "input_scale", "pre_quant_scale", "comfy_quant", "scale_weight", "scale_input"];

/// What files hold that is not a parameter: marks of quantisation, and tokenizers.
const BESIDE_MODULES: [&str; 4] = ["scaled_fp8", "spiece_model", "tekken_model", "tokenizer_json"];

/// What a walk finds.
pub(super) struct Walk<'t> {
    tensors: &'t [Tensor],
    names: &'t Names<'t>,
    at: &'static str,
    /// Which tensors have found their place.
    used: Vec<bool>,
    most_missing: usize,
    /// What the file lacks.
    missing: Doubts,
    unclear: Doubts,
    /// What ComfyUI ignores.
    pub(super) ignored: Vec<String>,
    pub(super) modules: Vec<BuiltModule>,
    pub(super) unlisted: Vec<Tensor>,
}

impl<'t> Walk<'t> {
    /// Walks the whole outline, or until more than `most_missing` tensors are missing.
    pub(super) fn new(outline: &Outline, tensors: &'t [Tensor], names: &'t Names<'t>, most_missing: usize) -> Self {
        let mut walk = Self {
            tensors,
            names,
            at: outline.at,
            used: vec![false; tensors.len()],
            most_missing,
            missing: Doubts::default(),
            unclear: Doubts::default(),
            ignored: Vec::new(),
            modules: Vec::new(),
            unlisted: Vec::new(),
        };
        let place = outline.at.is_empty().then_some(Names::ROOT);
        walk.entries(&outline.entries, place, place, &mut String::new());
        if !walk.is_given_up() {
            walk.judge_unused(outline);
        }
        walk
    }

    /// ComfyUI ignores the rest of the file, unless something there could make it build another model.
    fn judge_unused(&mut self, outline: &Outline) {
        let is_dropped =
            |name: &str| BESIDE_MODULES.contains(&name) || outline.dropped.iter().any(|pattern| matches(pattern, name));
        for (tensor, _) in self.tensors.iter().zip(&self.used).filter(|(_, used)| !**used) {
            let name = &*tensor.name;
            if is_dropped(name) || is_computed(name) {
                continue;
            }
            let is_numbered = name.split('.').any(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
            if is_numbered || registry::decides(name) {
                self.unclear.add(name);
            } else {
                self.ignored.push(name.to_owned());
            }
        }
    }

    /// Why it is unclear what ComfyUI builds; `None` if it is clear.
    pub(super) fn doubt(&self) -> Option<String> {
        let missing = self.missing.shown().map(|shown| format!("the file lacks {shown}"));
        let unclear = self.unclear.shown().map(|shown| format!("the outline of it has no {shown}"));
        let doubts: Vec<_> = [missing, unclear].into_iter().flatten().collect();
        (!doubts.is_empty()).then(|| doubts.join(", and "))
    }

    /// Are there more tensors with a place in the outline than others, and than those that are missing?
    pub(super) fn explains_most(&self) -> bool {
        let used = self.used.iter().filter(|used| **used).count();
        used > self.missing.count + self.unclear.count + self.ignored.len()
    }

    /// `place` is where the file's names of the module are, `above` those of the module above; `None` outside of it.
    fn entries(&mut self, entries: &[Entry], place: Option<Place>, above: Option<Place>, path: &mut String) {
        for alternatives in entries.chunk_by(|a, b| a.name == EVERY && b.name == EVERY) {
            if self.is_given_up() {
                return;
            }
            if alternatives[0].name == EVERY {
                self.every(alternatives, place, above, path);
                continue;
            }
            let entry = &alternatives[0];
            let length = push(path, entry.name);
            let next = match place {
                _ if path == self.at => Some(Names::ROOT),
                Some(place) => self.names.step(place, entry.name),
                None => None,
            };
            let has = |neighbour| place.is_some_and(|place| self.names.step(place, neighbour).is_some());
            let is_there = match entry.with {
                Some((neighbour, expected)) => has(neighbour) == expected,
                None => !entry.optional || next.is_some_and(|next| self.is_present(entry, next)),
            };
            if is_there {
                self.entry(entry, next, place, path);
            }
            path.truncate(length);
        }
    }

    /// The numbered modules of a list, each of which is one of the alternatives.
    fn every(&mut self, alternatives: &[Entry], place: Option<Place>, above: Option<Place>, path: &mut String) {
        let neighbour = alternatives[0].as_many_as;
        let counted = neighbour.map_or(place, |name| above.and_then(|above| self.names.step(above, name)));
        let numbers = counted.map(|place| self.names.numbers(place)).unwrap_or_default();
        for (index, &(number, next)) in numbers.iter().enumerate() {
            if self.is_given_up() {
                return;
            }
            let length = push(path, &number.to_string());
            if number != index {
                // ComfyUI counts until the first one that is not there.
                self.missing.add(&format!("{}.{index}", &path[..length]));
                path.truncate(length);
                break;
            }
            let is_it = |entry: &&Entry| !entry.optional || self.is_present(entry, next);
            if let Some(entry) = alternatives.iter().find(is_it) {
                self.entry(entry, Some(next).filter(|_| neighbour.is_none()), place, path);
            }
            path.truncate(length);
        }
    }

    fn entry(&mut self, entry: &Entry, place: Option<Place>, above: Option<Place>, path: &mut String) {
        let parameters = self.parameters(entry, place, path);
        if let Some(kind) = entry.kind {
            self.modules.push(BuiltModule {
                name: path.clone(),
                kind: kind.into(),
                casts: entry.casts,
                has_bias: entry.has_bias,
                parameters,
            });
        } else {
            self.unlisted.extend(parameters.into_iter().map(|parameter| parameter.tensor));
        }
        self.entries(&entry.below, place, above, path);
    }

    fn parameters(&mut self, entry: &Entry, place: Option<Place>, path: &str) -> Vec<Parameter> {
        let mut found = Vec::new();
        for slot in &entry.parameters {
            match place.and_then(|place| self.slot(slot, place)) {
                Some(index) => found.push(self.take(index, slot.name, slot.fixed)),
                None if slot.square_of.is_some() => found.extend(self.made(slot, path)),
                None if slot.optional || !self.is_in_file(path) => {}
                None => match made_bias(entry, slot, &found, path) {
                    Some(bias) => found.push(bias),
                    None => self.missing.add(&format!("{path}.{}", slot.name)),
                },
            }
        }
        if let Some(place) = place.filter(|_| entry.kind.is_some()) {
            let extra = self.names.tensors_below(place).filter(|(name, _)| OF_QUANTISATION.contains(name));
            let extra: Vec<_> = extra.filter(|&(_, index)| !self.used[index]).collect();
            found.extend(extra.into_iter().map(|(name, index)| self.take(index, name, None)));
        }
        found
    }

    fn is_given_up(&self) -> bool {
        self.missing.count > self.most_missing
    }

    /// Is the module in the part of the model that the file holds? A file has nothing outside of it, such as
    /// `logit_scale` of a text encoder.
    fn is_in_file(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.at);
        rest.is_some_and(|rest| self.at.is_empty() || rest.is_empty() || rest.starts_with('.'))
    }

    fn take(&mut self, index: usize, name: &str, fixed: Option<Dtype>) -> Parameter {
        self.used[index] = true;
        Parameter { name: name.to_owned(), tensor: self.tensors[index].clone(), fixed }
    }

    /// A square matrix that the file lacks.
    fn made(&self, slot: &Slot, path: &str) -> Option<Parameter> {
        let model = self.tensors.iter().find(|tensor| Some(&tensor.name[..]) == slot.square_of)?;
        let size = *model.shape.first()?;
        let tensor = Tensor::new(format!("{path}.{}", slot.name), vec![size, size], model.storage)?;
        Some(Parameter { name: slot.name.to_owned(), tensor, fixed: slot.fixed })
    }

    fn slot(&self, slot: &Slot, place: Place) -> Option<usize> {
        let index = self.names.step(place, slot.name).and_then(|place| self.names.tensor(place))?;
        slot.rank.is_none_or(|rank| self.tensors[index].shape.len() == rank).then_some(index)
    }

    /// Is one of its tensors, or of those below it, there?
    fn is_present(&self, entry: &Entry, place: Place) -> bool {
        let is_below = |below: &Entry| match below.name {
            EVERY => self.names.below(place).any(|next| self.is_present(below, next)),
            name => self.names.step(place, name).is_some_and(|next| self.is_present(below, next)),
        };
        // The dimensions of the weight distinguish alternatives; the bias does not.
        let ranked = entry.parameters.iter().filter(|slot| slot.rank.is_some());
        let telling =
            if ranked.clone().count() > 0 { ranked.collect() } else { entry.parameters.iter().collect::<Vec<_>>() };
        telling.into_iter().any(|slot| self.slot(slot, place).is_some()) || entry.below.iter().any(is_below)
    }
}

/// Names that are in doubt: how many, and the first of them.
#[derive(Default)]
struct Doubts {
    first: Option<String>,
    count: usize,
}

impl Doubts {
    fn add(&mut self, name: &str) {
        self.first.get_or_insert_with(|| name.to_owned());
        self.count += 1;
    }

    fn shown(&self) -> Option<String> {
        let first = self.first.as_deref()?;
        Some(if self.count > 1 { format!("`{first}` and {} more", self.count - 1) } else { format!("`{first}`") })
    }
}

/// The bias that ComfyUI makes for a layer which has its weight in the file, but no bias. Of a packed weight there is none:
/// ComfyUI-GGUF leaves it out.
fn made_bias(entry: &Entry, slot: &Slot, found: &[Parameter], path: &str) -> Option<Parameter> {
    let has_rows = matches!(entry.kind?, "Linear" | "Conv1d" | "Conv2d" | "Conv3d" | "LayerNorm" | "GroupNorm");
    let weight = found.iter().find(|known| known.name == "weight").filter(|_| has_rows && slot.name == "bias")?;
    let storage @ Storage::Torch(_) = weight.tensor.storage else { return None };
    let tensor = Tensor::new(format!("{path}.bias"), vec![*weight.tensor.shape.first()?], storage)?;
    Some(Parameter { name: slot.name.to_owned(), tensor, fixed: slot.fixed })
}

/// Is it a buffer that models compute as they are made, or a state of training, which some files hold?
fn is_computed(name: &str) -> bool {
    matches!(
        name.rsplit('.').next(),
        Some("inv_freq" | "freqs_cis" | "position_ids" | "num_batches_tracked" | "_extra_state")
    )
}

/// Adds a part to a name, and gives its length before.
fn push(path: &mut String, part: &str) -> usize {
    let length = path.len();
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(part);
    length
}

/// Does a name match the pattern? A `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((begin, end)) => name.strip_prefix(begin).is_some_and(|rest| rest.ends_with(end)),
    }
}
