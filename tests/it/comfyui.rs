//! What ComfyUI's own source tells: the items of its load lists, dynamic VRAM, and what that means for a checkout.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::common::Install;
use distorch_fix::advice;
use distorch_fix::comfyui::{self, DynamicVram, Facts, Fit, LoadList, Order, Pair};
use distorch_fix::fixes::State;
use distorch_fix::fixes::gpu_only::{CPU_FALLBACK, SHARED};
use distorch_fix::fixes::load_list::{ANY, FIVE_ONLY, LEGACY};
use distorch_fix::install::Files;
use git2::Repository;
use proptest::prelude::*;
use tempfile::TempDir;

/// A variable that names a repository of ComfyUI, bare or not, with all the history that is to be read.
const VARIABLE: &str = "DISTORCH_FIX_COMFYUI";

/// A ComfyUI whose `comfy/model_patcher.py` is this text.
fn comfyui(patcher: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("comfy")).unwrap();
    fs::write(folder.path().join("main.py"), "").unwrap();
    fs::write(folder.path().join(comfyui::PATCHER), patcher).unwrap();
    folder
}

fn facts(patcher: &str) -> Facts {
    let folder = comfyui(patcher);
    comfyui::read(&Files::Folder(folder.path().to_owned()), None).unwrap()
}

/// A class with a `_load_list` of these parameters, whose body is this.
fn method(parameters: &str, body: &str) -> String {
    let mut text = format!("class ModelPatcher:\n    def _load_list(self{parameters}):\n");
    for line in body.lines() {
        writeln!(text, "        {line}").unwrap();
    }
    text
}

/// One line for each load list: class, then `fields [@ argument] [order]` for each shape, or the line and the reason.
fn told(lists: &[LoadList]) -> String {
    let order = |order| match order {
        Order::Usual => "",
        Order::Other => " in another order",
        Order::Unknown => " in an unknown order",
    };
    let shape = |shape: &comfyui::Shape| {
        let argument = shape.argument.as_ref().map_or_else(String::new, |argument| format!(" @ {argument}"));
        format!("({}){argument}{}", shape.fields.join(", "), order(shape.order))
    };
    let list = |list: &LoadList| {
        let shapes = match &list.shapes {
            Ok(shapes) => shapes.iter().map(shape).collect::<Vec<_>>().join(" | "),
            Err(unclear) => format!("line {}: {}", unclear.place.line, unclear.why),
        };
        format!("{}: {shapes}", list.class.as_deref().unwrap_or("-"))
    };
    lists.iter().map(list).collect::<Vec<_>>().join("\n")
}

fn told_of(parameters: &str, body: &str) -> String {
    told(&facts(&method(parameters, body)).load_lists)
}

#[test]
fn items_are_told_in_whatever_way_they_are_put_into_the_list() {
    let head = "out = []\nfor n, m in self.model.named_modules():\n    ";
    for body in [
        "out.append((mem, n, m, p))\nreturn out",
        "item = (mem, n, m, p)\n    out.append(item)\nreturn out",
        "item = mem, n, m, p\n    out.insert(0, item)\nreturn sorted(out, reverse=True)",
        "out += [(mem, n, m, p)]\nreturn list(out)",
        "out.extend([(mem, n, m, p)])\nout.sort(key=lambda item: item[0])\nreturn out",
        "out = out + [(mem,) + (n, m) + (p,)]\nreturn out",
        "rest = (n, m, p)\n    out.append((mem, *rest))\nreturn out",
        "item = (mem, n)\n    item += (m, p)\n    out.append(item)\nreturn out",
        "if not mem:\n        continue\n    out.append((mem, n, m, p))\nif len(out) == 0:\n    log('none')\nreturn out",
        "try:\n        mem = size(m)\n    except OSError:\n        raise\n    with lock:\n        out.append((mem, n, m, p))\nreturn out",
        "def inner(key):\n        return (key,)\n    out.append((mem, n, m, p))\nreturn out",
        "yield (mem, n, m, p)",
        "yield mem, n, m, p",
    ] {
        assert_eq!(told_of("", &format!("{head}{body}")), "ModelPatcher: (mem, n, m, p)", "{body}");
    }
    for body in [
        "return [(mem, n, m, p) for n, m in self.model.named_modules() if m]",
        "return list((mem, n, m, p) for n, m in self.model.named_modules())",
        "yield from ((mem, n, m, p) for n, m in self.model.named_modules())",
        "first = [(mem, n, m) for n, m in self.model.named_modules()]\nreturn [item + (p,) for item in first]",
    ] {
        assert_eq!(told_of("", body), "ModelPatcher: (mem, n, m, p)", "{body}");
    }
}

#[test]
fn branches_that_the_call_decides_are_told_apart() {
    let append = "loading = []\nfor n, m in self.model.named_modules():\n    ";
    let shapes = "ModelPatcher: (off, mem, n, m, p) | (big, -off, mem, n, m, p) @ for_dynamic=True";
    for body in [
        "if for_dynamic:\n        first = (big, -off)\n    else:\n        first = (off,)\n    loading.append(first + (mem, n, m, p))",
        "first = (off,)\n    if for_dynamic:\n        first = (big, -off)\n    loading.append(first + (mem, n, m, p))",
        "first = (big, -off) if for_dynamic else (off,)\n    loading.append(first + (mem, n, m, p))",
        "if not for_dynamic:\n        loading.append((off, mem, n, m, p))\n        continue\n    loading.append((big, -off, mem, n, m, p))",
        "if for_dynamic and True:\n        loading.append((big, -off, mem, n, m, p))\n    elif not for_dynamic:\n        loading.append((off, mem, n, m, p))",
    ] {
        let body = format!("{append}{body}\nreturn loading");
        assert_eq!(told_of(", for_dynamic=False, default_device=None", &body), shapes, "{body}");
        assert_eq!(told_of(", for_dynamic: bool = False", &body), shapes, "{body}");
    }
    let prepended = "first = (not m.cast,) if prio else ()\n    loading.append(first + (off, mem, n, m, p))";
    assert_eq!(
        told_of(", prio=False", &format!("{append}{prepended}\nreturn loading")),
        "ModelPatcher: (off, mem, n, m, p) | (not m.cast, off, mem, n, m, p) @ prio=True"
    );
    // What only the run decides counts whatever it is.
    let either = "first = (off,)\n    if off > mem:\n        first = ()\n    loading.append(first + (mem, n, m, p))";
    let either = told_of("", &format!("{append}{either}\nreturn loading"));
    assert_eq!(either, "ModelPatcher: (mem, n, m, p) | (off, mem, n, m, p)");
}

#[test]
fn every_class_is_told_with_what_it_inherits() {
    let base = method("", "return [(mem, n, m, p) for n, m in self.model.named_modules()]");
    let text = format!(
        "{base}\nclass Plain(ModelPatcher):\n    pass\n\nclass Wider(Plain):\n    def _load_list(self):\n        \
         return [(off,) + item for item in super()._load_list()]\n\nclass Named(ModelPatcher):\n    \
         def _load_list(self):\n        return ModelPatcher._load_list(self)\n\nclass Strange(elsewhere.Patcher):\n    \
         def _load_list(self):\n        return super()._load_list()\n"
    );
    assert_eq!(
        told(&facts(&text).load_lists),
        "ModelPatcher: (mem, n, m, p)\nWider: (off, mem, n, m, p)\nNamed: (mem, n, m, p)\n\
         Strange: line 18: the list of a class that is not in this file: `super()._load_list()`"
    );
    let body =
        "    def _load_list(self):\n            return [(mem, n, m, p) for n, m in self.model.named_modules()]\n";
    let inside = format!("class Other:\n    def make(self):\n    {body}");
    assert_eq!(told(&facts(&inside).load_lists), "-: (mem, n, m, p)", "a function in a method is no method");
}

#[test]
fn the_module_and_its_name_are_found_wherever_they_go() {
    let with = |item: &str| told_of("", &format!("return [{item} for n, m in self.model.named_modules()]"));
    assert_eq!(with("(mem, n, m, p)"), "ModelPatcher: (mem, n, m, p)");
    assert_eq!(with("(flag, mem, n, m, p)"), "ModelPatcher: (flag, mem, n, m, p)");
    for item in ["(mem, n, m, p, flag)", "(n, m, mem, p)", "(mem, m, n, p)", "(mem, p, n, m)", "(mem, n, m)"] {
        assert_eq!(with(item), format!("ModelPatcher: {item} in another order"));
    }
    // A name that something else is made of is not that name.
    for item in ["(mem, str(n), m, p)", "(mem, n, m.weight, p)", "(mem, x, y, p)"] {
        assert_eq!(with(item), format!("ModelPatcher: {item} in an unknown order"));
    }
    for (body, fields) in [
        ("for pair in x.named_modules():\n    n, m = pair\n    out.append(({}))", "m, n"),
        ("for pair in x.named_modules():\n    (name, module) = pair\n    out.append(({}))", "module, name"),
        ("all = list(x.named_modules())\nfor n, m in sorted(all):\n    out.append(({}))", "m, n"),
        ("for at, (n, m) in enumerate(x.named_modules()):\n    out.append(({}))", "m, n"),
        ("for n, m in x.named_modules():\n    key = n\n    module = m\n    out.append(({}))", "module, key"),
        ("big = [(m, n) for n, m in x.named_modules() if m]\nfor m, n in big:\n    out.append(({}))", "m, n"),
        ("for n, m in x.named_modules():\n    n, m = m, n\n    out.append(({}))", "n, m"),
    ] {
        let usual = fields.split_once(", ").map(|(module, name)| format!("{name}, {module}")).unwrap();
        for (fields, order) in [(fields, " in another order"), (&usual, "")] {
            let body = format!("out = []\n{}\nreturn out", body.replace("{}", &format!("mem, {fields}, p")));
            assert_eq!(told_of("", &body), format!("ModelPatcher: (mem, {fields}, p){order}"), "{body}");
        }
    }
    for body in [
        "for n, m in x.named_modules():\n    if p:\n        m = wrapped(m)\n    out.append((mem, n, m, p))",
        "for n, m in modules_of(x):\n    out.append((mem, n, m, p))",
        "for n, m in x.named_modules():\n    out.append((mem, n, m, p))\nfor n, m in others:\n    out.append((mem, n, m, p))",
        "for m, n in enumerate(x.named_modules()):\n    out.append((mem, n, m, p))",
        "for n, m in x.named_modules():\n    pass\nfor n, (k, m) in enumerate(x.named_modules()):\n    out.append((mem, n, m, p))",
        "for n, m in x.named_modules():\n    n, *m = n, m\n    out.append((mem, n, m, p))",
        "for n, m in x.named_modules():\n    if (n := named(n)):\n        out.append((mem, n, m, p))",
        "for n, m in x.named_modules():\n    with named(n) as n:\n        out.append((mem, n, m, p))",
        "for n, m in x.named_modules():\n    try:\n        use(m)\n    except E as m:\n        out.append((mem, n, m, p))",
        "pairs = [(n, m) for n, m in x.named_modules()]\npairs += [(m, n) for n, m in x.named_modules()]\nfor n, m in pairs:\n    out.append((mem, n, m, p))",
        "n, m = p\nfor n, m, p in x.named_modules():\n    out.append((mem, n, m, p))",
    ] {
        let told = told_of("", &format!("out = []\n{body}\nreturn out"));
        assert_eq!(told, "ModelPatcher: (mem, n, m, p) in an unknown order", "{body}");
    }
}

/// A class of items with these fields, and with this in it as well.
fn class_of_items(fields: &str, more: &str) -> String {
    let fields = fields.replace(", ", ": object\n    ");
    format!("class Item(typing.NamedTuple):\n    \"\"\"An item.\"\"\"\n    {fields}: object\n{more}\n")
}

#[test]
fn a_named_tuple_is_a_tuple() {
    let make = |item: &str| method("", &format!("return [{item} for n, m in self.model.named_modules()]"));
    let class = class_of_items("size, name, module, params", "    def nothing(self):\n        pass\n");
    for above in [
        class.as_str(),
        "Item = namedtuple(\"Item\", \"size name module params\")\n",
        "Item = namedtuple('Item', 'size, name, module, params')\n",
        "Item = collections.namedtuple(\"Item\", [\"size\", \"name\", \"module\", \"params\"])\n",
    ] {
        let with = |item: &str| told(&facts(&format!("{above}{}", make(item))).load_lists);
        for item in ["Item(mem, n, m, p)", "Item(mem, params=p, module=m, name=n)"] {
            let told = with(item);
            assert_eq!(told, "ModelPatcher: (mem, n, m, p)", "{above}{item}");
        }
        assert_eq!(with("Item(m, n, mem, p)"), "ModelPatcher: (m, n, mem, p) in another order", "{above}");
        for item in ["Item(mem, n, m)", "Item(mem, n, m, p, q)", "Item(mem, n, m, other=p)", "Item(*rest)", "Item(**p)"]
        {
            let told = with(item);
            assert!(told.contains("this item is not a tuple"), "{above}{item}: {told}");
        }
    }
    for above in [
        // It decides itself what is taken out of it.
        class_of_items("size, name, module, params", "    def __iter__(self):\n        return iter(())\n"),
        format!("{class}Item = wrapped(Item)\n"),
        format!("{class}def Item(*fields):\n    return fields[1:]\n"),
        class.replace("typing.NamedTuple", "Base"),
        format!("@wrapped\n{class}"),
        format!("{class}if x:\n    Item = wrapped(Item)\n"),
        format!("from elsewhere import Item\n{class}"),
        String::from("Item = namedtuple(\"Item\", FIELDS)\n"),
        String::from("Item = namedtuple(\"Item\", [first, \"size\", \"name\", \"module\", \"params\"])\n"),
    ] {
        let told = told(&facts(&format!("{above}{}", make("Item(mem, n, m, p)"))).load_lists);
        assert!(told.contains("this item is not a tuple"), "{above}: {told}");
    }
    let shadowed = method("", "Item = self.make\nreturn [Item(mem, n, m, p) for n, m in self.model.named_modules()]");
    assert!(told(&facts(&format!("{class}{shadowed}")).load_lists).contains("this item is not a tuple"));
}

#[test]
fn a_named_tuple_may_be_in_another_file_of_comfyui() {
    let body = "return [Item(mem, n, m, p) for n, m in self.model.named_modules()]";
    let class = class_of_items("size, name, module, params", "");
    let told_with = |import: &str, path: &str, text: &[u8]| {
        let folder = comfyui(&format!("{import}\n{}", method("", body)));
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        told(&comfyui::read(&Files::Folder(folder.path().to_owned()), None).unwrap().load_lists)
    };
    for (import, path) in [
        ("from .types import Item", "comfy/types.py"),
        ("from .types import Other, Item", "comfy/types/__init__.py"),
        ("from comfy.deep.types import (\n    Item,\n)", "comfy/deep/types.py"),
        ("from ..types import Item", "types.py"),
        ("if TYPING:\n    pass\ntry:\n    from .types import Item\nexcept ImportError:\n    raise", "comfy/types.py"),
    ] {
        assert_eq!(told_with(import, path, class.as_bytes()), "ModelPatcher: (mem, n, m, p)", "{import}");
    }
    let renamed = class.replace("Item", "LoadingItem");
    let told = told_with("from .types import LoadingItem as Item", "comfy/types.py", renamed.as_bytes());
    assert_eq!(told, "ModelPatcher: (mem, n, m, p)");
    let deep = format!("{}{}", "(".repeat(100_000), ")".repeat(100_000));
    let huge = format!("{class}# {}\n", "x".repeat(20_000_000));
    for (import, path, text) in [
        ("from .types import Item", "comfy/others.py", class.as_bytes()),
        ("from .types import Other", "comfy/types.py", class.as_bytes()),
        ("from ...types import Item", "types.py", class.as_bytes()),
        ("from types import Item", "types.py", class.as_bytes()),
        ("from .types import Item\nfrom .others import Item", "comfy/types.py", class.as_bytes()),
        ("from .others import Item\nfrom .types import Item", "comfy/types.py", class.as_bytes()),
        ("from .types import Item\nfrom elsewhere import Item", "comfy/types.py", class.as_bytes()),
        ("from .types import Item\nItem = wrapped(Item)", "comfy/types.py", class.as_bytes()),
        ("from .types import Item\nif x:\n    class Item(Base):\n        pass", "comfy/types.py", class.as_bytes()),
        ("from .types import Item", "comfy/types.py", b"class Item(NamedTuple:\n"),
        ("from .types import Item", "comfy/types.py", b"\xff\xfe"),
        ("from .types import Item", "comfy/types.py", deep.as_bytes()),
        ("from .types import Item", "comfy/types.py", huge.as_bytes()),
        ("from .types import Item", "comfy/types.py/file", b""),
    ] {
        let told = told_with(import, path, text);
        assert!(told.contains("this item is not a tuple"), "{import} {path}: {told}");
    }
}

#[test]
fn what_is_not_understood_is_told_with_its_line_and_never_guessed() {
    for (body, line, why) in [
        (
            "out = []\nout.append(Item(mem, n))\nreturn out",
            4,
            "this item is not a tuple that is written out here: `Item(mem, n)`",
        ),
        (
            "out = []\nput = out.append\nput((mem, n))\nreturn out",
            4,
            "the list is used in code that is not followed: `out.append`",
        ),
        ("out = []\nfill(out)\nreturn out", 4, "the list is passed to code that is not followed: `out`"),
        (
            "out = []\nwith use(out) as x:\n    pass\nreturn out",
            4,
            "the list is passed to code that is not followed: `out`",
        ),
        ("out = []\nfor n, m in use(out).named_modules():\n    pass\nreturn out", 4, "the list is passed to code"),
        ("out = []\nother = out\nother.append((a, b))\nreturn out", 4, "the list gets another name"),
        ("out = []\nout[:] = [(a, b)]\nreturn out", 4, "the list is changed in a way that is not followed: `out[:]`"),
        ("out = []\nout.append((a, b))\nout.fill(c)\nreturn out", 5, "the list is changed in a way"),
        (
            "out = [(a, b)]\ndef add(item):\n    out.append(item)\nadd(1)\nreturn out",
            4,
            "the list is used in code that is not",
        ),
        ("return self.cached", 3, "what is returned is not a list that is made here: `self.cached`"),
        ("return self._load_list()", 2, "calls itself"),
        ("t = ()\nfor x in y:\n    t = t + (x,)\nreturn [t]", 6, "this item is not a tuple"),
        ("pass", 2, "no item is added to the list"),
    ] {
        let told = told_of("", body);
        let expected = format!("ModelPatcher: line {line}: {why}");
        assert!(told.starts_with(&expected) || (why == "calls itself" && told.contains("line ")), "{body}\n{told}");
    }
    assert_eq!(told(&facts("class ModelPatcher:\n    pass\n").load_lists), "");
}

#[test]
fn code_made_to_be_slow_or_deep_is_given_up_with_its_line() {
    let nested = |levels: usize| {
        (0..levels).fold(String::from("out = []\n"), |text, depth| {
            let indent = " ".repeat(depth);
            format!("{text}{indent}for x{depth} in y:\n{indent} a{depth} = {indent:?} + a{depth}\n")
        })
    };
    // Not deep, but each loop is gone through several times for each time of the one around it.
    let growing: String = (0..12).fold(String::new(), |text, depth| {
        let indent = " ".repeat(depth);
        format!("{text}{indent}a{depth} = ()\n{indent}for x{depth} in y:\n{indent} a{depth} = a{depth} + (b,)\n")
    });
    let sum = format!("return [{}]", vec!["(a,)"; 1500].join(" + "));
    let branches: String =
        (0..300).map(|n| format!("if y{n}: a{n} = (a,)\nelse: a{n} = (b, b)\n")).collect::<Vec<_>>().concat();
    for body in [
        nested(60),
        growing,
        sum,
        format!("{branches}return [{}]", (0..300).map(|n| format!("a{n}")).collect::<Vec<_>>().join(" + ")),
    ] {
        let told = told_of("", &body);
        assert!(told.starts_with("ModelPatcher: line "), "{}", &told[..200.min(told.len())]);
    }
    let switches: String = (0..2000).map(|n| format!(", a{n}=False")).collect::<Vec<_>>().concat();
    assert_eq!(told_of(&switches, "return [(a, b)]"), "ModelPatcher: (a, b) in an unknown order");
    let many = "class A(A):\n  def _load_list(self):\n    return super()._load_list()\n".repeat(5000);
    assert!(facts(&many).load_lists.len() < 100);
}

#[test]
fn the_fixtures_are_read_as_their_table_says() {
    let readme = fs::read_to_string("fixtures/README.md").unwrap();
    let mut read = 0;
    for row in readme.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let install = Install::of(cells[1]);
        let facts = comfyui::read(&Files::Folder(install.root.join("ComfyUI")), None).unwrap();
        let shapes = facts.load_lists[0].shapes.as_ref().unwrap();
        let (arity, dynamic) = cells[3].split_once(',').map_or((cells[3], false), |(arity, _)| (arity, true));
        assert_eq!(shapes[0].arity().to_string(), arity, "{row}");
        assert_eq!(shapes.get(1).map(comfyui::Shape::arity), dynamic.then_some(6), "{row}");
        assert_eq!(matches!(facts.dynamic.state, DynamicVram::ByDefault(_)), dynamic, "{row}: {:?}", facts.dynamic);
        assert!(facts.version.is_some());
        read += 1;
    }
    assert!(read > 10);
}

#[test]
fn dynamic_vram_is_told_from_the_patcher_and_the_options() {
    let patcher = "class ModelPatcher:\n    def is_dynamic(self):\n        return False\n";
    let dynamic = format!("{patcher}\nclass Paged(ModelPatcher):\n    def is_dynamic(self):\n        return True\n");
    let read = |patcher: &str, options: Option<&str>| {
        let folder = comfyui(patcher);
        if let Some(options) = options {
            fs::write(folder.path().join("comfy/cli_args.py"), options).unwrap();
        }
        comfyui::read(&Files::Folder(folder.path().to_owned()), None).unwrap().dynamic.state
    };
    let option = "parser.add_argument(\"--disable-dynamic-vram\", action=\"store_true\")\n";
    assert_eq!(read(patcher, Some(option)), DynamicVram::Absent);
    assert!(matches!(read(&dynamic, Some(option)), DynamicVram::ByDefault(place) if place.line == 5));
    assert!(matches!(read(&dynamic, Some("# --disable-dynamic-vram\n")), DynamicVram::OnRequest(_)));
    assert!(matches!(read(&dynamic, Some("parser = (\n")), DynamicVram::Unclear(_)));
    assert!(matches!(read(&dynamic, None), DynamicVram::Unclear(_)));
}

#[test]
fn the_verdict_is_about_the_pair() {
    use Fit::{Broken, Unclear, Works, WorksToday};
    let lists = |item: &str| facts(&method("", &format!("return [{item} for n, m in x.named_modules()]"))).load_lists;
    let four = lists("(mem, n, m, p)");
    let five = lists("(off, mem, n, m, p)");
    let six = lists("(a, b, mem, n, m, p)");
    let three = lists("(mem, n, m)");
    let other = lists("(mem, n, m, p, flag)");
    let unknown = lists("(mem, named(n), m, p)");
    for (states, expected) in [
        (&[][..], [Works; 6]),
        (&[LEGACY][..], [WorksToday, Broken, Broken, Broken, Broken, Unclear]),
        (&[FIVE_ONLY], [Broken, Works, Broken, Broken, Broken, Broken]),
        (&[ANY], [Works, Works, Unclear, Broken, Broken, Unclear]),
        (&[State::OPAQUE], [Unclear; 6]),
        (&[ANY, LEGACY], [WorksToday, Broken, Broken, Broken, Broken, Unclear]),
        (&[State::OPAQUE, LEGACY], [Unclear, Broken, Broken, Broken, Broken, Unclear]),
        (&[LEGACY, FIVE_ONLY], [Broken; 6]),
        (&[CPU_FALLBACK, SHARED], [Works; 6]),
    ] {
        let found = [&four, &five, &six, &three, &other, &unknown].map(|lists| comfyui::judge(states, lists));
        assert_eq!(found, expected.map(Pair::Known), "{states:?}");
        // Where there is nothing to go by, the verdict is for both.
        let either = Pair::Either { four: expected[0], five: expected[1] };
        assert_eq!(comfyui::judge(states, &[]), either, "{states:?}");
        let unclear = facts(&method("", "return self.cached")).load_lists;
        assert_eq!(comfyui::judge(states, &unclear), either, "{states:?}");
    }
    // Items for another call than the one that is made do not count; a second class does.
    let switch = method(", d=False", "return [((1, 2) if d else (1,)) + (mem, n, m, p) for n, m in x.named_modules()]");
    assert_eq!(comfyui::judge(&[FIVE_ONLY], &facts(&switch).load_lists), Pair::Known(Works));
    let both = [four, five].concat();
    assert_eq!(comfyui::judge(&[LEGACY], &both), Pair::Known(Broken));
}

#[test]
fn releases_are_told_by_structure() {
    let release = |fixture: &str| {
        let repair = Install::of(fixture).repair().unwrap();
        repair.surveys.release.clone()
    };
    assert_eq!(release("legacy").as_deref(), Some("2.5.10 or older"));
    assert_eq!(release("upstream-fixed").as_deref(), Some("fixed upstream since 2.5.11"));
    assert_eq!(release("five-only"), None);
    assert_eq!(release("in-order"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_a_tuple_is_put_together_its_fields_are_told(
        parts in prop::collection::vec(0..4_usize, 1..4), form in 0..5_usize, bound in any::<bool>()
    ) {
        let mut names = (0..).map(|at| format!("f{at}"));
        let parts: Vec<Vec<_>> = parts.iter().map(|length| names.by_ref().take(*length).collect()).collect();
        let tuple = |part: &Vec<String>| match &part[..] {
            [one] => format!("({one},)"),
            all => format!("({})", all.join(", ")),
        };
        let sum = parts.iter().map(tuple).collect::<Vec<_>>().join(" + ");
        let item = if bound { "item" } else { &sum };
        let body = match form {
            0 => format!("out = []\nfor x in y:\n    item = {sum}\n    out.append({item})\nreturn out"),
            1 => format!("out = []\nfor x in y:\n    item = {sum}\n    out += [{item}]\nreturn sorted(out)"),
            2 => format!("for x in y:\n    item = {sum}\n    yield {item}"),
            3 => format!("item = {sum}\nreturn [{item} for x in y]"),
            _ => format!("out = []\nwhile y:\n    item = {sum}\n    out.extend(({item} for x in y))\nreturn out"),
        };
        prop_assert_eq!(told_of("", &body), format!("ModelPatcher: ({}) in an unknown order", parts.concat().join(", ")));
    }

    #[test]
    fn no_code_makes_it_panic(lines in prop::collection::vec((0..4_usize, prop::sample::select(LINES)), 0..24)) {
        let lines = lines.iter().map(|(depth, line)| format!("{}{line}", "    ".repeat(*depth)));
        let body = lines.collect::<Vec<_>>().join("\n");
        let folder = comfyui(&method(", d=False", &body));
        // Much of it is no Python, which is an error that says where.
        if let Err(error) = comfyui::read(&Files::Folder(folder.path().to_owned()), None) {
            prop_assert!(!advice::help(&error).is_empty(), "{}", error);
        }
    }
}

/// Lines that a `_load_list` might have, in any order.
const LINES: &[&str] = &[
    "out = []",
    "for n, m in out:",
    "while d:",
    "if d:",
    "elif not d:",
    "else:",
    "try:",
    "except E:",
    "finally:",
    "with a as out:",
    "match out:",
    "case [a, *out]:",
    "out.append((1,) + out)",
    "out += out",
    "out = [x + (n,) for x in out]",
    "n = (n, *m) + (d,)",
    "n, out = out, n",
    "yield from out",
    "yield",
    "return out",
    "return super()._load_list(d=not d)",
    "del out",
    "break",
    "continue",
    "async def f(): out.append(1)",
    "lambda: out",
];

#[test]
fn every_version_of_comfyui_is_told() {
    let Some(path) = env::var_os(VARIABLE).map(PathBuf::from) else {
        return crate::common::skip(&format!("{VARIABLE} names no repository of ComfyUI, so its history was not read"));
    };
    let repository = Repository::open(&path).unwrap();
    let mut walk = repository.revwalk().unwrap();
    walk.push_glob("refs/*").unwrap();
    walk.push_head().unwrap();
    let mut seen = BTreeMap::new();
    for id in walk.map(Result::unwrap) {
        let tree = repository.find_commit(id).unwrap().tree().unwrap();
        let Ok(entry) = tree.get_path(Path::new(comfyui::PATCHER)) else { continue };
        let options = tree.get_path(Path::new("comfy/cli_args.py")).map(|entry| entry.id()).ok();
        seen.entry((entry.id(), options)).or_insert(id);
    }
    assert!(!seen.is_empty(), "{} has no {} in its history", path.display(), comfyui::PATCHER);
    let mut kinds: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for id in seen.values() {
        let name = format!("{}@{id}", path.display());
        let facts = comfyui::read(&comfyui::named(name.as_ref()).unwrap(), None).unwrap();
        let text = told(&facts.load_lists);
        let source = String::from_utf8_lossy(&patcher_of(&repository, *id)).into_owned();
        assert_eq!(facts.load_lists.len(), source.matches("def _load_list(").count(), "{id}");
        let dynamic = format!("{:?}", facts.dynamic.state);
        let off = facts.dynamic.switches.off.join(" ");
        let made = facts.dynamic.made.iter().map(|made| {
            made.patcher.as_ref().map_or("?", |(is_dynamic, _)| if *is_dynamic { "dynamic" } else { "plain" })
        });
        let made = made.collect::<Vec<_>>().join(" ");
        let kind = format!("{text}\n    dynamic VRAM: {} {off} {made}", dynamic.split('(').next().unwrap());
        let known = kinds.entry(kind).or_insert((0, String::new()));
        known.0 += 1;
        known.1 = format!("{} {id}", facts.version.unwrap_or_default());
    }
    for (kind, (count, example)) in &kinds {
        println!("{count} versions, such as {example}\n    {kind}");
    }
    let unclear: Vec<_> = kinds.keys().filter(|kind| kind.contains("line ")).collect();
    assert!(unclear.is_empty(), "not told: {unclear:#?}");
}

fn patcher_of(repository: &Repository, id: git2::Oid) -> Vec<u8> {
    let tree = repository.find_commit(id).unwrap().tree().unwrap();
    let entry = tree.get_path(Path::new(comfyui::PATCHER)).unwrap();
    repository.find_blob(entry.id()).unwrap().content().to_owned()
}
