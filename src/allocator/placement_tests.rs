use super::super::machine::Machine;
use super::super::request::Fraction;
use super::super::table;
use super::*;

/// Blocks of (name, bytes, has a bias attribute).
fn model(rows: &[(&str, u64, bool)]) -> Model {
    let block = |&(name, bytes, has_bias): &(&str, u64, bool)| Block {
        name: name.into(),
        kind: "Linear".into(),
        resident_bytes: bytes,
        offload_bytes: bytes * 3,
        has_bias,
    };
    Model::new(rows.iter().map(block).collect())
}

/// A table of devices of 1000 bytes each, with these parts of it to fill.
fn devices(parts: &[(&str, f64)]) -> Vec<DeviceRow> {
    let machine = Machine::new(parts.iter().map(|&(device, _)| (device, 1000)));
    let fractions: Vec<_> = parts.iter().map(|&(device, value)| Fraction { device: device.into(), value }).collect();
    table::devices(&fractions, &machine).unwrap()
}

/// Each block's device and reason.
fn placed(
    rows: &[(&str, u64, bool)],
    parts: &[(&str, f64)],
    compute: &str,
    clip: bool,
) -> Result<Vec<(String, Reason)>, AllocationError> {
    let devices = devices(parts);
    let placements = place(&model(rows), Accounting::Resident, &devices, &compute.into(), clip)?;
    Ok(placements.iter().map(|placed| (devices[placed.device].device.to_string(), placed.reason)).collect())
}

fn go(device: &str, reason: Reason) -> (String, Reason) {
    (device.to_owned(), reason)
}

#[test]
fn blocks_are_placed_from_the_tail() {
    let rows = [("a", 100, true), ("b", 100, true), ("c", 100, true)];
    let parts = [("cpu", 0.1), ("cuda:1", 0.1), ("cuda:0", 0.1)];
    let expected = [go("cpu", Reason::Quota), go("cuda:1", Reason::Quota), go("cuda:0", Reason::Quota)];
    assert_eq!(placed(&rows, &parts, "cuda:0", false).unwrap(), expected);
}

#[test]
fn a_small_block_fills_what_a_large_one_left() {
    let rows = [("small", 10, true), ("large", 100, true)];
    let expected = [go("cuda:0", Reason::Quota), go("cuda:1", Reason::Quota)];
    assert_eq!(placed(&rows, &[("cuda:0", 0.09), ("cuda:1", 0.1)], "cuda:1", false).unwrap(), expected);
}

#[test]
fn orphans_go_to_the_compute_device_beyond_its_quota() {
    let rows = [("a", 100, true), ("b", 100, true)];
    let expected = [go("cuda:0", Reason::Orphan), go("cuda:0", Reason::Orphan)];
    assert_eq!(placed(&rows, &[("cuda:0", 0.01), ("cpu", -1.0)], "cuda:0", false).unwrap(), expected);
}

#[test]
fn tiny_means_below_a_ten_thousandth_or_without_a_bias_attribute() {
    let rows = [("large", 99_989, true), ("ten", 10, true), ("one", 1, true), ("plain", 0, false)];
    let parts = [("cpu", 200.0), ("cuda:0", 0.0)];
    let expected = [
        go("cpu", Reason::Quota),
        go("cpu", Reason::Quota), // 10 of 100,000 is exactly the threshold
        go("cuda:0", Reason::Tiny),
        go("cuda:0", Reason::Tiny),
    ];
    assert_eq!(placed(&rows, &parts, "cuda:0", false).unwrap(), expected);
    let expected = [go("cuda:0", Reason::Tiny)];
    assert_eq!(placed(&[("large", 500, false)], &parts, "cuda:0", false).unwrap(), expected);
}

#[test]
fn clip_heads_stay_and_take_from_the_quota() {
    let rows = [("wte", 60, true), ("shared.Token_EMBEDDING", 30, false), ("a", 50, true), ("b", 50, true)];
    let parts = [("cuda:0", 0.15), ("cpu", 0.1)];
    let expected =
        [go("cuda:0", Reason::Head), go("cuda:0", Reason::Head), go("cpu", Reason::Quota), go("cuda:0", Reason::Quota)];
    assert_eq!(placed(&rows, &parts, "cuda:0", true).unwrap(), expected);
    let names = ["embed", "h.WPE.x", "position_embedding"];
    assert!(names.iter().all(|name| is_clip_head(&model(&[(name, 1, true)]).blocks()[0])));
    assert!(!is_clip_head(&model(&[("emb.wt", 1, true)]).blocks()[0]));
}

#[test]
fn blocks_of_one_name_share_a_place() {
    // The first "a" was assigned after the last, so its device counts for both; each took its bytes.
    let rows = [("a", 100, true), ("a", 100, true), ("b", 100, true)];
    let parts = [("cuda:0", 0.1), ("cuda:1", 0.1), ("cpu", 0.1)];
    let expected = [go("cpu", Reason::Quota), go("cpu", Reason::Quota), go("cuda:0", Reason::Quota)];
    assert_eq!(placed(&rows, &parts, "cuda:0", false).unwrap(), expected);
    // Tiny blocks are assigned last of all.
    let rows = [("a", 100, true), ("a", 100, false)];
    let expected = [go("cpu", Reason::Quota), go("cpu", Reason::Tiny)];
    assert_eq!(placed(&rows, &[("cuda:0", 0.2), ("cpu", 0.0)], "cpu", false).unwrap(), expected);
}

#[test]
fn a_compute_device_is_missed_only_where_a_block_is_left_for_it() {
    let rows = [("a", 100, true)];
    let expected = [go("cpu", Reason::Quota)];
    assert_eq!(placed(&rows, &[("cpu", 0.1)], "cuda:0", false).unwrap(), expected);
    let error = AllocationError::NoComputeDevice("cuda:0".into());
    assert_eq!(placed(&rows, &[("cpu", 0.05)], "cuda:0", false), Err(error));
}

#[test]
fn no_blocks_no_devices() {
    assert_eq!(placed(&[], &[], "cuda:0", false).unwrap(), []);
}
