//! ComfyUI cannot import the node.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Finding, NodeFacts, Problem, Rank, Step};
use crate::log::{SeenPack, Start};
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "not-imported",
    title: "ComfyUI cannot import the node",
    about: "If a file of the node imports a package that is not installed, ComfyUI leaves all of the node out: \"IMPORT FAILED\", and \
            every node of it is red. Releases 2.5.2 to 2.5.11 need `accelerate`, which ComfyUI itself does not.",
    help: "Install the package in the Python that runs ComfyUI, or update the node.",
    sources: &["https://github.com/pollockjj/ComfyUI-MultiGPU/issues/142", "https://pypi.org/project/accelerate/"],
    rank: Rank::Stops,
    find,
};

/// The packages that releases of the node import and ComfyUI does not bring along, by their modules.
const FURTHER: [(&str, &str); 1] = [("accelerate", "accelerate")];

fn find(facts: &Facts) -> Answer {
    clues::both(in_code(facts), in_log(facts))
}

/// An import of a package that is not there.
fn in_code(facts: &Facts) -> Answer {
    let code = facts.node.get()?.code.get()?;
    let sources = &code.repair.sources;
    for (module, package) in FURTHER {
        let imports = |line: &str| {
            let mut words = line.split([' ', '.', ',']);
            matches!(words.next(), Some("import" | "from")) && words.next() == Some(module)
        };
        let place = sources.package.ids().find_map(|file| {
            // What is further to the right may be guarded, or is only run later.
            let line = sources.package.text(file)?.lines().position(imports)?;
            Some((sources.path(file), line + 1))
        });
        let Some((path, line)) = place else { continue };
        if facts.package(package)?.is_none() {
            let evidence = Evidence::file(format!("`{module}` is imported"), path, Some(line));
            return Ok(vec![lacking(facts, package).because(evidence)]);
        }
    }
    Ok(Vec::new())
}

/// The import that ComfyUI says has failed.
fn in_log(facts: &Facts) -> Answer {
    let (node, start) = (facts.node.get()?, facts.last_start()?);
    let Some(pack) = failed(node, start) else { return Ok(Vec::new()) };
    let finding = match pack.why.as_deref() {
        Some(why) => match lacked(why) {
            // It may have been installed since.
            Some(module) if facts.package(module).is_ok_and(|version| version.is_some()) => return Ok(Vec::new()),
            Some(module) => lacking(facts, module),
            None => PROBLEM
                .finding(format!("The import of the node failed: {why}"), clues::update(facts, "the latest release")),
        },
        None => PROBLEM.finding(
            "The import of the node failed",
            Step::Advice(String::from("look at the lines before that one in the log")),
        ),
    };
    Ok(vec![finding.because(Evidence::log(pack.why.clone().unwrap_or_else(|| "IMPORT FAILED".into()), pack.line))])
}

fn failed<'s>(node: &NodeFacts, start: &'s Start) -> Option<&'s SeenPack> {
    let name = node.checkout.root.file_name()?.to_string_lossy();
    let is_it = |pack: &&SeenPack| pack.path.rsplit(['/', '\\']).next().is_some_and(|own| own == name);
    start.packs.iter().rfind(is_it).filter(|pack| pack.failed)
}

/// `No module named 'accelerate'`
fn lacked(why: &str) -> Option<&str> {
    let (_, name) = why.split_once("No module named ")?;
    name.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .split('.')
        .next()
        .filter(|name| !name.is_empty())
}

fn lacking(facts: &Facts, package: &str) -> Finding {
    let python = facts.installation.python.as_deref().map_or_else(|| String::from("python"), quoted);
    let step = Step::Command(format!("{python} -m pip install {package}"));
    PROBLEM.finding(format!("The node needs the package {package}, which is not installed"), step)
}
