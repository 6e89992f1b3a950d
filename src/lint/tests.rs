use proptest::prelude::*;

use super::*;
use crate::allocator::{GB, Machine, Request};
use crate::plan::{Devices, Loading, NamedModel, Options, fit};

fn on(compute: &str, string: &str) -> Lint {
    lint(&Fields { string, compute: &compute.into(), virtual_vram_gb: 0.0, donor: "cpu" })
}

/// The findings in one line each, with the part of the string that each is about.
fn said(string: &str) -> Vec<String> {
    let word = |level| match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    let lint = on("cuda:0", string);
    let lines = lint
        .findings
        .iter()
        .map(|found| format!("{} {}: {}", word(found.level), quoted(string, &found.span), found.effect));
    lines.collect()
}

fn instead(string: &str) -> Option<String> {
    on("cuda:0", string).instead
}

/// Asserts the only finding of a string, and what to write instead.
#[track_caller]
fn finds(string: &str, finding: &str, right: Option<&str>) {
    assert_eq!(said(string), [finding], "{string}");
    assert_eq!(instead(string).as_deref(), right, "{string}");
}

#[test]
fn what_the_node_silently_misreads_is_said() {
    finds(
        "cuda:0,4gb,cuda:1,4gb",
        "warning `4gb,cuda:1,4gb`: the node reads 4 GB and ignores `,cuda:1,4gb`, since a semicolon separates parts",
        Some("cuda:0,4gb;cuda:1,4gb"),
    );
    finds("cuda:0,1,5gb", "warning `1,5gb`: the node reads `1,5gb` as 1 byte and ignores `,5gb`", Some("cuda:0,1.5gb"));
    finds("cuda:0,5tb", "warning `5tb`: the node reads `5tb` as 5 bytes and ignores `tb`", Some("cuda:0,5120gb"));
    finds(
        "cuda:0,4gb;cuda:1,50%",
        "warning `50%`: the node reads `50%` as 50 bytes: in a string with units, all amounts are bytes",
        None,
    );
    finds("cuda:0,4.5.6gb", "warning `4.5.6gb`: the node reads `4.5.6gb` as 4.5 bytes and ignores `.6gb`", None);
    finds("cuda:0,4gbs", "warning `4gbs`: the node reads 4 GB and ignores `s`", None);
    finds("cuda:0,4gb;cuda:1,6", "warning `6`: the node reads `6` as 6 bytes", Some("cuda:0,4gb;cuda:1,6gb"));
    finds("cuda:0,12b", "warning `12b`: `12b` is 12 bytes, less than any layer has", None);
    finds(
        "cuda:0=5gb;cuda:1,5gb",
        "warning `cuda:0=5gb`: the node ignores `cuda:0=5gb`, which has no comma",
        Some("cuda:0,5gb;cuda:1,5gb"),
    );
    finds("cuda:0,4gb;cuda:1", "warning `cuda:1`: the node ignores `cuda:1`, which has no comma", None);
    finds(
        "cuda:0,4gb;cuda:1 6gb",
        "warning `cuda:1 6gb`: the node ignores `cuda:1 6gb`, which has no comma",
        Some("cuda:0,4gb;cuda:1,6gb"),
    );
    finds(
        "cuda:0，4gb；cuda:1，6gb",
        "warning `cuda:0，4gb；cuda:1，6gb`: the node ignores `cuda:0，4gb；cuda:1，6gb`, which has no comma: no amount is left, so \
         the whole model goes to the CPU, or stays on cuda:0 once the node is repaired",
        Some("cuda:0,4gb;cuda:1,6gb"),
    );
    finds(
        "mps,0.5",
        "warning `0.5`: the node reads `0.5` as 0.5 bytes: for it, the `m` in the name of a device is a unit, and all \
         amounts are bytes",
        None,
    );
    assert_eq!(said("mlu:0,0.5;cpu,0.5").len(), 2);
    finds(
        "cuda,5gb",
        "warning `cuda`: the node takes `cuda` as another device than `cuda:0`, though it is one of the same cards",
        Some("cuda:0,5gb"),
    );
    finds(
        "cpu:0,5gb",
        "warning `cpu:0`: the node takes `cpu:0` as another device than `cpu`, like a GPU",
        Some("cpu,5gb"),
    );
    finds(
        "cuda:0,4gb;cuda:0,4gb",
        "warning `cuda:0,4gb;cuda:0,4gb`: `cuda:0` has two amounts: only the later one counts for it, but both are taken \
         off the model, and what is lost stays on cuda:0 above its quota",
        None,
    );
    finds(
        "cuda:0,20%;cpu,50%;cuda:0,30%",
        "warning `cuda:0,20%;cpu,50%;cuda:0,30%`: `cuda:0` has two amounts: only the later one counts",
        None,
    );
    finds(
        "cuda:0,*;cuda:1,*;cpu,1gb",
        "warning `*`: of several `*`, only the last counts; cuda:0 gets nothing from this one",
        None,
    );
    finds(
        "cuda:0,4gb;cpu,5gb*",
        "warning `5gb*`: the node reads `5gb*` as `*`: everything that no other part covers, without a limit",
        None,
    );
    finds("cuda:0,12;cuda:1,0.5", "warning `12`: the node reads `12` as 1200 % of the memory of cuda:0", None);
    assert_eq!(instead("cuda:0,12;cuda:1,16").as_deref(), Some("cuda:0,12gb;cuda:1,16gb"));
    finds(
        "cuda:0,60%;cpu,0.4",
        "warning `0.4`: the node reads `0.4` as 0.4 %: in a string with percent signs, all amounts are percentages",
        None,
    );
    finds(" ", "warning ` `: the node reads no amount, and leaves the whole model on cuda:0", None);
    finds(
        "cuda:0,4gb#cuda:1;4;cpu",
        "warning `#cuda:1;4;cpu`: the node takes `cuda:1` as the compute device for what no quota covers, not cuda:0",
        Some("cuda:0,4gb"),
    );
}

#[test]
fn what_the_node_stops_at_is_said() {
    finds(
        "cuda:0,4GB; cuda:1,4GB",
        "error ` cuda:1`: the node stops with `Invalid device string: ' cuda:1'`, as soon as it is to get something: the \
         blank is part of the name",
        Some("cuda:0,4gb;cuda:1,4gb"),
    );
    for (string, right) in [
        ("cuda0,5gb", "cuda:0,5gb"),
        ("gpu:0,5gb", "cuda:0,5gb"),
        ("CUDA:0,5gb;GPU1,2 gb", "cuda:0,5gb;cuda:1,2gb"),
        ("\"cuda:0,5gb\"", "cuda:0,5gb"),
        ("cuda:0,0.5; cpu,0.25", "cuda:0,0.5;cpu,0.25"),
        ("cuda:0:5gb; cuda:1:6gb", "cuda:0,5gb;cuda:1,6gb"),
    ] {
        assert!(on("cuda:0", string).findings.iter().any(|found| found.level > Level::Note), "{string}");
        assert_eq!(instead(string).as_deref(), Some(right), "{string}");
    }
    finds(
        "cuda:0,.5gb",
        "error `.5gb`: the node stops with `Invalid memory string format: .5gb`",
        Some("cuda:0,0.5gb"),
    );
    finds("cuda:0,-5gb", "error `-5gb`: the node stops with `Invalid memory string format: -5gb`", None);
    finds("cpu,*", "error `*`: the node stops with `could not convert string to float`: `*` is no number", None);
    finds(
        "cuda:0,60%;cpu,*",
        "error `*`: the node stops with `could not convert string to float`: `*` is no number",
        Some("cuda:0,60%;cpu,40%"),
    );
    finds(
        "cuda:0,5t;cpu,6t",
        "error `5t`: the node stops with `could not convert string to float`: `5t` is no number",
        Some("cuda:0,5120gb;cpu,6144gb"),
    );
    finds(
        "cuda:0,0,5",
        "error `0,5`: the node stops with `too many values to unpack`: the part has more than one comma",
        Some("cuda:0,0.5"),
    );
    finds(
        "cuda:0,0.5,cpu,0.25",
        "error `0.5,cpu,0.25`: the node stops with `too many values to unpack`: the part has more than one comma",
        Some("cuda:0,0.5;cpu,0.25"),
    );
    finds(
        "cuda:0,0%",
        "error `cuda:0,0%`: the node stops with `division by zero`: the percentages add up to nothing",
        None,
    );
    finds(
        "cuda:0,4gb#cuda:1",
        "error `#cuda:1`: the node takes `cuda:1#cuda:0` as the compute device, which does not exist",
        Some("cuda:0,4gb"),
    );
}

#[test]
fn notes_accuse_nobody() {
    for (string, effect) in [
        ("cuda:0,60%;cuda:1,60%", "the percentages add up to 120; the node divides them by that: 50 %, 50 %"),
        ("cuda:0,0.25;cpu,0.75", "each number is a part of the memory of its device, not of the model"),
    ] {
        let lint = on("cuda:0", string);
        let found: Vec<_> = lint.findings.iter().map(|found| (found.level, found.effect.as_str())).collect();
        assert_eq!(found, [(Level::Note, effect)]);
        assert_eq!(lint.instead, None);
    }
}

#[test]
fn what_works_is_in_order() {
    for string in [
        "",
        "cuda:0,12gb;cuda:1,16gb",
        "cuda:0,2gb;cuda:1,3gb;cpu,*",
        "cuda:0,5gb;cuda:1,*gb",
        "cuda:1, 4.5 GiB ;cpu,* ",
        "cuda:0,0.0207;cuda:1,0.1273;cpu,0.0808",
        "cuda:0,25%;cpu,75%",
        "cuda:0,8%;cuda:1,8%;cpu,4%",
        "cuda:0,3%;cpu,1",
        "cuda:0,4294967296;cuda:1,4gb",
        "cuda:0,0;cuda:1,4gb",
        "cuda:0,1;cpu,0",
        "cuda:0,4gb;cuda:0,*",
        "cuda:0,4gb;cuda:1,4gb;",
        "xpu:0,10mb;cuda:0,12mb",
        "mps,4gb;cpu,*",
        "cuda:0,4gb#cuda:0;4;cpu",
    ] {
        assert_eq!(said(string), [""; 0], "{string}");
    }
}

/// Devices of a string, each once.
fn devices() -> impl Strategy<Value = Vec<&'static str>> {
    let names = vec!["cuda:0", "cuda:1", "cuda:12", "xpu:0", "npu:3", "cpu"];
    prop::sample::subsequence(names.clone(), 1..=names.len()).prop_shuffle()
}

/// Strings as they are documented: in bytes, with or without a wildcard; in percent; in parts of the devices.
fn well_formed() -> impl Strategy<Value = String> {
    let sized = (1_u32..400, 0_u32..10, prop::sample::select(vec!["gb", "g", "GB", "mb", "GiB", " gb"]));
    let joined = |devices: Vec<&str>, amounts: Vec<String>| {
        let parts = devices.iter().zip(amounts).map(|(device, amount)| format!("{device},{amount}"));
        parts.collect::<Vec<_>>().join(";")
    };
    let bytes = (devices(), prop::collection::vec(sized, 6), any::<bool>()).prop_map(move |(devices, sizes, rest)| {
        let mut amounts: Vec<String> =
            sizes.iter().map(|(whole, part, unit)| format!("{whole}.{part}{unit}")).collect();
        if rest && devices.len() > 1 {
            amounts[devices.len() - 1] = String::from("*");
        }
        joined(devices, amounts)
    });
    let percent = (devices(), prop::collection::vec(1_u32..16, 6))
        .prop_map(move |(devices, shares)| joined(devices, shares.iter().map(|share| format!("{share}%")).collect()));
    let fractions = (devices(), prop::collection::vec(1_u32..1600, 6))
        .prop_map(move |(devices, parts)| joined(devices, parts.iter().map(|part| format!("0.{part:04}")).collect()));
    prop_oneof![bytes, percent, fractions]
}

/// Strings with anything of what they are made of, in any order.
fn anything() -> impl Strategy<Value = String> {
    let words = vec![
        "cuda:0", "cuda:1", "cpu", "cuda", "gpu", ",", ";", "4", "0.5", ".5", "12", "gb", "tb", "g", "%", "*", "#",
        "=", " ", "mps", "，", "é",
    ];
    prop::collection::vec(prop::sample::select(words), 0..12).prop_map(|words| words.concat())
}

/// A number of bytes in an effect, such as `as 5 bytes` or `reads 4 GB`.
fn bytes_said(effect: &str) -> Option<f64> {
    let words: Vec<&str> = effect.split([' ', ',', ':']).collect();
    words.windows(2).find_map(|pair| {
        let unit = match pair[1] {
            "GB" => GB,
            "MB" => 1_048_576.0,
            "byte" | "bytes" => 1.0,
            _ => return None,
        };
        Some(pair[0].parse::<f64>().ok()? * unit)
    })
}

proptest! {
    #[test]
    fn well_formed_strings_are_not_accused(string in well_formed()) {
        let wrong: Vec<_> = on("cuda:0", &string).findings.into_iter().filter(|found| found.level > Level::Note).collect();
        prop_assert!(wrong.is_empty(), "{}: {:?}", string, wrong);
    }

    #[test]
    fn what_plan_proposes_is_not_accused(
        sizes in prop::collection::vec(1_u64..40_000, 1..3),
        vram in prop::collection::vec(4_u64..48, 1..4),
    ) {
        let gpus = vram.iter().enumerate().map(|(at, gb)| (Device::from(&*format!("cuda:{at}")), gb << 30));
        let machine = Machine::new([(Device::cpu(), 64 << 30)].into_iter().chain(gpus));
        let devices = Devices { machine, ram_known: true, assumed: false, gpus: Vec::new(), notes: Vec::new() };
        let models: Vec<NamedModel> = sizes.iter().map(|mb| NamedModel::of_size(mb << 20)).collect();
        let loading = Loading {
            card: devices.card(&"cuda:0".into(), None),
            loras: Vec::new(),
            weight_type: None,
            text_encoder: false,
        };
        let options = Options {
            accounting: crate::allocator::Accounting::Resident,
            policies: vec![crate::allocator::Policy::GpuOnly],
            clip: false,
            headroom_bytes: 1 << 30,
            loading,
        };
        for string in fit::fit(&models, &devices, &options, &"cuda:0".into()).iter().flat_map(|proposal| &proposal.strings) {
            let field = string.split('#').next().unwrap();
            prop_assert_eq!(on("cuda:0", field), Lint::default(), "{}", field);
        }
    }

    /// An error is found exactly where the parser stops, or torch does not know a device; and a number of bytes is the
    /// parser's.
    #[test]
    fn findings_say_what_the_parser_says(string in anything()) {
        let lint = on("cuda:0", &string);
        for found in &lint.findings {
            prop_assert!(string.get(found.span.clone()).is_some(), "{:?}", found);
        }
        let full = full_allocation(&string, &"cuda:0".into(), 0.0, "cpu");
        let has_error = lint.findings.iter().any(|found| found.level == Level::Error);
        match AllocationString::parse(&full) {
            Err(error) => prop_assert!(has_error || string.is_empty(), "{}", error),
            Ok(parsed) => {
                let named = parsed.devices().chain([parsed.compute_device()]);
                let is_known = named.into_iter().all(|device| device::is_known(device.as_str()));
                prop_assert_eq!(has_error, !is_known && !string.is_empty(), "{}: {:?}", string, lint);
                if let Request::Byte(quotas) = parsed.request() {
                    for said in lint.findings.iter().filter_map(|found| bytes_said(&found.effect)) {
                        let close = |bytes: f64| (bytes - said).abs() <= 0.005 * said.max(1.0);
                        prop_assert!(quotas.listed.iter().any(|quota| close(quota.bytes)), "{} of {:?}", said, quotas);
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_wrong_with_what_to_write_instead(string in anything()) {
        if let Some(right) = instead(&string) {
            prop_assert!(right != string);
            let left: Vec<_> = on("cuda:0", &right).findings.into_iter().filter(|found| found.level > Level::Note).collect();
            prop_assert!(left.is_empty(), "{} instead of {}: {:?}", right, string, left);
        }
    }
}
