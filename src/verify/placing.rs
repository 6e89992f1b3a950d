//! Where a checkout's own analysis puts the blocks of a model.

use super::answer::Answer;
use super::calls;
use super::case::Case;
use super::engine::Engine;
use super::program::Role;
use crate::allocator::{Device, Machine, Model};
use crate::fixes::Survey;
use crate::python::Package;

/// The question to the analysis.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The model.
    pub model: &'q Model,
    /// The machine; its listed devices only.
    pub machine: &'q Machine,
    /// The whole allocation string, with its `#`.
    pub text: &'q str,
    /// Is it a CLIP model?
    pub clip: bool,
    /// Fields of a load-list item, as the ComfyUI around it has them.
    pub fields: i64,
}

/// Runs the analysis of a package; gives a device for each block.
///
/// # Errors
/// Why it could not be run, or the exception that it raised.
pub fn place(
    package: &Package,
    surveys: &[Survey],
    question: &Question<'_>,
    engine: &Engine,
) -> Result<Vec<Device>, String> {
    let program = super::run::program(package, package, surveys, false)?;
    let analyzer = program.entries.iter().position(|entry| entry.role == Role::Analyzer);
    let call = analyzer.ok_or("it has no analysis that places blocks")?;
    let case = Case {
        call,
        model: 0,
        fields: question.fields,
        text: question.text.to_owned(),
        clip: program.entries[call].clip.then_some(question.clip),
        fractions: None,
        as_offload: false,
        seed: None,
    };
    let models = std::slice::from_ref(question.model);
    let mut answers = calls::start(&program, &[case], models, question.machine, engine).finish()?;
    match answers.pop() {
        Some(Answer::Placed(devices)) => Ok(devices.iter().map(|name| Device::from(name.as_str())).collect()),
        Some(Answer::Error(raised)) => Err(raised.message),
        Some(Answer::Text(..)) | None => Err("it placed nothing".to_owned()),
    }
}
