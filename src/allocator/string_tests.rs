use super::*;

fn quotas(text: &str) -> Quotas {
    match AllocationString::parse(text).unwrap().request {
        Request::Byte(quotas) => quotas,
        other => panic!("{text}: {other:?}"),
    }
}

fn ignored(text: &str) -> Vec<&str> {
    let parsed = AllocationString::parse(text).unwrap();
    parsed.ignored().iter().map(|span| &text[span.clone()]).collect()
}

#[test]
fn byte_quotas_keep_their_order_and_repeats() {
    let quotas = quotas("cuda:1, 4.5G ;cuda:0,512m;cuda:1,7;cpu,5gb*");
    let listed: Vec<_> = quotas.listed.iter().map(|q| (q.device.as_str(), q.bytes)).collect();
    assert_eq!(listed, [("cuda:1", 4.5 * number::GB), ("cuda:0", 512.0 * number::MB), ("cuda:1", 7.0)]);
    assert_eq!(quotas.wildcard, Some(Device::cpu()));
}

#[test]
fn the_last_wildcard_counts() {
    assert_eq!(quotas("cpu,*;cuda:0,1gb;cuda:1,x*").wildcard, Some("cuda:1".into()));
    assert_eq!(quotas("cuda:0,1gb").wildcard, None);
}

#[test]
fn a_wildcard_alone_is_a_fraction() {
    let error = AllocationString::parse("cuda:0,5;cpu,*").unwrap_err();
    assert_eq!((error.span(), error.mode()), (13..14, Mode::Fraction));
}

#[test]
fn what_the_node_passes_over_is_told() {
    assert_eq!(ignored("cuda:0,12gb;cuda:1,16 GiB;;cpu,7 b"), [""; 0]);
    assert_eq!(ignored("nonsense; cuda:0;cuda:0,12tb;cpu,4.5.6gb"), ["nonsense", "cuda:0", "tb", ".6gb"]);
}

#[test]
fn the_compute_device_stands_behind_the_hash() {
    for (text, compute) in [
        ("cuda:0,1gb", "cuda:0"),
        ("cuda:1,1gb#", "cuda:0"),
        ("cuda:0,1gb#cuda:1", "cuda:1"),
        ("cuda:0,1gb#cuda:1;x;y;z", "cuda:1"),
        ("cuda:0,1gb#;4;cpu", ""),
        ("#xpu:0;4;cpu", "xpu:0"),
    ] {
        assert_eq!(AllocationString::parse(text).unwrap().compute_device().as_str(), compute, "{text}");
    }
}

#[test]
fn virtual_vram_has_donors() {
    let parsed = AllocationString::parse("#cuda:0; 4.5 ;cuda:1,cpu").unwrap();
    let donors = vec!["cuda:1".into(), Device::cpu()];
    assert_eq!(
        parsed.request(),
        &Request::VirtualVram(VirtualVram { recipient: "cuda:0".into(), gigabytes: 4.5, donors })
    );
    assert_eq!(parsed.span_of(&"cuda:1".into()), Some(14..20));
    assert_eq!(parsed.span_of(&"cuda:2".into()), None);
}

#[test]
fn ratios_of_a_device_overwrite_each_other() {
    let parsed = AllocationString::parse("cuda:0,5%;cpu, %7%5 % ;cuda:0,25").unwrap();
    let ratios = [("cuda:0", 25.0), ("cpu", 75.0)].map(|(device, parts)| Ratio { device: device.into(), parts });
    assert_eq!(parsed.request(), &Request::Ratio(ratios.into()));
}

#[test]
fn errors_point_at_the_character() {
    for (text, span, character, expected) in [
        ("", 0..0, 1, Expected::ThreeFields),
        ("#cuda:0", 7..7, 8, Expected::ThreeFields),
        ("#cuda:0;4", 9..9, 10, Expected::ThreeFields),
        ("#cuda:0;4;cpu;x", 13..14, 14, Expected::ThreeFields),
        ("#cuda:0;4x;cpu", 9..10, 10, Expected::Gigabytes),
        ("#cuda:0;;cpu", 8..8, 9, Expected::Gigabytes),
        ("cuda:0,12gb;cuda:1,  x", 21..22, 22, Expected::Amount),
        ("cuda:0,-12gb", 7..8, 8, Expected::Amount),
        ("cuda:0,gb", 7..8, 8, Expected::Amount),
        ("cuda:0,1gb;cpu,", 15..15, 16, Expected::Amount),
        ("cüda:0,\u{ff11}%;cpu,7é%", 18..20, 16, Expected::Percentage),
        ("cpu,%7%x5", 7..8, 8, Expected::Percentage),
        ("cpu,%", 5..5, 6, Expected::Percentage),
        ("%", 1..1, 2, Expected::Percentages),
        ("cpu,0%", 0..6, 1, Expected::Sum),
        ("cpu,5%;cuda:0,-5%", 0..17, 1, Expected::Sum),
        ("cpu,1e308%;cuda:0,-1e308%;xpu:0,1e-300%#x", 0..39, 1, Expected::Sum),
        ("cpu,0.5,x", 7..8, 8, Expected::OneComma),
        ("cpu,inf", 4..5, 5, Expected::Fraction),
        ("cpu,0.5 5", 7..8, 8, Expected::Fraction),
    ] {
        let error = AllocationString::parse(text).unwrap_err();
        assert_eq!((error.span(), error.character(), error.expected()), (span, character, expected), "{text}");
    }
}

#[test]
fn errors_read_well() {
    for (text, message) in [
        (
            "cpu,*",
            "at character 5, fraction mode expects a finite fraction of the device's memory such as 0.25; found `*`",
        ),
        (
            "#cuda:0",
            "at character 8, virtual VRAM mode expects three fields, `compute;gigabytes;donors`; found nothing",
        ),
    ] {
        assert_eq!(AllocationString::parse(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn the_node_writes_its_fields_like_this() {
    let compute = Device::from("cuda:0");
    for (expert, gigabytes, string) in [
        ("", 0.0, ""),
        ("", 4.0, "#cuda:0;4.0;cpu"),
        ("cuda:1,2gb", 0.0, "cuda:1,2gb#cuda:0"),
        ("cuda:1,2gb", 0.1, "cuda:1,2gb#cuda:0;0.1;cpu"),
    ] {
        assert_eq!(full_allocation(expert, &compute, gigabytes, "cpu"), string);
    }
}
