//! `log`: what a log of ComfyUI shows.

mod files;
mod live;
mod next;
mod source;
mod surroundings;

use std::cell::RefCell;

use anyhow::Result;

use self::source::Source;
use self::surroundings::Surroundings;
use crate::cli;
use crate::log::{Log, Reader};
use crate::render::{Screen, told};
use crate::report::{LogReport, Outcome, PromptReport};

pub(super) fn run(arguments: &cli::log::Log, screen: &mut Screen) -> Result<Outcome> {
    let mut source = Source::of(arguments)?;
    let surroundings = Surroundings::new(arguments, &source)?;
    let about = source.about();
    let log = match &mut source {
        Source::Live(input) => {
            let reader = RefCell::new(Reader::new());
            live::follow(input, screen, |bytes| {
                let mut reader = reader.borrow_mut();
                reader.feed(bytes);
                reader.ended().into_iter().map(|ended| told(&surroundings.prompt(&ended))).collect()
            })?;
            reader.into_inner().finish()
        }
        Source::Whole { input, length, .. } => files::read(input, *length, screen)?,
    };
    let report = LogReport::new(
        &log,
        &about,
        arguments.all,
        |start, prompt, load| surroundings.about(start, prompt, load),
        |step| next::next(step, arguments, &about),
    );
    Ok(report.outcome())
}
