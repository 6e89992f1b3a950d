//! Placeholder until the reader of logs is merged.

#![allow(missing_docs, reason = "a placeholder")]

#[derive(Debug, Clone, Default)]
pub struct Log {
    pub lines: u64,
    pub starts: Vec<Start>,
    pub last_time: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Start {
    pub line: u64,
    pub is_begun_here: bool,
    pub comfyui: Option<String>,
    pub pytorch: Option<String>,
    pub python: Option<String>,
    pub aimdo: Option<String>,
    pub arguments: Option<Vec<String>>,
    pub remarks: Vec<Remark>,
    pub prompts: Vec<Prompt>,
}

#[derive(Debug, Clone, Default)]
pub struct Remark {
    pub line: u64,
    pub text: String,
}

#[derive(Debug, Clone, Default)]
pub struct Prompt {
    pub line: u64,
    pub time: Option<String>,
    pub loads: Vec<Load>,
}

#[derive(Debug, Clone, Default)]
pub struct Load {
    pub line: u64,
    pub model: Option<String>,
}
