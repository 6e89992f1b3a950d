//! Names of devices, as torch and the node read them.

use super::{Finding, Level};
use crate::allocator::{Device, Mode, Span};

/// The kinds of devices that `torch.device()` knows, and after them those that the node lists with a plugin of torch.
const KINDS: [&str; 24] = [
    "cpu",
    "cuda",
    "ipu",
    "xpu",
    "mkldnn",
    "opengl",
    "opencl",
    "ideep",
    "hip",
    "ve",
    "fpga",
    "maia",
    "xla",
    "lazy",
    "vulkan",
    "mps",
    "meta",
    "hpu",
    "mtia",
    "privateuseone",
    "npu",
    "mlu",
    "directml",
    "corex",
];
/// Those that have one device only, and are named without a number.
const UNNUMBERED: [&str; 3] = ["cpu", "mps", "meta"];
/// What people call a graphics card.
const CARDS: [&str; 6] = ["gpu", "card", "nvidia", "vram", "device", "cuda"];
/// What they call the main memory.
const MEMORIES: [&str; 4] = ["ram", "memory", "host", "system"];

/// Is it a name that torch understands, or may with a plugin? It is exact: no blanks, no capitals, no zero in front.
pub fn is_known(name: &str) -> bool {
    let (kind, number) = name.split_once(':').map_or((name, None), |(kind, number)| (kind, Some(number)));
    KINDS.contains(&kind) && number.is_none_or(is_number)
}

fn is_number(text: &str) -> bool {
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text.len() == 1 || !text.starts_with('0'))
}

/// What is wrong with the name of a part's device.
pub(super) fn finding(name: &str, span: Span, compute: &Device, mode: Mode) -> Option<Finding> {
    let help = match corrected(name, compute) {
        Some(right) => format!("write `{right}`"),
        None => String::from("write cuda:0, cuda:1 or cpu"),
    };
    if !is_known(name) {
        let why = match name.trim() {
            "" => "the part has no device",
            trimmed if trimmed.len() < name.len() && is_known(trimmed) => "the blank is part of the name",
            _ => "torch has no such device",
        };
        // In byte mode, only devices that get something are looked up.
        let when = if mode == Mode::Byte { ", as soon as it is to get something" } else { "" };
        return Some(Finding {
            level: Level::Error,
            span,
            effect: format!("the node stops with {}{when}: {why}", complaint(name)),
            help,
        });
    }
    let (kind, number) = name.split_once(':').map_or((name, None), |(kind, number)| (kind, Some(number)));
    let effect = match number {
        None if !UNNUMBERED.contains(&kind) => {
            format!("the node takes `{name}` as another device than `{name}:0`, though it is one of the same cards")
        }
        Some(_) if kind == "cpu" => format!("the node takes `{name}` as another device than `cpu`, like a GPU"),
        _ => return None,
    };
    Some(Finding { level: Level::Warning, span, effect, help })
}

/// What torch says about a name that it does not know: one thing about its form, and another about its kind.
fn complaint(name: &str) -> String {
    let (kind, number) = name.split_once(':').unwrap_or((name, "0"));
    let is_word = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if is_word && is_number(number) {
        String::from("`Expected one of cpu, cuda, ...`")
    } else {
        format!("`Invalid device string: '{name}'`")
    }
}

/// The name that was probably meant.
pub(super) fn corrected(name: &str, compute: &Device) -> Option<String> {
    let name = name.trim_matches(|c: char| c.is_whitespace() || "\"'`[](){}".contains(c)).to_lowercase();
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (kind, number) = name.split_at(name.len() - digits);
    let kind = kind.trim_end_matches([':', ' ', '_', '-', '.', '#']);
    if kind == "cpu" || (MEMORIES.contains(&kind) && number.is_empty()) {
        return Some(String::from("cpu"));
    }
    let own = compute.as_str().split(':').next().filter(|own| KINDS.contains(own) && *own != "cpu").unwrap_or("cuda");
    let kind = match kind {
        known if KINDS.contains(&known) => known,
        card if CARDS.contains(&card) => own,
        _ => return None,
    };
    let number = match number.trim_start_matches('0') {
        "" => "0",
        number => number,
    };
    let right = if UNNUMBERED.contains(&kind) { kind.to_owned() } else { format!("{kind}:{number}") };
    is_known(&right).then_some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_as_torch_knows_them() {
        for name in ["cpu", "cuda", "cuda:0", "cuda:12", "xpu:1", "mps", "mps:0", "npu:3", "directml:0", "cpu:0"] {
            assert!(is_known(name), "{name}");
        }
        for name in
            ["", " cuda:0", "cuda:0 ", "CUDA:0", "cuda0", "gpu:0", "cuda:", "cuda:01", "cuda:-1", "cuda:a", "cuda:0:1"]
        {
            assert!(!is_known(name), "{name}");
        }
    }

    #[test]
    fn what_was_meant_is_told_from_kind_and_number() {
        let on = |compute: &str, name: &str| corrected(name, &compute.into());
        for (name, right) in [
            (" cuda:1", "cuda:1"),
            ("CUDA:1", "cuda:1"),
            ("cuda1", "cuda:1"),
            ("cuda_01", "cuda:1"),
            ("gpu:1", "cuda:1"),
            ("GPU 1", "cuda:1"),
            ("cuda", "cuda:0"),
            ("RAM", "cpu"),
            ("cpu:0", "cpu"),
            ("\"cuda:0", "cuda:0"),
            ("MPS:0", "mps"),
        ] {
            assert_eq!(on("cuda:0", name).as_deref(), Some(right), "{name}");
        }
        assert_eq!(on("xpu:0", "gpu1").as_deref(), Some("xpu:1"));
        assert_eq!(on("cuda:0", "disk"), None);
        assert_eq!(on("cuda:0", "cuda:99999"), None);
    }
}
