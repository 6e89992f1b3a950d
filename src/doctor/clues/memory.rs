//! What an exception says of memory that was not there.

use crate::allocator::{Device, GB};
use crate::log::Raised;

/// Memory that was asked for and not there.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::doctor) struct Shortage {
    /// The device, if the message names it.
    pub(in crate::doctor) device: Option<Device>,
    /// What was asked for.
    pub(in crate::doctor) asked_bytes: Option<u64>,
    /// What was free.
    pub(in crate::doctor) free_bytes: Option<u64>,
    /// When.
    pub(in crate::doctor) during: During,
}

/// When memory was short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum During {
    /// A model was being put on its devices.
    Load,
    /// A node computed.
    Computation,
    /// The log does not show the calls.
    Unknown,
}

/// What the main memory's allocators say, of `PyTorch`, Python and Windows.
const OF_MAIN_MEMORY: [&str; 4] =
    ["DefaultCPUAllocator", "os error 1455", "aging file is too small", "Cannot allocate memory"];
/// What those of GPUs say.
const OF_A_GPU: [&str; 4] =
    ["Allocation on device", "CUDA out of memory", "CUDA error: out of memory", "HIP out of memory"];

/// The memory that an exception is about; None if it is about something else.
pub(in crate::doctor) fn shortage(raised: &Raised, text: &str) -> Option<Shortage> {
    // A message of several lines is only whole in one of the two.
    let said = format!("{}\n{text}", raised.message);
    let has = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    let device = if has(&OF_MAIN_MEMORY) || raised.class == "MemoryError" {
        Some(Device::cpu())
    } else if has(&OF_A_GPU) || raised.class.ends_with("OutOfMemoryError") || said.starts_with("Got an OOM") {
        let number = ["GPU ", "on device "].into_iter().find_map(|before| number_behind(&said, before));
        number.map(|number| Device::from(&*format!("cuda:{number}")))
    } else {
        return None;
    };
    let amount = |names: &[&str]| names.iter().find_map(|name| amount_behind(&said, name));
    let free_bytes = amount(&["Free (according to CUDA)", "capacity of which", "of which"])
        .or_else(|| amount_before(&said, " free"));
    Some(Shortage {
        device,
        asked_bytes: amount(&["Tried to allocate", "you tried to allocate", "Requested"]),
        free_bytes,
        during: during(raised),
    })
}

/// Was it raised by a read into pinned memory, which fails as if a GPU had no memory left?
pub(in crate::doctor) fn is_of_pinned_memory(raised: &Raised) -> bool {
    raised.message.contains("HostBuffer.") || raised.frames.iter().any(|frame| frame.function == "read_file_slice")
}

/// By the functions that were being run.
fn during(raised: &Raised) -> During {
    const LOADS: [&str; 4] = ["load_models_gpu", "partially_load", "load_torch_file", "model_load"];
    let loads = |function: &str| LOADS.iter().any(|name| function.contains(name));
    match &raised.frames[..] {
        [] => During::Unknown,
        frames if frames.iter().any(|frame| loads(&frame.function)) => During::Load,
        _ => During::Computation,
    }
}

/// `0` behind `GPU `.
fn number_behind(text: &str, before: &str) -> Option<u32> {
    text.match_indices(before).find_map(|(at, _)| {
        let rest = &text[at + before.len()..];
        rest[..rest.bytes().take_while(u8::is_ascii_digit).count()].parse().ok()
    })
}

/// `20.00 MiB` behind a name, with a colon and blanks in between.
fn amount_behind(text: &str, name: &str) -> Option<u64> {
    let at = text.find(name)? + name.len();
    amount(text[at..].trim_start_matches([' ', ':', '\t']))
}

/// `1.04 GiB` before a word.
fn amount_before(text: &str, word: &str) -> Option<u64> {
    let before = text[..text.find(word)?].trim_end();
    let unit_at = before.rfind(' ')?;
    let at = before[..unit_at].rfind([' ', '\n']).map_or(0, |blank| blank + 1);
    amount(&before[at..])
}

/// `20.00 MiB`, `0 bytes`, `3376447488 bytes`.
fn amount(text: &str) -> Option<u64> {
    let (number, rest) = text.split_once(' ')?;
    let unit = rest.split(|c: char| !c.is_ascii_alphabetic()).next()?;
    let factor = match unit {
        "GiB" | "GB" => GB,
        "MiB" | "MB" => GB / 1024.0,
        "KiB" | "KB" => 1024.0,
        "bytes" => 1.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` stops at the ends")]
    let bytes = (number * factor) as u64;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Frame;

    fn of(class: &str, message: &str) -> Option<(Option<String>, Option<u64>, Option<u64>)> {
        let raised = Raised { class: class.into(), message: message.into(), ..Raised::default() };
        let found = shortage(&raised, "")?;
        Some((found.device.map(|device| device.to_string()), found.asked_bytes, found.free_bytes))
    }

    #[test]
    fn every_wording_of_the_last_years_is_understood() {
        let gpu = |number: u32| Some(format!("cuda:{number}"));
        let mb = |count: u64| Some(count << 20);
        for (class, message, expected) in [
            (
                "torch.OutOfMemoryError",
                "CUDA out of memory. Tried to allocate 26.00 MiB. GPU 1 has a total capacity of 11.50 GiB of which 12.00 MiB \
                 is free. Process 1 has 11.00 GiB memory in use.",
                (gpu(1), mb(26), mb(12)),
            ),
            (
                "torch.cuda.OutOfMemoryError",
                "CUDA out of memory. Tried to allocate 512.00 MiB (GPU 0; 6.00 GiB total capacity; 3.49 GiB already allocated; \
                 64.00 MiB free; 3.50 GiB reserved in total by PyTorch)",
                (gpu(0), mb(512), mb(64)),
            ),
            (
                "torch.OutOfMemoryError",
                "Allocation on device 0 would exceed allowed memory. (out of memory)\nCurrently allocated     : 9.00 GiB\n\
                 Requested               : 320.00 MiB\nDevice limit            : 11.99 GiB\nFree (according to CUDA): 0 bytes\n",
                (gpu(0), mb(320), Some(0)),
            ),
            ("torch.OutOfMemoryError", "Allocation on device ", (None, None, None)),
            ("", "Allocation on device ", (None, None, None)),
            ("torch.AcceleratorError", "CUDA error: out of memory", (None, None, None)),
            (
                "RuntimeError",
                "[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: not enough memory: you tried to allocate 65536 \
                 bytes.",
                (Some("cpu".into()), Some(65536), None),
            ),
            ("MemoryError", "", (Some("cpu".into()), None, None)),
            (
                "OSError",
                "The paging file is too small for this operation to complete. (os error 1455)",
                (Some("cpu".into()), None, None),
            ),
        ] {
            assert_eq!(of(class, message), Some(expected), "{message}");
        }
        assert_eq!(of("ValueError", "too many values to unpack (expected 4)"), None);
        assert_eq!(of("AssertionError", "Input tensors must be on cuda."), None);
    }

    #[test]
    fn the_calls_tell_when() {
        let at = |functions: &[&str]| {
            let frame = |function: &&str| Frame { file: "x.py".into(), line: 1, function: (*function).into() };
            during(&Raised { frames: functions.iter().map(frame).collect(), ..Raised::default() })
        };
        assert_eq!(at(&[]), During::Unknown);
        assert_eq!(at(&["sample", "patched_load_models_gpu", "new_partially_load", "to"]), During::Load);
        assert_eq!(at(&["sample", "apply_model", "forward"]), During::Computation);
    }
}
