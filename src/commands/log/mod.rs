//! `log`: what a log of ComfyUI shows.

mod live;
mod next;
mod read;
mod source;
mod surroundings;

use std::io;

use anyhow::Result;

use self::source::Source;
use self::surroundings::Surroundings;
use crate::cli;
use crate::log::Reader;
use crate::render::{Screen, concluded, told};
use crate::report::{LogReport, Outcome};

pub(super) fn run(arguments: &cli::log::Log, screen: &mut Screen) -> Result<Outcome> {
    let source = Source::of(arguments)?;
    let about = source.about()?;
    let surroundings = Surroundings::new(arguments, &source)?;
    let log = if source.is_live {
        let mut reader = Reader::new();
        live::follow(io::stdin(), screen, |bytes| {
            reader.feed(bytes);
            reader.ended().iter().map(|ended| told(&surroundings.prompt(ended))).collect()
        })?;
        reader.finish()
    } else {
        match source.open()? {
            Some(file) => read::file(file, &source.name(), arguments.all, screen)?,
            None => read::stream(io::stdin(), &source.name())?,
        }
    };
    let report = LogReport::new(
        &log,
        &about,
        arguments.all,
        |start, prompt, load| surroundings.about(start, prompt, load),
        |step| next::next(step, arguments, &source),
    );
    if source.is_live {
        screen.aside(&concluded(&report));
    } else {
        arguments.format.renderer.render(&report, screen)?;
    }
    Ok(report.outcome())
}
