//! A workflow's plan as a picture: time from left to right, and for each device what lies on it.

use std::fmt::Write as _;

use super::{FILLS, escaped, shortened};
use crate::allocator::gigabytes;
use crate::stages::{Stage, Staged};

const MARGIN: f64 = 24.0;
/// Where the first stage begins.
const LEFT: f64 = 110.0;
/// The width of a stage, and how much of it is a gap.
const COLUMN: f64 = 150.0;
const GAP: f64 = 6.0;
/// The height of a device's memory.
const HEIGHT: f64 = 96.0;
/// Distance from the memory of one device to that of the next.
const ROW: f64 = 132.0;
/// The most stages that are drawn.
const MOST_STAGES: usize = 60;
/// Columns of the narrowest picture.
const LEAST_WIDTH: f64 = 760.0;
/// The most that is drawn above the limit of a device, as a part of its memory.
const MOST_OVER: f64 = 0.2;

/// Light and dark, by the reader's setting; light on paper. Its names are its own, also within a page.
const STYLE: &str = "\
  <style>
    .stages { --back: #ffffff; --text: #24292f; --faint: #57606a; --track: #eaeef2; --over: #cf222e; }
    @media screen and (prefers-color-scheme: dark) {
      .stages { --back: #0d1117; --text: #e6edf3; --faint: #8d96a0; --track: #21262d; --over: #ff7b72; }
    }
    .stages text { fill: var(--text); } .stages .faint { fill: var(--faint); }
    .stages .over { fill: var(--over); font-weight: bold; }
    .stages .track { fill: var(--track); } .stages .limit { stroke: var(--faint); stroke-dasharray: 4 3; }
    .stages .limit.over { stroke: var(--over); stroke-dasharray: none; stroke-width: 2; }
  </style>
";

/// The picture, as the text of an SVG file.
pub fn stages(staged: &Staged) -> String {
    let stages = &staged.stages[..staged.stages.len().min(MOST_STAGES)];
    #[expect(clippy::cast_precision_loss, reason = "at most some dozens")]
    let width = (LEFT + stages.len() as f64 * COLUMN + MARGIN).max(LEAST_WIDTH);
    let mut canvas = Canvas { body: String::new(), width };
    canvas.text(MARGIN, 34.0, 17.0, "", "What lies where, stage by stage");
    let mut y = 64.0;
    canvas.heads(stages, y);
    y += 34.0;
    let devices = stages.first().map_or(0, |stage| stage.usage.len());
    for device in 0..devices {
        canvas.device(staged, stages, device, y);
        y += ROW;
    }
    y += 22.0;
    for (at, model) in staged.models.iter().enumerate() {
        let x = MARGIN;
        let _ = writeln!(
            canvas.body,
            "  <rect x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{}\"/>",
            y - 10.0,
            FILLS[at % FILLS.len()]
        );
        let size =
            model.named.as_ref().map_or("size unknown".to_owned(), |_| format!("{:.2} GB", gigabytes(model.bytes())));
        let placed = match &model.load.placing {
            Ok(crate::stages::Placing::Distributed(string)) => format!("by {}", string.text()),
            Ok(_) => format!("whole on {}", model.compute()),
            Err(_) => "unknown where".to_owned(),
        };
        let text = format!("{} (node {}), {size}, {placed}", model.name(), model.load.node.id);
        canvas.text(x + 20.0, y, 12.5, "", &shortened(&text));
        y += 22.0;
    }
    if stages.iter().any(|stage| !stage.in_doubt.is_empty()) {
        canvas.text(MARGIN, y, 12.0, "faint", "pale: may be unloaded before, depending on what the computation needs");
        y += 22.0;
    }
    if stages.len() < staged.stages.len() {
        let more = staged.stages.len() - stages.len();
        canvas.text(MARGIN, y, 12.0, "faint", &format!("{more} more stages are left out"));
        y += 22.0;
    }
    canvas.finish(y + MARGIN - 14.0)
}

struct Canvas {
    body: String,
    width: f64,
}

impl Canvas {
    fn text(&mut self, x: f64, y: f64, size: f64, class: &str, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let text = escaped(text);
        let _ = writeln!(self.body, "  <text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\"{class}>{text}</text>");
    }

    /// The nodes that compute, above their stages.
    fn heads(&mut self, stages: &[Stage], y: f64) {
        for (at, stage) in stages.iter().enumerate() {
            let x = column(at);
            let class = stage.nodes.first().map_or("", |node| node.class.as_str());
            self.text(x, y, 12.5, "", &cut(&format!("{}. {class}", at + 1), 20));
            let ids: Vec<&str> = stage.nodes.iter().map(|node| node.id.as_str()).collect();
            self.text(x, y + 16.0, 11.0, "faint", &cut(&format!("node {}", ids.join(", ")), 24));
        }
    }

    fn device(&mut self, staged: &Staged, stages: &[Stage], device: usize, top: f64) {
        let bottom = top + HEIGHT * (1.0 + MOST_OVER);
        let limit = bottom - HEIGHT;
        let about = &stages[0].usage[device];
        let total = gigabytes(about.total_bytes);
        self.text(MARGIN, limit + 12.0, 14.0, "", about.device.as_str());
        self.text(MARGIN, limit + 30.0, 11.5, "faint", &format!("{total:.1} GB"));
        let mut is_ever_over = false;
        for (at, stage) in stages.iter().enumerate() {
            let usage = &stage.usage[device];
            let (x, width) = (column(at), COLUMN - GAP);
            let _ = writeln!(
                self.body,
                "  <rect class=\"track\" x=\"{x:.1}\" y=\"{limit:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\"/>"
            );
            let used = gigabytes(usage.used_bytes());
            let is_over = staged.is_over(usage);
            is_ever_over |= is_over;
            let mut y = bottom;
            for (model, &bytes) in usage.model_bytes.iter().enumerate().filter(|(_, bytes)| **bytes > 0) {
                let height = if total > 0.0 { gigabytes(bytes) / total * HEIGHT } else { 0.0 };
                let height = height.max(1.0).min(y - top);
                y -= height;
                let pale = if stage.in_doubt.contains(&model) { " fill-opacity=\"0.45\"" } else { "" };
                let fill = FILLS[model % FILLS.len()];
                let _ = writeln!(
                    self.body,
                    "  <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"{pale}/>"
                );
            }
            if used > 0.0 {
                let class = if is_over { "over" } else { "faint" };
                self.text(x, bottom + 14.0, 11.5, class, &format!("{used:.2} GB"));
            }
        }
        let class = if is_ever_over { "limit over" } else { "limit" };
        let (from, to) = (column(0), column(stages.len()) - GAP);
        let _ = writeln!(
            self.body,
            "  <line class=\"{class}\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{limit:.1}\" y2=\"{limit:.1}\"/>"
        );
    }

    fn finish(self, height: f64) -> String {
        let width = self.width;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"stages\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"system-ui, sans-serif\" role=\"img\" \
             aria-label=\"What lies where, stage by stage\">\n{STYLE}  <rect width=\"100%\" height=\"100%\" \
             style=\"fill: var(--back)\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// Where a stage begins.
fn column(stage: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "at most some dozens")]
    let stage = stage as f64;
    LEFT + stage * COLUMN
}

/// The beginning of a text.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
