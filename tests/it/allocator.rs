//! What the reference allocator promises: the guide's table, nothing lost, nothing counted twice, and no panic whatever
//! it is given.

#![expect(clippy::cast_precision_loss, reason = "sizes in these tests are far below 2^53")]

use distorch_fix::allocator::{
    Accounting, Allocation, AllocationString, AssignmentRow, Block, Device, DeviceRow, LayerRow, Machine, Model,
    Options, Policy, Quota, Quotas, Reason, Remainder, allocate, bytes,
};
use proptest::prelude::*;

const GB: f64 = 1_073_741_824.0;

/// A WAN 2.2 14B model in `Q6_K` as upstream issue 160 logs it, 34464.84 MB: 40 transformer blocks of ten layers, and a
/// rest of layers of 1 MB or so.
fn wan() -> Model {
    let total_bytes = 36_139_004_068_u64; // 34464.84 MB
    let layer = total_bytes / 401;
    let mut blocks: Vec<Block> = (0..400).map(|i| block(&format!("blocks.{}.{}", i / 10, i % 10), layer)).collect();
    blocks.push(block("head", total_bytes - 400 * layer));
    Model::new(blocks)
}

fn block(name: &str, offload_bytes: u64) -> Block {
    Block { name: name.into(), kind: "Linear".into(), resident_bytes: offload_bytes / 3, offload_bytes, has_bias: true }
}

fn machine() -> Machine {
    Machine::new([("cpu", 64 << 30), ("cuda:0", 12 << 30), ("cuda:1", 16 << 30)])
}

fn run(model: &Model, string: &str, options: Options) -> Allocation {
    allocate(model, &machine(), &AllocationString::parse(string).unwrap(), &options).unwrap()
}

#[test]
fn the_guides_table() {
    let options = Options { accounting: Accounting::Offload, ..Options::default() };
    let allocation = run(&wan(), "cuda:0,12gb;cuda:1,16gb", options);
    assert_eq!(format!("{:.2}", allocation.total_bytes as f64 / 1024.0 / 1024.0), "34464.84");
    assert_eq!(allocation.fraction_string, "cuda:0,1.2020;cuda:1,1.2020");
    assert_eq!(allocation.allocation_string, "cuda:0,1.2020;cuda:1,1.2020;cpu,0.0");
    let rows: Vec<_> = allocation.devices.iter().map(DeviceRow::cells).collect();
    assert_eq!(rows[0], ["cuda:0", "12.00", "120.2%", "14.42", "42.9%"]);
    assert_eq!(rows[1], ["cuda:1", "16.00", "120.2%", "19.23", "57.1%"]);
    assert_eq!(rows[2], ["cpu", "64.00", "0.0%", "0.00", "0.0%"]);
    let guide: Vec<_> = allocation.devices.iter().map(|row| format!("{:.1}", row.allocated_gb)).collect();
    assert_eq!(guide, ["14.4", "19.2", "0.0"]);
    let percent: Vec<_> = allocation.devices.iter().map(|row| format!("{:.0}", row.dist_percent)).collect();
    assert_eq!(percent, ["43", "57", "0"]);
    let Remainder::Shared { bytes, gpus: 2 } = allocation.remainder else { panic!("{:?}", allocation.remainder) };
    assert_eq!(format!("{:.2}", bytes / 1024.0 / 1024.0), "5792.84");
}

#[test]
fn as_it_comes_the_rest_spills_to_cpu() {
    let options = Options { accounting: Accounting::Offload, policy: Policy::CpuFallback, clip: false };
    let allocation = run(&wan(), "cuda:0,12gb;cuda:1,16gb", options);
    assert_eq!(allocation.fraction_string, "cuda:0,1.0000;cuda:1,1.0000;cpu,0.0884");
    assert!(matches!(&allocation.remainder, Remainder::Wildcard { device, .. } if device.is_cpu()));
    let explicit = run(&wan(), "cuda:0,12gb;cuda:1,16gb;cpu,*", Options { policy: Policy::GpuOnly, ..options });
    assert_eq!(explicit, allocation);
}

#[test]
fn the_guides_quotas_leave_the_second_gpu_empty_when_only_weights_count() {
    let allocation = run(&wan(), "cuda:0,12gb;cuda:1,16gb", Options::default());
    assert_eq!(allocation.remainder, Remainder::None);
    assert_eq!(allocation.allocation_string, "cuda:0,0.9349;cpu,0.0;cuda:1,0.0");
    assert_eq!(allocation.device_of(400), Some(&Device::from("cuda:0")));
    assert_eq!(allocation.device_of(401), None);
}

#[test]
fn the_log_tables() {
    let mut blocks = vec![block("embed", 300 << 20), block("norm", 3000), block("gate", 9000)];
    blocks[1].kind = "RMSNormWithAVeryLongName".into();
    blocks[2].has_bias = false;
    blocks.extend((0..7).map(|i| block(&format!("layer.{i}"), 100 << 20)));
    let model = Model::new(blocks);
    let options = Options { accounting: Accounting::Offload, policy: Policy::GpuOnly, clip: true };
    let allocation = run(&model, "cuda:0,500mb;cpu,*#cuda:0;0.0;", options);
    let layers: Vec<_> = allocation.layers.iter().map(LayerRow::cells).collect();
    assert_eq!(layers, [["Linear", "9", "1000.01", "100.0%"], ["RMSNormWithAVeryLo", "1", "0.00", "0.0%"]]);
    let assignments: Vec<_> = allocation.assignments.iter().map(AssignmentRow::cells).collect();
    assert_eq!(
        assignments,
        [
            ["cuda:0 (<0.01%)", "2", "0.01", "0.0%"],
            // Four decimals of 64 GB leave the cpu with 498 MB for its 500, and one block an orphan.
            ["cuda:0", "4", "600.00", "60.0%"],
            ["cpu", "4", "400.00", "40.0%"],
        ]
    );
    assert_eq!(allocation.placements[0].reason, Reason::Head);
}

/// Strings made of what allocation strings are made of, and of what they are not.
fn strings() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(vec![
            "cuda:0", "cuda:1", "cpu", "mps", "xpu:0", ",", ";", "#", "*", "%", "gb", "g", "M", "kb", "b", " ", ".",
            "-", "_", "e", "inf", "nan", "12", "0.25", "4.5", "1e999", "\u{ff15}", "\u{212a}",
            "999999999999999999999999",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    let pieces = proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat());
    prop_oneof![pieces, any::<String>(), requests()]
}

/// Strings that are mostly valid, over all modes.
fn requests() -> impl Strategy<Value = String> {
    let device = || proptest::sample::select(vec!["cuda:0", "cuda:1", "cpu", "none", "xpu:0"]);
    let value = prop_oneof![
        (0_u32..40_000, proptest::sample::select(vec!["mb", "m", "g", "kb", "b", "*", "%", ""]))
            .prop_map(|(number, unit)| format!("{}{unit}", f64::from(number) / 1000.0)),
        any::<f64>().prop_map(|number| number.to_string()),
        Just("*".to_owned()),
    ];
    let part = (device(), value).prop_map(|(device, value)| format!("{device},{value}"));
    let rest = prop_oneof![
        Just(String::new()),
        (device(), any::<f64>(), proptest::collection::vec(device(), 1..4))
            .prop_map(|(compute, gb, donors)| format!("#{compute};{gb};{}", donors.join(","))),
        (device(), 0_u32..50).prop_map(|(compute, gb)| format!("#{compute};{gb};cpu")),
    ];
    (proptest::collection::vec(part, 0..5), rest).prop_map(|(parts, rest)| parts.join(";") + &rest)
}

/// Models with repeated names, tiny blocks, heads, and sizes up to `largest`.
fn models(largest: u64) -> impl Strategy<Value = Model> {
    let name = prop_oneof![
        5 => (0..10_000).prop_map(|i| format!("layer.{i}")),
        1 => (0..4).prop_map(|i| format!("same.{i}")),
        1 => (0..4).prop_map(|i| format!("token_embedding.{i}")),
    ];
    let bytes = prop_oneof![4 => 0..=largest, 1 => 0..=largest / 100_000];
    let kind = proptest::sample::select(vec!["Linear", "LayerNorm", "Embedding"]);
    let block = (name, kind, bytes.clone(), bytes, proptest::bool::weighted(0.9)).prop_map(
        |(name, kind, resident_bytes, offload_bytes, has_bias)| Block {
            name,
            kind: kind.into(),
            resident_bytes,
            offload_bytes,
            has_bias,
        },
    );
    proptest::collection::vec(block, 0..60).prop_map(Model::new)
}

fn options() -> impl Strategy<Value = Options> {
    let accounting = proptest::sample::select(vec![Accounting::Resident, Accounting::Offload]);
    let policy = proptest::sample::select(vec![Policy::CpuFallback, Policy::GpuOnly]);
    (accounting, policy, any::<bool>()).prop_map(|(accounting, policy, clip)| Options { accounting, policy, clip })
}

/// Machines with no memory, some, or as much as a number can say.
fn machines() -> impl Strategy<Value = Machine> {
    let bytes = || prop_oneof![Just(0), 1..64_u64 << 30, any::<u64>()];
    (bytes(), bytes(), bytes()).prop_map(|(cpu, first, second)| {
        Machine::new([("cpu", cpu), ("cuda:0", first), ("cuda:1", second)]).with_unlisted("xpu:0", 8 << 30)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Parsing ends in a string or in an error that points into the text.
    #[test]
    fn parse_never_panics(text in strings()) {
        match AllocationString::parse(&text) {
            Ok(string) => {
                prop_assert_eq!(string.text(), &text);
                for span in string.ignored() {
                    prop_assert!(text.get(span.clone()).is_some_and(|ignored| !ignored.is_empty()));
                }
            }
            Err(error) => {
                prop_assert!(text.get(error.span()).is_some());
                prop_assert!(error.character() >= 1 && !error.to_string().is_empty());
            }
        }
    }

    /// Allocating ends in an allocation without NaN, or in an error about a device.
    #[test]
    fn allocate_never_panics(
        text in strings(), model in models(u64::MAX), machine in machines(), options in options(),
    ) {
        let Ok(string) = AllocationString::parse(&text) else { return Ok(()) };
        match allocate(&model, &machine, &string, &options) {
            Ok(allocation) => for row in &allocation.devices {
                prop_assert!(row.fraction.is_finite() && row.allocated_gb.is_finite() && row.dist_percent.is_finite());
            },
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    /// Every byte of the model is placed exactly once, in both accountings, and in the layer table.
    #[test]
    fn every_byte_is_placed_once(
        text in requests(), model in models(1 << 40), machine in machines(), options in options(),
    ) {
        let Ok(string) = AllocationString::parse(&text) else { return Ok(()) };
        let Ok(allocation) = allocate(&model, &machine, &string, &options) else { return Ok(()) };
        prop_assert_eq!(allocation.placements.len(), model.blocks().len());
        for accounting in [Accounting::Resident, Accounting::Offload] {
            let placed: u64 = allocation.bytes_on(&model, accounting).iter().sum();
            prop_assert_eq!(placed, model.total_bytes(accounting));
        }
        prop_assert_eq!(allocation.layers.iter().map(|row| row.bytes).sum::<u64>(), allocation.total_bytes);
        prop_assert_eq!(allocation.layers.iter().map(|row| row.blocks).sum::<usize>(), model.blocks().len());
    }

    /// No device gets more by its quota than the quota is.
    #[test]
    fn quotas_are_kept(model in models(1 << 40), machine in machines(), text in requests(), options in options()) {
        let Ok(string) = AllocationString::parse(&text) else { return Ok(()) };
        let Ok(allocation) = allocate(&model, &machine, &string, &options) else { return Ok(()) };
        for (index, row) in allocation.devices.iter().enumerate() {
            // Of blocks of one name all but one may have gone elsewhere than their quota was.
            let mut seen = std::collections::HashSet::new();
            let unique = model.blocks().iter().all(|block| seen.insert(&block.name));
            let placed = model.blocks().iter().zip(&allocation.placements)
                .filter(|(_, placed)| placed.device == index && placed.reason == Reason::Quota);
            let placed_bytes: u64 = placed.map(|(block, _)| block.bytes(options.accounting)).sum();
            prop_assert!(!unique || placed_bytes as f64 <= row.allocated_bytes().max(0.0));
        }
    }

    /// The shares are the model, whatever the quotas of different devices, the policy and the wildcard.
    #[test]
    fn shares_add_up_to_the_model(
        total_bytes in 0..1_u64 << 50,
        amounts in proptest::collection::vec(0.0..64.0 * GB, 0..5),
        wildcard in proptest::option::of(0_usize..5),
        gpu_only in any::<bool>(),
    ) {
        let names = ["cuda:0", "cpu", "cuda:1", "xpu:0", "mps"];
        let listed: Vec<_> =
            names.iter().zip(amounts).map(|(&name, bytes)| Quota { device: name.into(), bytes }).collect();
        let quotas = Quotas { listed, wildcard: wildcard.map(|index| names[index].into()) };
        let policy = if gpu_only { Policy::GpuOnly } else { Policy::CpuFallback };
        let (shares, remainder) = bytes::share(total_bytes, &quotas, policy);
        let unassigned = match remainder {
            Remainder::Unassigned { bytes } => bytes,
            _ => 0.0,
        };
        let sum: f64 = shares.iter().map(|share| share.bytes).sum::<f64>() + unassigned;
        prop_assert!((sum - total_bytes as f64).abs() <= total_bytes as f64 * 1e-14, "{sum} of {total_bytes}");
        prop_assert!(shares.iter().all(|share| share.bytes > 0.0));
        if let (Remainder::Shared { .. }, Policy::GpuOnly) = (&remainder, policy) {
            // In proportion: every GPU grew by the same factor.
            let quota = |device: &Device| quotas.listed.iter().find(|quota| quota.device == *device).map(|q| q.bytes);
            let growth: Vec<f64> = shares.iter().filter(|share| !share.device.is_cpu())
                .map(|share| share.bytes / quota(&share.device).unwrap()).collect();
            prop_assert!(growth.windows(2).all(|pair| (pair[0] / pair[1] - 1.0).abs() < 1e-12), "{growth:?}");
        }
    }

    /// Without a remainder, the repair changes nothing.
    #[test]
    fn policies_agree_where_nothing_remains(total_bytes in 0..1_u64 << 34, text in requests()) {
        let Ok(string) = AllocationString::parse(&text) else { return Ok(()) };
        let distorch_fix::allocator::Request::Byte(quotas) = string.request() else { return Ok(()) };
        let (repaired, remainder) = bytes::share(total_bytes, quotas, Policy::GpuOnly);
        let (current, _) = bytes::share(total_bytes, quotas, Policy::CpuFallback);
        let changed = matches!(remainder, Remainder::Shared { .. } | Remainder::Unassigned { .. });
        prop_assert_eq!(repaired != current, changed);
    }
}
