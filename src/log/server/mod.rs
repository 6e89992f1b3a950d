//! The lines of one server, in order: what they say of its start, its prompts and their loads.

mod batch;
mod block;
mod consistent;
mod draft;
mod faults;
mod matching;
mod prompts;
mod startup;
mod trace;

use std::collections::VecDeque;

use self::batch::Batch;
use self::block::Block;
use self::draft::{Draft, Ending, Stage};
use self::matching::Made;
use self::prompts::{Executing, Queued};
use super::event::{Event, Node, Run, Table, Title, recognise};
use super::line::Before;
use super::load::{Load, LoadKind, Outcome};
use super::prefix::Line;
use super::prompt::Banner;
use super::start::Start;
use super::{Counts, End, RemarkKind};

/// The lines of one server so far.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about the lines so far")]
pub(super) struct Server {
    start: Start,
    /// Does it execute prompts? Lines of a start then belong to the next one.
    is_running: bool,
    /// Which lines of a start have been there.
    begun: u8,
    queue: VecDeque<Queued>,
    executing: Option<Executing>,
    batch: Batch,
    draft: Option<Draft>,
    block: Block,
    /// Is the next line of interest, because it shows whether a call of `load_models_gpu` goes on?
    is_watching: bool,
    /// Is the total of the last load still to come?
    awaits_total: bool,
    /// May the lines of the first `DisTorch` follow the last load by ComfyUI?
    may_be_distributed: bool,
    /// What loaders made since the last banner.
    pending: Vec<LoadKind>,
    made: [Made; 4],
    /// Does this version print the line at the end of a load, and the string of fractions?
    prints_completed: bool,
    prints_fractions: bool,
    /// Loads that `DisTorch2` distributed, for those that repeat one.
    earlier: Vec<Load>,
    /// The last line with the name of a logger.
    named: String,
    /// Starts that are over.
    over: Vec<Start>,
    /// What is no longer kept.
    dropped: Counts,
    /// How many prompts have ended that nobody has asked for.
    unseen: usize,
}

impl Server {
    /// The server behind a source.
    pub(super) fn new(source: Option<&str>) -> Self {
        Self { start: Start { source: source.map(str::to_owned), ..Start::default() }, ..Self::default() }
    }

    /// Are all of the next lines of interest?
    pub(super) fn is_following(&self) -> bool {
        self.is_watching || !matches!(self.block, Block::None)
    }

    /// Its next line.
    pub(super) fn line(&mut self, at: u64, line: &Line<'_>, before: Before<'_>) {
        if self.start.line == 0 {
            self.start.line = at;
        }
        if let Some(container) = line.container {
            self.start.container = container;
        }
        self.start.collector = self.start.collector.or(line.collector);
        if self.is_repeated(line) {
            return;
        }
        if self.follow(at, line) {
            return;
        }
        match recognise(line.text) {
            Some(event) => self.event(at, line, event, before),
            None if self.is_watching => self.watch(line.text),
            None => {}
        }
    }

    /// Was the line just printed with the name of a logger in front of it?
    fn is_repeated(&mut self, line: &Line<'_>) -> bool {
        if line.is_named {
            self.named.clear();
            self.named.push_str(line.text.trim_ascii());
            return false;
        }
        let text = line.text.trim_ascii();
        let is_repeated = !text.is_empty() && text == self.named;
        if !text.is_empty() {
            self.named.clear();
        }
        is_repeated
    }

    /// The starts that are over, and what is no longer kept of them. At the end of a log, also the last one.
    pub(super) fn take(&mut self, is_last: bool) -> (Vec<Start>, Counts) {
        if is_last {
            self.begin_again();
        }
        (std::mem::take(&mut self.over), std::mem::take(&mut self.dropped))
    }

    /// Are there starts that are over?
    pub(super) fn has_over(&self) -> bool {
        !self.over.is_empty()
    }

    /// This start, and how many of its newest prompts have ended since the last call.
    pub(super) fn news(&mut self) -> (&Start, usize) {
        let unseen = std::mem::take(&mut self.unseen).min(self.start.prompts.len());
        (&self.start, unseen)
    }

    /// Lines are passed over, and what they said is counted elsewhere: what was going on is unknown, and what was executed
    /// is not kept.
    pub(super) fn break_off(&mut self) {
        if self.start.line == 0 {
            return;
        }
        self.start.prompts.clear();
        self.start.is_begun_here = false;
        *self = Self {
            is_running: true,
            start: std::mem::take(&mut self.start),
            over: std::mem::take(&mut self.over),
            dropped: self.dropped,
            ..Self::default()
        };
    }

    /// The start is over, and another begins.
    fn begin_again(&mut self) {
        self.finish_trace();
        self.end_draft(Ending::Cut);
        if self.is_watching && self.may_be_distributed {
            let last = self.batch.loads.last_mut();
            if let Some(load) = last {
                load.forget("the log ends where it may be distributed");
            }
        }
        self.close_batch(false);
        if self.executing.is_some() {
            self.end_prompt(0, End::Open);
        }
        for queued in std::mem::take(&mut self.queue) {
            self.push_unexecuted(queued, End::Open, 0);
        }
        let source = self.start.source.clone();
        let next = Self {
            over: std::mem::take(&mut self.over),
            dropped: self.dropped,
            start: Start {
                source,
                container: self.start.container,
                collector: self.start.collector,
                ..Start::default()
            },
            ..Self::default()
        };
        let old = std::mem::replace(self, next);
        let is_empty = old.start.line == 0;
        self.over.extend(Some(old.start).filter(|_| !is_empty));
    }

    fn event(&mut self, at: u64, line: &Line<'_>, event: Event<'_>, before: Before<'_>) {
        match event {
            Event::Start(event) => self.startup(at, line.text, event),
            Event::Fault(fault) => self.fault(at, line.text, fault),
            Event::Title(title) => self.title(at, title),
            Event::Node(name, said) => {
                self.see_node(at, name, !matches!(said, Node::Import | Node::Mappings(_) | Node::Remark(_)));
                self.node(at, line.text, said, before);
            }
            Event::Run(run) => self.run(at, line, run),
        }
    }

    fn see_node(&mut self, at: u64, name: &str, is_used: bool) {
        let seen = &mut self.start.node;
        seen.line.get_or_insert(at);
        if is_used {
            seen.used.get_or_insert(at);
            if seen.prefix.as_deref() != Some(name) {
                seen.prefix = Some(name.to_owned());
            }
        }
    }

    fn node(&mut self, at: u64, text: &str, said: Node<'_>, before: Before<'_>) {
        match said {
            Node::Banner(string) => self.banner(at, string),
            Node::CheckpointPart(is_clip) => self.checkpoint_part(at, is_clip),
            Node::LoadBegins => {
                self.end_draft(self.goes_on());
                self.execute(at);
                self.draft = Some(Draft::new(at, true));
            }
            Node::Assigning { device, bytes, requested } => self.draft(at, Stage::Mode).give(device, bytes, requested),
            Node::Remaining(quota) => self.draft(at, Stage::Mode).give_rest(quota),
            Node::GpuOnly => self.draft(at, Stage::Mode).share_rest(),
            Node::AllAllocated => {
                self.draft(at, Stage::Mode).give_all();
                self.remark(at, text, RemarkKind::AllAllocated);
            }
            Node::Ratio(string) => self.draft(at, Stage::Mode).take_ratio(string),
            Node::FinalString(string) => {
                self.prints_fractions = true;
                let draft = self.draft(at, Stage::Fractions);
                if string.is_empty() {
                    draft.stage = Stage::Fractions;
                    self.block = Block::Fractions;
                } else {
                    draft.translate(string);
                }
            }
            Node::Preserved(head) => {
                if let Some(draft) = &mut self.draft {
                    draft.load.kind = Some(LoadKind::TextEncoder);
                    draft.load.preserved = Some(head);
                    draft.load.last_line = at;
                }
            }
            Node::Completed(total) => self.completed(at, total, before),
            Node::Total(total) => self.total(at, total),
            Node::Remark(fault) => self.fault(at, text, fault),
            Node::Mappings(list) => {
                self.start.mappings = Some(list.split(", ").map(str::to_owned).collect());
            }
            Node::Import | Node::Other => {}
        }
    }

    fn title(&mut self, at: u64, title: Title) {
        let prints_fractions = self.prints_fractions && !title.is_legacy;
        let draft = self.draft(at, Stage::of(title.table));
        let is_first = draft.load.line == at;
        let lacks_fractions = title.table == Table::Devices && prints_fractions && draft.load.final_string.is_none();
        draft.begin_table(title);
        if lacks_fractions {
            draft.damage();
        }
        if title.is_legacy && is_first {
            self.take_loaded();
        }
        self.block = Block::table(title.table);
    }

    /// What ComfyUI has just loaded is distributed now: it is one load.
    fn take_loaded(&mut self) {
        let loaded = self.batch.loads.pop_if(|load| matches!(load.outcome, Outcome::Standard { .. }));
        if let (Some(draft), Some(loaded)) = (&mut self.draft, loaded) {
            draft.load.line = loaded.line;
        }
    }

    fn run(&mut self, at: u64, line: &Line<'_>, run: Run<'_>) {
        match run {
            Run::Queued => self.queue(at, line.time),
            Run::Executed(seconds) => self.executed(at, seconds),
            Run::Refused(why) => self.refused(at, line.text, why),
            Run::Interrupted => self.execute(at).is_interrupted = true,
            Run::Requested(model) => {
                self.end_draft(self.goes_on());
                if !self.batch.takes_request() {
                    self.close_batch(false);
                }
                self.execute(at);
                self.batch.request(at, model);
                self.pending.clear();
                self.is_watching = true;
            }
            Run::Made(kind) => {
                self.leave_call(at);
                self.made[kind as usize].all += 1;
                self.pending.push(kind);
            }
            Run::Loaded { is_partial, loaded, offloaded, has_units } => {
                let outcome = Outcome::Standard { is_partial, loaded_bytes: loaded, offloaded_bytes: offloaded };
                self.load(at, outcome, None);
                self.may_be_distributed = !has_units;
            }
            Run::Staged(model, bytes) => self.load(at, Outcome::Inert { staged_bytes: bytes }, Some(model)),
            Run::Unloaded(models) => self.remark(at, line.text, RemarkKind::Unloaded { models }),
        }
    }

    /// A loader node ran, and says with which string.
    fn banner(&mut self, at: u64, string: &str) {
        use LoadKind::{Diffusion, TextEncoder, Vae};
        self.leave_call(at);
        // What was made last is its own, unless a loader of checkpoints may have made several.
        let kind = match self.pending[..] {
            [] | [.., Diffusion, TextEncoder | Vae] | [.., Diffusion, Vae, TextEncoder] => None,
            [.., kind] => Some(kind),
        };
        self.push_banner(Banner::new(at, string, kind));
    }

    /// The loader of checkpoints gave a model a string that it does not print.
    fn checkpoint_part(&mut self, at: u64, is_clip: bool) {
        self.leave_call(at);
        let kind = if is_clip { LoadKind::TextEncoder } else { LoadKind::Diffusion };
        self.push_banner(Banner { is_empty: false, ..Banner::new(at, "", Some(kind)) });
    }

    fn push_banner(&mut self, banner: Banner) {
        if let Some(kind) = banner.loads.filter(|_| !banner.is_empty) {
            self.made[kind as usize].distributed += 1;
        }
        self.pending.clear();
        self.start.banners.push(banner);
        self.forget_banners();
    }

    /// ComfyUI loaded a model.
    fn load(&mut self, at: u64, outcome: Outcome, model: Option<&str>) {
        self.end_draft(self.goes_on());
        self.execute(at);
        let mut load = Load::new(at);
        load.model = model.map(str::to_owned);
        load.outcome = outcome;
        self.push_load(load);
    }

    /// A load by `DisTorch2` is over.
    fn completed(&mut self, at: u64, total: Option<u64>, before: Before<'_>) {
        self.prints_completed = true;
        self.awaits_total = total.is_none();
        if let Some(draft) = &mut self.draft {
            draft.load.last_line = at;
            draft.load.total_bytes = total;
            self.end_draft(Ending::Completed);
            return;
        }
        self.execute(at);
        let mut load = Load::new(at);
        load.total_bytes = total;
        load.outcome = Outcome::Reused;
        // A table was there just before.
        let before = before.line();
        let is_rule = before.len() > 20 && before.trim_ascii_end().ends_with(b"--------------------");
        if is_rule {
            load.forget("its first lines are not in the log");
        }
        self.push_load(load);
    }

    fn total(&mut self, at: u64, total: u64) {
        if std::mem::take(&mut self.awaits_total)
            && let Some(load) = self.batch.loads.last_mut()
        {
            load.total_bytes = Some(total).filter(|total| consistent::is_total(load, *total));
            load.last_line = at;
            return;
        }
        self.end_draft(self.goes_on());
        self.execute(at);
        let mut load = Load::new(at);
        load.forget("its first lines are not in the log");
        load.total_bytes = Some(total);
        self.push_load(load);
    }

    /// The load that a line belongs to.
    fn draft(&mut self, at: u64, stage: Stage) -> &mut Draft {
        let mut is_next = false;
        if let Some(draft) = self.draft.take_if(|draft| !draft.takes(stage)) {
            // A rule may be between them.
            is_next = draft.is_placed() && at - draft.load.last_line <= 2;
            self.draft = Some(draft);
            self.end_draft(self.goes_on());
        }
        let is_waiting = self.batch.is_waiting();
        let has_begin = self.execute(at).is_begun_here || is_waiting || is_next;
        let draft = self.draft.get_or_insert_with(|| Draft::new(at, has_begin));
        draft.load.last_line = at;
        draft
    }

    fn end_draft(&mut self, ending: Ending) {
        if let Some(draft) = self.draft.take() {
            let load = draft.close(ending);
            self.push_load(load);
        }
        if matches!(self.block, Block::Table(_) | Block::Fractions) {
            self.block = Block::None;
        }
    }

    fn push_load(&mut self, load: Load) {
        self.batch.loads.push(load);
        self.is_watching = true;
        self.may_be_distributed = false;
    }

    fn goes_on(&self) -> Ending {
        Ending::GoesOn { prints_completed: self.prints_completed }
    }

    /// A line after requests or loads that is not recognised: something else follows them.
    fn watch(&mut self, text: &str) {
        let text = text.trim_ascii();
        let is_rule = text.len() > 20 && text.bytes().all(|byte| matches!(byte, b'=' | b'-'));
        if text.is_empty() || is_rule {
            return;
        }
        self.is_watching = false;
        self.batch.seal();
        if self.batch.is_complete() && self.draft.is_none() {
            self.close_batch(false);
        }
    }

    /// Something is executed that is not part of a call of `load_models_gpu`.
    fn leave_call(&mut self, at: u64) {
        self.end_draft(self.goes_on());
        self.close_batch(false);
        self.execute(at);
    }
}
