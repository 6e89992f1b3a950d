//! Tokens, keys and passwords: by their form, or by the name that stands before them.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::replaced;

/// What stands in the place of a secret.
pub(super) const HIDDEN: &str = "<secret>";

/// Secrets whose form says what they are: those of Hugging Face, `OpenAI` and others like it, GitHub, GitLab, Slack, AWS,
/// Google, Replicate, a JSON web token, a private key.
static FORM: LazyLock<Regex> = LazyLock::new(|| {
    let forms = r"(?s)\b(?:hf_\w{6,}|sk-[\w-]{8,}|gh[a-z]_\w{8,}|github_pat_\w+|glpat-[\w-]{8,}|xox[a-z]-[\w-]{8,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|AIza[\w-]{20,}|r8_\w{12,}|eyJ[\w-]{8,}(?:\.[\w-]+)+)|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)";
    Regex::new(forms).expect("a pattern")
});
/// In the header of a request.
static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(\bbearer\s+|\bauthorization[\x22']?\s*[:=]\s*[\x22']?(?:(?:basic|bearer|token)\s+)?)[\w.~+/=-]{6,}",
    )
    .expect("a pattern")
});
/// In a URL.
static CREDENTIALS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"://[^/\s@'\x22<>]+@").expect("a pattern"));
/// `NAME=value`, `"name": "value"`, `--name value`; or the scheme of a URL, which is none of them.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    let value = r#""[^"]*"|'[^']*'|[^\s"',;&(){}\[\]]+"#;
    let name = r"(-{0,2}[A-Za-z][\w.-]*)";
    Regex::new(&format!(r#"\b[A-Za-z][\w+.-]*://|{name}(["']?\s*=\s*|["']?\s*:\s*|\s+)({value})"#)).expect("a pattern")
});

/// A text without secrets.
pub(super) fn hide(text: Cow<'_, str>) -> Cow<'_, str> {
    let text = replaced(text, &FORM, |_, _, _| Some(HIDDEN.to_owned()));
    let text = replaced(text, &CREDENTIALS, |_, _, _| Some(format!("://{HIDDEN}@")));
    let text = replaced(text, &HEADER, |found, _, _| Some(format!("{}{HIDDEN}", &found[1])));
    replaced(text, &NAMED, |found, _, _| {
        let part = |at: usize| found.get(at).map(|part| part.as_str());
        let (name, between, value) = (part(1)?, part(2)?, part(3)?);
        let names_it = match between.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')) {
            "=" => is_name(name),
            // In prose, a `key` is that of a table.
            ":" => is_name(name) && !name.eq_ignore_ascii_case("key"),
            _ => name.starts_with("--") && is_name(name) && !value.starts_with('-'),
        };
        (names_it && !is_plain(value)).then(|| format!("{name}{between}{HIDDEN}"))
    })
}

/// Is a text the name of an environment variable, or a flag, whose value is a secret?
pub(super) fn is_variable_or_flag(text: &str) -> bool {
    let is_variable = text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    (is_variable || text.starts_with("--")) && !text.contains(['=', ' ']) && is_name(text)
}

/// Does a name say that its value is a secret?
pub(super) fn is_name(name: &str) -> bool {
    // `TOKENIZERS_PARALLELISM` holds none.
    let name = name.to_ascii_uppercase().replace("TOKENIZER", "");
    let says = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "APIKEY", "KEYFILE"];
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    says.iter().any(|word| name.contains(word)) || words.any(|word| word == "KEY" || word == "PASS" || word == "PWD")
}

/// Is a value one that tells nothing?
fn is_plain(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    value.parse::<f64>().is_ok()
        || value.is_empty()
        || ["true", "false", "none", "null", HIDDEN].iter().any(|plain| value.eq_ignore_ascii_case(plain))
}
