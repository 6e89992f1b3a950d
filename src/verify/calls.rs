//! Makes calls, and waits for their answers.

use std::fmt::Write as _;
use std::thread;

use serde_json::Value;

use super::answer::{Answer, answer};
use super::case::Case;
use super::engine::{Engine, Running};
use super::program::{Program, Role};
use crate::allocator::{Accounting, Block, Device, Machine, Model};

/// How many pairs of blocks can be compared in the time of one call.
const BLOCK_PAIRS_PER_CALL: usize = 200;

const DRIVER: &str = include_str!("driver.py");

/// Calls in progress, dealt round-robin to the sandboxes.
pub(super) struct Calls {
    running: Vec<Running>,
    count: usize,
}

/// A sandbox costs as much to set up as this many calls do.
const CALLS_PER_SANDBOX: usize = 16;
/// More are not worth it for a task that takes milliseconds.
const MOST_SANDBOXES: usize = 8;

/// Starts the calls, in as many sandboxes as are worth it.
pub(super) fn start(program: &Program, cases: &[Case], models: &[Model], machine: &Machine, engine: &Engine) -> Calls {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let sandboxes = cores.min(cases.len() / CALLS_PER_SANDBOX).clamp(1, MOST_SANDBOXES);
    let run = |first| {
        let mine: Vec<_> = cases.iter().skip(first).step_by(sandboxes).collect();
        // Some versions compare every block with every other.
        let work = |case: &&Case| 1 + models[case.model].blocks().len().pow(2) / BLOCK_PAIRS_PER_CALL;
        engine.start(text(program, &mine, models, machine), mine.iter().map(work).sum())
    };
    Calls { running: (0..sandboxes).map(run).collect(), count: cases.len() }
}

impl Calls {
    /// The answers, in the order of the calls.
    pub(super) fn finish(self) -> Result<Vec<Answer>, String> {
        let mut answers = Vec::new();
        for running in self.running {
            let given: Vec<Value> =
                serde_json::from_str(&running.finish()?).map_err(|error| format!("no answers: {error}"))?;
            answers.push(given.iter().map(answer).collect::<Vec<_>>().into_iter());
        }
        let given: usize = answers.iter().map(ExactSizeIterator::len).sum();
        if given != self.count {
            return Err(format!("{given} answers to {} calls", self.count));
        }
        let turns = answers.len();
        Ok((0..given).filter_map(|at| answers[at % turns].next()).collect())
    }
}

/// A program that makes some calls and gives their answers.
fn text(program: &Program, cases: &[&Case], models: &[Model], machine: &Machine) -> String {
    let mut text = program.text.clone();
    write_models(&mut text, models);
    let device = |(device, bytes): (&Device, u64)| format!("{}: {bytes}", Value::from(device.as_str()));
    let machine: Vec<_> = machine.listed().map(device).collect();
    let _ = writeln!(text, "HARNESS_MACHINE[0] = {{{}}}", machine.join(", "));
    text.push_str("HARNESS_CASES = [\n");
    for case in cases {
        let rows = case.model + if case.as_offload { models.len() } else { 0 };
        let clip = match case.clip {
            None => "None",
            Some(true) => "True",
            Some(false) => "False",
        };
        let fractions =
            case.fractions.as_deref().map_or_else(|| "None".to_owned(), |fractions| Value::from(fractions).to_string());
        let given = Value::from(case.text.as_str());
        let _ = writeln!(text, "    ({}, {rows}, {}, {given}, {clip}, {fractions}),", case.call, case.fields);
    }
    text.push_str("]\n");
    for entry in program.entries.iter().filter(|entry| entry.role == Role::Bytes) {
        let name = &entry.name;
        let _ = writeln!(
            text,
            "own_{name} = {name}\n\n\ndef {name}(*given, **named):\n    \
             return own_{name}(*given, **named) if HARNESS_FORCED[0] is None else HARNESS_FORCED[0]\n"
        );
    }
    text.push_str(DRIVER);
    text.push_str("json.dumps(HARNESS_RESULTS)\n");
    text
}

/// The models as rows, and again with `module_offload_mem` as the size.
fn write_models(text: &mut String, models: &[Model]) {
    text.push_str("HARNESS_MODELS = [\n");
    for as_offload in [false, true] {
        for model in models {
            text.push_str("    [");
            for block in model.blocks() {
                let size = block.bytes(if as_offload { Accounting::Offload } else { Accounting::Resident });
                let (name, kind) = (Value::from(block.name.as_str()), stand_in(block));
                let _ = write!(text, "({name}, {kind:?}, {size}, {}), ", block.offload_bytes);
            }
            text.push_str("],\n");
        }
    }
    text.push_str("]\n");
}

/// The stand-in for a block's module: only whether it has a bias matters to the placement.
fn stand_in(block: &Block) -> &'static str {
    match &*block.kind {
        _ if block.has_bias => "Linear",
        "Embedding" => "Embedding",
        _ => "RMSNorm",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_has_a_bias_where_the_block_has_one() {
        let of = |kind: &'static str, has_bias| {
            let name = String::from("layer");
            stand_in(&Block { name, kind: kind.into(), resident_bytes: 1, offload_bytes: 1, has_bias })
        };
        assert_eq!([of("Linear", true), of("Conv3d", true), of("LayerNorm", true)], ["Linear"; 3]);
        assert_eq!(
            [of("Embedding", false), of("RMSNorm", false), of("Other", false)],
            ["Embedding", "RMSNorm", "RMSNorm"]
        );
    }
}
