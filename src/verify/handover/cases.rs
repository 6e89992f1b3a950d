//! What a loader gives, and what has to come of it.

/// One run of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// The kind of patcher.
    pub(super) kind: &'static str,
    /// What holds it.
    pub(super) holder: Option<&'static str>,
    /// Where that is.
    pub(super) shape: &'static str,
    /// Which allocations are asked for.
    pub(super) asked: Asked,
}

/// Which of the values that a way finds around it ask for an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    All,
    None,
    /// The one of this name, or under this key.
    Only(String),
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
    /// What has to come of it, if an allocation is kept without the repair, or none.
    pub(super) fn outcome(&self, is_marked: bool) -> Outcome {
        match self.kind {
            _ if !is_marked => Outcome::Untouched,
            "loads-again" | "taken-over" => Outcome::HandedOver,
            "static" | "GGUF" | "older" => Outcome::Untouched,
            _ => Outcome::Failed,
        }
    }

    /// The case that comes to the right thing without the repair, if the model is to be handed over.
    pub(super) fn plain(&self) -> Self {
        let kind = if self.outcome(true) == Outcome::HandedOver { "plain" } else { self.kind };
        Self { kind, ..self.clone() }
    }

    /// In words.
    pub(super) fn describe(&self) -> String {
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
        let asked = match &self.asked {
            Asked::All => String::new(),
            Asked::None => ", without an allocation".to_owned(),
            Asked::Only(name) => format!(", with an allocation by `{name}` only"),
        };
        format!("{holder}{patcher}{shape}{asked}")
    }
}

const HOLDERS: [Option<&str>; 4] = [None, Some("CLIP"), Some("VAE"), Some("CLIP vision")];
const FEW: [Option<&str>; 2] = [None, Some("CLIP")];

/// The cases of a way: of one whose loader gives several outputs, or the model itself. `asking` are the values that may ask
/// for an allocation.
pub(super) fn cases(is_one_of_several: bool, asking: &[String]) -> Vec<Case> {
    let shape = if is_one_of_several { "tuple" } else { "itself" };
    let mut cases = Vec::new();
    let mut add = |kinds: &[&'static str], holders: &[Option<&'static str>], shape, asked: Asked| {
        let of = |kind: &&'static str| {
            let case = |holder| Case { kind, holder, shape, asked: asked.clone() };
            holders.iter().copied().map(case).collect::<Vec<_>>()
        };
        cases.extend(kinds.iter().flat_map(of));
    };
    add(&["taken-over"], &HOLDERS, shape, Asked::All);
    add(&["loads-again", "static", "GGUF", "older"], &FEW, shape, Asked::All);
    if is_one_of_several {
        add(&["taken-over"], &FEW, "list", Asked::All);
        add(&["taken-over"], &FEW, "three", Asked::All);
    }
    add(&["not-cloned", "not-handed-on", "not-converted", "stays-dynamic"], &FEW, shape, Asked::All);
    add(&["taken-over", "static", "older"], &FEW, shape, Asked::None);
    for name in asking.iter().filter(|_| asking.len() > 1) {
        add(&["taken-over"], &FEW, shape, Asked::Only(name.clone()));
    }
    cases
}
