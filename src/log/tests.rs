//! Whole logs.

use super::*;

#[test]
#[ignore = "prints"]
fn show() {
    let path = std::env::var("LOG").unwrap();
    let log = read(Path::new(&path)).unwrap();
    println!(
        "{:?} lines {} bytes {} earlier {:?} last {:?}",
        log.encoding, log.lines, log.bytes, log.earlier, log.last_time
    );
    for start in &log.starts {
        println!(
            "START line {} {:?} {:?} begun {} comfy {:?} fe {:?} torch {:?} py {:?} aimdo {:?} dev {:?} vram {:?} ram {:?} pinned {:?} dyn {:?} node {:?} args {:?} state {:?} source {:?}",
            start.line,
            start.container,
            start.collector,
            start.is_begun_here,
            start.comfyui,
            start.frontend,
            start.pytorch,
            start.python,
            start.aimdo,
            start.devices,
            start.vram_bytes,
            start.ram_bytes,
            start.pinned_bytes,
            start.dynamic_vram,
            start.node,
            start.arguments,
            start.vram_state,
            start.source
        );
        println!("packs {} mappings {:?}", start.packs.len(), start.mappings.as_ref().map(Vec::len));
        for (index, banner) in start.banners.iter().enumerate() {
            println!(
                "  banner {index} line {} {:?} {:?} empty {}",
                banner.line, banner.text, banner.loads, banner.is_empty
            );
        }
        for remark in &start.remarks {
            let text: String = format!("{:?}", remark.kind).chars().take(160).collect();
            println!("  remark {} {text}", remark.line);
        }
        for prompt in &start.prompts {
            println!(
                "  PROMPT {}-{} begun {} {:?} banners {:?} {:?}",
                prompt.line, prompt.last_line, prompt.is_begun_here, prompt.time, prompt.banners, prompt.end
            );
            for load in &prompt.loads {
                println!(
                    "    LOAD {}-{} {:?} {:?} {:?} banner {:?} asked {:?} cpu {:?} total {:?} {:?} tables {}/{}/{} lent {} string {:?}",
                    load.line,
                    load.last_line,
                    load.model,
                    load.kind,
                    load.mode,
                    load.banner,
                    load.asked,
                    load.cpu_bytes,
                    load.total_bytes,
                    load.outcome,
                    load.planned.len(),
                    load.layers.len(),
                    load.assigned.len(),
                    load.lent.len(),
                    load.string
                );
            }
        }
    }
}
