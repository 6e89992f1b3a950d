//! The GPUs of the machine, and which of them ComfyUI takes on Windows.

use std::path::Path;

use crate::doctor::Facts;
use crate::install::Files;
use crate::install::launch::LaunchKind;
use crate::install::layout::Layout;
use crate::machine::Card;

/// The largest `main.py` that is read.
const MOST_BYTES: u64 = 1 << 20;

/// What ComfyUI does on Windows if nobody says which GPUs it is to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) struct FirstGpu {
    /// The line of its `main.py`, from 1.
    pub(in crate::doctor) line: usize,
    /// Does it take the first GPU only if it counts several?
    pub(in crate::doctor) counts: bool,
    /// Does it advise against pinned memory with several?
    pub(in crate::doctor) warns_of_pinned_memory: bool,
}

/// The cards of the machine.
///
/// # Errors
///
/// Why they are unknown.
pub(in crate::doctor) fn cards(facts: &Facts) -> Result<&[Card], String> {
    facts.machine.gpus.as_deref().map_err(Clone::clone)
}

/// The number of a CUDA device: 1 for `cuda:1`.
pub(in crate::doctor) fn index_of(device: &str) -> Option<usize> {
    device.trim().strip_prefix("cuda:")?.parse().ok()
}

/// Is the installation one of Windows? Its files may be looked at from another system.
pub(in crate::doctor) fn is_windows(facts: &Facts) -> bool {
    let of_windows = |kind| matches!(kind, LaunchKind::Batch | LaunchKind::PowerShell);
    (facts.machine.os.to_ascii_lowercase().contains("windows") && !facts.machine.is_wsl)
        || facts.installation.layout == Layout::Portable
        || facts.installation.launches.iter().any(|launch| of_windows(launch.kind))
}

/// Does this ComfyUI take only the first GPU on Windows, unless it is told otherwise? None if it does not; by its source.
///
/// # Errors
///
/// Why that is unknown.
pub(in crate::doctor) fn first_gpu_only(facts: &Facts) -> Result<Option<FirstGpu>, String> {
    let files = Files::Folder(facts.installation.comfyui.clone());
    let bytes = files.read(Path::new("main.py"), MOST_BYTES).map_err(|error| format!("{error:#}"))?;
    let text = String::from_utf8_lossy(&bytes.ok_or("ComfyUI has no main.py")?).into_owned();
    Ok(found_in(&text))
}

/// Where the variable is set to the first GPU, after a look at the system.
fn found_in(text: &str) -> Option<FirstGpu> {
    let mut is_of_windows = false;
    let at = text.lines().position(|line| {
        let line: String =
            line.chars().filter(|c| !c.is_whitespace()).map(|c| if c == '\'' { '"' } else { c }).collect();
        is_of_windows |= line.contains("os.name==\"nt\"");
        is_of_windows && line.contains("os.environ[\"CUDA_VISIBLE_DEVICES\"]=\"0\"")
    })?;
    Some(FirstGpu {
        line: at + 1,
        counts: text.contains("get_gpu_names"),
        warns_of_pinned_memory: text.contains("--disable-pinned-memory"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_default_are_recognised() {
        let counting = "import os\nif os.name == \"nt\":\n    count = len(cuda_malloc.get_gpu_names())\n    if count > 1:\n        \
                        os.environ['CUDA_VISIBLE_DEVICES'] = \"0\"\n        warn(\"--disable-pinned-memory\")\n";
        assert_eq!(found_in(counting), Some(FirstGpu { line: 5, counts: true, warns_of_pinned_memory: true }));
        let always = "if os.name == 'nt' and args.cuda_device is None:\n    os.environ['CUDA_VISIBLE_DEVICES'] = '0'\n";
        assert_eq!(found_in(always), Some(FirstGpu { line: 2, counts: false, warns_of_pinned_memory: false }));
        let chosen = "if os.name == 'nt':\n    pass\nos.environ['CUDA_VISIBLE_DEVICES'] = str(args.cuda_device)\n";
        assert_eq!(found_in(chosen), None);
        assert_eq!(found_in("os.environ['CUDA_VISIBLE_DEVICES'] = '0'\n"), None);
    }
}
