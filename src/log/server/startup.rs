//! What a server prints when it starts.

use super::super::event::Startup;
use super::super::start::{DynamicVram, SeenDevice};
use super::Server;
use super::block::Block;

/// How many folders of custom nodes are kept.
pub(super) const MOST_PACKS: usize = 2000;
/// How many devices are kept.
const MOST_DEVICES: usize = 64;

impl Server {
    pub(super) fn startup(&mut self, at: u64, text: &str, event: Startup<'_>) {
        // The system's part of an error report says the same, and no server starts there.
        let is_report = text.trim_start().starts_with("- **");
        let mark = match event {
            Startup::Begins(mark) => Some(mark),
            Startup::Times(false) => Some(2),
            Startup::Memory(..) => Some(4),
            _ => None,
        };
        let is_repeated = mark.is_some_and(|mark| mark < 4 && self.begun & (1 << mark) != 0);
        let is_first = mark.is_some() || matches!(event, Startup::Version(..));
        if !is_report && ((self.is_running && is_first) || is_repeated) {
            self.begin_again();
            self.start.line = at;
        }
        self.begun |= mark.map_or(0, |mark| 1 << mark);
        self.start.is_begun_here |= !self.is_running && !is_report;
        self.finish_trace();
        self.set(at, event);
    }

    fn set(&mut self, at: u64, event: Startup<'_>) {
        let start = &mut self.start;
        match event {
            Startup::Begins(_) => {}
            Startup::Version(name, version) => {
                let version = version.split(" (").next().unwrap_or(version).trim().to_owned();
                let known = match name {
                    "ComfyUI" => &mut start.comfyui,
                    "ComfyUI frontend" => &mut start.frontend,
                    "pytorch" | "PyTorch" => &mut start.pytorch,
                    "Python" | "** Python" => &mut start.python,
                    "comfy-aimdo" => &mut start.aimdo,
                    _ => return,
                };
                *known = Some(version);
            }
            Startup::Memory(vram, ram) => (start.vram_bytes, start.ram_bytes) = (Some(vram), Some(ram)),
            Startup::Device(name, card) => {
                let device = SeenDevice { name: name.to_owned(), card: card.to_owned(), line: at };
                match start.devices.iter().position(|seen| seen.name == name) {
                    Some(index) => start.devices[index] = device,
                    None if start.devices.len() < MOST_DEVICES => start.devices.push(device),
                    None => {}
                }
            }
            Startup::VramState(state) => start.vram_state = Some(state.to_owned()),
            Startup::Pinned(bytes) => start.pinned_bytes = Some(bytes),
            Startup::Dynamic(why) => {
                start.dynamic_vram = Some(match why {
                    None => DynamicVram::Enabled,
                    Some(why) => DynamicVram::Disabled { why: why.to_owned() },
                });
            }
            Startup::Times(is_import) => self.block = Block::Times(is_import),
            Startup::Arguments(line) => {
                start.arguments = Some(line.split_ascii_whitespace().map(str::to_owned).collect());
            }
            Startup::Ready => self.is_running = true,
        }
    }
}
