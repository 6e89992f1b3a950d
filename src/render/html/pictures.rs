//! What lies where while a workflow runs: the picture of its plan, and the same as a sentence and as a table.

use maud::{Markup, PreEscaped, html};
use serde::{Deserialize, Serialize};

use super::{section, sentence, some, wide};
use crate::allocator::gigabytes;
use crate::render::svg;
use crate::report::doctor::ExaminedWorkflow;
use crate::stages::{Stage, Staged};

#[derive(Serialize, Deserialize)]
pub(super) struct Picture {
    workflow: String,
    svg: Vec<Piece>,
    peaks: String,
    devices: Vec<String>,
    /// The name of each stage, and what lies on each device.
    stages: Vec<(String, Vec<String>)>,
    /// What is not known.
    unknown: Vec<String>,
}

/// A piece of a picture. Its texts are texts of the page: what is private is left out of them too.
#[derive(Serialize, Deserialize)]
enum Piece {
    Markup(String),
    Text(String),
}

impl Picture {
    /// That of a workflow, if there is a plan for it.
    pub(super) fn new(workflow: &ExaminedWorkflow) -> Option<Self> {
        let plan = workflow.plan.ok().filter(|plan| shows_something(&plan.staged))?;
        let staged = &plan.staged;
        let devices = staged.stages[0].usage.iter().map(|usage| usage.device.as_str().to_owned());
        Some(Self {
            workflow: plan.file.clone(),
            svg: svg::stages(staged).split_inclusive('\n').flat_map(pieces).collect(),
            peaks: peaks(staged),
            devices: devices.collect(),
            stages: some(&staged.stages).map(row).collect(),
            unknown: staged.unknown.clone(),
        })
    }

    fn markup(&self) -> Markup {
        html! {
            figure.card.picture {
                h3 { (self.workflow) }
                (wide("Picture", &self.svg()))
                figcaption { (self.peaks) }
                @for unknown in &self.unknown { p.about { "Not known: " (sentence(unknown)) } }
                details {
                    summary { "The same as a table" }
                    (wide("Table", &self.table()))
                }
            }
        }
    }

    fn svg(&self) -> Markup {
        html! {
            @for piece in &self.svg {
                @match piece {
                    Piece::Markup(markup) => (PreEscaped(markup)),
                    Piece::Text(text) => (text),
                }
            }
        }
    }

    fn table(&self) -> Markup {
        html! {
            table {
                thead {
                    tr {
                        th scope="col" { "Stage" }
                        @for device in &self.devices { th.amount scope="col" { (device) } }
                    }
                }
                tbody {
                    @for (stage, amounts) in &self.stages {
                        tr {
                            th scope="row" { (stage) }
                            @for amount in amounts { td.amount { (amount) } }
                        }
                    }
                }
            }
        }
    }
}

/// The pictures of all workflows.
pub(super) fn markup(pictures: &[Picture]) -> Markup {
    let all = html! { @for picture in pictures { (picture.markup()) } };
    if pictures.is_empty() {
        html! {}
    } else {
        section("pictures", "What lies where while it runs", &all)
    }
}

/// Is the size of any model known?
pub(super) fn shows_something(staged: &Staged) -> bool {
    staged.stages.iter().flat_map(|stage| &stage.usage).any(|usage| usage.used_bytes() > 0)
}

/// The pieces of a line of a picture, in which an element with a text is a line of its own.
fn pieces(line: &str) -> Vec<Piece> {
    let parts = line.split_once("</text>").and_then(|(start, _)| start.split_once('>'));
    match parts {
        Some((start, text)) => {
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            vec![Piece::Markup(format!("{start}>")), Piece::Text(text), Piece::Markup("</text>\n".to_owned())]
        }
        None => vec![Piece::Markup(line.to_owned())],
    }
}

fn row(stage: &Stage) -> (String, Vec<String>) {
    let class = stage.nodes.first().map_or("", |node| node.class.as_str());
    let ids: Vec<&str> = stage.nodes.iter().map(|node| node.id.as_str()).collect();
    let amounts = stage.usage.iter().map(|usage| format!("{:.2} GB", gigabytes(usage.used_bytes())));
    (format!("{class} (node {})", ids.join(", ")), amounts.collect())
}

/// The most that lies on each device, as a sentence.
fn peaks(staged: &Staged) -> String {
    let each = staged.peaks().into_iter().map(|(usage, stage)| {
        let (used, total) = (gigabytes(usage.used_bytes()), gigabytes(usage.total_bytes));
        let over = if staged.is_over(&usage) { ", which is more than it has" } else { "" };
        format!("{used:.2} of {total:.1} GB on {} in stage {}{over}", usage.device.as_str(), stage + 1)
    });
    format!("At most: {}.", each.collect::<Vec<_>>().join("; "))
}
