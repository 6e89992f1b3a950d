//! The inputs of node classes, read from small installations that are written here.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use distorch_fix::inputs::{Choices, Class, Classes, Kind, KnownBy, Literal, WidgetKind, installed};
use tempfile::TempDir;

/// ComfyUI's loaders, in little.
const NODES: &str = r#"
import os
import folder_paths
from comfy.comfy_types import IO

class UNETLoader:
    @classmethod
    def INPUT_TYPES(s):
        return {"required": {"unet_name": (folder_paths.get_filename_list("diffusion_models"),),
                             "weight_dtype": (["default", "fp8"],)}}
    RETURN_TYPES = ("MODEL",)
    FUNCTION = "load_unet"

class CLIPLoader:
    @classmethod
    def INPUT_TYPES(s):
        return {"required": {"clip_name": (folder_paths.get_filename_list("text_encoders"),), "type": (["a", "b"],)},
                "optional": {"device": (["default", "cpu"], {"advanced": True})}}
    RETURN_TYPES = ("CLIP",)
    FUNCTION = "load_clip"

class Sampler:
    @classmethod
    def INPUT_TYPES(s):
        return {"required": {"model": ("MODEL",), "seed": ("INT", {"default": 0, "control_after_generate": True}),
                             "text": (IO.STRING, {"multiline": True}), "forced": ("FLOAT", {"forceInput": True}),
                             "steps": ("INT", {"default": 20})}}
    RETURN_TYPES = ("LATENT",)
    FUNCTION = "sample"

NODE_CLASS_MAPPINGS = {"UNETLoader": UNETLoader, "CLIPLoader": CLIPLoader, "Sampler": Sampler}
"#;

/// The newer form of a node.
const EXTRA: &str = r#"
import folder_paths
from comfy_api.latest import ComfyExtension, io

class TripleCLIPLoader(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TripleCLIPLoader",
            inputs=[io.Combo.Input(f"clip_name{n}", options=folder_paths.get_filename_list("text_encoders")) for n in (1, 2, 3)],
            outputs=[io.Clip.Output()],
        )
"#;

/// What every pack begins with.
const HEAD: &str = r#"
import copy
import folder_paths
import torch
from nodes import NODE_CLASS_MAPPINGS as GLOBAL

def devices():
    found = ["cpu"]
    for i in range(torch.cuda.device_count()):
        found.append(f"cuda:{i}")
    return found
"#;

/// An installation with this `__init__.py` for the node, and these other files.
fn installation(init: &str, others: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let init = format!("{HEAD}{init}");
    let files = [
        ("nodes.py", NODES),
        ("comfy_extras/nodes_sd3.py", EXTRA),
        ("custom_nodes/ComfyUI-MultiGPU/__init__.py", init.as_str()),
    ];
    for (name, text) in files.iter().chain(others) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn read(folder: &Path, wanted: &[&str]) -> Classes {
    installed(Some(&folder.join("custom_nodes/ComfyUI-MultiGPU")), Some(folder), wanted, None)
}

fn classes(init: &str) -> Classes {
    read(installation(init, &[]).path(), &[])
}

fn names(class: Option<&Class>) -> Vec<&str> {
    class.map(|class| class.widgets.iter().map(|widget| widget.name.as_str()).collect()).unwrap_or_default()
}

/// A wrapper of the node's style, whose `INPUT_TYPES` is this body; `cls` is the class that it wraps.
fn wrapper(body: &str) -> String {
    format!(
        r#"
def wrap(cls):
    class Wrapped(cls):
        @classmethod
        def INPUT_TYPES(s):
{body}
    return Wrapped

NODE_CLASS_MAPPINGS = {{"XDisTorch2MultiGPU": wrap(GLOBAL["CLIPLoader"])}}
"#
    )
}

/// Each body with the widgets that it gives.
const STYLES: [(&str, &str, &str); 20] = [
    (
        "a name that the class has too",
        r#"
            inputs = cls.INPUT_TYPES()
            inputs["optional"] = {"device": (devices(), {"default": "cpu"})}
            return inputs
        def devices(self):
            return "STRING""#,
        "clip_name type device",
    ),
    (
        "names of a function around",
        r#"
            at = 0
            def named(kind):
                nonlocal at
                at += 1
                return f"{kind.lower()}{at}"
            return {"required": {named(kind): (kind,) for kind in ("INT", "FLOAT")}}"#,
        "int1 float2",
    ),
    (
        "a deep copy that is changed",
        r#"
            inputs = copy.deepcopy(cls.INPUT_TYPES())
            inputs["optional"] = inputs.get("optional", {})
            inputs["optional"]["device"] = (devices(), {"default": "cpu"})
            inputs["optional"]["expert_allocations"] = ("STRING", {"default": ""})
            return inputs"#,
        "clip_name type device expert_allocations",
    ),
    (
        "deletion and a new place",
        r#"
            inputs = cls.INPUT_TYPES().copy()
            inputs["optional"] = dict(inputs["optional"])
            del inputs["optional"]["device"]
            inputs["optional"]["expert_allocations"] = ("STRING", {"default": ""})
            inputs["optional"]["device"] = (devices(),)
            return inputs"#,
        "clip_name type expert_allocations device",
    ),
    (
        "unpacked dictionaries",
        r#"
            base = cls.INPUT_TYPES()
            return {**base, "optional": {"first": ("INT",), **base["optional"], "last": ("FLOAT", {"default": 1.0})}}"#,
        "clip_name type first device last",
    ),
    (
        "the union of dictionaries",
        r#"
            base = super().INPUT_TYPES()
            base["required"] |= {"device": (devices(),)}
            return base | {"optional": {}}"#,
        "clip_name type device",
    ),
    (
        "update, setdefault and pop",
        r#"
            inputs = copy.deepcopy(cls.INPUT_TYPES())
            inputs.setdefault("optional", {}).pop("device", None)
            inputs["optional"].update({"a": ("INT",)}, b=("STRING", {}))
            return inputs"#,
        "clip_name type a b",
    ),
    (
        "moved to the front of the required ones",
        r#"
            inputs = cls.INPUT_TYPES()
            moved = inputs["optional"].pop("device")
            inputs["required"] = {"device": moved, **inputs["required"]}
            return inputs"#,
        "device clip_name type",
    ),
    (
        "a list of pairs",
        r#"
            inputs = cls.INPUT_TYPES()
            pairs = list(inputs["required"].items())
            pairs.insert(1, ("device", (devices(),)))
            inputs["required"] = dict(pairs)
            inputs["optional"] = {}
            return inputs"#,
        "clip_name device type",
    ),
    (
        "sorted and reversed keys",
        r#"
            required = cls.INPUT_TYPES()["required"]
            required["alone"] = ("INT",)
            return {"required": {k: required[k] for k in sorted(required)},
                    "optional": {k: required[k] for k in list(reversed(["x", "y"])) if k in required}}"#,
        "alone clip_name type",
    ),
    (
        "an ordered dictionary",
        r#"
            from collections import OrderedDict
            required = OrderedDict(cls.INPUT_TYPES()["required"])
            required["device"] = (devices(),)
            required.move_to_end("clip_name")
            required.move_to_end("device", last=False)
            return {"required": required}"#,
        "device type clip_name",
    ),
    (
        "a loop with formatted names",
        r#"
            inputs = {"required": {}}
            for i, kind in enumerate(["INT", "FLOAT"]):
                inputs["required"][f"value_{i}"] = (kind, {})
            return inputs"#,
        "value_0 value_1",
    ),
    (
        "slices of the keys",
        r#"
            required = {**cls.INPUT_TYPES()["required"], "c": ("INT",)}
            keys = list(required)
            keys = keys[-1:] + keys[:2]
            return {"required": {k: required[k] for k in keys}}"#,
        "c clip_name type",
    ),
    (
        "a counted loop",
        r#"
            required, at = {}, 0
            while at < 3:
                required[f"n{at}"] = ("INT",)
                at += 1
            return {"required": required}"#,
        "n0 n1 n2",
    ),
    (
        "a condition that is known",
        r#"
            inputs = copy.deepcopy(cls.INPUT_TYPES())
            inputs["optional"]["new" if cls.FUNCTION == "load_clip" else "old"] = ("INT",)
            if "device" in inputs["optional"] and not hasattr(cls, "NOTHING"):
                inputs["optional"]["seen"] = ("BOOLEAN", {"default": True})
            return inputs"#,
        "clip_name type device new seen",
    ),
    (
        "a function that changes what it is given",
        r#"
            def add(group, name, *entry, **options):
                group[name] = (entry[0], options)
            inputs = cls.INPUT_TYPES()
            add(inputs["optional"], "device", devices(), default="cpu")
            add(inputs["optional"], "text", "STRING", default="")
            return inputs"#,
        "clip_name type device text",
    ),
    (
        "a fork in a function with one result",
        r#"
            extra = {"a": ("INT",)} if torch.cuda.is_available() else {"a": ("INT",)}
            inputs = cls.INPUT_TYPES()
            inputs["optional"] = {}
            if torch.cuda.is_available():
                print("a card")
            return inputs"#,
        "clip_name type",
    ),
    (
        "a lambda and a conditional expression",
        r#"
            entry = lambda kind, **more: (kind, more)
            return {"required": {"a": entry("INT", default=3)}, "optional": {} if True else None}"#,
        "a",
    ),
    (
        "a comprehension that leaves one out",
        r#"
            inputs = cls.INPUT_TYPES()
            return {group: {k: v for k, v in entries.items() if k != "type"} for group, entries in inputs.items()}"#,
        "clip_name device",
    ),
    (
        "sockets between the widgets",
        r#"
            return {"required": {"model": ("MODEL",), "a": ("INT",), "any": ("*",), "b": ("STRING",)}, "hidden": {"id": "UNIQUE_ID"}}"#,
        "a b",
    ),
];

#[test]
fn wrappers_of_every_style_are_followed() {
    for (style, body, expected) in STYLES {
        let classes = classes(&wrapper(body));
        let why = classes.why_unknown("XDisTorch2MultiGPU");
        assert_eq!(names(classes.get("XDisTorch2MultiGPU")).join(" "), expected, "{style}: {why:?}");
    }
}

/// Bodies that depend on what is not known, each with a word of the reason.
const UNKNOWN: [(&str, &str); 9] = [
    (
        "which inputs",
        r#"
            inputs = copy.deepcopy(cls.INPUT_TYPES())
            if torch.cuda.device_count() > 1:
                inputs["optional"]["second"] = ("INT",)
            return inputs"#,
    ),
    (
        "which inputs",
        r#"
            inputs = copy.deepcopy(cls.INPUT_TYPES())
            for name in torch.names():
                inputs["optional"][name] = ("INT",)
            return inputs"#,
    ),
    (
        "which inputs",
        r"
            inputs = copy.deepcopy(cls.INPUT_TYPES())
            torch.change(inputs)
            return inputs",
    ),
    (
        "which inputs",
        r#"
            inputs = copy.deepcopy(cls.INPUT_TYPES())
            if torch.cuda.is_available():
                return inputs
            inputs["optional"]["late"] = ("INT",)
            return inputs"#,
    ),
    (
        "which inputs",
        r#"
            required = cls.INPUT_TYPES()["required"]
            return {"required": {k: required[k] for k in sorted(required, key=torch.rank)}}"#,
    ),
    (
        "which inputs",
        r#"
            inputs = copy.deepcopy(cls.INPUT_TYPES())
            for name in ["a", "b"]:
                if torch.skip(name):
                    break
                inputs["optional"][name] = ("INT",)
            return inputs"#,
    ),
    (
        "cannot be followed",
        r"
            return torch.inputs()",
    ),
    (
        "`odd`",
        r#"
            return {"required": {"odd": (torch.kind(),), "after": ("INT",)}}"#,
    ),
    (
        "`samplers`",
        r#"
            import comfy.samplers
            return {"required": {"samplers": (comfy.samplers.NAMES,), "after": ("INT",)}}"#,
    ),
];

#[test]
fn what_cannot_be_followed_is_not_guessed() {
    for (reason, body) in UNKNOWN {
        let classes = classes(&wrapper(body));
        assert_eq!(classes.get("XDisTorch2MultiGPU"), None, "{body}");
        assert_eq!(classes.has("XDisTorch2MultiGPU"), Some(true), "{body}");
        let why = classes.why_unknown("XDisTorch2MultiGPU").unwrap_or_default();
        assert!(why.contains(reason) && why.contains("__init__.py:"), "{why}: {body}");
    }
}

#[test]
fn kinds_choices_and_defaults_are_read() {
    let folder = installation(
        &wrapper(
            r#"
            inputs = copy.deepcopy(cls.INPUT_TYPES())
            found = devices()
            inputs["optional"]["device"] = (found, {"default": found[1] if len(found) > 1 else found[0]})
            inputs["optional"]["virtual_vram_gb"] = ("FLOAT", {"default": 4.0})
            inputs["optional"]["donor_device"] = (found, {"default": "cpu"})
            inputs["optional"]["expert_mode_allocations"] = ("STRING", {"default": ""})
            inputs["optional"]["eject_models"] = ("BOOLEAN", {"default": False})
            return inputs"#,
        ),
        &[],
    );
    let classes = read(folder.path(), &[]);
    let class = classes.get("XDisTorch2MultiGPU").unwrap();
    let widget = |name: &str| class.widgets.iter().find(|widget| widget.name == name).unwrap();
    assert_eq!(widget("clip_name").kind, WidgetKind::Combo(Choices::Models(vec!["text_encoders".to_owned()])));
    assert_eq!(widget("type").kind, WidgetKind::Combo(Choices::Fixed(vec!["a".to_owned(), "b".to_owned()])));
    assert_eq!(widget("type").default, Some(Literal::Text("a".to_owned())));
    assert_eq!(widget("device").kind, WidgetKind::Combo(Choices::Devices));
    assert_eq!(widget("device").default, None, "it depends on the machine");
    assert_eq!(widget("virtual_vram_gb").default, Some(Literal::Number(4.0)));
    assert_eq!(widget("eject_models").default, Some(Literal::Boolean(false)));
    assert!(widget("device").is_optional && !widget("type").is_optional);
    let part = &class.parts[0];
    let places = [Some(part.device), part.virtual_vram, part.donor, part.string, part.eject];
    assert_eq!(places, [2, 3, 4, 5, 6].map(Some));
    assert_eq!((class.kind, class.base.as_deref()), (Kind::DisTorch2, Some("CLIPLoader")));
    assert!(
        matches!(&class.known_by, KnownBy::Source { file, line: 14 } if file == "__init__.py"),
        "{:?}",
        class.known_by
    );
    assert_eq!(names(classes.get("CLIPLoader")).join(" "), "clip_name type device", "what it wraps is there too");
    assert_eq!(classes.get("CLIPLoader").unwrap().kind, Kind::Plain);
}

/// A wrapper with other names, and what it does with them.
const USES: &str = r#"
def wrap(cls, name):
    class Wrapped(cls):
        @classmethod
        def INPUT_TYPES(s):
            inputs = copy.deepcopy(cls.INPUT_TYPES())
            inputs["optional"] = {"note": ("STRING", {}), "lent": ("FLOAT", {}), "from_there": (devices(),), name: (devices(),),
                                  "plan": ("STRING", {}), "eject_all": ("BOOLEAN", {})}
            return inputs
        FUNCTION = "override"
        def override(self, *args, plan="", lent=0.0, **kwargs):
            there = kwargs.pop("from_there", "cpu")
            here = kwargs.get(name)
            chosen = here
            behind = ""
            if lent > 0:
                behind = f"{chosen};{lent};{there}"
            elif plan:
                behind = chosen
            whole = f"{plan}#{behind}" if plan or behind else ""
            return whole
    return Wrapped

NODE_CLASS_MAPPINGS = {"XDisTorch2MultiGPU": wrap(GLOBAL["CLIPLoader"], "where")}
"#;

#[test]
fn models_of_several_folders_are_known_in_any_order() {
    let lists = [
        "sorted(folder_paths.get_filename_list(\"clip\") + folder_paths.get_filename_list(\"clip_gguf\"))",
        "sorted(folder_paths.get_filename_list(\"clip\") + folder_paths.get_filename_list(\"clip_gguf\"), key=str.lower)",
        "list(reversed(folder_paths.get_filename_list(\"clip\") + folder_paths.get_filename_list(\"clip_gguf\")))",
    ];
    for list in lists {
        let classes = classes(&wrapper(&format!(
            r#"
            import folder_paths
            inputs = copy.deepcopy(cls.INPUT_TYPES())
            inputs["required"]["clip_name"] = ({list},)
            inputs["optional"]["device"] = (devices(), {{}})
            return inputs"#
        )));
        let class = classes.iter().find(|class| class.name.starts_with('X')).unwrap();
        let models = ["clip", "clip_gguf"].map(str::to_owned).to_vec();
        assert_eq!(class.widgets[0].kind, WidgetKind::Combo(Choices::Models(models)), "{list}");
    }
}

#[test]
fn the_parts_of_an_allocation_are_known_by_what_is_done_with_them() {
    let classes = classes(USES);
    let class = classes.get("XDisTorch2MultiGPU").unwrap();
    let place = |name: &str| class.widgets.iter().position(|widget| widget.name == name);
    let [part] = class.parts.as_slice() else { panic!("{:?}", class.parts) };
    let found = [part.string, Some(part.device), part.virtual_vram, part.donor, part.eject];
    assert_eq!(found, ["plan", "where", "lent", "from_there", "eject_all"].map(place));
    assert_eq!(class.kind, Kind::DisTorch2);
}

#[test]
fn nodes_of_both_forms_are_read_from_comfyui() {
    let folder = installation("NODE_CLASS_MAPPINGS = {}", &[]);
    let classes = read(folder.path(), &["Sampler", "TripleCLIPLoader", "NotThere"]);
    assert_eq!(names(classes.get("Sampler")).join(" "), "seed control_after_generate text steps");
    assert_eq!(classes.get("Sampler").unwrap().kind, Kind::Other);
    assert_eq!(names(classes.get("TripleCLIPLoader")).join(" "), "clip_name1 clip_name2 clip_name3");
    assert_eq!(classes.get("TripleCLIPLoader").unwrap().kind, Kind::Plain);
    assert_eq!(classes.has("NotThere"), Some(false));
}

const REGISTERS: &str = r#"
import os
NODE_CLASS_MAPPINGS = {}

class Loader:
    @classmethod
    def INPUT_TYPES(s):
        return {"required": {"name": ("STRING",)}}

def normal(name):
    return "".join(c for c in os.path.basename(name).lower() if c.isalnum())

def is_there(name):
    for folder in folder_paths.get_folder_paths("custom_nodes"):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir() and normal(entry.name) == normal(name):
                    return True
    return False

def register(name, classes):
    if is_there(name):
        NODE_CLASS_MAPPINGS.update(classes)

register("ComfyUI-GGUF", {"GgufMultiGPU": Loader})
register("ComfyUI-Other", {"OtherMultiGPU": Loader})
if torch.cuda.is_available():
    NODE_CLASS_MAPPINGS["CardMultiGPU"] = Loader
try:
    import some_package
    NODE_CLASS_MAPPINGS["PackageMultiGPU"] = Loader
except ImportError:
    pass
"#;

#[test]
fn what_is_registered_depends_on_the_packs_beside() {
    let folder = installation(REGISTERS, &[("custom_nodes/comfyui_gguf/__init__.py", "")]);
    let classes = read(folder.path(), &[]);
    assert_eq!(classes.has("GgufMultiGPU"), Some(true));
    assert_eq!(classes.has("OtherMultiGPU"), Some(false));
    assert_eq!(classes.has("CardMultiGPU"), None, "it depends on the machine");
    assert_eq!(classes.has("PackageMultiGPU"), None, "it depends on Python's packages");
    assert_eq!(names(classes.get("CardMultiGPU")), ["name"]);
    assert_eq!(classes.has("NoSuchMultiGPU"), Some(false));
}

#[test]
fn loaders_of_other_packs_are_wrapped_and_read() {
    let pack = r#"
from .loaders.gguf import Loader
NODE_CLASS_MAPPINGS = {"UnetLoaderFork": Loader}
"#;
    let loader = r#"
import folder_paths
class Loader:
    @classmethod
    def INPUT_TYPES(s):
        names = [x for x in folder_paths.get_filename_list("unet_gguf")]
        return {"required": {"fork_name": (names,), "mode": (("fast", "slow"),)}}
    RETURN_TYPES = ("MODEL",)
"#;
    let init = wrapper(
        r#"
            inputs = cls.INPUT_TYPES()
            inputs["required"]["device"] = (devices(),)
            return inputs"#,
    )
    .replace("\"CLIPLoader\"", "\"UnetLoaderFork\"");
    let others = [
        ("custom_nodes/fork/__init__.py", pack),
        ("custom_nodes/fork/loaders/gguf.py", loader),
        ("custom_nodes/fork/loaders/__init__.py", ""),
    ];
    let folder = installation(&init, &others);
    let classes = read(folder.path(), &["UnetLoaderFork"]);
    assert_eq!(names(classes.get("XDisTorch2MultiGPU")).join(" "), "fork_name mode device");
    let fork = classes.get("UnetLoaderFork").unwrap();
    assert_eq!((fork.kind, fork.pack.as_deref()), (Kind::Plain, Some("fork")));
    assert_eq!(fork.widgets[0].kind, WidgetKind::Combo(Choices::Models(vec!["unet_gguf".to_owned()])));
}

#[test]
fn classes_that_are_made_otherwise_are_followed() {
    let init = r#"
def decorated(function):
    def inner(cls):
        inputs = function(cls)
        inputs["required"]["added"] = ("INT",)
        return inputs
    return inner

class A:
    @classmethod
    @decorated
    def INPUT_TYPES(cls):
        return {"required": {"a": ("INT",)}}

def types(cls):
    return {"required": {"b": ("INT",)}}

B = type("B", (A,), {"INPUT_TYPES": classmethod(types)})

class C(A):
    pass
C.INPUT_TYPES = classmethod(lambda cls: {"required": {"c": ("INT",)}})

NODE_CLASS_MAPPINGS = dict(A=A)
NODE_CLASS_MAPPINGS |= {name: kind for name, kind in [("B", B), ("C", C)]}
for base in ["X", "Y"]:
    NODE_CLASS_MAPPINGS[f"{base}MultiGPU"] = A
"#;
    let classes = classes(init);
    let found = ["A", "B", "C", "XMultiGPU"].map(|name| names(classes.get(name)).join(" "));
    assert_eq!(found, ["a added", "b", "c", "a added"]);
}

#[test]
fn an_import_that_fails_because_of_a_circle_is_tried_again() {
    let init = r#"
from .first import listed
from .second import Loader
NODE_CLASS_MAPPINGS = {"LoaderMultiGPU": Loader}
"#;
    let first = r#"
try:
    from .second import something
except Exception:
    something = None

def listed():
    return ["cpu"]
"#;
    let second = r#"
from .first import listed
something = 1
class Loader:
    @classmethod
    def INPUT_TYPES(s):
        return {"required": {"device": (listed(),)}}
"#;
    let others =
        [("custom_nodes/ComfyUI-MultiGPU/first.py", first), ("custom_nodes/ComfyUI-MultiGPU/second.py", second)];
    let folder = installation(init, &others);
    assert_eq!(names(read(folder.path(), &[]).get("LoaderMultiGPU")), ["device"]);
}

#[test]
fn a_release_stands_in_for_what_is_not_installed() {
    let init =
        wrapper("\n            return cls.INPUT_TYPES()").replace("\"XDisTorch2MultiGPU\"", "\"UNETLoaderMultiGPU\"");
    let folder = installation(&init, &[]);
    let alone = installed(Some(&folder.path().join("custom_nodes/ComfyUI-MultiGPU")), None, &[], None);
    assert_eq!(alone.get("UNETLoaderMultiGPU"), None);
    let both = alone.or(Classes::of_release("2.6.3").unwrap());
    assert_eq!(names(both.get("UNETLoaderMultiGPU")).join(" "), "unet_name weight_dtype device");
    assert_eq!(both.why_unknown("UNETLoaderMultiGPU"), None);
    assert_eq!(both.get("VAELoaderMultiGPU"), None, "the checkout does not have it");
}

/// Code that would take for ever, or all memory, or the whole stack.
#[test]
fn hostile_code_ends_and_says_nothing() {
    let deep = format!("x = {}1{}\n", "(".repeat(50_000), ")".repeat(50_000));
    let nested = format!("x = {}{}\n", "[".repeat(20_000), "]".repeat(20_000));
    let hostile = [
        "x = 'a'\nfor i in range(900):\n    x = x + x\n",
        "x = []\nfor i in range(900):\n    x = x + [x, x]\n",
        "x = {}\nfor i in range(900):\n    x = {'a': x, 'b': x}\nx = copy.deepcopy(x)\ntorch.change(x)\n",
        "x = []\nwhile True:\n    x = [x]\n",
        "def f(x):\n    return lambda: x\nx = 1\nwhile True:\n    x = f(x)\n",
        "def f():\n    return f()\nf()\n",
        "def f(n):\n    f(n)\n    f(n)\nf(1)\n",
        "class A(A):\n    pass\nclass B:\n    pass\nB.INPUT_TYPES = B\n",
        "x = {}\nx['a'] = x\ny = copy.deepcopy(x)\ntorch.change(x)\nx.update(x)\n",
        "x = []\nx.append(x)\nfor i in x:\n    x.append(i)\n",
        "from . import *\nfrom .__init__ import x\nimport nodes\n",
        "def f(:\n  ]] class\n",
        "NODE_CLASS_MAPPINGS = {'A': 1, 'B': None, 'C': torch}\n",
        "x = [1, 2, 3]\nprint(x[10 ** 400], x[-1], x[1e300], x['a':'b'])\nx.insert(1e300, 2)\nx.pop(-9)\n",
        "def f(a, b=f, *c, **d):\n    global a\n    a = f(*c, **d)\n    return f\nf(*1, **2)\n",
        deep.as_str(),
        nested.as_str(),
    ];
    let good = wrapper("\n            return cls.INPUT_TYPES()");
    for code in hostile {
        let before = classes(&format!("{code}{good}"));
        let after = classes(&format!("{good}{code}"));
        for classes in [before, after] {
            let found = names(classes.get("XDisTorch2MultiGPU")).join(" ");
            assert!(found.is_empty() || found == "clip_name type device", "{found}: {}", &code[..code.len().min(80)]);
        }
    }
}

#[test]
fn too_much_code_in_one_pack_leaves_the_others_known() {
    let endless = "NODE_CLASS_MAPPINGS = {}\nwhile True:\n    NODE_CLASS_MAPPINGS['Endless'] = 1\n";
    let fine = format!("{NODES}\nNODE_CLASS_MAPPINGS = {{'Fine': UNETLoader}}\n");
    let folder = installation(
        &wrapper("\n            return cls.INPUT_TYPES()"),
        &[("custom_nodes/endless/__init__.py", endless), ("custom_nodes/fine/__init__.py", &fine)],
    );
    let classes = read(folder.path(), &["Endless", "Fine"]);
    assert_eq!(classes.why_unknown("Endless"), Some("there is too much code to follow"));
    assert_eq!(names(classes.get("Fine")).join(" "), "unet_name weight_dtype");
    assert_eq!(names(classes.get("XDisTorch2MultiGPU")).join(" "), "clip_name type device");
}

/// ComfyUI's loaders as the table of releases has them, with inputs of the same names and kinds.
fn stand_ins(classes: &Classes) -> String {
    let mut text = String::new();
    let mut mappings = String::from("NODE_CLASS_MAPPINGS = {");
    for class in classes.iter().filter(|class| class.kind == Kind::Plain) {
        let group = |is_optional: bool| {
            let widgets = class.widgets.iter().filter(|widget| widget.is_optional == is_optional);
            let entries = widgets.map(|widget| format!("'{}': {}", widget.name, entry(&widget.kind)));
            entries.collect::<Vec<_>>().join(", ")
        };
        let name = &class.name;
        let (required, optional) = (group(false), group(true));
        writeln!(text, "class {name}:\n    @classmethod\n    def INPUT_TYPES(s):").unwrap();
        writeln!(text, "        return {{'required': {{{required}}}, 'optional': {{{optional}}}}}").unwrap();
        write!(mappings, "'{name}': {name}, ").unwrap();
    }
    format!("{text}\n{mappings}}}\n")
}

fn entry(kind: &WidgetKind) -> &'static str {
    match kind {
        WidgetKind::Number => "('FLOAT',)",
        WidgetKind::Boolean => "('BOOLEAN',)",
        WidgetKind::Text => "('STRING',)",
        WidgetKind::Combo(_) | WidgetKind::Unknown => "(['x'],)",
    }
}

#[test]
fn the_table_of_releases_is_what_their_files_say() {
    let Some(history) = env::var_os("DISTORCH_FIX_HISTORY") else {
        return crate::common::skip(
            "DISTORCH_FIX_HISTORY names no repository, so the table of releases was not compared",
        );
    };
    let repository = git2::Repository::open(history).unwrap();
    let mut walk = repository.revwalk().unwrap();
    walk.push_glob("refs/*").unwrap();
    walk.push_head().unwrap();
    let mut compared = 0;
    let mut last = None;
    for id in walk.map(Result::unwrap) {
        let tree = repository.find_commit(id).unwrap().tree().unwrap();
        let python: Vec<_> = tree
            .iter()
            .filter(|entry| {
                entry.name().is_ok_and(|name| Path::new(name).extension().is_some_and(|extension| extension == "py"))
            })
            .collect();
        let Some(table) = Classes::of_release(&id.to_string()) else { continue };
        // A release after the other: most commits between them are alike.
        let release = table.iter().next().map(|class| class.known_by.clone());
        if last == release || python.is_empty() {
            continue;
        }
        last = release;
        let folder = TempDir::new().unwrap();
        let node = folder.path().join("custom_nodes/ComfyUI-MultiGPU");
        fs::create_dir_all(&node).unwrap();
        fs::create_dir_all(folder.path().join("custom_nodes/ComfyUI-GGUF")).unwrap();
        fs::write(folder.path().join("nodes.py"), stand_ins(&table)).unwrap();
        for file in python {
            let blob = repository.find_blob(file.id()).unwrap();
            fs::write(node.join(file.name().unwrap()), blob.content()).unwrap();
        }
        let read = read(folder.path(), &[]);
        for class in read.iter().filter(|class| matches!(class.kind, Kind::DisTorch2 | Kind::DisTorch)) {
            let name = &class.name;
            assert_eq!(names(table.get(name)), names(Some(class)), "{name} in {id}");
            assert_eq!(table.get(name).unwrap().parts, class.parts, "{name} in {id}");
            compared += 1;
        }
    }
    assert!(compared > 100, "only {compared} classes were compared");
    println!("{compared} classes compared");
}
