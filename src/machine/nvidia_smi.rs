//! `nvidia-smi`: where it is, and what it says.

use std::env;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use wait_timeout::ChildExt as _;

use crate::text;

/// Time that it may take. It needs a few tenths of a second, and hangs if the driver does.
const MOST_TIME: Duration = Duration::from_secs(5);
/// What is asked for. Old drivers lack the last ones, and then reject the whole query.
const FIELDS: [&str; 8] =
    ["index", "memory.total", "name", "uuid", "pci.bus_id", "driver_version", "memory.used", "compute_cap"];
/// How many of these every driver knows.
const OLD_FIELDS: usize = 7;
/// What must be known of a card.
const LEAST_FIELDS: usize = 2;

/// One of NVIDIA's GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Card {
    /// Its number in `nvidia-smi`, which goes by the place in the machine. CUDA may number it otherwise.
    pub index: u32,
    /// Its memory.
    pub total_bytes: u64,
    /// What programs have not taken of it.
    pub free_bytes: Option<u64>,
    /// Its name, such as `NVIDIA GeForce RTX 3060`.
    pub name: Option<String>,
    /// `GPU-` and an identifier that no other card has.
    pub uuid: Option<String>,
    /// Its place in the machine, such as `00000000:01:00.0`.
    pub pci_bus: Option<String>,
    /// What it can do, such as `8.6`; drivers before 2021 do not tell.
    pub compute_capability: Option<String>,
    /// The version of the driver.
    pub driver: Option<String>,
}

/// The program, where systems and drivers install it; else in an absolute folder of `PATH` other than the current one.
pub(super) fn program() -> Option<PathBuf> {
    let variable = |name: &str| env::var_os(name);
    folders(&variable, env::current_dir().ok().as_deref())
        .into_iter()
        .map(|folder| folder.join(if cfg!(windows) { "nvidia-smi.exe" } else { "nvidia-smi" }))
        .find(|program| program.is_file())
}

/// The folders in which it may be. An entry of `PATH` that is relative, or is the current folder, holds what somebody else
/// put there.
fn folders(variable: &dyn Fn(&str) -> Option<OsString>, current: Option<&Path>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if cfg!(windows) {
        let root = variable("SystemRoot").map(PathBuf::from).filter(|root| root.is_absolute());
        folders.extend(root.map(|root| root.join("System32")));
        let programs = variable("ProgramW6432").or_else(|| variable("ProgramFiles")).map(PathBuf::from);
        let programs = programs.filter(|programs| programs.is_absolute());
        folders.extend(programs.map(|programs| programs.join("NVIDIA Corporation").join("NVSMI")));
    }
    let path = variable("PATH").unwrap_or_default();
    let is_current = |folder: &Path| {
        let real = |path: &Path| text::real(path).ok();
        current.is_some_and(|current| folder == current || real(folder).is_some() && real(folder) == real(current))
    };
    folders.extend(env::split_paths(&path).filter(|folder| folder.is_absolute() && !is_current(folder)));
    if cfg!(target_os = "linux") {
        folders.extend(["/usr/bin", "/usr/lib/wsl/lib"].map(PathBuf::from));
    }
    folders
}

/// The cards that the program reports, in its order; or why there are none.
pub(super) fn cards(program: &Path) -> Result<Vec<Card>, String> {
    let ask = |fields: &[&str]| query(program, &fields.join(","), MOST_TIME);
    let mut answer = ask(&FIELDS)?;
    for fewer in [OLD_FIELDS, LEAST_FIELDS] {
        if !answer.succeeded {
            answer = ask(&FIELDS[..fewer])?;
        }
    }
    if !answer.succeeded {
        let said = answer.said.lines().map(str::trim).find(|line| !line.is_empty());
        return Err(said.map_or_else(|| String::from("nvidia-smi fails"), |said| format!("nvidia-smi says: {said}")));
    }
    let cards = parsed(&answer.said);
    if cards.is_empty() { Err(String::from("nvidia-smi reports no GPU")) } else { Ok(cards) }
}

/// What a program printed, and whether it was content.
#[derive(Debug, PartialEq)]
struct Answer {
    succeeded: bool,
    said: String,
}

fn query(program: &Path, fields: &str, most_time: Duration) -> Result<Answer, String> {
    let mut child = Command::new(program)
        .args([&*format!("--query-gpu={fields}"), "--format=csv,noheader,nounits"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("nvidia-smi cannot be run: {error}"))?;
    // A line for each card: less than a pipe holds, so it can be read when the program has ended.
    let ended = child.wait_timeout(most_time).map_err(|error| format!("nvidia-smi cannot be run: {error}"))?;
    let Some(status) = ended else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("nvidia-smi did not answer within {} seconds: the driver hangs", most_time.as_secs()));
    };
    let mut said = Vec::new();
    if let Some(out) = child.stdout.take() {
        let _ = out.take(64 << 10).read_to_end(&mut said);
    }
    Ok(Answer { succeeded: status.success(), said: String::from_utf8_lossy(&said).into_owned() })
}

/// The cards in what `nvidia-smi` printed: a line for each, with its fields between commas and sizes in MiB.
pub fn parsed(said: &str) -> Vec<Card> {
    said.lines().filter_map(card).collect()
}

/// `0, 12288, NVIDIA GeForce RTX 3060, GPU-…, 00000000:01:00.0, 581.29, 900, 8.6`, or the first fields of that.
fn card(line: &str) -> Option<Card> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    // A name may have commas in it: it ends at the identifier.
    let uuid = fields.iter().position(|field| field.starts_with("GPU-")).filter(|uuid| *uuid > 2);
    let known = |text: &str| (!text.is_empty() && !text.starts_with('[')).then(|| text.to_owned());
    let field = |behind: usize| fields.get(uuid? + behind).copied().and_then(known);
    let megabytes = |text: &str| text.parse::<u64>().ok()?.checked_mul(1 << 20);
    let total_bytes = megabytes(fields.get(1)?)?;
    let used_bytes = field(3).and_then(|used| megabytes(&used));
    Some(Card {
        index: fields[0].parse().ok()?,
        total_bytes,
        free_bytes: used_bytes.map(|used| total_bytes.saturating_sub(used)),
        name: uuid.and_then(|uuid| known(&fields[2..uuid].join(", "))),
        uuid: field(0),
        pci_bus: field(1),
        driver: field(2),
        compute_capability: field(4),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_nvidia_smi() {
        let said = "0, 12288, NVIDIA GeForce RTX 3060, GPU-1a, 00000000:01:00.0, 581.29, 288, 8.6\r\n\
                    1, 6144, NVIDIA GeForce GTX 1660, Super, GPU-2b, 00000000:02:00.0, 581.29, [N/A], [N/A]\n";
        let cards = parsed(said);
        assert_eq!(
            cards[0],
            Card {
                index: 0,
                total_bytes: 12_288 << 20,
                free_bytes: Some(12_000 << 20),
                name: Some("NVIDIA GeForce RTX 3060".into()),
                uuid: Some("GPU-1a".into()),
                pci_bus: Some("00000000:01:00.0".into()),
                compute_capability: Some("8.6".into()),
                driver: Some("581.29".into()),
            }
        );
        assert_eq!(cards[1].name.as_deref(), Some("NVIDIA GeForce GTX 1660, Super"));
        assert_eq!((&cards[1].uuid, cards[1].free_bytes), (&Some("GPU-2b".into()), None));
        assert_eq!(cards[1].compute_capability, None);
    }

    #[test]
    fn old_drivers_tell_less_and_errors_are_no_cards() {
        let cards = parsed("0, 12288\n1, 24576, Tesla K80, GPU-3, 0:4, 470.1, 10\n2, [N/A]\nNo devices were found\n");
        assert_eq!(cards.len(), 2);
        assert_eq!((cards[0].total_bytes, &cards[0].name), (12_288 << 20, &None));
        assert_eq!((cards[1].name.as_deref(), cards[1].driver.as_deref()), (Some("Tesla K80"), Some("470.1")));
        assert_eq!(parsed("1, 99999999999999999999\n"), []);
    }

    #[test]
    fn a_program_in_the_current_folder_is_never_run() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (folder.path().join("here"), folder.path().join("there"));
        for folder in [&here, &there] {
            std::fs::create_dir(folder).unwrap();
        }
        let path = env::join_paths([Path::new("bin"), Path::new("."), Path::new(""), &here, &there]).unwrap();
        let variable = |name: &str| (name == "PATH").then(|| path.clone());
        let folders = folders(&variable, Some(&here));
        assert!(folders.contains(&there) && !folders.contains(&here));
        assert!(folders.iter().all(|folder| folder.is_absolute()), "{folders:?}");
    }

    #[test]
    fn a_program_that_is_absent_or_hangs_is_no_error() {
        assert!(cards(Path::new("/no-such-program-anywhere")).is_err());
        #[cfg(unix)]
        let (name, text) = ("hangs", "#!/bin/sh\nexec sleep 60\n");
        #[cfg(windows)]
        let (name, text) = ("hangs.cmd", "@ping -n 60 127.0.0.1 >nul\r\n");
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(name);
        std::fs::write(&program, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert!(query(&program, "index", Duration::from_millis(50)).unwrap_err().contains("hangs"));
    }
}
