//! The verdict, and the machine at a glance.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::findings::Finding;
use super::some;
use crate::allocator::gigabytes;
use crate::report::DoctorReport;
use crate::report::doctor::{FactGroup, GpuReport};

#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    pub verdict: String,
    /// Names and values.
    glance: Vec<(String, String)>,
}

impl Head {
    pub(super) fn new(report: &DoctorReport) -> Self {
        let version = |id: &str, name: &str| {
            let group = report.facts.iter().find(|group| group.id == id)?;
            Some((name.to_owned(), fact(group, "version")?))
        };
        let versions = [version("comfyui", "ComfyUI"), version("node", "ComfyUI-MultiGPU")];
        let gpus = report.gpus.ok().map(Vec::as_slice).unwrap_or_default();
        Self {
            verdict: report.verdict.clone(),
            glance: versions.into_iter().flatten().chain(some(gpus).map(gpu)).collect(),
        }
    }

    pub(super) fn markup(&self, findings: &[Finding]) -> Markup {
        let worst = findings.first();
        html! {
            header class=(worst.map_or("good", |finding| &finding.rank)) {
                p.tool { b { "distorch-fix doctor" } " · ComfyUI with ComfyUI-MultiGPU" }
                div.verdict {
                    h1 { (self.verdict) }
                    @if let Some(first) = worst {
                        p { "First: " a href=(format!("#{}", first.anchor())) { (first.step.short()) } }
                    }
                }
                @if !self.glance.is_empty() {
                    ul.glance {
                        @for (name, value) in &self.glance { li { span { (name) } b { (value) } } }
                    }
                }
            }
        }
    }
}

/// A fact that is known.
fn fact(group: &FactGroup, name: &str) -> Option<String> {
    group.facts.iter().find(|fact| fact.name == name)?.value.ok().cloned()
}

fn gpu(gpu: &GpuReport) -> (String, String) {
    let device = gpu.device.ok().cloned().unwrap_or_else(|| format!("GPU {}", gpu.index));
    let name = gpu.name.trim_start_matches("NVIDIA ").trim_start_matches("GeForce ");
    (device, format!("{name}, {:.0} GB", gigabytes(gpu.total_bytes)))
}
