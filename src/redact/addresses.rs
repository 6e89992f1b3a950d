//! Addresses: of networks, of mail, of hosts in URLs, and the UUIDs of GPUs.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::Regex;

use super::replaced;

/// Hosts that say nothing about who visits them, with all below them.
const WELL_KNOWN: [&str; 21] = [
    "anaconda.org",
    "civitai.com",
    "comfy.org",
    "comfyregistry.org",
    "comfyui.org",
    "gitee.com",
    "github.com",
    "githubusercontent.com",
    "gitlab.com",
    "google.com",
    "hf.co",
    "huggingface.co",
    "localhost",
    "microsoft.com",
    "modelscope.cn",
    "nvidia.com",
    "pypi.org",
    "python.org",
    "pythonhosted.org",
    "pytorch.org",
    "w3.org",
];

static MAIL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b").expect("a pattern"));
static V4: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d+(?:\.\d+){3}").expect("a pattern"));
/// Of a network that is not this computer's own; the first group has four digits, which slices and times have not.
static V6: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b[23f][0-9a-f]{3}(?::[0-9a-f]{0,4}){2,7}").expect("a pattern"));
static HARDWARE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b").expect("a pattern"));
/// Also the beginning of one, which is enough for `CUDA_VISIBLE_DEVICES`.
static GPU: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(GPU|MIG)-[0-9a-fA-F]{4,}(?:-[0-9a-fA-F]+)*").expect("a pattern"));
static HOST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?i:https?|wss?|ftp|ssh|git|tcp)://(?:<secret>@)?([\w.-]+)").expect("a pattern"));

/// A text without addresses.
pub(super) fn hide(text: Cow<'_, str>) -> Cow<'_, str> {
    let address = || Some("<address>".to_owned());
    let text = replaced(text, &GPU, |found, _, _| Some(format!("{}-<uuid>", &found[1])));
    let text = replaced(text, &HARDWARE, |_, _, _| address());
    let text = replaced(text, &V6, |found, _, _| found[0].parse::<Ipv6Addr>().ok().and_then(|_| address()));
    let text =
        replaced(text, &V4, |found, before, after| if is_foreign(&found[0], before, after) { address() } else { None });
    // How git is reached says nothing about a person.
    let text = replaced(text, &MAIL, |found, _, _| (!found[0].starts_with("git@")).then(|| "<e-mail>".to_owned()));
    replaced(text, &HOST, |found, _, _| {
        let host = found[1].trim_end_matches('.').to_ascii_lowercase();
        let is_shown = WELL_KNOWN.iter().any(|known| host == *known || host.ends_with(&format!(".{known}")))
            || host.parse::<IpAddr>().is_ok();
        (!is_shown).then(|| found[0].replace(&found[1], "<host>"))
    })
}

/// Is it the address of another computer, or of this one in a network? Versions may have four parts too.
fn is_foreign(quad: &str, before: &str, after: &str) -> bool {
    let Ok(address) = quad.parse::<Ipv4Addr>() else { return false };
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    let before_it = before.trim_end();
    let is_version = before.ends_with(is_part)
        || after.starts_with(['-', '+', '_'])
        || before_it.ends_with("==")
        || before_it.to_ascii_lowercase().trim_end_matches([':', '=']).ends_with("version");
    !(address.is_loopback() || address.is_unspecified() || is_version)
}
