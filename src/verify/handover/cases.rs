//! What a loader gives, and what has to come of it.

/// One run of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// The kind of patcher.
    pub(super) kind: &'static str,
    /// What holds it.
    pub(super) holder: Option<&'static str>,
    /// Where that is.
    pub(super) shape: &'static str,
    /// Is an allocation asked for?
    pub(super) is_asked: bool,
}

/// What has to come of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The model is handed over: everything is as if the loader had given a plain patcher.
    HandedOver,
    /// It cannot be handed over: everything is as without the repair, but for one warning.
    Failed,
    /// Everything is as without the repair, and nobody asks for a clone.
    Untouched,
}

impl Case {
    pub(super) fn outcome(self) -> Outcome {
        match self.kind {
            _ if !self.is_asked => Outcome::Untouched,
            "loads-again" | "taken-over" => Outcome::HandedOver,
            "static" | "GGUF" | "older" => Outcome::Untouched,
            _ => Outcome::Failed,
        }
    }

    /// The case whose outcome without the repair is the right one.
    pub(super) fn like(self) -> Self {
        let kind = if self.outcome() == Outcome::HandedOver { "plain" } else { self.kind };
        Self { kind, ..self }
    }

    /// In words.
    pub(super) fn describe(self) -> String {
        let patcher = match self.kind {
            "loads-again" => "a dynamic patcher that can be loaded again",
            "taken-over" => "a dynamic patcher without `cached_patcher_init`",
            "static" => "a static patcher",
            "GGUF" => "a GGUF patcher",
            "older" => "the patcher of an older ComfyUI",
            "not-cloned" => "a dynamic patcher that cannot be cloned",
            "not-handed-on" => "a dynamic patcher that does not hand its model on",
            "not-converted" => "a dynamic patcher whose weights cannot be converted",
            "stays-dynamic" => "a dynamic patcher whose clone is dynamic too",
            other => other,
        };
        let holder = self.holder.map(|holder| format!("{holder} with ")).unwrap_or_default();
        let shape = match self.shape {
            "list" => ", in a list",
            "three" => ", one of three outputs",
            "tuple" => ", in a tuple",
            _ => "",
        };
        let asked = if self.is_asked { "" } else { ", without an allocation" };
        format!("{holder}{patcher}{shape}{asked}")
    }
}

const HOLDERS: [Option<&str>; 4] = [None, Some("CLIP"), Some("VAE"), Some("CLIP vision")];
const FEW: [Option<&str>; 2] = [None, Some("CLIP")];

/// The cases of a way: of one whose loader gives several outputs, or the model itself.
pub(super) fn cases(is_one_of_several: bool) -> Vec<Case> {
    let shape = if is_one_of_several { "tuple" } else { "itself" };
    let of = |kind, holder, shape, is_asked| Case { kind, holder, shape, is_asked };
    let mut cases = Vec::new();
    for kind in ["loads-again", "taken-over"] {
        cases.extend(HOLDERS.map(|holder| of(kind, holder, shape, true)));
    }
    if is_one_of_several {
        for shape in ["list", "three"] {
            cases.extend(FEW.map(|holder| of("taken-over", holder, shape, true)));
        }
    }
    for kind in ["static", "GGUF", "older", "not-cloned", "not-handed-on", "not-converted", "stays-dynamic"] {
        cases.extend(FEW.map(|holder| of(kind, holder, shape, true)));
    }
    for kind in ["taken-over", "static", "GGUF", "older"] {
        cases.extend(FEW.map(|holder| of(kind, holder, shape, false)));
    }
    cases
}
