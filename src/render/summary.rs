//! The summary of a job: one row for each checkout, in Markdown.

use std::fmt::Write as _;

use crate::fixes::Fix;
use crate::report::{CheckoutReport, Problem, Report, Verification};
use crate::text::visible;

/// The summary.
pub(super) fn markdown(report: &Report) -> String {
    let mut out = String::from("### distorch-fix\n\n");
    if !report.checkouts.is_empty() {
        out.push_str("| checkout |");
        out.extend(Fix::ALL.iter().map(|fix| format!(" {fix} |")));
        out.push_str(" verify |\n|---|");
        out.push_str(&"---|".repeat(Fix::ALL.len() + 1));
        out.push('\n');
    }
    for checkout in &report.checkouts {
        row(&mut out, checkout);
    }
    for conflict in report.checkouts.iter().flat_map(|checkout| &checkout.conflicts) {
        let place = format!("{}:{}", conflict.path.shown(), conflict.start.line);
        let (message, help) = (plain(&conflict.message), plain(&conflict.help));
        let _ = writeln!(out, "\n- **comfyui**: {}: {message}<br>help: {help}", plain(&place));
    }
    for (level, problem) in report.problems() {
        let _ = writeln!(out, "\n- **{level}**: {}", lines(problem));
    }
    if let Some(command) = &report.next {
        let _ = writeln!(out, "\nTo repair: {}", plain(command));
    }
    out.push('\n');
    out
}

fn row(out: &mut String, checkout: &CheckoutReport) {
    let _ = write!(out, "| {} in {} |", plain(&checkout.name()), plain(&checkout.root.shown()));
    for fix in Fix::ALL {
        let survey = checkout.fixes.iter().find(|survey| survey.fix == *fix);
        let _ = match survey {
            Some(survey) => write!(out, " **{}**: {} |", survey.status.name(), plain(&survey.verdict)),
            None => write!(out, " – |"),
        };
    }
    let _ = match &checkout.verification {
        Verification::Verified { .. } => writeln!(out, " **verified**: {} |", checkout.verification.counts()),
        Verification::NotApplicable => writeln!(out, " nothing to run |"),
        _ => writeln!(out, " **not verified** |"),
    };
}

fn lines(problem: &Problem) -> String {
    problem.to_string().lines().map(plain).collect::<Vec<_>>().join("<br>")
}

/// Text with Markdown's characters escaped.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '&' | '#' | '~' | '!' | '@' | ':') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_markdown() {
        assert_eq!(plain("a|b <img> `c` _d_ \u{1b}"), "a\\|b \\<img\\> \\`c\\` \\_d\\_ ␛");
    }
}
