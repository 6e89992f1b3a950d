//! Reports to make pages of.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use distorch_fix::allocator::{Accounting, Policy};
use distorch_fix::doctor::{Known, Rank};
use distorch_fix::inputs::Classes;
use distorch_fix::plan::devices::devices;
use distorch_fix::report::doctor::{
    AbsentProblem, DoctorReport, EvidenceReport, ExaminedWorkflow, FactGroup, FactReport, FoundProblem, GpuReport,
    PlaceReport, RunDevice, RunLoad, RunReport, StepReport, UnknownProblem,
};
use distorch_fix::report::{CheckedFile, Located, StagesReport};
use distorch_fix::stages::{Options, Outline};
use distorch_fix::workflow::Workflow;

const GB: u64 = 1 << 30;
const ROOT: &str =
    if cfg!(windows) { r"D:\pictures\ComfyUI_windows_portable\ComfyUI" } else { "/srv/pictures/ComfyUI" };

/// A path of the installation.
pub fn located(path: &str) -> Located {
    Located::new(Path::new(ROOT), &Path::new(ROOT).join(path))
}

/// A report with something in every part, and this text in every field that can hold one.
pub fn with(text: &str) -> DoctorReport {
    let mut report = usual();
    let own = |field: &mut String| text.clone_into(field);
    own(&mut report.verdict);
    for found in &mut report.findings {
        own(&mut found.message);
        for evidence in &mut found.evidence {
            own(&mut evidence.text);
            evidence.place = PlaceReport::Node { path: located(text), id: text.to_owned() };
        }
    }
    report.findings[0].step = StepReport::Command { text: text.to_owned() };
    report.findings[1].step =
        StepReport::Edit { path: located(text), line: 1, before: text.to_owned(), after: text.to_owned() };
    report.findings[2].step = StepReport::Advice { text: text.to_owned() };
    for fact in report.facts.iter_mut().flat_map(|group| &mut group.facts) {
        own(&mut fact.name);
        fact.place = Some(PlaceReport::File { path: located(text), line: None });
    }
    report.facts[0].facts[0].value = Known::Is(text.to_owned());
    report.facts[0].facts[1].value = Known::Unknown(text.to_owned());
    if let Known::Is(gpus) = &mut report.gpus {
        own(&mut gpus[0].name);
        gpus[0].device = Known::Is(text.to_owned());
        gpus[1].device = Known::Unknown(text.to_owned());
    }
    if let Known::Is(run) = &mut report.run {
        run.log = located(text);
        run.time = Some(text.to_owned());
        run.outdated = Some(text.to_owned());
        run.comfyui = Some(text.to_owned());
        run.loads[0].model = Some(text.to_owned());
        run.loads[0].string = Some(text.to_owned());
        own(&mut run.loads[0].outcome);
    }
    if let Known::Is(plan) = &mut report.workflows[0].plan {
        own(&mut plan.file);
        plan.staged.unknown = vec![text.to_owned()];
        own(&mut plan.staged.stages[0].nodes[0].class);
        own(&mut plan.staged.stages[0].nodes[0].id);
        for model in &mut plan.staged.models {
            own(&mut model.load.node.id);
            model.load.names = vec![text.to_owned()];
        }
    }
    report.workflows[0].checks.path = located(text);
    own(&mut report.unknown[0].why);
    report
}

/// What a report usually looks like.
pub fn usual() -> DoctorReport {
    DoctorReport {
        setup: None,
        schema: 1,
        version: "0.1.0",
        root: located(""),
        verdict: "Nothing is distributed here, and two more things can be better".to_owned(),
        exit_code: 1,
        findings: findings(),
        facts: facts(),
        gpus: Known::Is(vec![gpu(0, "NVIDIA GeForce RTX 3060", 12), gpu(1, "NVIDIA RTX A4000", 16)]),
        workflows: vec![workflow()],
        run: Known::Is(RunReport {
            log: located("user/comfyui.log"),
            time: Some("2026-11-20 18:02:11".to_owned()),
            outdated: None,
            comfyui: Some("0.33.0".to_owned()),
            prompts: 2,
            loads: vec![
                RunLoad {
                    devices: vec![device("cuda:0", 334, 330), device("cuda:1", 834, 838), device("cpu", 0, 0)],
                    ..load("WanTEModel", Some("cuda:0,3.3gb;cuda:1,*#cuda:0"), "distributed", Some(true))
                },
                load("WAN21", Some("cuda:0,9gb;cuda:1,9gb#cuda:0"), "without effect: dynamic VRAM", Some(false)),
                load("WanVAE", None, "unknown, because the log ends here", None),
            ],
        }),
        absent: vec![
            AbsentProblem { problem: "libcudart", title: "A library of CUDA is looked for under the wrong name" },
            AbsentProblem { problem: "accelerate", title: "The package accelerate is missing" },
        ],
        unknown: vec![UnknownProblem {
            problem: "pinned-memory",
            title: "Pinned memory with several GPUs",
            why: "the log does not show how the server was started".to_owned(),
        }],
    }
}

/// A report in which nothing is wrong.
pub fn healthy() -> DoctorReport {
    DoctorReport {
        verdict: "Everything that could be looked at is in order".to_owned(),
        exit_code: 0,
        findings: Vec::new(),
        ..usual()
    }
}

fn findings() -> Vec<FoundProblem> {
    let found = |problem, title, rank, message: &str, about, evidence, step| FoundProblem {
        problem,
        title,
        rank,
        message: message.to_owned(),
        about,
        evidence,
        step,
        sources: &[
            "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/186",
            "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/191",
        ],
    };
    let quote = |text: &str, place| EvidenceReport { text: text.to_owned(), place };
    let launch = || PlaceReport::File { path: located("run_nvidia_gpu.bat"), line: Some(1) };
    let start = r".\python_embeded\python.exe -s ComfyUI\main.py --windows-standalone-build";
    vec![
        found(
            "dynamic-vram",
            "Dynamic VRAM keeps the models where they are",
            Rank::Stops,
            "2 loaders of safetensors files print their allocation string and distribute nothing",
            "ComfyUI from 0.16 on loads safetensors files with dynamic VRAM. The node's distribution does not act on these \
             models: everything stays where ComfyUI puts it.",
            vec![
                quote(
                    "Model WAN21 prepared for dynamic VRAM loading. 13627MB Staged. 0 patches attached.",
                    PlaceReport::Log { path: Some(located("user/comfyui.log")), line: 214 },
                ),
                quote(start, launch()),
            ],
            StepReport::Edit {
                path: located("run_nvidia_gpu.bat"),
                line: 1,
                before: start.to_owned(),
                after: format!("{start} --disable-dynamic-vram"),
            },
        ),
        found(
            "unit-missing",
            "An allocation string is read as fractions",
            Rank::Wrong,
            "`cuda:0,12;cuda:1,16` asks for 1200 % of cuda:0, so all of the model goes there",
            "Without a unit, a number is a fraction of the memory of the device.",
            vec![quote(
                "cuda:0,12;cuda:1,16",
                PlaceReport::Node { path: located("user/default/workflows/wan.json"), id: "37".into() },
            )],
            StepReport::Command {
                text: "distorch-fix workflow set 'cuda:0,12gb;cuda:1,16gb' user/default/workflows/wan.json --id 37"
                    .to_owned(),
            },
        ),
        found(
            "both-in-ram",
            "Both models stay in the main memory",
            Rank::Costs,
            "The high-noise and the low-noise model take 27.2 of 32.0 GB",
            "ComfyUI keeps what it has loaded, and the donor cpu holds a copy of each.",
            vec![quote("27.2 GB of 32.0 GB", PlaceReport::Output { program: "distorch-fix plan" })],
            StepReport::Advice {
                text: "Start ComfyUI with --cache-none, or expect the second prompt to swap".to_owned(),
            },
        ),
        found(
            "gpu-order",
            "cuda:0 is not the first GPU of nvidia-smi",
            Rank::Note,
            "cuda:0 is number 1 of nvidia-smi",
            "CUDA counts the fastest GPU first, nvidia-smi by the slot.",
            Vec::new(),
            StepReport::Command { text: "export CUDA_DEVICE_ORDER=PCI_BUS_ID".to_owned() },
        ),
    ]
}

fn facts() -> Vec<FactGroup> {
    let fact =
        |name: &str, value: &str| FactReport { name: name.to_owned(), value: Known::Is(value.to_owned()), place: None };
    let launch = PlaceReport::File { path: located("run_nvidia_gpu.bat"), line: Some(1) };
    vec![
        FactGroup {
            id: "installation",
            title: "Installation",
            facts: vec![
                fact("kind", "portable"),
                FactReport { value: Known::Unknown("there is no python_embeded".to_owned()), ..fact("Python", "") },
            ],
        },
        FactGroup {
            id: "comfyui",
            title: "ComfyUI",
            facts: vec![fact("version", "0.33.0"), fact("load list", "5 fields")],
        },
        FactGroup {
            id: "node",
            title: "ComfyUI-MultiGPU",
            facts: vec![fact("version", "2.6.4"), fact("update", "the Manager would overwrite its files")],
        },
        FactGroup {
            id: "launches",
            title: "Launch arguments",
            facts: vec![FactReport { place: Some(launch), ..fact("run_nvidia_gpu.bat", "--windows-standalone-build") }],
        },
    ]
}

fn gpu(index: u32, name: &str, gb: u64) -> GpuReport {
    GpuReport {
        index,
        device: Known::Is(format!("cuda:{index}")),
        name: name.to_owned(),
        total_bytes: gb * GB,
        free_bytes: Some(gb * GB - GB / 2),
    }
}

/// Amounts in hundredths of a GB.
fn device(name: &str, planned: u64, assigned: u64) -> RunDevice {
    let bytes = |hundredths: u64| Some(hundredths * GB / 100);
    RunDevice { device: name.to_owned(), planned_bytes: bytes(planned), assigned_bytes: bytes(assigned) }
}

fn load(model: &str, string: Option<&str>, outcome: &str, is_right: Option<bool>) -> RunLoad {
    RunLoad {
        line: 214,
        model: Some(model.to_owned()),
        string: string.map(str::to_owned),
        devices: Vec::new(),
        outcome: outcome.to_owned(),
        is_right,
    }
}

/// A workflow of two models, of which the second does not fit.
fn workflow() -> ExaminedWorkflow {
    let workflow = Workflow::open(Path::new("tests/data/workflows/wan.json")).unwrap();
    let instead = [("37", "wan2.2-14b:Q6_K"), ("38", "wan2.2-14b:Q8_0")];
    let instead: HashMap<String, PathBuf> =
        instead.into_iter().map(|(node, model)| (node.to_owned(), PathBuf::from(model))).collect();
    let classes = Classes::of_release("2.6.3").unwrap();
    let outline = Outline::of(&workflow, &classes, None, &instead).unwrap();
    let gpus = [("cuda:0".into(), 12 * GB), ("cuda:1".into(), 16 * GB)];
    let devices = devices(&gpus, Some(32 * GB), &[], Vec::new).unwrap();
    let options = Options {
        accounting: Accounting::Resident,
        policies: vec![Policy::GpuOnly],
        headroom_bytes: 2 * GB,
        gpu: None,
    };
    let staged = outline.plan(&devices, &options).unwrap();
    let path = located("user/default/workflows/wan.json");
    ExaminedWorkflow {
        checks: CheckedFile { path, findings: Vec::new(), unchecked: Vec::new(), next: Vec::new(), error: None },
        plan: Known::Is(Box::new(StagesReport::new(Path::new("user/default/workflows/wan.json"), staged, None))),
    }
}
