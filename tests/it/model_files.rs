//! What reading model files promises: exact sizes from headers alone, and a clear error, never a panic, for whatever is
//! damaged or lies.

use std::fs;
use std::path::{Path, PathBuf};

use crate::headers::{Entry, Gguf, string, write_safetensors, write_sparse};
use distorch_fix::allocator::Accounting;
use distorch_fix::plan::gguf;
use distorch_fix::plan::safetensors;
use distorch_fix::plan::{Loading, NamedModel};
use distorch_fix::report::Problem;
use proptest::prelude::*;
use tempfile::TempDir;

const F32: u32 = 0;
const BF16: u32 = 30;
const Q8_0: u32 = 8;
const Q6_K: u32 = 14;

fn tensors() -> Vec<Entry> {
    vec![
        ("blocks.0.ffn.0.weight", vec![512, 3], Q6_K, 2 * 3 * 210),
        ("blocks.0.ffn.0.bias", vec![3], F32, 12),
        ("blocks.1.ffn.0.weight", vec![64, 5], Q8_0, 10 * 34),
    ]
}

fn model() -> Gguf {
    Gguf::new(&tensors()).with_text("general.architecture", "wan")
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn shown(error: &anyhow::Error) -> String {
    Problem::of(error, Path::new("")).to_string()
}

/// The error of reading a file, as it is shown.
fn error(path: &Path) -> String {
    shown(&NamedModel::open(path, &Loading::default()).unwrap_err())
}

#[test]
fn sizes_are_exact_in_both_versions_and_whatever_else_is_in_the_header() {
    let folder = Folder::new();
    let path = folder.path("a.gguf");
    for version in [2, 3] {
        let words = [string("one"), string("two")].concat();
        let nested = [[9, 0, 0, 0].to_vec(), 1_u64.to_le_bytes().to_vec(), [8, 0, 0, 0].to_vec()].concat();
        let nested = [nested, 2_u64.to_le_bytes().to_vec(), words.clone()].concat();
        let mut file = model()
            .with_u32("general.alignment", 64)
            .with("words", 9, [8_u32.to_le_bytes().to_vec(), 2_u64.to_le_bytes().to_vec(), words].concat())
            .with("nested", 9, nested)
            .with("numbers", 9, [12_u32.to_le_bytes().to_vec(), 3_u64.to_le_bytes().to_vec(), vec![0; 24]].concat())
            .with("truth", 7, vec![1]);
        file.version = version;
        file.alignment = 64;
        file.write(&path);
        let read = gguf::read(&path).unwrap();
        assert_eq!((read.architecture.as_deref(), read.files), (Some("wan"), 1));
        let told: Vec<_> = read.tensors.iter().map(|t| (&t.name[..], &t.shape[..], t.bytes)).collect();
        let expected: [(&str, &[u64], u64); 3] = [
            ("blocks.0.ffn.0.weight", &[3, 512], 1260),
            ("blocks.0.ffn.0.bias", &[3], 12),
            ("blocks.1.ffn.0.weight", &[5, 64], 340),
        ];
        assert_eq!(told, expected);
        let named = NamedModel::open(&path, &Loading::default()).unwrap();
        let sizes: Vec<_> =
            named.modules.model.blocks().iter().map(|b| (&b.name[..], b.resident_bytes, b.offload_bytes)).collect();
        // The largest weight has room for itself in 16 bits. Nothing is cast: the card computes in those.
        let reserve = 2 * 3 * 512;
        assert_eq!(sizes, [("blocks.0.ffn.0", 1272 + reserve, 1272 + reserve), ("blocks.1.ffn.0", 340, 340)]);
    }
}

#[test]
fn a_folded_tensor_has_its_own_shape() {
    let folder = Folder::new();
    let path = folder.path("folded.gguf");
    let shape = |sizes: &[i32]| {
        let numbers = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
        [5_u32.to_le_bytes().to_vec(), (sizes.len() as u64).to_le_bytes().to_vec(), numbers].concat()
    };
    let key = "comfy.gguf.orig_shape.blocks.0.ffn.0.weight";
    let read = |sizes: &[i32]| {
        model().with(key, 9, shape(sizes)).write(&path);
        gguf::read(&path).unwrap().tensors.remove(0)
    };
    let (folded, whole) = (read(&[16, 32, 3]), read(&[3, 511]));
    assert_eq!((&folded.shape[..], folded.bytes), (&[16, 32, 3][..], 1260));
    // No shape of that many weights, none that is a shape, and none at all.
    assert_eq!(whole.shape, [3, 512]);
    assert_eq!(read(&[-3, -512]).shape, [3, 512]);
    assert_eq!(read(&[1; 9]).shape, [3, 512]);
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_an_error_that_says_where() {
    let folder = Folder::new();
    let path = folder.path("cut.gguf");
    let (header, data_bytes) = model().header();
    for length in 0..header.len() {
        fs::write(&path, &header[..length]).unwrap();
        let error = error(&path);
        assert!(error.contains("cut.gguf") && error.contains("help: "), "{length}: {error}");
    }
    write_sparse(&path, &header, header.len() as u64 + data_bytes - 32);
    assert!(error(&path).contains("it needs"), "{}", error(&path));
}

#[test]
fn headers_that_lie_are_told() {
    let folder = Folder::new();
    let path = folder.path("lie.gguf");
    let lie = |file: Gguf, told: &str| {
        file.write(&path);
        let error = error(&path);
        assert!(error.contains(told) && error.contains("help: "), "{told}: {error}");
    };
    let claims = |tensors, values| Gguf { claims: Some((tensors, values)), ..model() };
    lie(claims(u64::MAX, 1), "18446744073709551615 tensors");
    lie(claims(99_999, 1), "");
    lie(claims(3, u64::MAX), "");
    lie(Gguf { version: 1, ..model() }, "version 1");
    lie(Gguf { version: 9, ..model() }, "version 9");
    lie(Gguf { version: 3_u32.swap_bytes(), ..model() }, "big-endian");
    lie(model().with("text", 8, u64::MAX.to_le_bytes().to_vec()), "ends in its header");
    let array = |kind: u32, count: u64| [kind.to_le_bytes().to_vec(), count.to_le_bytes().to_vec()].concat();
    lie(model().with("array", 9, array(12, u64::MAX)), "ends in its header");
    lie(model().with("array", 9, array(8, u64::MAX)), "ends in its header");
    lie(model().with("deep", 9, array(9, 1).repeat(50)), "arrays in arrays");
    lie(model().with("odd", 77, vec![]), "unknown kind 77");
    lie(model().with_u32("general.alignment", 3), "alignment of 3");
    lie(model().with_u32("general.alignment", 0), "alignment of 0");
    lie(model().with("general.alignment", 10, (1_u64 << 63).to_le_bytes().to_vec()), "not a multiple");
    lie(model().with_text("general.alignment", "32"), "no whole number");
    lie(model().with_u32("split.count", 2).with_u32("split.no", 5), "part");
    lie(model().with_u32("split.count", 2).with_u32("split.no", 0), "its name does not say so");
    let with = |entry: Entry| {
        let mut all = tensors();
        all.push(entry);
        Gguf::new(&all)
    };
    lie(with(("x.weight", vec![1], 99, 4)), "unknown type 99");
    lie(with(("x.weight", vec![100], Q6_K, 4)), "cannot be Q6_K");
    lie(with(("x.weight", vec![u64::MAX, u64::MAX], F32, 4)), "cannot be F32");
    lie(with(("x.weight", vec![1; 9], F32, 4)), "9 dimensions");
    lie(with(("blocks.0.ffn.0.bias", vec![1], F32, 4)), "twice");
    // The next one begins where this one has not ended.
    let mut overlapping = Gguf::new(&[("a.weight", vec![100], F32, 4), ("b.weight", vec![100], F32, 400)]);
    lie(overlapping.clone(), "claim byte 32");
    overlapping.tensors.truncate(1);
    lie(overlapping, "it needs");
    let mut unaligned = model().with_u32("general.alignment", 64);
    unaligned.alignment = 32;
    lie(unaligned, "not a multiple of 64");
    lie(Gguf::new(&[]), "no layers");
    let folder = error(folder.0.path());
    assert!(folder.contains("not a file") && folder.contains("help: "), "{folder}");
}

#[test]
fn the_parts_of_a_split_model_are_found_and_held_to_each_other() {
    let folder = Folder::new();
    let part = |number: u32, tensors: &[Entry]| {
        Gguf::new(tensors)
            .with("split.no", 2, u16::try_from(number).unwrap().to_le_bytes().to_vec())
            .with("split.count", 2, 2_u16.to_le_bytes().to_vec())
            .with("split.tensors.count", 5, 3_i32.to_le_bytes().to_vec())
    };
    let all = tensors();
    let (first, second) = (folder.path("m-00001-of-00002.gguf"), folder.path("m-00002-of-00002.gguf"));
    part(0, &all[..2]).with_text("general.architecture", "wan").write(&first);
    assert!(error(&first).contains("m-00002-of-00002.gguf: cannot be opened"), "{}", error(&first));
    part(1, &all[2..]).write(&second);
    for path in [&first, &second] {
        let read = gguf::read(path).unwrap();
        assert_eq!((read.tensors.len(), read.files, read.architecture.as_deref()), (3, 2, Some("wan")));
    }
    part(1, &all[1..2]).write(&second);
    assert!(error(&first).contains("in another part too"));
    part(1, &[]).write(&second);
    assert!(error(&first).contains("3 were promised"));
    part(0, &all[2..]).write(&second);
    assert!(error(&first).contains("not part 2 of 2"));
}

#[test]
fn text_encoders_are_taken_as_they_are_loaded() {
    let folder = Folder::new();
    let path = folder.path("text.gguf");
    let words = 64 * 1024;
    let blocks = |architecture: &str, words: u64| {
        let table = ("token_embd.weight", vec![32, words], Q8_0, words * 34);
        let norm = ("output_norm.weight", vec![32], BF16, 64);
        Gguf::new(&[table, norm]).with_text("general.architecture", architecture).write(&path);
        let named = NamedModel::open(&path, &Loading::default()).unwrap();
        let told = |block: &distorch_fix::allocator::Block| (block.name.clone(), block.resident_bytes);
        named.modules.model.blocks().iter().map(told).collect::<Vec<_>>()
    };
    let row = |name: &str, bytes: u64| (name.to_owned(), bytes);
    // A large table of words is unpacked to 16 bits, and has a name that makes it a head; a norm is copied into 16 bits.
    assert_eq!(blocks("llama", words), [row("model.embed_tokens", words * 32 * 2), row("model.norm", 64)]);
    // A small one stays packed, with room for itself in 16 bits.
    assert_eq!(blocks("llama", 10), [row("model.embed_tokens", 340 + 640), row("model.norm", 64)]);
    assert_eq!(blocks("t5", 10), [row("final_layer_norm", 64), row("shared", 340 + 640)]);
    assert_eq!(blocks("flux", 10), [row("output_norm", 64), row("token_embd", 340 + 640)]);
}

fn weight(name: &str, shape: &[u64]) -> (String, &'static str, Vec<u64>, u64) {
    (name.to_owned(), "BF16", shape.to_vec(), shape.iter().product::<u64>() * 2)
}

#[test]
fn safetensors_are_read_alone_and_by_their_index() {
    let folder = Folder::new();
    let (one, two) = (folder.path("m-1.safetensors"), folder.path("m-2.safetensors"));
    let fp8 = ("a.weight".to_owned(), "F8_E4M3", vec![6, 4], 24);
    write_safetensors(&one, &[fp8, weight("a.bias", &[6])]);
    let own = (0..6).map(|n| weight(&format!("model.diffusion_model.b.{n}.weight"), &[2, 2]));
    write_safetensors(&two, &own.chain([weight("vae.c.weight", &[9, 9])]).collect::<Vec<_>>());
    let sizes = |path: &Path| {
        let named = NamedModel::open(path, &Loading::default()).unwrap();
        [Accounting::Resident, Accounting::Offload].map(|of| named.modules.model.total_bytes(of))
    };
    // The bias is copied into the type of the weight; both are cast to 16 bits.
    assert_eq!(sizes(&one), [24 + 6, 24 + 6 + 48 + 12]);
    // Of a whole checkpoint, the diffusion model only.
    assert_eq!(sizes(&two), [48, 48]);
    let index = folder.path("m.safetensors.index.json");
    let write_index = |map: serde_json::Value| {
        fs::write(&index, serde_json::json!({ "metadata": {}, "weight_map": map }).to_string()).unwrap();
    };
    write_index(serde_json::json!({ "a.weight": "m-1.safetensors", "a.bias": "m-1.safetensors",
                                    "vae.c.weight": "m-2.safetensors" }));
    assert_eq!(safetensors::read_index(&index).unwrap().tensors.len(), 3);
    write_index(serde_json::json!({ "a.weight": "m-2.safetensors" }));
    assert!(error(&index).contains("1 of its 1 tensors are not"));
    for outside in ["../m-1.safetensors", "/etc/passwd", "", "C:\\x", "a/../m-1.safetensors"] {
        write_index(serde_json::json!({ "a.weight": outside }));
        let error = error(&index);
        assert!(error.contains("help: "), "{error}");
        // A backslash is a letter of a name here, and a separator on Windows: no file either way.
        assert!(error.contains("not next to it") || outside.contains('\\'), "{error}");
    }
    fs::write(&index, "[]").unwrap();
    assert!(error(&index).contains("cannot be read as an index"));
}

#[test]
fn safetensors_that_are_damaged_or_lie_are_told() {
    let folder = Folder::new();
    let path = folder.path("m.safetensors");
    write_safetensors(&path, &[weight("a.weight", &[2, 2]), weight("b.weight", &[3])]);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = error(&path);
        assert!(error.contains("m.safetensors") && error.contains("help: "), "{length}: {error}");
    }
    let lies = [
        (&[&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "claims a header"),
        (&[&2_u64.to_le_bytes()[..], b"{]"].concat(), "its header"),
        (&[&whole[..], b"more"].concat(), "it needs"),
        (&b"PK\x03\x04 something else".to_vec(), "neither a GGUF nor a safetensors file"),
    ];
    for (bytes, told) in lies {
        fs::write(&path, bytes).unwrap();
        assert!(error(&path).contains(told), "{}", error(&path));
    }
    let overlap = br#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    fs::write(&path, [&(overlap.len() as u64).to_le_bytes()[..], overlap, &[0; 12]].concat()).unwrap();
    assert!(error(&path).contains("invalid offset"), "{}", error(&path));
}

/// A file of 30 GB, of which nothing but the header is there.
#[test]
#[cfg_attr(windows, ignore = "files are not sparse there by themselves")]
fn weights_are_never_read() {
    let folder = Folder::new();
    let path = folder.path("large.gguf");
    let rows = 30 * 1024;
    Gguf::new(&[("blocks.0.q.weight", vec![256 * 1024, rows], Q8_0, 256 * 1024 / 32 * 34 * rows)]).write(&path);
    let named = NamedModel::open(&path, &Loading::default()).unwrap();
    assert_eq!(named.contents.tensors[0].bytes, 8192 * 34 * rows);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever bytes are changed, reading ends in a model or in an error with help.
    #[test]
    fn damage_never_panics(at in 0..1000_usize, with in any::<[u8; 4]>(), gguf in any::<bool>()) {
        let folder = Folder::new();
        let path = folder.path("damaged");
        if gguf {
            model().write(&path);
        } else {
            write_safetensors(&path, &[weight("a.weight", &[2, 2]), weight("b.weight", &[3])]);
        }
        let mut bytes = fs::read(&path).unwrap();
        let at = at % bytes.len();
        let end = bytes.len().min(at + with.len());
        bytes[at..end].copy_from_slice(&with[..end - at]);
        fs::write(&path, &bytes).unwrap();
        if let Err(error) = NamedModel::open(&path, &Loading::default()) {
            let told = shown(&error);
            prop_assert!(told.contains("help: "), "{}", told);
        }
    }
}
