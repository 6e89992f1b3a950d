//! Workflows that mean harm, or only ask too much: each is read, or refused with what to do, in the memory that the program
//! has, and in time that grows with the file.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::common::{Ran, is_full, program};
use tempfile::TempDir;

/// A file in a folder of its own.
fn file(text: &str) -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workflow.json");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn show(path: &Path) -> Ran {
    Ran::of(program(path.parent().unwrap()).args(["workflow", "show", path.to_str().unwrap()]))
}

/// The message that refuses it.
fn refused(text: &str) -> String {
    let (_folder, path) = file(text);
    let ran = show(&path);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    assert!(ran.err.contains("\nhelp: ") && ran.err.len() < 2_000 && !ran.err.contains("panicked"), "{}", ran.err);
    let (_, message) = ran.err.split_once("cannot be read as a workflow: ").unwrap();
    message.lines().next().unwrap().to_owned()
}

/// How many nodes are counted.
fn read(text: &str) -> String {
    let (_folder, path) = file(text);
    let ran = show(&path);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    ran.out.lines().next().unwrap().rsplit_once(" of ").unwrap().1.to_owned()
}

/// A tenth of what is tried every night.
fn many(most: usize) -> usize {
    if is_full() { most } else { most / 10 }
}

fn joined(count: usize, each: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for at in 0..count {
        let _ = write!(text, "{}{}", if at == 0 { "" } else { ",\n" }, each(at));
    }
    text
}

#[test]
fn deep_nesting_is_refused() {
    let depth = many(100_000_000);
    assert_eq!(refused(&"[".repeat(depth)), "more than 1000 lists and objects in each other in line 1");
    assert_eq!(refused(&"{\"a\":".repeat(depth / 5)), "more than 1000 lists and objects in each other in line 1");
}

#[test]
fn a_file_of_500_megabytes_is_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.json");
    // Without memory for it on the disk: what is not written reads as zeros.
    let mut large = File::create(&path).unwrap();
    large.write_all(b"{\"nodes\": [1, 2, 3, 4, 5, 6,").unwrap();
    large.set_len(500 << 20).unwrap();
    let ran = show(&path);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("it has 500 MiB, and no more than 256 MiB of JSON are read\nhelp: "), "{}", ran.err);
}

#[test]
fn a_million_nodes_are_read() {
    let count = many(1_000_000);
    let nodes =
        joined(count, |at| format!("{{\"id\":{at},\"type\":\"UNETLoader\",\"widgets_values\":[\"m\",\"default\"]}}"));
    assert_eq!(read(&format!("{{\"nodes\":[{nodes}]}}")), format!("{count} nodes"));
    let nodes =
        joined(count, |at| format!("\"{at}\":{{\"class_type\":\"X\",\"inputs\":{{\"a\":[\"{}\",0]}}}}", at / 2));
    assert_eq!(read(&format!("{{{nodes}}}")), format!("{count} nodes"));
}

#[test]
fn more_values_than_are_kept_are_refused() {
    if is_full() {
        let text = format!("{{\"nodes\":[{}0]}}", "0,".repeat(17 << 20));
        assert!(refused(&text).starts_with("more than 16777216 values"));
    }
}

#[test]
fn keys_that_an_object_has_twice_are_named_with_their_line() {
    assert_eq!(
        refused("{\"nodes\": [],\n\"version\": 0.4,\n\"nodes\": []}"),
        "the key `nodes` is there twice in one object, again in line 3"
    );
    let keys = joined(many(1_000_000), |at| format!("\"k{at}\":0"));
    assert_eq!(
        refused(&format!("{{{keys},\n\"k17\":1}}")),
        format!("the key `k17` is there twice in one object, again in line {}", many(1_000_000) + 1)
    );
}

/// Subgraphs with these nodes, each as text.
fn subgraphs(count: usize, nodes: impl Fn(usize) -> String) -> String {
    let subgraphs = joined(count, |at| format!("{{\"id\":\"s{at}\",\"name\":\"n{at}\",\"nodes\":[{}]}}", nodes(at)));
    format!("{{\"nodes\":[{{\"id\":1,\"type\":\"s0\"}}],\"definitions\":{{\"subgraphs\":[{subgraphs}]}}}}")
}

#[test]
fn subgraphs_that_multiply_are_refused() {
    // Twice in each of 40 levels: a million million.
    let twice = subgraphs(41, |at| {
        let inner = |id: u32| format!("{{\"id\":{id},\"type\":\"s{}\"}}", at + 1);
        [inner(1), inner(2)].join(",")
    });
    let refusal = "with those inside of subgraphs counted at each use";
    assert_eq!(refused(&twice), format!("it has more than 100000 instances of subgraphs, {refusal}"));
    let wide = "{\"id\":1,\"type\":\"UNETLoader\"},\n".repeat(20_000);
    let instances = joined(1_000, |at| format!("{{\"id\":{at},\"type\":\"s1\"}}"));
    let many_each =
        subgraphs(2, |at| if at == 0 { instances.clone() } else { wide.trim_end_matches(",\n").to_owned() });
    assert_eq!(refused(&many_each), format!("it has more than 2000000 nodes, {refusal}"));
}

#[test]
fn subgraphs_in_each_other_end() {
    let inner = |at: usize| format!("{{\"id\":1,\"type\":\"s{at}\"}}");
    let count = many(100_000);
    // The last one contains the first, or nothing.
    let circle = subgraphs(count, |at| inner((at + 1) % count));
    assert_eq!(refused(&circle), "the subgraph `n0` contains itself, or one that does");
    let chain = subgraphs(count, |at| inner(at + 1));
    assert!(refused(&chain).starts_with("it has more than 64 subgraphs in each other"));
    assert_eq!(read(&subgraphs(60, |at| inner(at + 1))), "61 nodes");
}

#[test]
fn looking_for_what_is_linked_does_not_multiply() {
    // A node with very many inputs, in a subgraph that is used very often by an instance that shows very much.
    let count = many(100_000);
    let inputs = joined(count, |at| format!("{{\"name\":\"i{at}\",\"link\":null}}"));
    let node =
        format!("{{\"id\":1,\"type\":\"UNETLoaderDisTorch2MultiGPU\",\"inputs\":[{inputs}],\"widgets_values\":[]}}");
    let shown = joined(count, |at| format!("[\"{at}\",\"w\"]"));
    let wide =
        format!("{{\"id\":0,\"type\":\"s0\",\"properties\":{{\"proxyWidgets\":[{shown}]}},\"widgets_values\":[0]}}");
    let instances = joined(count.min(90_000), |at| format!("{{\"id\":{},\"type\":\"s0\"}}", at + 1));
    let text = subgraphs(1, |_| node.clone()).replace("{\"id\":1,\"type\":\"s0\"}", &format!("{wide},{instances}"));
    assert_eq!(read(&text), format!("{} nodes", 2 * (count.min(90_000) + 1)));
    // Group nodes: the values of each are counted.
    let nodes = joined(count, |at| {
        format!("{{\"index\":{at},\"type\":\"UNETLoaderDisTorch2MultiGPU\",\"widgets_values\":[0]}}")
    });
    let text = format!(
        "{{\"nodes\":[{{\"id\":1,\"type\":\"workflow>G\"}}],\"extra\":{{\"groupNodes\":{{\"G\":{{\"nodes\":[{nodes}]}}}}}}}}"
    );
    assert_eq!(read(&text), format!("{} nodes", count + 1));
}

#[test]
fn half_characters_and_characters_that_steer_a_terminal_are_shown_as_such() {
    let text = r#"{"nodes": [{"id": "\u001b[31m", "type": "UNETLoader", "title": "\ud83d", "widgets_values": ["\u202e\ud83d"]}]}"#;
    let (_folder, path) = file(text);
    let ran = show(&path);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(!ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}'), "{}", ran.out);
}
