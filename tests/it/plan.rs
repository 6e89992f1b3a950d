//! What `plan` promises: the tables that people know, and the placement that the node's own Python comes to.
//!
//! The Python of the fixtures is run in the sandbox. With a clone of ComfyUI-MultiGPU in `DISTORCH_FIX_HISTORY`, that of
//! its newest version is run too, and in a `python3`, if there is one.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::common::{Install, python, skip};
use crate::headers::{Gguf, write_safetensors};
use distorch_fix::allocator::{
    Accounting, AllocationString, Device, DeviceRow, Machine, Model, Options as Allocating, Policy, Request, allocate,
    gigabytes,
};
use distorch_fix::fixes::Fix;
use distorch_fix::install;
use distorch_fix::pipeline::Repair;
use distorch_fix::plan::fit::{Place, fit};
use distorch_fix::plan::quantise::Quantisation;
use distorch_fix::plan::{Card, Devices, Gpu, Loading, Lora, NamedModel, Options, Plan, Warning};
use distorch_fix::verify::Engine;
use distorch_fix::verify::placing::Question;
use git2::Repository;
use proptest::prelude::*;
use safetensors::Dtype;
use tempfile::TempDir;

const HISTORY: &str = "DISTORCH_FIX_HISTORY";

fn devices() -> Devices {
    let machine = Machine::new([("cpu", 64 << 30), ("cuda:0", 12 << 30), ("cuda:1", 16 << 30)]);
    Devices { machine, ram_known: true, assumed: false, gpus: Vec::new(), notes: Vec::new() }
}

fn options(accounting: Accounting) -> Options {
    let policies = vec![Policy::CpuFallback, Policy::GpuOnly];
    Options { accounting, policies, clip: false, headroom_bytes: 2 << 30, loading: Loading::default() }
}

fn profile(name: &str) -> NamedModel {
    NamedModel::open(Path::new(name), &Loading::default()).unwrap()
}

fn plan_with(loading: Loading, model: &str, string: &str) -> Plan {
    let string = AllocationString::parse(string).unwrap();
    let named = NamedModel::open(Path::new(model), &loading).unwrap();
    let options = Options { loading, ..options(Accounting::Offload) };
    Plan::new(vec![(named, string)], devices(), options).unwrap()
}

fn plan(model: &str, string: &str, accounting: Accounting) -> Plan {
    let string = AllocationString::parse(string).unwrap();
    Plan::new(vec![(profile(model), string)], devices(), options(accounting)).unwrap()
}

#[test]
fn the_guides_table_is_that_of_a_lora_on_all_linear_layers() {
    let plan = plan_with(all_linear(), "wan2.2-14b:Q6_K", "cuda:0,12gb;cuda:1,16gb");
    let repaired = plan.models[0].run(Policy::GpuOnly);
    let rows: Vec<_> = repaired.allocation.devices.iter().map(DeviceRow::cells).collect();
    assert_eq!(rows[0], ["cuda:0", "12.00", "120.2%", "14.42", "42.9%"]);
    assert_eq!(rows[1], ["cuda:1", "16.00", "120.2%", "19.23", "57.1%"]);
    assert_eq!(rows[2], ["cpu", "64.00", "0.0%", "0.00", "0.0%"]);
    // As the guide prints it: VRAM, model, share.
    let guide = |row: &DeviceRow| {
        format!("{} {:.1} {:.1} {:.0}%", row.device, row.total_bytes >> 30, row.allocated_gb, row.dist_percent)
    };
    let guide: Vec<_> = repaired.allocation.devices.iter().map(guide).collect();
    assert_eq!(guide, ["cuda:0 12 14.4 43%", "cuda:1 16 19.2 57%", "cpu 64 0.0 0%"]);
    // A log of such a model tells 34464.84 MB; what is missing is three ten-thousandths, such as norms that are patched too.
    let total = plan.models[0].named.modules.model.total_bytes(Accounting::Offload);
    assert_eq!(total >> 20, 34_453);
}

/// A LoRA that patches all linear layers of WAN 14B, and nothing else.
fn all_linear() -> Loading {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wan2.2-14b-lora.safetensors");
    Loading { loras: vec![Lora::open(&path).unwrap()], ..Loading::default() }
}

fn on(gpu: &str, gb: u64) -> Loading {
    let gpu = Some(Gpu::of_name(gpu).unwrap());
    Loading { card: Card { gpu, total_bytes: gb << 30, on_cpu: false }, ..Loading::default() }
}

/// Gigabytes of a model, resident and offload, with one decimal.
fn sizes(model: &str, loading: &Loading) -> [String; 2] {
    let named = NamedModel::open(Path::new(model), loading).unwrap();
    let gb = |which| format!("{:.1}", gigabytes(named.modules.model.total_bytes(which)));
    [Accounting::Resident, Accounting::Offload].map(gb)
}

#[test]
fn packed_weights_count_more_only_where_they_are_patched_or_cast() {
    assert_eq!(sizes("wan2.2-14b:Q6_K", &on("ampere", 12)), ["11.3", "11.3"]);
    let patched = Loading { loras: all_linear().loras, ..on("ampere", 12) };
    assert_eq!(sizes("wan2.2-14b:Q6_K", &patched), ["11.3", "33.6"]);
    // ComfyUI computes in 32 bits there.
    #[cfg(not(windows))]
    assert_eq!(sizes("wan2.2-14b:Q6_K", &on("pascal", 12)), ["11.3", "55.1"]);
}

#[test]
fn fp8_stays_where_the_card_multiplies_in_it_or_has_no_room_for_16_bits() {
    let fp8 = sizes("wan2.2-14b:fp8", &on("ada", 48));
    assert_eq!(fp8, ["13.3", "39.9"]);
    assert_eq!(sizes("wan2.2-14b:fp8", &on("ampere", 24)), fp8);
    let fp16 = sizes("wan2.2-14b:fp16", &on("ampere", 24));
    assert_eq!(sizes("wan2.2-14b:fp8", &on("ampere", 48)), fp16);
    // The loader's own choice.
    let told = Loading { weight_type: Some(Dtype::F8_E5M2), ..on("ampere", 48) };
    assert_eq!(sizes("wan2.2-14b:fp16", &told), fp8);
}

#[test]
fn what_the_guides_quotas_come_to_when_weights_count() {
    let plan = plan("wan2.2-14b:Q6_K", "cuda:0,12gb;cuda:1,16gb", Accounting::Resident);
    assert!(plan.models[0].is_alike(&plan.options) && plan.fits());
    let warnings = &plan.models[0].runs[0].warnings;
    let names: Vec<_> = warnings.iter().map(Warning::name).collect();
    assert_eq!(names, ["no-room", "empty", "other-accounting"]);
    assert_eq!(warnings[1].to_string(), "cuda:1 gets nothing: the devices before it take all 11.31 GB of the model");
}

/// Strings of every mode.
const STRINGS: [&str; 9] = [
    "cuda:0,12gb;cuda:1,16gb#cuda:0",
    "cuda:0,4gb;cuda:1,5gb#cuda:0",
    "cuda:0,4gb;cuda:1,5gb;cpu,*#cuda:1",
    "cuda:1,2500mb;cpu,1.5gb#cuda:0",
    "cuda:0,25%;cuda:1,35%;cpu,40%#cuda:0",
    "cuda:0,0.3;cuda:1,0.2;cpu,0.01#cuda:0",
    "cuda:1,0.9#cuda:0",
    "#cuda:0;4.0;cpu",
    "#cuda:0;9.5;cuda:1,cpu",
];

/// A model of each kind: a GGUF file with the tensors of WAN's blocks in the order of their names, a safetensors file
/// with some in another type, and the built-in profile.
fn models(folder: &Path) -> Vec<NamedModel> {
    let (dim, ffn) = (1024_u64, 2560_u64);
    let mut gguf = Gguf::new(&[("head.modulation", vec![dim, 2, 1], 0, 2 * dim * 4)]);
    gguf = gguf.with_text("general.architecture", "wan");
    let mut safetensors = Vec::new();
    for block in 0..12 {
        let mut add = |name: &str, rows: u64, columns: u64| {
            let name = format!("blocks.{block}.{name}");
            // Q5_K, and Q6_K for the values.
            let (kind, bytes) = if name.ends_with("attn.v") { (14, 210) } else { (13, 176) };
            gguf.tensors.push((format!("{name}.weight"), vec![columns, rows], kind, rows * columns / 256 * bytes));
            gguf.tensors.push((format!("{name}.bias"), vec![rows], 0, rows * 4));
            let (dtype, size) = if block % 3 == 0 { ("F8_E4M3", 1) } else { ("BF16", 2) };
            safetensors.push((format!("{name}.weight"), dtype, vec![rows, columns], rows * columns * size));
            safetensors.push((format!("{name}.bias"), "F32", vec![rows], rows * 4));
        };
        for attention in ["cross_attn", "self_attn"] {
            for part in ["k", "o", "q", "v"] {
                add(&format!("{attention}.{part}"), dim, dim);
            }
        }
        add("ffn.0", ffn, dim);
        add("ffn.2", dim, ffn);
        let norm = format!("blocks.{block}.self_attn.norm_q.weight");
        gguf.tensors.push((norm.clone(), vec![dim], 0, dim * 4));
        safetensors.push((norm, "F32", vec![dim], dim * 4));
    }
    let (first, second) = (folder.join("wan.gguf"), folder.join("other.safetensors"));
    gguf.write(&first);
    write_safetensors(&second, &safetensors);
    let open = |path: &Path| NamedModel::open(path, &Loading::default()).unwrap();
    vec![open(&first), open(&second), profile("wan2.2-i2v-14b:Q4_K_M")]
}

/// A machine that these models and strings are neither too small nor too large for.
fn machine_of(model: &Model) -> Machine {
    let total = model.total_bytes(Accounting::Resident);
    if total > 1 << 30 {
        return devices().machine;
    }
    Machine::new([("cpu", 4 << 30), ("cuda:0", total), ("cuda:1", total / 2)])
}

/// For a small model, the quotas of a string in megabytes.
fn sized(text: &str, model: &Model) -> String {
    if model.total_bytes(Accounting::Resident) > 1 << 30 {
        return text.to_owned();
    }
    text.replace("2500mb", "20mb").replace("gb", "0mb").replace(";4.0;", ";0.04;").replace(";9.5;", ";0.1;")
}

/// Holds the reference allocator to the analysis of a checkout, block for block.
fn compare(repair: &Repair, policy: Policy, engine: &Engine, models: &[NamedModel]) -> usize {
    let mut blocks = 0;
    for named in models {
        // Virtual VRAM mode goes by the bytes of the weights; the stand-ins have the resident ones.
        let resident = named.modules.model.total_bytes(Accounting::Resident);
        let model = named.modules.model.clone().with_weight_bytes(resident);
        let machine = machine_of(&model);
        for text in STRINGS {
            let text = sized(text, &model);
            let string = AllocationString::parse(&text).unwrap();
            let options = Allocating { accounting: Accounting::Resident, policy, clip: false };
            let expected = allocate(&model, &machine, &string, &options).unwrap();
            let expected: Vec<_> =
                (0..model.blocks().len()).map(|block| expected.device_of(block).unwrap().clone()).collect();
            let question = Question { model: &model, machine: &machine, text: &text, clip: false, fields: 5 };
            let placed =
                repair.place(&question, engine).unwrap_or_else(|error| panic!("{}, {text}: {error}", named.name));
            assert_eq!(placed, expected, "{}, {text}", named.name);
            if matches!(string.request(), Request::Byte(_)) {
                assert!(expected.contains(&Device::from("cuda:0")), "{text}");
            }
            blocks += placed.len();
        }
    }
    blocks
}

#[test]
fn placement_is_that_of_the_nodes_own_python_in_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let models = models(folder.path());
    for (fixture, policy) in [("in-order", Policy::GpuOnly), ("upstream-fixed", Policy::CpuFallback)] {
        let repair = Install::of(fixture).repair().unwrap();
        let blocks = compare(&repair, policy, &Engine::default(), &models);
        assert!(blocks > 5000, "{blocks}");
    }
}

/// The newest version of the node in a clone, in a folder of its own.
fn upstream() -> Option<(TempDir, Repair)> {
    let Some(path) = env::var_os(HISTORY).map(PathBuf::from) else {
        skip(&format!("{HISTORY} names no repository, so the node's newest version was not compared"));
        return None;
    };
    let repository = Repository::open(path).unwrap();
    let tree = repository.head().unwrap().peel_to_tree().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for entry in &tree {
        let name = entry.name().unwrap().to_owned();
        if Path::new(&name).extension().is_some_and(|extension| extension == "py") {
            let blob = entry.to_object(&repository).unwrap().peel_to_blob().unwrap();
            fs::write(folder.path().join(name), blob.content()).unwrap();
        }
    }
    let search = install::locate(&folder.path().join("distorch_2.py")).unwrap();
    let repair = Repair::of(&search.checkouts[0], None, Fix::ALL, Accounting::Resident).unwrap();
    Some((folder, repair))
}

#[test]
fn placement_is_that_of_the_newest_version_of_the_node() {
    let Some((_folder, repair)) = upstream() else { return };
    let folder = tempfile::tempdir().unwrap();
    let models = models(folder.path());
    for engine in [Some(Engine::default()), python().map(Engine::Python)].into_iter().flatten() {
        let blocks = compare(&repair, Policy::CpuFallback, &engine, &models);
        println!("{blocks} blocks compared, {engine:?}");
    }
}

#[test]
fn proposals_leave_the_headroom_and_the_best_comes_first() {
    let cuda = Device::from("cuda:0");
    let propose = |models: &[&str], gb: [u64; 2]| {
        let models: Vec<_> = models.iter().map(|name| profile(name)).collect();
        let machine = Machine::new([("cpu", 64 << 30), ("cuda:0", gb[0] << 30), ("cuda:1", gb[1] << 30)]);
        let devices = Devices { machine, ram_known: true, assumed: false, gpus: Vec::new(), notes: Vec::new() };
        let options = options(Accounting::Resident);
        let proposals = fit(&models, &devices, &options, &cuda);
        for proposal in &proposals {
            assert_eq!(proposal.strings.len(), models.len());
            let sized = |named: &NamedModel| match proposal.smaller {
                Some((name, _)) => named.quantised(&Quantisation::of_name(name).unwrap(), &options.loading),
                None => Some(named.clone()),
            };
            let pairs = models.iter().zip(&proposal.strings);
            let pairs = pairs.map(|(named, text)| (sized(named).unwrap(), AllocationString::parse(text).unwrap()));
            let plan = Plan::new(pairs.collect(), devices.clone(), options.clone()).unwrap();
            assert!(plan.fits(), "{proposal:?}");
            let is_warned = |run: &distorch_fix::plan::Run| run.warnings.iter().any(|w| w.name() == "no-room");
            assert!(!plan.models.iter().any(|planned| planned.runs.iter().any(is_warned)), "{proposal:?}");
            if proposal.together && proposal.place == Place::GpuOnly {
                for usage in plan.usage(Policy::GpuOnly).iter().filter(|usage| !usage.device.is_cpu()) {
                    assert!(usage.free_bytes() >= 2 << 30, "{proposal:?}: {usage:?}");
                }
            }
        }
        let told = |p: &distorch_fix::plan::fit::Proposal| (p.place, p.together, p.smaller.map(|(name, _)| name));
        proposals.iter().map(told).collect::<Vec<_>>()
    };
    let (gpu, cpu) = (Place::GpuOnly, Place::WithCpu);
    let pair = ["wan2.2-14b:Q6_K", "wan2.2-14b:Q6_K"];
    assert_eq!(propose(&pair[..1], [12, 16]), [(gpu, true, None)]);
    assert_eq!(propose(&pair, [12, 17]), [(gpu, true, None)]);
    assert_eq!(propose(&pair, [10, 10]), [(gpu, false, None)]);
    assert_eq!(propose(&pair[..1], [7, 8]), [(cpu, true, None), (gpu, true, Some("Q5_1"))]);
    assert_eq!(propose(&pair[..1], [3, 3]), [(cpu, true, None)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the machine and the model: a string that is proposed fits, and leaves the headroom on every GPU.
    #[test]
    fn what_is_proposed_fits(
        model in 1_u64..64 << 30,
        gpus in proptest::collection::vec(0_u64..32 << 30, 1..4),
        ram in 0_u64..64 << 30,
        headroom in 0_u64..4 << 30,
        offload in any::<bool>(),
    ) {
        let names = ["cuda:0", "cuda:1", "cuda:2"];
        let listed = [("cpu", ram)].into_iter().chain(names.into_iter().zip(gpus));
        let devices = Devices { machine: Machine::new(listed), ram_known: true, assumed: false, gpus: Vec::new(), notes: Vec::new() };
        let accounting = if offload { Accounting::Offload } else { Accounting::Resident };
        let options = Options { headroom_bytes: headroom, ..options(accounting) };
        let named = NamedModel::of_size(model);
        for proposal in fit(std::slice::from_ref(&named), &devices, &options, &"cuda:0".into()) {
            let string = AllocationString::parse(&proposal.strings[0]).unwrap();
            let plan = Plan::new(vec![(named.clone(), string)], devices.clone(), options.clone()).unwrap();
            let run = plan.models[0].run(Policy::GpuOnly);
            for (row, &bytes) in run.allocation.devices.iter().zip(&run.resident_bytes) {
                prop_assert!(bytes <= row.total_bytes.saturating_sub(headroom), "{:?}: {:?} {}", proposal, row, bytes);
                prop_assert!(bytes == 0 || !row.device.is_cpu() || proposal.place == Place::WithCpu);
            }
        }
    }
}
