//! Facts that may be missing.

use std::fmt;

use serde::Serialize;

/// A fact, or why it is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Known<T> {
    /// The fact.
    Is(T),
    /// Why it is unknown, as the end of a sentence with "because".
    Unknown(String),
}

impl<T> Known<T> {
    /// It is unknown.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(why.into())
    }

    /// The fact, so that `?` hands the reason on.
    ///
    /// # Errors
    ///
    /// Why it is unknown.
    pub fn get(&self) -> Result<&T, String> {
        match self {
            Self::Is(fact) => Ok(fact),
            Self::Unknown(why) => Err(why.clone()),
        }
    }

    /// The fact, if it is known.
    pub fn ok(&self) -> Option<&T> {
        self.get().ok()
    }

    /// Something that follows from it.
    pub fn map<U>(&self, follow: impl FnOnce(&T) -> U) -> Known<U> {
        self.get().map(follow).into()
    }
}

impl<T, E: fmt::Display> From<Result<T, E>> for Known<T> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(fact) => Self::Is(fact),
            // The whole chain of an error of anyhow.
            Err(why) => Self::Unknown(format!("{why:#}")),
        }
    }
}
