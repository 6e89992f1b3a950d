//! The calls that are made, the answers that come, and the answers that are right.

use std::fmt;
use std::fmt::Write as _;
use std::slice;
use std::thread;

use serde_json::Value;

use super::Options;
use super::engine::{Engine, Running};
use super::program::{Entry, Program, Role};
use super::scenario::{self, Random};
use crate::allocator::{
    Accounting, AllocationString, Block, Device, Machine, Mode, Model, Options as Allocating, Policy, Remainder,
    Request, allocate, bytes, fraction,
};

/// Pairs of blocks that may be compared in the time of one call.
const BLOCK_PAIRS_PER_CALL: usize = 200;

const DRIVER: &str = include_str!("driver.py");

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Case {
    /// Index of the function.
    pub(super) call: usize,
    /// Index of the model.
    pub(super) model: usize,
    /// Fields of a load-list item.
    pub(super) fields: usize,
    /// What the function is given.
    pub(super) text: String,
    /// `is_clip`, if it takes that.
    pub(super) clip: Option<bool>,
    /// What the function for bytes is to give when it is called on the way, in place of what it would.
    pub(super) forced: Option<String>,
    /// Items of 4 fields whose size is `module_offload_mem`: what an unrepaired function would have to be given to do
    /// with it what a repaired one does by itself.
    pub(super) as_offload: bool,
    /// What it was made from, if it is a random one.
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

    /// The call that the text before gets in its place: `call` is the function's index there.
    pub(super) fn before(&self, call: usize, five_only: bool, accounting: Accounting, forced: Option<String>) -> Self {
        let as_offload = !five_only && self.fields > 4 && accounting == Accounting::Offload;
        Self { call, fields: if five_only { 5 } else { 4 }, as_offload, forced, ..self.clone() }
    }

    /// Is it a whole allocation string, as an analysis takes it?
    fn is_placement(&self) -> bool {
        self.text.contains('#')
    }
}

/// The calls for a program: the fixed scenarios, and random ones; each with one of the numbers of fields in turn, or with
/// all of them.
pub(super) fn cases(program: &Program, fields: &[usize], options: &Options) -> Vec<Case> {
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
            let case =
                |fields| Case { call, model, fields, text: text.clone(), clip, forced: None, as_offload: false, seed };
            let mine = if options.crossed { fields } else { slice::from_ref(&fields[turn % fields.len()]) };
            cases.extend(mine.iter().map(|fields| case(*fields)));
        }
    }
    cases
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// A fraction string, and what was logged.
    Text(String, Vec<String>),
    /// A device for each block; empty where a block has none.
    Placed(Vec<String>),
    /// An exception, or something else that is not an answer.
    Error(Raised),
}

/// An exception of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raised {
    pub(super) kind: Kind,
    pub(super) message: String,
}

/// What an exception may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The code raised it.
    Own,
    /// The code raised it, or the sandbox, which says in this way that it lacks something.
    Unsupported,
}

impl Raised {
    pub(super) fn own(message: impl Into<String>) -> Self {
        Self { kind: Kind::Own, message: message.into() }
    }

    /// An exception of the class with this name.
    fn new(class: &str, message: &str) -> Self {
        let kind = match class {
            "AttributeError"
            | "ImportError"
            | "ModuleNotFoundError"
            | "NotImplementedError"
            | "SyntaxError"
            | "TypeError" => Kind::Unsupported,
            _ => Kind::Own,
        };
        Self { kind, message: format!("{class}: {message}") }
    }
}

impl Answer {
    pub(super) fn error(&self) -> Option<&Raised> {
        if let Self::Error(error) = self { Some(error) } else { None }
    }

    /// The exception, if it may be that the sandbox lacks something.
    pub(super) fn unsupported(&self) -> Option<&str> {
        self.error().filter(|raised| raised.kind == Kind::Unsupported).map(|raised| raised.message.as_str())
    }

    /// Is it the same but for what was logged?
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a, _), Self::Text(b, _)) => a == b || said_by(a) == said_by(b),
            (Self::Placed(a), Self::Placed(b)) => a == b,
            (Self::Error(_), Self::Error(_)) => true,
            _ => false,
        }
    }
}

/// What a fraction string says, in order of device: some versions name devices that get nothing as well, or the
/// wildcard first, and neither makes a difference to the node.
fn said_by(text: &str) -> Vec<&str> {
    let mut parts: Vec<_> = text.split(';').filter(|part| !part.is_empty() && !part.ends_with(",0.0000")).collect();
    parts.sort_unstable();
    parts
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text, _) => write!(f, "{text:?}"),
            Self::Placed(devices) => f.write_str(&devices.join(" ")),
            Self::Error(error) => f.write_str(&error.message),
        }
    }
}

/// The right answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) answer: Answer,
    pub(super) remainder: Remainder,
}

impl Expected {
    fn error() -> Self {
        Self { answer: Answer::Error(Raised::own("an error")), remainder: Remainder::None }
    }
}

/// Where a version expects the `*` of a wildcard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marking {
    /// In the value, as in `cpu,*`.
    Value,
    /// Behind the device, as in `cpu*,1gb`: the versions of August 2025.
    Device,
}

impl Marking {
    /// The marking of a program, going by what it does with one and the other.
    pub(super) fn of(program: &Program, cases: &[Case], answers: &[Answer]) -> Self {
        let marked = cases
            .iter()
            .zip(answers)
            .filter(|(case, _)| program.entries[case.call].role == Role::Bytes && case.text == scenario::MARKED_DEVICE);
        let mut answers = marked.map(|(_, answer)| answer).peekable();
        if answers.peek().is_some() && answers.all(|answer| answer.error().is_none()) {
            Self::Device
        } else {
            Self::Value
        }
    }

    /// The string as it would have to be written for a version that marks values.
    fn on_values(self, text: &str) -> String {
        if self == Self::Value {
            return text.to_owned();
        }
        let parts = text.split(';').map(|part| match part.split_once(',') {
            Some((device, value)) if device.contains('*') => format!("{},{value}*", device.replace('*', "")),
            // No amount, so an error there as well as here.
            Some((device, value)) if value.trim() == "*" => format!("{device},-"),
            Some((device, value)) => format!("{device},{}", value.replace('*', "")),
            None => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join(";")
    }
}

/// Is an answer right for a string whose wildcards are unusual, if these are read in another way? An amount with an
/// asterisk behind it may be that amount, and of several wildcards the first may count. `right` gives the right answers
/// for a call.
pub(super) fn reads_wildcards_otherwise(case: &Case, answer: &Answer, right: impl Fn(&Case) -> [Answer; 2]) -> bool {
    let readings = other_readings(&case.text);
    readings.into_iter().any(|text| match text {
        Some(text) => right(&Case { text, ..case.clone() }).iter().any(|right| right.is_same(answer)),
        None => answer.error().is_some_and(|raised| raised.kind == Kind::Own),
    })
}

/// Other ways to read a string than the usual one; nothing for the refusal to read it at all.
fn other_readings(text: &str) -> Vec<Option<String>> {
    let parts: Vec<_> = text.split(';').collect();
    let value = |part: &str| part.split_once(',').map_or("", |(_, value)| value).trim().to_owned();
    let is_marked = |part: &&&str| value(part).contains('*') && value(part) != "*";
    let marked = parts.iter().filter(is_marked).count();
    let wild = parts.iter().filter(|part| value(part) == "*").count();
    let mut readings = Vec::new();
    if marked > 0 {
        let plain: Vec<_> = parts
            .iter()
            .map(|part| if is_marked(&part) { part.replace('*', "") } else { (*part).to_owned() })
            .collect();
        readings.extend([Some(plain.join(";")), None]);
    }
    if wild + marked > 1 {
        let firsts = |is_wild: &dyn Fn(&str) -> bool| {
            let mut seen = false;
            let kept = parts.iter().filter(|part| !is_wild(&value(part)) || !std::mem::replace(&mut seen, true));
            kept.map(|part| (*part).to_owned()).collect::<Vec<_>>().join(";")
        };
        let first = firsts(&|value| value == "*");
        readings.push(Some(firsts(&|value| value.contains('*'))));
        let is_plain = |part: &str| value(part) != "*" && value(part).contains('*');
        let plain = first.split(';').map(|part| if is_plain(part) { part.replace('*', "") } else { part.to_owned() });
        readings.push(Some(plain.collect::<Vec<_>>().join(";")));
        readings.push(Some(first.clone()));
    }
    readings
}

/// What the reference allocator gives for a call.
pub(super) fn reference(
    case: &Case,
    role: Role,
    accounting: Accounting,
    policy: Policy,
    marking: Marking,
    models: &[Model],
) -> Expected {
    let model = &models[case.model];
    let machine = scenario::machine();
    let text = match role {
        // The function for bytes is called as it is, so the string need not say that it is about bytes: a quota of
        // nothing does, and changes nothing.
        Role::Bytes => format!("{};cpu,0b", marking.on_values(&case.text)),
        Role::Ratios | Role::Analyzer => case.text.clone(),
    };
    let parsed = AllocationString::parse(&text);
    let total_bytes = model.total_bytes(accounting);
    let (fractions, remainder) = match (role, parsed) {
        (Role::Bytes, Ok(string)) => {
            let Request::Byte(quotas) = string.request() else { return Expected::error() };
            let (shares, remainder) = bytes::share(total_bytes, quotas, policy);
            (fraction::of_shares(&shares, &machine), remainder)
        }
        (Role::Ratios, Ok(string)) => match string.request() {
            Request::Ratio(ratios) => (fraction::of_ratios(total_bytes, ratios, &machine), Remainder::None),
            _ => return Expected::error(),
        },
        (Role::Analyzer, Ok(string)) => {
            let options = Allocating { accounting, policy, clip: case.clip.unwrap_or(false) };
            let Ok(allocation) = allocate(model, &machine, &string, &options) else { return Expected::error() };
            let device = |block| allocation.device_of(block).map(Device::to_string).unwrap_or_default();
            let devices = (0..model.blocks().len()).map(device).collect();
            return Expected { answer: Answer::Placed(devices), remainder: allocation.remainder };
        }
        (_, Err(_)) => return Expected::error(),
    };
    match fractions {
        Ok(fractions) => {
            Expected { answer: Answer::Text(fraction::fraction_string(&fractions), Vec::new()), remainder }
        }
        Err(_) => Expected::error(),
    }
}

/// The fractions that an analysis by bytes has to begin with, if the repair changes them: an unrepaired analysis is
/// given these in place of its own.
pub(super) fn forced_fractions(
    case: &Case,
    accounting: Accounting,
    policy: Policy,
    marking: Marking,
    models: &[Model],
) -> Option<String> {
    let string = AllocationString::parse(&case.text).ok().filter(|string| string.mode() == Mode::Byte)?;
    let call = Case { text: string.expert().to_owned(), ..case.clone() };
    let right = |policy| reference(&call, Role::Bytes, accounting, policy, marking, models).answer;
    match (case.is_placement(), right(policy)) {
        (true, Answer::Text(fractions, _)) if !right(Policy::CpuFallback).is_same(&right(policy)) => Some(fractions),
        _ => None,
    }
}

/// Calls that are being made: every so-many-th of them by each of these.
pub(super) struct Calls {
    running: Vec<Running>,
    count: usize,
}

/// A sandbox costs as much to set up as this many calls do.
const CALLS_PER_SANDBOX: usize = 16;
/// No machine has more to give to a task that takes milliseconds.
const MOST_SANDBOXES: usize = 8;

/// Begins to make the calls, in as many sandboxes as are worth it.
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
        let forced = case.forced.as_deref().map_or_else(|| "None".to_owned(), |forced| Value::from(forced).to_string());
        let given = Value::from(case.text.as_str());
        let _ = writeln!(text, "    ({}, {rows}, {}, {given}, {clip}, {forced}),", case.call, case.fields);
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

/// The models as rows, and again as they look to code that was given `module_offload_mem` for the size.
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

fn answer(value: &Value) -> Answer {
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    };
    match (value[0].as_str(), &value[1]) {
        (Some("value"), Value::String(text)) => Answer::Text(text.clone(), texts(&value[2])),
        (Some("value"), devices @ Value::Array(_)) => Answer::Placed(texts(devices)),
        (Some("error"), Value::String(class)) => {
            Answer::Error(Raised::new(class, value[2].as_str().unwrap_or_default()))
        }
        (_, other) => Answer::Error(Raised::own(format!("gave {other}"))),
    }
}
