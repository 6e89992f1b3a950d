//! The arguments of `doctor`.

use std::path::PathBuf;

use clap::Args;

use super::shared::one_of;
use crate::render::{DOCTORS, Format};
use crate::report::DoctorReport;

pub(super) const EXAMPLES: &str = "\
Examples:
  distorch-fix doctor
  distorch-fix doctor 'D:\\ComfyUI_windows_portable'
  distorch-fix doctor ~/ComfyUI --workflow wan2.2.json --log ~/ComfyUI/user/comfyui.log
  distorch-fix doctor ~/ComfyUI --html page.html
  distorch-fix doctor ~/ComfyUI --format json

Exit codes:
  0  no problem was found; there may be notes
  1  a problem was found
  2  it failed, or there are several installations to choose from";

/// The arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Any folder in or around the installation [default: the current one, else the usual places]
    pub path: Option<PathBuf>,

    /// A workflow that does not do what it should (repeatable) [default: the newest that ComfyUI has saved]
    #[arg(long, value_name = "FILE")]
    pub workflow: Vec<PathBuf>,

    /// What ComfyUI printed [default: the newest log of the installation]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,

    /// How to print the report
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = one_of(DOCTORS.iter()))]
    pub format: &'static Format<DoctorReport>,

    /// Write a page to this file too, to show to others: without user names, addresses, keys, and the folders above the
    /// installation
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Leave these out of what is printed, too
    #[arg(long)]
    pub redact: bool,

    /// Keep them in the page
    #[arg(long, conflicts_with = "redact", requires = "html")]
    pub no_redact: bool,
}
