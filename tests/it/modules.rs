//! The top-level modules import one another in one direction only. `cargo test --test it modules -- --nocapture` prints
//! which imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use walkdir::WalkDir;

/// Which top-level module imports which others.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// The graph of the modules below `src`, tests left out.
fn graph() -> Graph {
    let mut graph = Graph::new();
    let files = WalkDir::new("src").sort_by_file_name().into_iter().map(Result::unwrap);
    for file in files.filter(|file| file.path().extension().is_some_and(|extension| extension == "rs")) {
        let path = file.path();
        let module = path.strip_prefix("src").unwrap().components().next().unwrap();
        let module = Path::new(module.as_os_str()).file_stem().unwrap().to_str().unwrap();
        if matches!(module, "main" | "lib") || is_test(path) {
            continue;
        }
        let imports = graph.entry(module.to_owned()).or_default();
        imports.extend(imported(&code(path)).filter(|other| other != module));
    }
    graph
}

/// The code of a file without its comments, and without the tests at its end.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.lines().take_while(|line| *line != "#[cfg(test)]\r" && !line.starts_with("mod tests {"));
    code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Is a file compiled for tests only, by what the module above it says?
fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let above = fs::read_to_string(path.with_file_name("mod.rs")).unwrap_or_default();
    name.ends_with("_tests") || above.contains(&format!("#[cfg(test)]\nmod {name};"))
}

/// The names behind every `crate::`.
fn imported(code: &str) -> impl Iterator<Item = String> {
    code.split("crate::").skip(1).flat_map(|rest| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = |text: &str| text.trim().split(|c| !is_name(c)).next().unwrap_or_default().to_owned();
        match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default().split(',').map(name).collect(),
            None => vec![name(rest)],
        }
    })
}

/// A way from a module back to itself.
fn circle(graph: &Graph) -> Option<Vec<&str>> {
    fn search<'g>(graph: &'g Graph, way: &mut Vec<&'g str>, done: &mut BTreeSet<&'g str>) -> bool {
        let last = *way.last().unwrap();
        for next in graph.get(last).into_iter().flatten() {
            if way.contains(&next.as_str()) {
                way.push(next);
                return true;
            }
            if !done.contains(next.as_str()) {
                way.push(next);
                if search(graph, way, done) {
                    return true;
                }
                way.pop();
            }
        }
        done.insert(last);
        false
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|start| {
        let mut way = vec![start.as_str()];
        search(graph, &mut way, &mut done).then_some(way)
    })
}

#[test]
fn there_is_no_circle_among_the_modules() {
    let graph = graph();
    for (module, imports) in &graph {
        println!("{module:10} imports {}", imports.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    }
    assert!(graph.len() > 10 && graph["commands"].contains("report"), "the modules are found");
    assert_eq!(circle(&graph), None);
}

/// The modules that CONTRIBUTING.md lists, from top to bottom.
fn listed() -> Vec<String> {
    let text = fs::read_to_string("CONTRIBUTING.md").unwrap();
    let lines = text.lines().skip_while(|line| *line != "    src/").skip(1);
    let entries = lines.take_while(|line| line.starts_with("      "));
    let names = entries.filter_map(|line| line.split_whitespace().next());
    names.map(|name| name.trim_end_matches('/').trim_end_matches(".rs").to_owned()).collect()
}

#[test]
fn contributing_lists_the_modules_in_the_order_of_their_imports() {
    let (graph, mut listed) = (graph(), listed());
    assert_eq!(listed.remove(0), "main");
    assert_eq!(listed.iter().collect::<BTreeSet<_>>(), graph.keys().collect(), "every module is listed");
    let place = |module: &String| listed.iter().position(|listed| listed == module);
    for (module, imports) in &graph {
        let above: Vec<_> = imports.iter().filter(|import| place(import) < place(module)).collect();
        assert_eq!(above, [""; 0], "{module} imports modules that are listed above it");
    }
}

#[test]
fn the_lowest_modules_import_nothing_of_ours() {
    let graph = graph();
    for lowest in ["advice", "allocator", "edit"] {
        assert_eq!(graph[lowest], BTreeSet::new(), "{lowest}");
    }
}

#[test]
fn what_is_said_knows_nothing_of_flags_nor_of_how_it_is_shown() {
    let graph = graph();
    for above in ["cli", "commands", "render"] {
        assert!(!graph["report"].contains(above), "report imports {above}");
    }
    for above in ["cli", "commands", "render", "report"] {
        assert!(!graph["pipeline"].contains(above), "pipeline imports {above}");
    }
}

#[test]
fn a_module_with_modules_of_its_own_is_a_folder() {
    let folders = WalkDir::new("src").min_depth(1).into_iter().map(Result::unwrap);
    for folder in folders.filter(|entry| entry.file_type().is_dir()) {
        assert!(!folder.path().with_extension("rs").exists(), "{}", folder.path().display());
    }
}

#[test]
fn a_circle_is_found() {
    let graph = |pairs: &[(&str, &[&str])]| -> Graph {
        pairs.iter().map(|(from, to)| ((*from).to_owned(), to.iter().map(|to| (*to).to_owned()).collect())).collect()
    };
    assert_eq!(circle(&graph(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])])), None);
    assert!(circle(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])).is_some());
}
