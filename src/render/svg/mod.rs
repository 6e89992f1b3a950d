//! A plan as a picture: for each device a bar that stands for its memory, filled by the weights of each model.

mod stages;

use std::fmt::Write as _;

pub use self::stages::stages;

use crate::allocator::{Policy, gigabytes};
use crate::plan::{Plan, Usage};

const WIDTH: f64 = 720.0;
const MARGIN: f64 = 20.0;
/// Where bars begin, and the length of all of a device's memory. More weights than memory are drawn beyond that, up to
/// the numbers.
const BAR_X: f64 = 100.0;
const BAR_WIDTH: f64 = 400.0;
const MOST_BAR_WIDTH: f64 = 440.0;
const BAR_HEIGHT: f64 = 18.0;
const NUMBERS_X: f64 = 555.0;
/// Distance from one row to the next.
const ROW: f64 = 28.0;

/// Colours of the models, distinguishable for colour-blind people (Okabe and Ito).
const FILLS: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];
const TEXT: &str = "#24292f";
const FAINT: &str = "#57606a";
const TRACK: &str = "#d8dee4";
const OVER: &str = "#cf222e";

/// The picture, as the text of an SVG file.
pub fn picture(plan: &Plan) -> String {
    let mut canvas = Canvas { body: String::new(), y: MARGIN + 14.0 };
    canvas.line(MARGIN, 16.0, "bold", TEXT, "What goes where");
    let alike = plan.models.iter().all(|planned| planned.is_alike(&plan.options));
    let policies = if alike { &plan.options.policies[..1] } else { &plan.options.policies[..] };
    for &policy in policies {
        let node = match (alike, policy) {
            (true, _) => "the node, repaired or not",
            (false, Policy::CpuFallback) => "the node as shipped",
            (false, Policy::GpuOnly) => "the node, repaired",
        };
        canvas.y += ROW + 4.0;
        canvas.line(MARGIN, 13.0, "bold", FAINT, node);
        for usage in plan.usage(policy) {
            canvas.device(&usage);
        }
    }
    canvas.y += 10.0;
    for (at, planned) in plan.models.iter().enumerate() {
        canvas.y += 22.0;
        let fill = FILLS[at % FILLS.len()];
        canvas.rectangle(MARGIN, 12.0, 12.0, fill);
        let text = format!("{} by {}", planned.named.name, planned.string.text());
        canvas.line(MARGIN + 20.0, 12.0, "normal", TEXT, &shortened(&text));
    }
    canvas.finish()
}

/// The most characters of a line.
fn shortened(text: &str) -> String {
    const MOST: usize = 95;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let end: String = text.chars().skip(text.chars().count() - MOST + 1).collect();
    format!("…{end}")
}

struct Canvas {
    body: String,
    /// The baseline of the line that is being drawn.
    y: f64,
}

impl Canvas {
    fn device(&mut self, usage: &Usage) {
        self.y += ROW;
        let (total, used) = (gigabytes(usage.total_bytes), gigabytes(usage.used_bytes()));
        self.line(MARGIN, 13.0, "normal", TEXT, usage.device.as_str());
        self.rectangle(BAR_X, BAR_WIDTH, BAR_HEIGHT, TRACK);
        let mut x = BAR_X;
        for (at, &bytes) in usage.model_bytes.iter().enumerate() {
            let width = if total > 0.0 { gigabytes(bytes) / total * BAR_WIDTH } else { 0.0 };
            let width = width.min(BAR_X + MOST_BAR_WIDTH - x);
            if width > 0.0 {
                self.rectangle(x, width, BAR_HEIGHT, FILLS[at % FILLS.len()]);
                x += width;
            }
        }
        let is_over = used > total;
        if is_over {
            // Where the memory ends.
            self.rectangle(BAR_X + BAR_WIDTH, 3.0, BAR_HEIGHT, OVER);
        }
        let numbers = format!("{used:.1} of {total:.1} GB");
        let (weight, fill) = if is_over { ("bold", OVER) } else { ("normal", TEXT) };
        self.line(NUMBERS_X, 13.0, weight, fill, &numbers);
    }

    fn line(&mut self, x: f64, size: f64, weight: &str, fill: &str, text: &str) {
        let y = self.y;
        let text = escaped(text);
        let _ = writeln!(
            self.body,
            "  <text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{fill}\">{text}</text>"
        );
    }

    /// A rectangle in the middle of the line.
    fn rectangle(&mut self, x: f64, width: f64, height: f64, fill: &str) {
        let y = self.y - 4.5 - height / 2.0;
        let _ = writeln!(
            self.body,
            "  <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{fill}\"/>"
        );
    }

    fn finish(self) -> String {
        let height = self.y + MARGIN;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" role=\"img\" \
             aria-label=\"What goes where\">\n  <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// Text escaped for XML, without characters that XML does not allow.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_its_element() {
        assert_eq!(escaped("<a>&\"\u{1b}\0é"), "&lt;a&gt;&amp;\"\u{fffd}\u{fffd}é");
        let short = shortened(&"é".repeat(200));
        assert_eq!((short.chars().count(), short.chars().next()), (95, Some('…')));
    }
}
