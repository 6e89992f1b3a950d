//! The modules of models are those that a real ComfyUI listed (`tests/real/record.py`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use distorch_fix::plan::architecture::build;
use distorch_fix::plan::built::Built;
use distorch_fix::plan::tensor::{Storage, Tensor};
use safetensors::Dtype;

fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn hash(built: &Built) -> String {
    let truth = |is_true| if is_true { "True" } else { "False" };
    let rows = built.modules.iter().fold(String::new(), |mut rows, module| {
        let (name, kind) = (&module.name, &module.kind);
        writeln!(rows, "{name} {kind} {} {}", truth(module.casts), truth(module.has_bias)).unwrap();
        rows
    });
    format!("{:016x}", fnv(&rows))
}

#[test]
fn the_modules_are_those_that_a_real_comfyui_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/architectures");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let (head, tensors) = text.split_once("---\n").unwrap();
        let recorded: BTreeMap<_, _> = head.lines().filter_map(|line| line.split_once(' ')).collect();
        let tensors: Vec<_> = tensors
            .lines()
            .map(|line| {
                let mut words = line.split(' ');
                let name = words.next().unwrap().to_owned();
                let shape = words.map(|size| size.parse().unwrap()).collect();
                Tensor::new(name, shape, Storage::Torch(Dtype::F16)).unwrap()
            })
            .collect();
        let built = build(&tensors);
        let shown = path.display();
        assert_eq!(built.doubt, None, "{shown}");
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for module in &built.modules {
            *kinds.entry(&module.kind).or_default() += 1;
        }
        for (kind, count) in kinds {
            assert_eq!(recorded.get(kind), Some(&&*count.to_string()), "{shown}: {kind}");
        }
        assert_eq!(hash(&built), recorded["hash"], "{shown}");
        files += 1;
    }
    assert!(files >= 10);
}
