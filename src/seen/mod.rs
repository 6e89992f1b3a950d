//! What a log shows, beside what else is known: the loader nodes of workflows, the plan of a model, the installation.
//!
//! ```text
//! workflows ─> loaders: which node it was ─┐
//! model files ─> plan: what was to happen ─┼─> About, for each load ─> step: what to do next
//! installation ─> silence: why the log says nothing of the node
//! ```

pub mod loaders;
pub mod plan;
pub mod silence;
pub mod step;

pub use loaders::{LoaderNode, Loaders};
pub use plan::Comparison;
pub use silence::Installed;
pub use step::Step;

/// What is known of a load besides its log.
#[derive(Debug, Default)]
pub struct About<'a> {
    /// The loader nodes that it can be. More than one: which of them is not known.
    pub nodes: Vec<&'a LoaderNode>,
    /// Its plan, or why there is none; None if none was asked for.
    pub plan: Option<Result<Comparison, String>>,
}
