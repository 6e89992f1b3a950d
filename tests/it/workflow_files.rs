//! Workflows in the files that ComfyUI saves: found by what is in a file, and never more than an error if it is damaged.

use std::io::Cursor;

use crate::containers::{KINDS, ebml, flac, mp4_box, png_chunk};
use anyhow::Result;
use distorch_fix::advice;
use distorch_fix::workflow::{Form, Workflow};

const UI: &str = r#"{"nodes": [{"id": 1, "type": "KSampler", "widgets_values": ["é", NaN]}], "links": []}"#;
const API: &str = r#"{"1": {"class_type": "KSampler", "inputs": {}}, "2": {"class_type": "VAEDecode", "inputs": {}}}"#;

fn read(bytes: &[u8]) -> Result<Workflow> {
    Workflow::read(Cursor::new(bytes), bytes.len() as u64)
}

/// How the workflow in a file is written, and how many nodes it has.
fn found(bytes: &[u8]) -> Result<(Form, usize)> {
    read(bytes).map(|workflow| (workflow.form(), workflow.nodes().len()))
}

fn error(bytes: &[u8]) -> String {
    format!("{:#}", read(bytes).unwrap_err())
}

#[test]
fn what_the_frontend_saved_is_found_before_what_ran() {
    for (kind, make) in KINDS {
        assert_eq!(found(&make(&[("prompt", API), ("workflow", UI)])).unwrap(), (Form::Ui, 1), "{kind}");
        assert_eq!(found(&make(&[("prompt", API), ("title", "x")])).unwrap(), (Form::Api, 2), "{kind}");
        // One of the two may be damaged.
        assert_eq!(found(&make(&[("workflow", "{"), ("prompt", API)])).unwrap(), (Form::Api, 2), "{kind}");
        let none = make(&[("title", "x")]);
        assert!(error(&none).ends_with("file holds no workflow"), "{kind}: {}", error(&none));
    }
}

#[test]
fn a_comment_can_hold_both_and_texts_can_be_encoded_repeatedly() {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    for (kind, make) in KINDS.into_iter().filter(|(kind, _)| *kind != "safetensors") {
        let comment = format!(r#"{{"prompt": {}, "workflow": {UI}}}"#, quoted(API));
        assert_eq!(found(&make(&[("comment", &comment)])).unwrap(), (Form::Ui, 1), "{kind}");
        let comment = format!(r#"{{"prompt": {}}}"#, quoted(API));
        assert_eq!(found(&make(&[("comment", &comment)])).unwrap(), (Form::Api, 2), "{kind}");
        assert_eq!(found(&make(&[("workflow", &quoted(&quoted(UI)))])).unwrap(), (Form::Ui, 1), "{kind}");
    }
}

#[test]
fn the_comment_of_a_video_needs_no_names() {
    let text = [&[0, 0, 0, 1, 0, 0, 0, 0], UI.as_bytes()].concat();
    let item = mp4_box(b"\xa9cmt", &mp4_box(b"data", &text));
    let meta = mp4_box(b"meta", &[&[0; 4], &mp4_box(b"ilst", &item)[..]].concat());
    // As QuickTime has it, with its length and its language.
    let short =
        mp4_box(b"\xa9cmt", &[&u16::try_from(UI.len()).unwrap().to_be_bytes(), &[0, 0], UI.as_bytes()].concat());
    for inside in [meta, short] {
        let file = [mp4_box(b"ftyp", b"qt  "), mp4_box(b"moov", &mp4_box(b"udta", &inside))].concat();
        assert_eq!(found(&file).unwrap(), (Form::Ui, 1));
    }
}

#[test]
fn exif_data_may_begin_as_in_a_jpeg() {
    let file = crate::containers::webp(&[("workflow", UI)]);
    let at = file.windows(4).position(|window| window == b"EXIF").unwrap();
    let exif = [b"Exif\0\0", &file[at + 8..]].concat();
    let length = u32::try_from(exif.len()).unwrap();
    assert_eq!(found(&[&file[..at + 4], &length.to_le_bytes(), &exif].concat()).unwrap(), (Form::Ui, 1));
}

#[test]
fn a_file_that_ends_too_early_is_an_error_and_what_was_read_before_counts() {
    for (kind, make) in KINDS {
        let file = make(&[("prompt", API), ("workflow", UI)]);
        let mut found = Vec::new();
        for length in 0..file.len() {
            match read(&file[..length]) {
                Ok(workflow) => found.push((length, workflow.form())),
                Err(error) => assert!(!advice::help(&error).is_empty(), "{kind}, {length} bytes: {error:#}"),
            }
        }
        assert!(found.iter().all(|(length, _)| *length > API.len()), "{kind}: {found:?}");
        // What ran is only taken for all there is where a part ends.
        let ran = found.iter().filter(|(_, form)| *form == Form::Api).count();
        assert!(ran <= 1 && found.is_sorted_by_key(|(length, form)| (*form == Form::Ui, *length)), "{kind}: {found:?}");
    }
}

#[test]
fn a_byte_that_is_wrong_is_no_harm() {
    for (kind, make) in KINDS {
        let file = make(&[("prompt", API), ("workflow", UI)]);
        for at in 0..file.len() {
            for wrong in [0, 1, 0x7f, 0x80, 0xff, file[at] ^ 0x20] {
                let mut file = file.clone();
                file[at] = wrong;
                if let Err(error) = read(&file) {
                    assert!(!advice::help(&error).is_empty(), "{kind}, byte {at}: {error:#}");
                }
            }
        }
    }
}

#[test]
fn sizes_that_are_not_there_take_no_memory() {
    let png = |chunk: &[u8]| [b"\x89PNG\r\n\x1a\n", chunk].concat();
    let files: [(&str, Vec<u8>); 7] = [
        ("PNG", png(b"\xff\xff\xff\xfftEXtworkflow\0{}")),
        ("WebP", b"RIFF\xff\xff\xff\xffWEBPEXIF\xff\xff\xff\xffII*\0".to_vec()),
        ("MP4", [&mp4_box(b"ftyp", b"isom")[..], b"\0\0\0\x01moov\0\0\0\0\0\0\0\0"].concat()),
        ("MP4", [&mp4_box(b"ftyp", b"isom")[..], &mp4_box(b"keys", &[0xff; 12])].concat()),
        (
            "Matroska",
            [b"\x1a\x45\xdf\xa3\x80\x44\x87\x01".as_slice(), &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]].concat(),
        ),
        ("FLAC", [b"fLaC\x04\0\0\x0c\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff".as_slice()].concat()),
        ("safetensors", [&8_u64.to_le_bytes()[..], b"{\"__meta"].concat()),
    ];
    for (kind, file) in files {
        let error = error(&file);
        assert!(error.starts_with(&format!("it cannot be read as {kind}: ")), "{kind}: {error}");
    }
}

#[test]
fn a_packed_text_that_grows_without_end_is_refused() {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b' '; 65 << 20], 1);
    assert!(packed.len() < 1 << 20);
    let chunk = png_chunk(b"zTXt", &[b"workflow\0\0", &packed[..]].concat());
    let error = error(&[b"\x89PNG\r\n\x1a\n", &chunk[..]].concat());
    assert!(error.contains("a packed text cannot be unpacked into 67108864 bytes"), "{error}");
}

#[test]
fn a_file_of_very_many_parts_is_refused() {
    let file = [b"\x89PNG\r\n\x1a\n", &png_chunk(b"tIME", &[]).repeat(600_000)[..]].concat();
    assert!(error(&file).ends_with("it has more than 1000000 parts"), "{}", error(&file));
}

#[test]
fn other_files_are_none_of_these_whatever_they_are_called() {
    for bytes in [
        &b"\xff\xd8\xff\xe0\0\x10JFIF\0"[..],
        b"PK\x03\x04\x14\0\0\0",
        b"GIF89a\x01\0\x01\0",
        &[0; 40],
        b"%PDF-1.7\x01",
    ] {
        assert!(error(bytes).starts_with("it is neither JSON nor a file that ComfyUI saves"), "{}", error(bytes));
    }
    assert_eq!(error(b""), "the file is empty");
    assert!(error(b"import torch\n").starts_with("not JSON: "));
    assert!(error(b"{  \"free\": 1}").starts_with("JSON, but not a workflow"));
    assert!(error(&flac(&[])).ends_with("this FLAC file holds no workflow"));
    assert!(error(&ebml(b"\x1a\x45\xdf\xa3", b"")).ends_with("this Matroska file holds no workflow"));
}

#[test]
fn text_may_begin_with_a_byte_order_mark_or_be_utf16() {
    let utf16 = |to: fn(u16) -> [u8; 2]| UI.encode_utf16().flat_map(to).collect::<Vec<u8>>();
    let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
    for bytes in [
        [b"\xef\xbb\xbf", UI.as_bytes()].concat(),
        [b"\xff\xfe", &little[..]].concat(),
        [b"\xfe\xff", &big[..]].concat(),
        little,
        big,
    ] {
        assert_eq!(read(&bytes).unwrap().text(), UI);
    }
    assert_eq!(error(b"{\"nodes\": [\xe9]}"), "not UTF-8 at byte 11");
}

#[test]
fn a_file_that_ends_behind_its_byte_order_mark_is_refused() {
    for bytes in [&b"\xff\xfe"[..], b"\xff\xfeN", b"\xfe\xff\0", b"\xef\xbb", b"\xef\xbb\xbf", b"{\0\0"] {
        assert!(Workflow::read(Cursor::new(bytes), bytes.len() as u64).is_err(), "{bytes:?}");
    }
}
