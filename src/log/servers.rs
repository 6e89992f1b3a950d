//! The servers whose lines are in one log: those of a compose file, or one after another.

use super::Counts;
use super::event::recognise;
use super::line::Before;
use super::prefix::Line;
use super::prompt::Ended;
use super::server::Server;
use super::start::Start;

/// How many servers are told apart at a time.
const MOST_SERVERS: usize = 16;
/// How many starts are kept.
const MOST_STARTS: usize = 32;
/// How many prompts are kept of all starts that are over.
const MOST_PROMPTS: usize = 4000;

/// The servers of a log.
#[derive(Debug)]
pub(super) struct Servers {
    /// By source, and with the number of its newest line.
    list: Vec<(Option<String>, u64, Server)>,
    /// Which of them the last line was of.
    current: usize,
    over: Vec<Start>,
    earlier: Counts,
}

impl Default for Servers {
    fn default() -> Self {
        Self { list: vec![(None, 0, Server::new(None))], current: 0, over: Vec::new(), earlier: Counts::default() }
    }
}

impl Servers {
    /// Are all of the next lines of interest?
    pub(super) fn is_following(&self) -> bool {
        self.list.iter().any(|(_, _, server)| server.is_following())
    }

    /// The next line.
    pub(super) fn line(&mut self, at: u64, line: &Line<'_>, before: Before<'_>) {
        if line.source != self.list[self.current].0.as_deref() && line.source.is_some() && !self.find(line) {
            return;
        }
        let (_, newest, server) = &mut self.list[self.current];
        *newest = at;
        server.line(at, line, before);
        if server.has_over() {
            self.keep(self.current, false);
        }
    }

    /// Makes the server of a line the current one. A source that is new must say something of interest: what looks like
    /// a source may be part of a text.
    fn find(&mut self, line: &Line<'_>) -> bool {
        if let Some(index) = self.list.iter().position(|(source, _, _)| source.as_deref() == line.source) {
            self.current = index;
            return true;
        }
        if recognise(line.text).is_none() {
            return false;
        }
        if self.list.len() > MOST_SERVERS {
            let oldest = (1..self.list.len()).min_by_key(|index| self.list[*index].1).unwrap_or(1);
            self.keep(oldest, true);
            self.list.remove(oldest);
        }
        self.current = self.list.len();
        self.list.push((line.source.map(str::to_owned), 0, Server::new(line.source)));
        true
    }

    /// Keeps the starts of a server that are over.
    fn keep(&mut self, index: usize, is_last: bool) {
        let (starts, dropped) = self.list[index].2.take(is_last);
        self.earlier.join(dropped);
        self.over.extend(starts);
        let prompts = |starts: &[Start]| starts.iter().map(|start| start.prompts.len()).sum::<usize>();
        while self.over.len() > MOST_STARTS || (self.over.len() > 1 && prompts(&self.over) > MOST_PROMPTS) {
            let start = self.over.remove(0);
            self.earlier.starts += 1;
            start.prompts.iter().for_each(|prompt| self.earlier.add(prompt));
        }
    }

    /// The prompts that have ended since the last call.
    pub(super) fn ended(&mut self) -> Vec<Ended> {
        let mut ended = Vec::new();
        for (_, _, server) in &mut self.list {
            let (start, count) = server.news();
            for prompt in &start.prompts[start.prompts.len() - count..] {
                let start = Start { prompts: Vec::new(), ..start.clone() };
                ended.push(Ended { start, prompt: prompt.clone() });
            }
        }
        ended
    }

    /// Lines are passed over.
    pub(super) fn break_off(&mut self) {
        self.list.iter_mut().for_each(|(_, _, server)| server.break_off());
    }

    /// Counts what is not kept.
    pub(super) fn forget(&mut self, counts: Counts) {
        self.earlier.join(counts);
    }

    /// All starts, in the order of their first lines, and what is not kept of them.
    pub(super) fn finish(mut self) -> (Vec<Start>, Counts) {
        for index in 0..self.list.len() {
            self.keep(index, true);
        }
        self.over.sort_by_key(|start| start.line);
        (self.over, self.earlier)
    }
}
