//! The verdict, loader by loader.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::gguf::{Installed, Put};
use crate::cache::Cache;
use crate::comfyui::{DynamicVram, Facts, LoaderKind, Made};
use crate::python::Place;

/// What the node does with a dynamic patcher before it marks the model for `DisTorch2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// Nothing: what is marked stays dynamic.
    Inert,
    /// It makes it a plain one.
    Acts,
    /// That was not understood.
    Unknown,
}

/// What a loader of `DisTorch2` does to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It distributes the model.
    Acts,
    /// Nothing while dynamic VRAM is active, as it is by default.
    InertWhileDynamic,
    /// Nothing, in this version of the node with this ComfyUI.
    Inert,
    /// Unknown.
    Unknown,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// In one sentence without a full stop.
    pub why: String,
    /// The place that says so, if there is one.
    pub place: Option<(PathBuf, Place)>,
}

/// One kind of loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loader {
    /// What it loads.
    pub kind: LoaderKind,
    /// What it does.
    pub effect: Effect,
    /// Why.
    pub reason: Reason,
}

/// The verdict about all kinds of loaders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaders {
    /// In the order of [`LoaderKind::ALL`].
    pub each: Vec<Loader>,
    /// The options of ComfyUI that turn dynamic VRAM off, the best known first.
    pub(super) off: Vec<String>,
}

/// What stands beside the ComfyUI's own code.
pub struct Beside<'b> {
    /// What was found in `custom_nodes`; none if that folder is not known.
    pub installed: Option<&'b Installed>,
    /// The attributes that the node asks for before it marks an object.
    pub marked: Result<BTreeSet<String>, String>,
    /// What it does with a dynamic patcher.
    pub marks: Marks,
}

/// Judges every kind of loader.
pub fn judge(facts: &Facts, beside: &Beside<'_>, cache: Option<&Cache>) -> Loaders {
    let judge = Judge { facts, marks: beside.marks };
    let gguf = beside.installed.map(|installed| judge.gguf(installed, cache));
    let each = LoaderKind::ALL.into_iter().map(|kind| {
        let (effect, reason) = match (kind, judge.without_dynamic()) {
            (LoaderKind::ControlNet, _) => control_net(facts, &beside.marked),
            (_, Some(why)) => (Effect::Acts, Reason::of(why)),
            (LoaderKind::GgufDiffusion | LoaderKind::GgufTextEncoder, None) => match &gguf {
                None => unknown("the custom_nodes folder is not known"),
                Some(told) => judge.of_pack(kind, told, beside.installed.is_some_and(|installed| installed.is_cut)),
            },
            (kind, None) => match facts.dynamic.made.iter().find(|made| made.loader == kind) {
                None => unknown("how ComfyUI loads them is not known"),
                Some(made) => judge.of_comfyui(made),
            },
        };
        Loader { kind, effect, reason }
    });
    Loaders { each: each.collect(), off: facts.dynamic.switches.off.clone() }
}

/// What the packs put in, by kind, with the folder of each.
type Told = Vec<(LoaderKind, PathBuf, Result<Put, String>)>;

struct Judge<'j> {
    facts: &'j Facts,
    marks: Marks,
}

impl Judge<'_> {
    /// Why no model gets a dynamic patcher, if that is so.
    fn without_dynamic(&self) -> Option<String> {
        let dynamic = &self.facts.dynamic;
        match dynamic.state {
            DynamicVram::Absent => Some(String::from("this ComfyUI has no dynamic VRAM")),
            DynamicVram::OnRequest(_) => Some(match dynamic.switches.on.first() {
                Some(option) => format!("dynamic VRAM is off unless ComfyUI is started with {option}"),
                None => String::from("dynamic VRAM is off unless it is asked for"),
            }),
            DynamicVram::ByDefault(_) | DynamicVram::Unclear(_) => None,
        }
    }

    fn gguf(&self, installed: &Installed, cache: Option<&Cache>) -> Told {
        if self.without_dynamic().is_some() {
            return Vec::new();
        }
        let puts = installed.packs.iter().flat_map(|pack| {
            let puts = pack.puts(&self.facts.dynamic.patchers, cache);
            puts.into_iter().map(|(kind, put)| (kind, pack.root.clone(), put))
        });
        puts.collect()
    }

    fn of_comfyui(&self, made: &Made) -> (Effect, Reason) {
        match &made.patcher {
            Err(why) => self.not_told(why.clone()),
            Ok((is_dynamic, place)) => {
                let place = (self.facts.root.join(&made.path), *place);
                self.patcher(
                    *is_dynamic,
                    "ComfyUI gives them a dynamic patcher",
                    "ComfyUI gives them a plain patcher",
                    place,
                )
            }
        }
    }

    fn of_pack(&self, kind: LoaderKind, told: &Told, is_cut: bool) -> (Effect, Reason) {
        let of_kind: Vec<_> = told.iter().filter(|(of, ..)| *of == kind).map(|(_, root, put)| (root, put)).collect();
        match &of_kind[..] {
            [] if is_cut => unknown("not all of custom_nodes was looked at"),
            [] => unknown("no ComfyUI-GGUF was recognised in custom_nodes"),
            [(root, Ok(put)), others @ ..]
                if others
                    .iter()
                    .all(|(_, other)| other.as_ref().is_ok_and(|other| other.is_dynamic == put.is_dynamic)) =>
            {
                let pack = root.file_name().unwrap_or_default().display();
                let dynamic = format!("`{}` of {pack} is a dynamic patcher", put.name);
                let plain = format!("`{}` of {pack} is a plain patcher", put.name);
                let place = (root.join(&put.path), put.place);
                if put.is_dynamic && self.marks == Marks::Acts {
                    let why = format!("{dynamic}, and whether the node makes that one plain is not known");
                    return (Effect::Unknown, Reason { why, place: Some(place) });
                }
                self.patcher(put.is_dynamic, &dynamic, &plain, place)
            }
            [(root, Err(why))] => {
                let pack = root.file_name().unwrap_or_default().display();
                unknown(&format!("{pack}: {why}"))
            }
            _ => unknown("several packs have such loaders, and they differ"),
        }
    }

    /// With this patcher.
    fn patcher(&self, is_dynamic: bool, dynamic: &str, plain: &str, place: (PathBuf, Place)) -> (Effect, Reason) {
        let reason = |why: &str| Reason { why: why.to_owned(), place: Some(place) };
        match (is_dynamic, self.marks, self.facts.dynamic.state) {
            (false, ..) => (Effect::Acts, reason(plain)),
            (true, Marks::Acts, _) => (Effect::Acts, reason("the node makes dynamic patchers plain")),
            (true, Marks::Unknown, _) => {
                (Effect::Unknown, reason("what the node does with a dynamic patcher was not understood"))
            }
            (true, Marks::Inert, DynamicVram::Unclear(_)) => {
                (Effect::Unknown, reason("when dynamic VRAM is active was not understood"))
            }
            (true, Marks::Inert, _) => (Effect::InertWhileDynamic, reason(dynamic)),
        }
    }

    /// With a patcher that is unknown, which makes no difference to a node that makes it plain.
    fn not_told(&self, why: String) -> (Effect, Reason) {
        match self.marks {
            Marks::Acts => (Effect::Acts, Reason::of(String::from("the node makes dynamic patchers plain"))),
            Marks::Inert | Marks::Unknown => (Effect::Unknown, Reason::of(why)),
        }
    }
}

/// Whether dynamic or not: the node does not mark what has none of the attributes that it asks for.
fn control_net(facts: &Facts, marked: &Result<BTreeSet<String>, String>) -> (Effect, Reason) {
    match (marked, &facts.dynamic.control_net) {
        (Err(why), _) | (_, Err(why)) => unknown(why),
        (Ok(asked), Ok(names)) => {
            if let Some(name) = asked.iter().find(|name| names.contains(*name)) {
                return unknown(&format!("their objects may have `{name}`, and how the node treats that is not known"));
            }
            let list = asked.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" nor ");
            let neither = if asked.len() == 1 { "no" } else { "neither" };
            let why = format!("the node never marks them, because their objects have {neither} {list}");
            (Effect::Inert, Reason::of(why))
        }
    }
}

fn unknown(why: &str) -> (Effect, Reason) {
    (Effect::Unknown, Reason::of(why.to_owned()))
}

impl Reason {
    fn of(why: String) -> Self {
        Self { why, place: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice;
    use crate::comfyui::{self, LoaderKind as Kind};
    use crate::install::Files;
    use crate::loaders::find;

    const PATCHER: &str = "class Plain:\n    def is_dynamic(self): return False\n\
                           class Paged(Plain):\n    def is_dynamic(self): return True\n";
    const SD: &str = "def load_diffusion_model_state_dict(): return Core()\ndef load_state_dict_guess_config(): return Core()\n\
                      class CLIP:\n    p = Core()\nclass VAE:\n    p = Core()\n";
    const MAIN: &str = "if pages():\n    comfy.model_patcher.Core = comfy.model_patcher.Paged\n";
    const OPTIONS: &str = "parser.add_argument('--no-paging', action='store_true')\n\
                           parser.add_argument('--paging', action='store_true')\n";

    /// A ComfyUI with dynamic VRAM unless it is started with `--no-paging`, in which some files differ.
    struct Machine {
        folder: tempfile::TempDir,
        marks: Marks,
    }

    impl Machine {
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let usual = [
                ("comfy/model_patcher.py", PATCHER),
                ("comfy/sd.py", SD),
                ("comfy/clip_vision.py", "class ClipVisionModel:\n    p = Core()\n"),
                ("comfy/controlnet.py", "class Net:\n    def copy(self): return Net()\n"),
                ("comfy/cli_args.py", &format!("{OPTIONS}def pages(): return not args.no_paging\n")),
                ("main.py", MAIN),
            ];
            for (path, text) in usual.iter().chain(files) {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Self { folder, marks: Marks::Inert }
        }

        /// With a pack whose GGUF loaders use a patcher that derives from this one.
        fn with_gguf(files: &[(&str, &str)], base: &str) -> Self {
            let loader = |name: &str| {
                format!("class {name}:\n    FUNCTION = 'go'\n    def go(self, model): return (OwnPatcher(model),)\n")
            };
            let text = format!(
                "import comfy.model_patcher\nclass OwnPatcher(comfy.model_patcher.{base}): pass\n{}{}",
                loader("UnetLoaderGGUF"),
                loader("CLIPLoaderGGUF")
            );
            let pack = [("custom_nodes/pack/__init__.py", text.as_str())];
            Self::new(&[files, &pack].concat())
        }

        fn marking(self, marks: Marks) -> Self {
            Self { marks, ..self }
        }

        fn loaders(&self) -> Loaders {
            let facts = comfyui::read(&Files::Folder(self.folder.path().to_owned()), None).unwrap();
            let installed = find(&self.folder.path().join("custom_nodes"), &self.folder.path().join("node"));
            let marked = Ok(["model", "patcher"].map(String::from).into());
            judge(&facts, &Beside { installed: Some(&installed), marked, marks: self.marks }, None)
        }

        fn effects(&self) -> Vec<Effect> {
            self.loaders().each.into_iter().map(|loader| loader.effect).collect()
        }

        fn why(&self, kind: Kind) -> String {
            self.loaders().each.into_iter().find(|loader| loader.kind == kind).unwrap().reason.why
        }

        /// The warning and its advice, and whether it is certain.
        fn warning(&self) -> Option<(String, bool)> {
            let (error, is_certain) = self.loaders().warning()?;
            Some((format!("{error} / {}", advice::help(&error).join(" / ")), is_certain))
        }
    }

    /// The effects of both GGUF loaders, of the five of ComfyUI, and of `ControlNet`.
    fn effects(gguf: Effect, own: Effect, control_net: Effect) -> Vec<Effect> {
        [vec![gguf; 2], vec![own; 5], vec![control_net]].concat()
    }

    #[test]
    fn a_dynamic_patcher_is_out_of_reach_and_a_plain_one_is_not() {
        use Effect::{Acts, Inert, InertWhileDynamic, Unknown};
        let alone = Machine::new(&[]);
        assert_eq!(alone.effects(), effects(Unknown, InertWhileDynamic, Inert));
        let text = "DisTorch2's safetensors loaders have no effect while this ComfyUI's dynamic VRAM is active \
                    / start ComfyUI with --no-paging";
        assert_eq!(alone.warning(), Some((text.to_owned(), true)));
        assert_eq!(alone.why(Kind::GgufDiffusion), "no ComfyUI-GGUF was recognised in custom_nodes");

        let plain = Machine::with_gguf(&[], "Plain");
        assert_eq!(plain.effects(), effects(Acts, InertWhileDynamic, Inert));
        let text = "DisTorch2's safetensors loaders have no effect while this ComfyUI's dynamic VRAM is active; GGUF loaders act \
                    / start ComfyUI with --no-paging, or load GGUF files";
        assert_eq!(plain.warning(), Some((text.to_owned(), true)));

        for base in ["Paged", "Core"] {
            let dynamic = Machine::with_gguf(&[], base);
            assert_eq!(dynamic.effects(), effects(InertWhileDynamic, InertWhileDynamic, Inert), "{base}");
            assert!(
                dynamic.warning().unwrap().0.starts_with("DisTorch2's safetensors and GGUF loaders have no effect")
            );
        }
        let newer = Machine::with_gguf(&[], "Newer");
        assert_eq!(newer.effects(), effects(Unknown, InertWhileDynamic, Inert));
    }

    #[test]
    fn a_node_that_makes_patchers_plain_acts() {
        use Effect::{Acts, Inert, Unknown};
        for (base, gguf) in [("Plain", Acts), ("Paged", Unknown), ("Newer", Unknown)] {
            let acts = Machine::with_gguf(&[], base).marking(Marks::Acts);
            assert_eq!((acts.effects(), acts.warning()), (effects(gguf, Acts, Inert), None), "{base}");
        }
        let opaque = Machine::with_gguf(&[], "Plain").marking(Marks::Unknown);
        assert_eq!(opaque.effects(), effects(Acts, Unknown, Inert));
        let (text, is_certain) = opaque.warning().unwrap();
        assert!(text.starts_with("DisTorch2's safetensors loaders may have no effect") && !is_certain, "{text}");
    }

    #[test]
    fn without_dynamic_vram_all_but_control_nets_act() {
        use Effect::{Acts, Inert};
        let asked = format!("{OPTIONS}def pages(): return args.paging\n");
        for (path, text, why) in [
            ("comfy/model_patcher.py", "class Plain: pass\n", "this ComfyUI has no dynamic VRAM"),
            ("comfy/cli_args.py", asked.as_str(), "dynamic VRAM is off unless ComfyUI is started with --paging"),
        ] {
            let machine = Machine::new(&[(path, text)]);
            assert_eq!((machine.effects(), machine.warning()), (effects(Acts, Acts, Inert), None), "{path}");
            assert_eq!(machine.why(Kind::Vae), why);
        }
    }

    #[test]
    fn what_is_not_read_is_unknown_and_no_certain_warning() {
        let machine = Machine::new(&[
            ("comfy/sd.py", "x = (\n"),
            ("comfy/clip_vision.py", "class ClipVisionModel:\n    p = Plain()\n"),
        ]);
        let [.., vae, clip_vision, checkpoint, _] = machine.effects()[..] else { panic!("eight kinds") };
        assert_eq!([vae, clip_vision, checkpoint], [Effect::Unknown, Effect::Acts, Effect::Unknown]);
        let (text, is_certain) = machine.warning().unwrap();
        let start = "DisTorch2's loaders of diffusion models, text encoders, VAEs and checkpoints may have no effect";
        assert!(text.starts_with(start) && !is_certain, "{text}");
    }

    #[test]
    fn control_nets_are_judged_by_what_their_objects_have() {
        let has =
            Machine::new(&[("comfy/controlnet.py", "class Net:\n    patcher = None\ndef load(): return Net()\n")]);
        assert_eq!(has.loaders().each[7].effect, Effect::Unknown);
        assert!(has.why(Kind::ControlNet).contains("may have `patcher`"));
        let why = Machine::new(&[]).why(Kind::ControlNet);
        assert_eq!(why, "the node never marks them, because their objects have neither `model` nor `patcher`");
    }
}
