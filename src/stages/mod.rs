//! stub
mod flow;
mod order;
mod prompt;
pub use flow::Kind;
