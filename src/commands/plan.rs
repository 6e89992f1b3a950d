//! `plan`: shows where each part of a model will go, and whether it fits.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};

use super::workflow;
use crate::advice::Advise as _;
use crate::allocator::{AllocationString, Device};
use crate::cli;
use crate::plan::{self, Devices, Loading, Lora, NamedModel, Options, Plan, devices, fit};
use crate::render::{Screen, svg};
use crate::report::{ModelsReport, Outcome, PlanReport};
use crate::text::counted;

pub(super) fn run(arguments: &cli::plan::Plan, screen: &mut Screen) -> Result<Outcome> {
    if let Some(file) = &arguments.workflow {
        return of_workflow(arguments, file, screen);
    }
    let count = arguments.model.len() + arguments.model_size.len();
    let strings = strings(arguments, count)?;
    let compute = strings.first().map_or(&arguments.compute, AllocationString::compute_device).clone();
    let mut devices = devices::devices(&arguments.vram, arguments.ram, &strings, devices::found)?;
    let loading = Loading {
        card: devices.card(&compute, arguments.gpu_arch),
        loras: arguments.lora.iter().map(|path| Lora::open(path)).collect::<Result<_>>()?,
        weight_type: arguments.weight_dtype.dtype(),
        text_encoder: arguments.clip,
    };
    let models = models(arguments, &loading)?;
    let options = Options {
        accounting: arguments.accounting.into(),
        policies: arguments.policies(),
        clip: arguments.clip,
        headroom_bytes: arguments.headroom,
        loading,
    };
    devices.notes.extend(plan::assumed::notes(&models, &options));
    let proposals = arguments.fit.then(|| fit::fit(&models, &devices, &options, &compute));
    let plan = planned(models, strings, devices, options, proposals.as_deref(), &compute)?;
    let (fits, picture) = (plan.fits(), arguments.svg.as_ref().map(|_| svg::picture(&plan)));
    show(arguments, &PlanReport::Models(Box::new(ModelsReport { plan, proposals })), picture, screen)?;
    Ok(if fits { Outcome::InOrder } else { Outcome::Found })
}

fn of_workflow(arguments: &cli::plan::Plan, file: &Path, screen: &mut Screen) -> Result<Outcome> {
    let report = workflow::plan::plan(arguments, file)?;
    let outcome = match (report.staged.fits(), report.staged.unknown.is_empty()) {
        (false, _) => Outcome::Found,
        (true, true) => Outcome::InOrder,
        (true, false) => Outcome::Failed,
    };
    let picture = arguments.svg.as_ref().map(|_| svg::stages(&report.staged));
    show(arguments, &PlanReport::Workflow(Box::new(report)), picture, screen)?;
    Ok(outcome)
}

fn show(arguments: &cli::plan::Plan, report: &PlanReport, picture: Option<String>, screen: &mut Screen) -> Result<()> {
    arguments.format.renderer.render(report, screen)?;
    if let (Some(path), Some(picture)) = (&arguments.svg, picture) {
        fs::write(path, picture)
            .with_context(|| format!("{}: cannot be written", path.display()))
            .help("name a file in a folder that you may write to")?;
    }
    Ok(())
}

/// Plans with the given strings, or else with proposed ones.
fn planned(
    mut models: Vec<NamedModel>,
    mut strings: Vec<AllocationString>,
    devices: Devices,
    options: Options,
    proposals: Option<&[fit::Proposal]>,
    compute: &Device,
) -> Result<Plan> {
    if strings.is_empty() {
        let Some(best) = proposals.and_then(<[_]>::first) else {
            bail!(
                anyhow!("no string fits: neither the GPUs nor the main memory have room for the weights")
                    .help("reduce --headroom, use a smaller quantisation, or add memory")
            );
        };
        strings = best.strings.iter().map(|text| parsed(text, compute)).collect::<Result<_>>()?;
        if let Some((name, _)) = best.smaller {
            let quantisation = plan::quantise::Quantisation::of_name(name);
            models = models.iter().filter_map(|named| named.quantised(&quantisation?, &options.loading)).collect();
        }
    }
    Plan::new(models.into_iter().zip(strings).collect(), devices, options)
}

fn models(arguments: &cli::plan::Plan, loading: &Loading) -> Result<Vec<NamedModel>> {
    let named = arguments.model.iter().map(|name| NamedModel::open(name, loading));
    named.chain(arguments.model_size.iter().map(|&bytes| Ok(NamedModel::of_size(bytes)))).collect()
}

/// A string for each model.
fn strings(arguments: &cli::plan::Plan, models: usize) -> Result<Vec<AllocationString>> {
    let texts = &arguments.strings;
    if texts.len() > 1 && texts.len() != models {
        bail!(
            anyhow!("{} for {}", counted(texts.len(), "string"), counted(models, "model"))
                .help("give one for all of them, or one for each")
        );
    }
    let texts = texts.iter().cycle().take(if texts.is_empty() { 0 } else { models });
    texts.map(|text| parsed(text, &arguments.compute)).collect()
}

fn parsed(text: &str, compute: &Device) -> Result<AllocationString> {
    let full = plan::full_string(text, compute);
    if full.is_empty() {
        bail!(
            anyhow!("the allocation string is empty, so the node leaves the model alone")
                .help("write one such as cuda:0,8gb;cpu,*")
        );
    }
    AllocationString::parse(&full)
        .with_context(|| format!("the node cannot parse `{text}`"))
        .help("write it like cuda:0,8gb;cuda:1,6gb;cpu,* or cuda:0,60%;cpu,40%")
}
