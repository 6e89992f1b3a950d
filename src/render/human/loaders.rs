//! Which loaders act: a line for each effect and reason.

use std::fmt::Write as _;

use crate::loaders::Effect;
use crate::render::columns::{columns, wrapped};
use crate::render::style::{BAD, GOOD, INDENT, UNSURE, label};
use crate::report::{CheckoutReport, DynamicVramReport, LoaderReport};
use crate::text::visible;

/// The lines, loaders of the same kind together; none where there is no dynamic VRAM, and nothing known to have no effect.
pub(super) fn lines(checkout: &CheckoutReport) -> String {
    let dynamic = checkout.comfyui.as_ref().and_then(|comfyui| comfyui.dynamic_vram);
    let may_be_dynamic = matches!(dynamic, Some(DynamicVramReport::ByDefault | DynamicVramReport::Unclear));
    let is_shown = |loader: &&LoaderReport| may_be_dynamic || loader.effect == Effect::Inert;
    let mut groups: Vec<Vec<&LoaderReport>> = Vec::new();
    for loader in checkout.loaders.iter().filter(is_shown) {
        let is_same = |group: &&mut Vec<&LoaderReport>| group[0].effect == loader.effect && group[0].why == loader.why;
        match groups.iter_mut().find(is_same) {
            Some(group) => group.push(loader),
            None => groups.push(vec![loader]),
        }
    }
    let mut out = String::new();
    for (number, group) in groups.iter().enumerate() {
        let (style, word) = match group[0].effect {
            Effect::Acts => (GOOD, "act"),
            Effect::InertWhileDynamic => (BAD, "no effect while dynamic VRAM is active"),
            Effect::Inert => (BAD, "no effect"),
            Effect::Unknown => (UNSURE, "unknown"),
        };
        let kinds = group.iter().map(|loader| loader.kind.to_string()).collect::<Vec<_>>().join(", ");
        let text = format!("{kinds} ({})", visible(&group[0].why));
        let text = wrapped(&text, INDENT + word.len() + 2, INDENT, columns());
        let name = if number == 0 { "loaders" } else { "" };
        let _ = writeln!(out, "{}{style}{word}{style:#}: {text}", label(name));
    }
    out
}
