//! What `patches/README.md` shows as before and after is what a repair does.

use std::fs;
use std::path::PathBuf;

use distorch_fix::edit::Edits;
use distorch_fix::fixes::{self, Accounting, Fix};
use distorch_fix::python::Package;

fn repaired(text: &str, accounting: Accounting) -> String {
    let package = Package::new([(PathBuf::from("distorch_2.py"), text.as_bytes().to_vec())]);
    let surveys = fixes::survey(&package, Fix::ALL, accounting).unwrap();
    let sites = surveys.into_iter().flat_map(|survey| survey.sites);
    let edits = sites.flat_map(|site| site.edits).map(|(_, edit)| edit).collect();
    Edits::new(edits).unwrap().apply(text)
}

fn readme() -> String {
    fs::read_to_string("patches/README.md").unwrap()
}

/// The Python that the section of a fix shows as before and after.
fn before_and_after(fix: &str) -> [String; 2] {
    let readme = readme();
    let section = readme.split("\n## ").find(|section| section.starts_with(fix)).unwrap();
    let blocks: Vec<_> = section.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [before, after] = blocks[..] else { panic!("not two blocks of Python") };
    [before, after].map(str::to_owned)
}

/// What stands in backticks.
fn codes(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn load_list() {
    let around = |code: &str| {
        let body = match code {
            code if code.starts_with("for ") => format!("    {code}:\n        print(a, b, c, d)\n"),
            code if code.ends_with("= item") => {
                format!("    for item in L:\n        {code}\n        print(a, b, c, d)\n")
            }
            code => format!("    for item in L:\n        print({code})\n"),
        };
        format!("def load(patcher):\n    L = patcher._load_list()\n{body}")
    };
    let readme = readme();
    let rows = readme
        .lines()
        .filter(|line| line.starts_with("| pattern ") || line.starts_with("| subscript ") || line.starts_with("| | `"));
    let mut tried = 0;
    for row in rows {
        let cells: Vec<_> = row.split('|').map(codes).collect();
        let [_, _, before, resident, offload, _] = &cells[..] else { panic!("not four cells: {row}") };
        assert!(before.len() == resident.len() && before.len() == offload.len(), "{row}");
        for ((before, resident), offload) in before.iter().zip(resident).zip(offload) {
            assert_eq!(repaired(&around(before), Accounting::Resident), around(resident), "{before}");
            assert_eq!(repaired(&around(before), Accounting::Offload), around(offload), "{before}");
            tried += 1;
        }
    }
    assert_eq!(tried, 7);
}

#[test]
fn gpu_only() {
    let around = |block: &str| {
        let middle = "    for device, quota in parse(allocations):\n        if quota == \"*\":\n            wildcard_device = device\n        \
             else:\n            final[device] = quota\n            remaining -= quota\n";
        let block = block.replace("    ...\n", middle);
        format!("def quotas(patcher, allocations):\n    final = {{}}\n    remaining = size_of(patcher)\n{block}")
    };
    let [before, after] = before_and_after("gpu-only");
    assert_eq!(repaired(&around(&before), Accounting::Resident), around(&after));
}

#[test]
fn dynamic_vram() {
    let around = |block: &str| {
        format!(
            "def analyze(patcher, text):\n    expert, virtual = text.split('#')\n\n\ndef partially_load(self):\n    \
             analyze(self, self.model._distorch_v2_meta['full_allocation'])\n\n\n{block}"
        )
    };
    let [before, after] = before_and_after("dynamic-vram");
    let repaired = repaired(&around(&before), Accounting::Resident);
    let (function, rest) = repaired.split_at(repaired.find("def analyze(").unwrap());
    assert!(function.starts_with("def hand_to_distorch(loaded, allocation, at=None, kept=()):\n"), "{function}");
    assert_eq!(rest, around(&after));
}
