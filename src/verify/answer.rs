//! The answers to calls.

use std::fmt;

use serde_json::Value;

/// The answer to a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// A fraction string, and what was logged.
    Text(String, Vec<String>),
    /// A device for each block; empty where a block has none.
    Placed(Vec<String>),
    /// An exception, or a result that is not an answer.
    Error(Raised),
}

/// An exception of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raised {
    pub(super) kind: Kind,
    pub(super) message: String,
}

/// What an exception may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The code raised it.
    Own,
    /// The code raised it, or the sandbox did because it lacks something.
    Unsupported,
}

impl Raised {
    pub(super) fn own(message: impl Into<String>) -> Self {
        Self { kind: Kind::Own, message: message.into() }
    }

    /// An exception of the class with this name.
    fn new(class: &str, message: &str) -> Self {
        let kind = match class {
            "AttributeError"
            | "ImportError"
            | "ModuleNotFoundError"
            | "NotImplementedError"
            | "SyntaxError"
            | "TypeError" => Kind::Unsupported,
            _ => Kind::Own,
        };
        Self { kind, message: format!("{class}: {message}") }
    }
}

impl Answer {
    pub(super) fn error(&self) -> Option<&Raised> {
        if let Self::Error(error) = self { Some(error) } else { None }
    }

    /// The exception, if it may mean that the sandbox lacks something.
    pub(super) fn unsupported(&self) -> Option<&str> {
        self.error().filter(|raised| raised.kind == Kind::Unsupported).map(|raised| raised.message.as_str())
    }

    /// Is it the same, apart from what was logged?
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a, _), Self::Text(b, _)) => a == b || said_by(a) == said_by(b),
            (Self::Placed(a), Self::Placed(b)) => a == b,
            (Self::Error(_), Self::Error(_)) => true,
            _ => false,
        }
    }
}

/// The fractions of a fraction string, sorted by device. Some versions also name devices that get nothing, or name the
/// wildcard first; the node treats both alike.
fn said_by(text: &str) -> Vec<&str> {
    let mut parts: Vec<_> = text.split(';').filter(|part| !part.is_empty() && !part.ends_with(",0.0000")).collect();
    parts.sort_unstable();
    parts
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text, _) => write!(f, "{text:?}"),
            Self::Placed(devices) => f.write_str(&devices.join(" ")),
            Self::Error(error) => f.write_str(&error.message),
        }
    }
}

/// An answer as the driver writes it.
pub(super) fn answer(value: &Value) -> Answer {
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    };
    match (value[0].as_str(), &value[1]) {
        (Some("value"), Value::String(text)) => Answer::Text(text.clone(), texts(&value[2])),
        (Some("value"), devices @ Value::Array(_)) => Answer::Placed(texts(devices)),
        (Some("error"), Value::String(class)) => {
            Answer::Error(Raised::new(class, value[2].as_str().unwrap_or_default()))
        }
        (_, other) => Answer::Error(Raised::own(format!("gave {other}"))),
    }
}
