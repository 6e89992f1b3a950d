//! Prompts: queued, executed one after another, ended.

use super::super::load::{Load, LoadKind, Outcome};
use super::super::prompt::{End, Prompt};
use super::super::remark::RemarkKind;
use super::Server;
use super::faults::short;
use super::matching;

/// How many prompts, loader nodes and loads of a start are kept.
const MOST_PROMPTS: usize = 1000;
const MOST_BANNERS: usize = 2000;
const MOST_QUEUED: usize = 10_000;
/// How many loads are kept for those that repeat one.
const MOST_EARLIER: usize = 200;
/// How many loads of one prompt are kept.
const MOST_LOADS: usize = 1000;

/// A prompt that waits.
#[derive(Debug)]
pub(super) struct Queued {
    line: u64,
    time: Option<String>,
}

/// The prompt that is executed.
#[derive(Debug)]
pub(super) struct Executing {
    line: u64,
    time: Option<String>,
    pub(super) is_begun_here: bool,
    first_banner: usize,
    loads: Vec<Load>,
    last_line: u64,
    pub(super) is_failed: bool,
    pub(super) is_interrupted: bool,
}

impl Server {
    pub(super) fn queue(&mut self, at: u64, time: Option<&str>) {
        self.is_running = true;
        if self.queue.len() == MOST_QUEUED {
            self.queue.pop_front();
        }
        self.queue.push_back(Queued { line: at, time: time.map(str::to_owned) });
    }

    /// A line belongs to the prompt that is executed. If none is, the first that waits is from now on.
    pub(super) fn execute(&mut self, at: u64) -> &mut Executing {
        self.is_running = true;
        let first_banner = self.start.banners.len();
        let queue = &mut self.queue;
        let executing = self.executing.get_or_insert_with(|| {
            let queued = queue.pop_front();
            Executing {
                line: queued.as_ref().map_or(at, |queued| queued.line),
                is_begun_here: queued.is_some(),
                time: queued.and_then(|queued| queued.time),
                first_banner,
                loads: Vec::new(),
                last_line: at,
                is_failed: false,
                is_interrupted: false,
            }
        });
        executing.last_line = executing.last_line.max(at);
        executing
    }

    pub(super) fn executed(&mut self, at: u64, seconds: Option<f64>) {
        self.finish_trace();
        self.end_draft(self.goes_on());
        self.close_batch(false);
        let executing = self.execute(at);
        let end = match executing {
            executing if executing.is_failed => End::Failed,
            executing if executing.is_interrupted => End::Interrupted,
            _ => End::Executed { seconds },
        };
        self.end_prompt(at, end);
    }

    /// The newest prompt was refused: that is decided before anything else happens to it.
    pub(super) fn refused(&mut self, at: u64, text: &str, why: &str) {
        self.finish_trace();
        if why.contains("'prompt_outputs_failed_validation'") && !self.start.remarks.is_empty() {
            // What is wrong was listed just before.
            let queued = self.queue.pop_back().unwrap_or(Queued { line: at, time: None });
            self.push_unexecuted(queued, End::Rejected, at);
            return;
        }
        let class = why.split_once("Node '").and_then(|(_, rest)| rest.split_once("' not found"));
        let class =
            class.or_else(|| why.split_once("because node ").and_then(|(_, rest)| rest.split_once(" does not exist")));
        let kind = match class {
            Some((class, _)) if !class.contains(' ') || class.len() < 80 => {
                RemarkKind::NodeNotFound { class: class.to_owned() }
            }
            _ => RemarkKind::Invalid { class: None, id: None, message: short(why) },
        };
        self.remark(at, text, kind);
        let queued = self.queue.pop_back().unwrap_or(Queued { line: at, time: None });
        self.push_unexecuted(queued, End::Rejected, at);
    }

    /// Keeps a prompt of which nothing was executed.
    pub(super) fn push_unexecuted(&mut self, queued: Queued, end: End, last_line: u64) {
        let banner = self.start.banners.len();
        self.push_prompt(Prompt {
            line: queued.line,
            is_begun_here: true,
            time: queued.time,
            banners: banner..banner,
            loads: Vec::new(),
            end,
            last_line: last_line.max(queued.line),
        });
    }

    pub(super) fn end_prompt(&mut self, at: u64, end: End) {
        let Some(mut executing) = self.executing.take() else { return };
        self.pending.clear();
        self.is_watching = false;
        let mut loads = std::mem::take(&mut executing.loads);
        for index in 0..loads.len() {
            let (before, rest) = loads.split_at_mut(index);
            self.judge(&mut rest[0], before, &executing);
        }
        if self.start.is_begun_here && executing.is_begun_here && matches!(end, End::Executed { .. }) {
            matching::new_ones(&mut loads, &self.start.banners, executing.first_banner);
        }
        self.push_prompt(Prompt {
            line: executing.line,
            is_begun_here: executing.is_begun_here,
            time: executing.time,
            banners: executing.first_banner..self.start.banners.len(),
            loads,
            end,
            last_line: executing.last_line.max(at),
        });
    }

    /// Finds the loader node of a load, and what it was asked for.
    fn judge(&mut self, load: &mut Load, before: &[Load], prompt: &Executing) {
        let is_begun_here = self.start.is_begun_here;
        let banners = &self.start.banners;
        match load.outcome {
            Outcome::Standard { .. } | Outcome::Inert { .. } => {
                let made = self.made;
                matching::standard(load, banners, |kind| made[kind as usize], is_begun_here);
            }
            Outcome::Reused => self.reuse(load, before, prompt),
            Outcome::Distributed => {
                matching::distributed(load, banners, is_begun_here);
                if self.earlier.len() == MOST_EARLIER {
                    self.earlier.remove(0);
                }
                self.earlier.push(load.clone());
            }
            Outcome::Failed { .. } if load.mode != super::super::Mode::Unknown => {
                matching::distributed(load, banners, is_begun_here);
            }
            Outcome::Failed { remark, .. } if self.is_distributing(remark) => {
                matching::failed(load, banners, is_begun_here);
            }
            Outcome::Failed { .. } => {
                let made = self.made;
                matching::standard(load, banners, |kind| made[kind as usize], is_begun_here);
                load.mode = super::super::Mode::Unknown;
            }
            Outcome::Unknown { .. } => {}
        }
    }

    /// Was an exception raised where the node distributes a model? Two of its functions are called for every model.
    pub(super) fn is_distributing(&self, remark: Option<usize>) -> bool {
        const FOR_ALL: [&str; 2] = ["patched_load_models_gpu", "new_partially_load"];
        let remark = remark.and_then(|index| self.start.remarks.get(index));
        remark.and_then(|remark| remark.kind.raised()).is_some_and(|raised| {
            raised.frames.iter().any(|frame| {
                let file = frame.file.rsplit(['/', '\\']).next().unwrap_or_default();
                file.starts_with("distorch") && !FOR_ALL.contains(&frame.function.as_str())
            })
        })
    }

    /// A load that repeats an earlier one. If that cannot be, lines between are missing.
    fn reuse(&self, load: &mut Load, before: &[Load], prompt: &Executing) {
        let banners = &self.start.banners;
        let repeated: Vec<&Load> = self.earlier.iter().filter(|earlier| matching::repeats(load, earlier)).collect();
        let is_own = before.iter().any(|earlier| matching::repeats(load, earlier));
        // How many models of its kind were made for this prompt, and how many of them have been distributed.
        let kind = repeated.first().and_then(|load| load.kind);
        let is_alike = |other: Option<LoadKind>| other.is_none() || kind.is_none() || other == kind;
        let new = banners[prompt.first_banner.min(banners.len())..].iter();
        let new = new.filter(|banner| !banner.is_empty && is_alike(banner.loads)).count();
        let distributed =
            before.iter().filter(|load| matches!(load.outcome, Outcome::Distributed) && is_alike(load.kind));
        let is_whole = if self.start.is_begun_here {
            // A model that was made anew has nothing to repeat.
            is_own || (!repeated.is_empty() && new <= distributed.count())
        } else {
            prompt.is_begun_here || load.model.is_some()
        };
        if !is_whole {
            load.forget("the log does not show the load that it could repeat");
            return;
        }
        load.asked = super::super::Asked::Distribution;
        let Some((first, others)) = repeated.split_first() else { return };
        let is_same = |other: &&Load| {
            other.string == first.string && other.banner == first.banner && other.assigned == first.assigned
        };
        if others.iter().all(is_same) {
            load.mode.clone_from(&first.mode);
            load.string.clone_from(&first.string);
            load.banner = first.banner;
            load.cpu_bytes = first.cpu_bytes;
            load.kind = load.kind.or(first.kind);
        }
    }

    /// The call of `load_models_gpu` is over.
    pub(super) fn close_batch(&mut self, is_failed: bool) {
        self.is_watching = false;
        self.awaits_total = false;
        let loads = self.batch.close(is_failed);
        if loads.is_empty() {
            return;
        }
        let at = loads.last().map_or(0, |load| load.last_line);
        let kept = &mut self.execute(at).loads;
        kept.extend(loads);
        if kept.len() > 2 * MOST_LOADS {
            kept.drain(..MOST_LOADS);
        }
    }

    fn push_prompt(&mut self, prompt: Prompt) {
        self.unseen += 1;
        self.start.prompts.push(prompt);
        if self.start.prompts.len() > 2 * MOST_PROMPTS {
            let old = self.start.prompts.drain(..MOST_PROMPTS);
            old.for_each(|prompt| self.dropped.add(&prompt));
        }
    }

    /// Keeps the newest loader nodes only. Those that are forgotten are no loader of a load any more.
    pub(super) fn forget_banners(&mut self) {
        if self.start.banners.len() <= 2 * MOST_BANNERS {
            return;
        }
        self.start.banners.drain(..MOST_BANNERS);
        let shifted = |index: usize| index.saturating_sub(MOST_BANNERS);
        for prompt in &mut self.start.prompts {
            prompt.banners = shifted(prompt.banners.start)..shifted(prompt.banners.end);
            prompt.loads.iter_mut().for_each(forget_banner);
        }
        self.earlier.iter_mut().for_each(forget_banner);
        if let Some(executing) = &mut self.executing {
            executing.first_banner = shifted(executing.first_banner);
        }
    }

    /// The oldest remarks are gone.
    pub(super) fn forget_remarks(&mut self, count: usize) {
        let executing = self.executing.iter_mut().flat_map(|executing| &mut executing.loads);
        let kept = self.start.prompts.iter_mut().flat_map(|prompt| &mut prompt.loads);
        for load in kept.chain(executing).chain(&mut self.batch.loads) {
            if let Outcome::Failed { remark, .. } = &mut load.outcome {
                *remark = remark.and_then(|index| index.checked_sub(count));
            }
        }
    }
}

fn forget_banner(load: &mut Load) {
    load.banner = load.banner.and_then(|index| index.checked_sub(MOST_BANNERS));
}
