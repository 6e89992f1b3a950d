//! Files that ComfyUI saves with the workflow that made them: pictures, videos, sounds, latents.
//!
//! Written for this project, because the crates that read such files take the sizes in them for granted, stop the program
//! where one is wrong, or read a file as a whole. Here, a part is only read if it can hold a workflow, and no more than is
//! there. A file is known by its content; its name says nothing.

mod bytes;
mod flac;
mod matroska;
mod mp4;
mod png;
mod safetensors;
mod texts;
mod webp;

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use self::bytes::Bytes;
use self::texts::Texts;
use super::encoding::Encoding;
use super::json;
use crate::advice::Advise as _;

/// Bytes of the longest text in a file that is not text itself.
const MOST_TEXT_BYTES: u64 = 64 << 20;
/// So many of a file's first bytes tell its kind.
const FIRST_BYTES: u64 = 16;

/// The kind of file that a workflow was in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// JSON and nothing else
    Json(Encoding),
    /// Within a text of a JSON file
    Text,
    /// A picture
    Png,
    /// A picture
    WebP,
    /// A video, also that of `QuickTime`
    Mp4,
    /// A video, also `WebM`
    Matroska,
    /// A sound
    Flac,
    /// A latent or a model
    Safetensors,
}

impl Container {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json(_) | Self::Text => "JSON",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Mp4 => "MP4",
            Self::Matroska => "Matroska",
            Self::Flac => "FLAC",
            Self::Safetensors => "safetensors",
        }
    }

    /// The kind of a file of this length, by its first bytes; None if it is none of them.
    fn of(first: &[u8], length: u64) -> Option<Self> {
        match first {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [0, _, _, _, kind @ ..] if mp4::FIRST_BOXES.iter().any(|known| kind.starts_with(*known)) => Some(Self::Mp4),
            [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Self::Matroska),
            [b'f', b'L', b'a', b'C', ..] => Some(Self::Flac),
            [header @ .., b'{', _, _, _, _, _, _, _] if is_header(header, length) => Some(Self::Safetensors),
            _ => Some(Encoding::of(first)).filter(|encoding| is_text(first, *encoding)).map(Self::Json),
        }
    }
}

/// Does text begin like this?
fn is_text(first: &[u8], encoding: Encoding) -> bool {
    if encoding.is_utf8() {
        return !first.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace());
    }
    // A long text may be cut within a character.
    let whole = first[..first.len() & !3].to_vec();
    encoding.decode(whole).is_ok_and(|text| text.trim_start().starts_with(['{', '[', '"']))
}

/// Is this the length of a safetensors header in a file of this length?
fn is_header(header: &[u8], length: u64) -> bool {
    <[u8; 8]>::try_from(header).is_ok_and(|header| u64::from_le_bytes(header).saturating_add(8) <= length)
}

/// Opens a file; gives its length too. Anything else at a path, such as a pipe that would block, is an error.
pub(super) fn open(path: &Path) -> Result<(File, u64)> {
    let help = "check that it is there and can be read";
    let about = fs::metadata(path).context("it cannot be opened").help_open(help)?;
    ensure!(about.is_file(), anyhow!("it is not a file").help("name the file of a workflow"));
    Ok((File::open(path).context("it cannot be opened").help_open(help)?, about.len()))
}

/// The kind of a file of this length, and the texts in it that may be workflows, the best first. There is at least one.
pub(super) fn read(mut file: impl Read + Seek, length: u64) -> Result<(Container, Vec<String>)> {
    let mut first = Vec::new();
    file.by_ref().take(FIRST_BYTES).read_to_end(&mut first)?;
    file.rewind()?;
    ensure!(length > 0, anyhow!("the file is empty").help("save the workflow again"));
    let Some(container) = Container::of(&first, length) else {
        bail!(
            anyhow!("it is neither JSON nor a file that ComfyUI saves a workflow in")
                .help("name a JSON file, or a PNG, WebP, MP4, WebM, FLAC or safetensors file that ComfyUI saved")
        );
    };
    if let Container::Json(encoding) = container {
        return Ok((container, vec![text(file, length, encoding)?]));
    }
    let mut texts = Texts::default();
    let is_read = parts(container, Bytes::new(file, length), &mut texts);
    if !texts.has_workflow() {
        let cannot = || format!("it cannot be read as {}", container.name());
        is_read.with_context(cannot).help("it is damaged or incomplete")?;
    }
    let texts: Vec<String> = texts.by_preference().collect();
    ensure!(
        !texts.is_empty(),
        anyhow!("this {} file holds no workflow", container.name()).help(
            "ComfyUI saves it unless started with --disable-metadata; programs that convert or scale files often drop it"
        )
    );
    Ok((container, texts))
}

fn text(file: impl Read, length: u64, encoding: Encoding) -> Result<String> {
    json::check_length(length)?;
    let mut bytes = Vec::with_capacity(usize::try_from(length)?);
    file.take(length).read_to_end(&mut bytes)?;
    encoding.decode(bytes)
}

/// Reads the parts of a file that have texts.
fn parts(container: Container, bytes: Bytes<impl Read + Seek>, texts: &mut Texts) -> Result<()> {
    match container {
        Container::Json(_) | Container::Text => Ok(()),
        Container::Png => png::read(bytes, texts),
        Container::WebP => webp::read(bytes, texts),
        Container::Mp4 => mp4::read(bytes, texts),
        Container::Matroska => matroska::read(bytes, texts),
        Container::Flac => flac::read(bytes, texts),
        Container::Safetensors => safetensors::read(bytes, texts),
    }
}
