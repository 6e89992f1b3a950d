//! The modules of models, and the names that LoRA files have for them, are those of a real ComfyUI (`tests/real/record.py`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use distorch_fix::plan::architecture::build;
use distorch_fix::plan::built::Built;
use distorch_fix::plan::lora::{Alias, aliases};
use distorch_fix::plan::tensor::{Storage, Tensor};
use safetensors::Dtype;

fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// As Python writes it.
fn truth(is_true: bool) -> &'static str {
    if is_true { "True" } else { "False" }
}

fn hash(built: &Built) -> String {
    let rows = built.modules.iter().fold(String::new(), |mut rows, module| {
        let (name, kind) = (&module.name, &module.kind);
        writeln!(rows, "{name} {kind} {} {}", truth(module.casts), truth(module.has_bias)).unwrap();
        rows
    });
    format!("{:016x}", fnv(&rows))
}

/// How many names a LoRA may have for the weights, and a hash of them.
fn names(built: &Built) -> String {
    let row = |alias: &Alias| format!("{} {} {}\n", alias.name, alias.key, truth(alias.whole));
    let rows: BTreeSet<_> = aliases(built).iter().map(row).collect();
    format!("{} {:016x}", rows.len(), fnv(&rows.into_iter().collect::<String>()))
}

/// What was recorded of each model, by its file's name: the head of the file, and what is built of its tensors.
fn recorded(judge: impl Fn(&str, &BTreeMap<&str, &str>, &Built)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/architectures");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let (head, tensors) = text.split_once("---\n").unwrap();
        let tensors: Vec<_> = tensors
            .lines()
            .map(|line| {
                let mut words = line.split(' ');
                let name = words.next().unwrap().to_owned();
                let shape = words.map(|size| size.parse().unwrap()).collect();
                Tensor::new(name, shape, Storage::Torch(Dtype::F16)).unwrap()
            })
            .collect();
        let head = head.lines().filter_map(|line| line.split_once(' ')).collect();
        judge(&path.display().to_string(), &head, &build(&tensors));
        files += 1;
    }
    assert!(files >= 14);
}

#[test]
fn the_modules_are_those_that_a_real_comfyui_listed() {
    recorded(|shown, recorded, built| {
        assert_eq!(built.doubt, None, "{shown}");
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for module in &built.modules {
            *kinds.entry(&module.kind).or_default() += 1;
        }
        for (kind, count) in kinds {
            assert_eq!(recorded.get(kind), Some(&&*count.to_string()), "{shown}: {kind}");
        }
        assert_eq!(hash(built), recorded["hash"], "{shown}");
    });
}

#[test]
fn a_lora_may_have_the_names_that_a_real_comfyui_knows() {
    recorded(|shown, recorded, built| {
        // Those of a text encoder depend on the others that are loaded with it, and are not recorded.
        let ours = (!built.is_text_encoder).then(|| names(built));
        assert_eq!(ours.as_deref(), recorded.get("aliases").copied(), "{shown}");
    });
}
