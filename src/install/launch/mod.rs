//! Placeholder until the launches are merged.

#![allow(missing_docs, reason = "a placeholder")]

use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct Launch {
    pub file: Option<PathBuf>,
    pub line: Option<u32>,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
}
