//! The calls that are made.

use std::slice;

use super::Options;
use super::program::{Entry, Program, Role};
use super::scenario::{self, Random};
use crate::allocator::Accounting;
use crate::fixes::Contract;

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Case {
    /// Index of the function.
    pub(super) call: usize,
    /// Index of the model.
    pub(super) model: usize,
    /// Fields of a load-list item.
    pub(super) fields: i64,
    /// The allocation string that the function gets.
    pub(super) text: String,
    /// `is_clip`, if it takes that.
    pub(super) clip: Option<bool>,
    /// The fraction string that replaces the result of the byte function when an analysis calls it.
    pub(super) fractions: Option<String>,
    /// Do items of the fewest fields have `module_offload_mem` for their size? With such items an unrepaired function
    /// does what a repaired one does with any.
    pub(super) as_offload: bool,
    /// The seed, if it is a random one.
    pub(super) seed: Option<u64>,
}

impl Case {
    pub(super) fn describe(&self, entry: &Entry) -> String {
        let Entry { place, name, .. } = entry;
        let clip = if self.clip == Some(true) { " as CLIP" } else { "" };
        let model = ["a video model", "a text encoder", "no blocks", "one block of 4 GB", "one block of 20 GB"];
        let seed = self.seed.map(|seed| format!(" (--seed {seed})")).unwrap_or_default();
        let (text, model, fields) = (&self.text, model[self.model], self.fields);
        format!("{place}: {name}(…, {text:?}) on {model}{clip}, items of {fields} fields{seed}")
    }

    /// The same call of the text before, with items of the fewest fields that it was for. `call` is the function's index
    /// there.
    pub(super) fn before(
        &self,
        call: usize,
        contract: &Contract,
        accounting: Accounting,
        fractions: Option<String>,
    ) -> Self {
        let fields = contract.arities[0];
        let lacks_offload = fields == contract.fewest() && self.fields > fields;
        let as_offload = lacks_offload && accounting == Accounting::Offload;
        Self { call, fields, fractions, as_offload, ..self.clone() }
    }

    /// Is it a whole allocation string, as an analysis takes it?
    pub(super) fn is_placement(&self) -> bool {
        self.text.contains('#')
    }
}

/// The calls for a program: the fixed scenarios, and random ones; each with one of the numbers of fields in turn, or with
/// all of them.
pub(super) fn cases(program: &Program, fields: &[i64], options: &Options) -> Vec<Case> {
    let mut cases = Vec::new();
    for (call, entry) in program.entries.iter().enumerate() {
        let mut random = Random::new(options.seed);
        let mut texts: Vec<(usize, String)> = match entry.role {
            Role::Bytes => scenario::BYTES.map(|(model, text)| (model, text.to_owned())).to_vec(),
            Role::Ratios => scenario::RATIOS.map(|(model, text)| (model, text.to_owned())).to_vec(),
            Role::Analyzer => scenario::PLACEMENTS.map(|(model, text)| (model, text.to_owned())).to_vec(),
        };
        let fixed = texts.len();
        if entry.role == Role::Bytes {
            texts.extend((0..options.scenarios).map(|_| random.bytes()));
        }
        for (turn, (model, text)) in texts.into_iter().enumerate() {
            let clip = (entry.role == Role::Analyzer && entry.clip).then_some(model == scenario::TEXT);
            let seed = (turn >= fixed).then_some(options.seed);
            let case = |fields| Case {
                call,
                model,
                fields,
                text: text.clone(),
                clip,
                fractions: None,
                as_offload: false,
                seed,
            };
            let mine = if options.crossed { fields } else { slice::from_ref(&fields[turn % fields.len()]) };
            cases.extend(mine.iter().map(|fields| case(*fields)));
        }
    }
    cases
}
