//! What the load-list fix promises: every way to read an item is found, items alone are touched, and a repaired file
//! reads items of any number of fields as the old one read those of four.

use std::path::PathBuf;

use crate::snippets::FILE;
use distorch_fix::fixes::load_list::{ANY, FIVE_ONLY, LOAD_LIST};
use distorch_fix::fixes::{self, Accounting, State, Status};
use distorch_fix::python::{FileId, Package, Unreadable};

/// Where the cases of most tests stand, `◆` being the case.
const LIST: &str = "def run(patcher):\n    loading = patcher._load_list()\n    ◆\n";
const ITEM: &str = "def run(patcher):\n    for item in patcher._load_list():\n        ◆\n";

/// In this context the text becomes the second one with resident accounting, and the third one with offload accounting.
#[track_caller]
fn rewrites(context: &str, before: &str, resident: &str, offload: &str) {
    let within = |text: &str| context.replace('◆', text);
    for (accounting, after) in [(Accounting::Resident, resident), (Accounting::Offload, offload)] {
        let repaired = crate::snippets::repair(&[(FILE, &within(before))], LOAD_LIST, accounting);
        assert_eq!(repaired[0], within(after), "{accounting:?}");
    }
    let status = crate::snippets::status(&within(before), LOAD_LIST);
    assert_eq!(status, if before == resident { Status::InOrder } else { Status::Needed });
}

/// A pattern of four names in this context (as `a, b, c, d`) is starred.
#[track_caller]
fn stars(context: &str) {
    rewrites(context, "a, b, c, d", "*_, a, b, c, d", "a, *_, b, c, d");
}

/// A subscript in this context (as `[0]`) counts from the end.
#[track_caller]
fn counts(context: &str) {
    rewrites(context, "[0]", "[-4]", "[0]");
    rewrites(context, "[1]", "[-3]", "[-3]");
}

#[track_caller]
fn stays(text: &str, status: Status) {
    for accounting in [Accounting::Resident, Accounting::Offload] {
        assert_eq!(crate::snippets::repair(&[(FILE, text)], LOAD_LIST, accounting)[0], text);
    }
    assert_eq!(crate::snippets::status(text, LOAD_LIST), status, "{text}");
}

/// Each text is right for any number of fields already.
#[track_caller]
fn is_right(text: &str) {
    stays(text, Status::InOrder);
    let states = crate::snippets::states(text, LOAD_LIST);
    assert!(states.iter().all(|(_, state)| *state == ANY), "{states:?} in\n{text}");
}

#[test]
fn loops_take_any_number_of_fields() {
    stars("for ◆ in patcher._load_list(): pass");
    stars("for (◆) in patcher._load_list():\n    pass\nelse:\n    pass\n");
    stars("for [◆] in patcher._load_list(): pass");
    for part in ["except ValueError", "else", "finally"] {
        let handled = if part == "else" { "except ValueError: pass\n" } else { "" };
        stars(&format!("try: pass\n{handled}{part}:\n    for ◆ in patcher._load_list(): pass\n"));
    }
    stars("for i, (◆) in enumerate(patcher._load_list(), 1): pass");
    stars("for i, [◆] in enumerate(patcher._load_list()): pass");
    stars("async def run(patcher):\n    for ◆ in patcher._load_list():\n        await a\n");
    stars("for (  # all of them\n    ◆,\n) in patcher._load_list():  # type: int, str, Module, list\n    pass\n");
}

#[test]
fn backslashes_and_comments_between_parts_are_no_parts() {
    for between in ["\\\n            ", "# more\n            "] {
        let broken = |text: &str| text.replace('|', between);
        let (before, resident, offload) = ("(a, b, |c, d)", "(*_, a, b, |c, d)", "(a, *_, b, |c, d)");
        let row = "for ◆ in patcher._load_list(): pass";
        rewrites(row, &broken(before), &broken(resident), &broken(offload));
        rewrites("x = [a for ◆ in patcher._load_list()]\n", &broken(before), &broken(resident), &broken(offload));
        let call = broken("def place(device, |item): x = item◆\nfor it in p._load_list(): place(\"cpu\", |it)\n");
        counts(&call);
        counts(&broken("for i in p._load_list():\n    pair = (0, |i)\n    x = (|pair[1])◆\n"));
        counts(&broken("for i in p._load_list():\n    row = [0, |*i]\n    x = row[|1:]◆\n"));
    }
    let loops = "for ◆, \\\n        c, d in p._load_list(): pass\n";
    rewrites(loops, "a, b", "*_, a, b", "a, *_, b");
}

#[test]
fn comprehensions_of_every_kind_do() {
    for brackets in ["[]", "()", "{}"] {
        let (open, close) = brackets.split_at(1);
        stars(&format!("x = {open}a for ◆ in patcher._load_list() if a > 1{close}\n"));
    }
    stars("x = {b: a for ◆ in patcher._load_list()}\n");
    stars("total = sum(a for ◆ in patcher._load_list())\n");
    stars("x = [a for row in [patcher._load_list()] for ◆ in row]\n");
    stars("x = f\"{[a for ◆ in patcher._load_list()]}\"\n");
    stars("x = any(a for i, (◆) in enumerate(patcher._load_list()) if i)\n");
}

#[test]
fn an_item_may_be_assigned_first() {
    stars(&ITEM.replace('◆', "◆ = item"));
    stars(&ITEM.replace('◆', "(◆) = item"));
    stars(&ITEM.replace('◆', "[◆] = item"));
    stars(&ITEM.replace('◆', "whole = ◆ = item"));
    stars(&ITEM.replace('◆', "entry: tuple = item\n        ◆ = entry"));
    stars(&LIST.replace('◆', "◆ = loading[-1]"));
    stars(&LIST.replace('◆', "first, *others = loading\n    (◆) = others[0]"));
    stars(&LIST.replace('◆', "(◆), *others = loading"));
    stars(&LIST.replace('◆', "best = None\n    for item in loading:\n        best = item\n    ◆ = best"));
    stars(&LIST.replace('◆', "for (item) in loading:\n        ◆ = item"));
    stars("it = iter(patcher._load_list())\nwhile (item := next(it, None)) is not None:\n    ◆ = item\n");
}

#[test]
fn subscripts_count_from_the_end() {
    // How what it is multiplied into is used does not tell what it is.
    counts("for item in p._load_list():\n    x = 2\n    x *= item◆\n    y = x / 2\n");
    counts(&ITEM.replace('◆', "x = item◆"));
    counts(&LIST.replace('◆', "x = loading[7]◆"));
    counts(&LIST.replace('◆', "x = [loading[i]◆ for i in range(len(loading))]"));
    rewrites("total = sum(entry◆ for entry in patcher._load_list())\n", "[0]", "[-4]", "[0]");
    counts("for item in (loading := patcher._load_list()): x = (item)◆\nfor item in loading: x = item◆\n");
    rewrites(ITEM, "s, n = item[0], item[ 1 ]", "s, n = item[-4], item[ -3 ]", "s, n = item[0], item[ -3 ]");
    rewrites(ITEM, "x = item[2], item[3]", "x = item[-2], item[-1]", "x = item[-2], item[-1]");
    rewrites(ITEM, "x = item[-4], item[-1]", "x = item[-4], item[-1]", "x = item[-4], item[-1]");
}

#[test]
fn named_indices_count_from_the_end_where_they_are_used() {
    let context =
        "NAME = 1\ndef run(patcher):\n    SIZE, MODULE = 0, 2\n    return [◆ for i in patcher._load_list()]\n";
    rewrites(context, "i[SIZE]", "i[SIZE - 4]", "i[SIZE]");
    rewrites(context, "i[NAME]", "i[NAME - 4]", "i[NAME - 4]");
    rewrites(context, "i[MODULE + 1]", "i[(MODULE + 1) - 4]", "i[(MODULE + 1) - 4]");
}

#[test]
fn lists_may_be_sorted_reversed_copied_cut_filtered_and_joined() {
    for list in [
        "sorted(loading)",
        "list(reversed(loading))[1:]",
        "tuple(loading)",
        "loading[::-1]",
        "loading.copy()",
        "[item for item in loading if item]",
        "(item for item in loading)",
        "filter(None, loading)",
        "[*loading, *loading]",
        "[*self.before, *patcher._load_list()]",
        "loading + loading[:2]",
        "loading or []",
        "loading if self.ready else []",
        "itertools.chain(loading, loading)",
        "itertools.islice(loading, 3)",
        "collections.deque(loading)",
        "heapq.nlargest(2, loading)",
        "set(loading)",
        "dict(enumerate(loading)).values()",
        "{i: item for i, item in enumerate(loading)}.values()",
    ] {
        stars(&LIST.replace('◆', &format!("for ◆ in {list}: pass")));
    }
    stars("loading = patcher._load_list()\nloading.sort(reverse=True)\nfor ◆ in loading: pass\n");
    stars("stack = patcher._load_list()\nwhile stack:\n    ◆ = stack.pop()\n");
    stars("for kind, group in itertools.groupby(patcher._load_list(), kind_of):\n    for ◆ in group: pass\n");
}

#[test]
fn whole_items_may_be_put_elsewhere() {
    for put in [
        "rest.append(item)",
        "rest += [item]",
        "rest = rest + [item]",
        "rest.insert(0, item)",
        "rest.extend([item])",
        "rest[0] = item",
    ] {
        let text = format!("rest = []\nfor item in patcher._load_list():\n    {put}\nfor ◆ in rest: pass\n");
        stars(&text);
    }
    stars("both = [[], []]\nfor i, x in enumerate(p._load_list()): both[i % 2].append(x)\nfor ◆ in both[0]: pass\n");
    stars("ranked = [(rank(i), i) for i in p._load_list()]\nfor _, (◆) in sorted(ranked): pass\n");
    stars("heap = []\nfor i in p._load_list(): heapq.heappush(heap, (rank(i), i))\n_, (◆) = heapq.heappop(heap)\n");
}

#[test]
fn dictionaries_give_their_items_back() {
    let context =
        "groups = {}\nfor item in patcher._load_list():\n    groups.setdefault(kind(item), []).append(item)\n◆\n";
    stars(&context.replace('◆', "for kind, members in groups.items():\n    for ◆ in members: pass"));
    stars(&context.replace('◆', "for members in groups.values():\n    for ◆ in members: pass"));
    stars(&context.replace('◆', "◆ = groups['x'][0]"));
    stars(&context.replace('◆', "◆ = groups.get('x', [])[0]"));
    stars("named = {str(i): i for i in p._load_list()}\nfor name, (◆) in named.items(): pass\n");
    stars("kept = {'all': p._load_list(), 'other': 1}\nfor ◆ in kept['all']: pass\n");
    stars("best = {'x': None}\nfor item in p._load_list(): best['x'] = item\n◆ = best['x']\n");
}

#[test]
fn zip_pairs_items_with_others() {
    stars("for (◆), i in zip(patcher._load_list(), range(9)): pass\n");
    stars("for i, (j, (◆)) in enumerate(zip('xyz', patcher._load_list())): pass\n");
    stars("◆ = zip(*patcher._load_list())\n");
}

#[test]
fn generators_yield_items() {
    stars("def big(p):\n    for item in p._load_list():\n        yield item\nfor ◆ in big(p): pass\n");
    stars("def both(p):\n    yield from p._load_list()\nfor ◆ in both(p): pass\n");
}

#[test]
fn functions_take_and_return_items_and_lists() {
    stars("def total(load_list):\n    return sum(a for ◆ in load_list)\ntotal(patcher._load_list())\n");
    stars("def total(*, load_list=()):\n    for ◆ in load_list: pass\ntotal(load_list=patcher._load_list())\n");
    stars("def each(*lists):\n    for one in lists:\n        for ◆ in one: pass\neach(p._load_list(), [])\n");
    stars("def keyed(**lists):\n    for ◆ in lists['x']: pass\nkeyed(x=p._load_list())\n");
    stars("def size(item):\n    ◆ = item\n    return a\nx = [size(item) for item in p._load_list()]\n");
    stars("def get(p):\n    return p._load_list()\nfor ◆ in get(p): pass\n");
    stars("def two(p):\n    return 1, p._load_list()\nn, loading = two(p)\nfor ◆ in loading: pass\n");
    stars("def go(items):\n    if items:\n        ◆ = items[0]\n        go(items[1:])\ngo(p._load_list())\n");
    stars("def call(f, items):\n    for i in items: f(i)\ndef one(i):\n    ◆ = i\ncall(one, p._load_list())\n");
    stars("@decorated\ndef total(items):\n    for ◆ in items: pass\ntotal(p._load_list())\n");
}

#[test]
fn nested_functions_see_the_lists_around_them_and_fill_them() {
    stars(
        "def run(p):\n    loading = p._load_list()\n    def total():\n        return [a for ◆ in loading]\n    return total()\n",
    );
    stars(
        "def run(p):\n    got = []\n    def visit(i):\n        got.append(i)\n    for i in p._load_list(): visit(i)\n    for ◆ in got: pass\n",
    );
    stars(
        "def run(p):\n    got = None\n    def get():\n        nonlocal got\n        got = p._load_list()\n    get()\n    for ◆ in got: pass\n",
    );
    stars(
        "def register():\n    def new_partially_load(self):\n        for ◆ in self._load_list(): pass\n    Patcher.load = new_partially_load\n",
    );
    stars("KEPT = {}\ndef fill(p):\n    KEPT['x'] = p._load_list()\ndef run():\n    for ◆ in KEPT['x']: pass\n");
    stars(
        "KEPT = None\ndef fill(p):\n    global KEPT\n    KEPT = p._load_list()\ndef run():\n    for ◆ in KEPT: pass\n",
    );
}

#[test]
fn methods_and_attributes_do_too() {
    let class = "class Plan:\n    def __init__(self, p):\n        self.loading = p._load_list()\n    ◆\n";
    stars(&class.replace('◆', "def total(self):\n        for ◆ in self.loading: pass"));
    stars(&class.replace(
        '◆',
        "@property\n    def items(self):\n        return self.loading\n    def total(self):\n        for ◆ in self.items: pass",
    ));
    stars("class Plan:\n    def take(self, items):\n        for ◆ in items: pass\nPlan().take(p._load_list())\n");
    stars(
        "class Plan:\n    def take(self, items):\n        for ◆ in items: pass\nplan = Plan()\ntake = plan.take\ntake(p._load_list())\n",
    );
    stars(
        "class Plan:\n    def __call__(self, item):\n        ◆ = item\nplan = Plan()\nfor item in p._load_list(): plan(item)\n",
    );
    stars(
        "class Plan:\n    def __init__(self, items):\n        self.items = items\n    def __iter__(self):\n        return iter(self.items)\nfor ◆ in Plan(p._load_list()): pass\n",
    );
    stars(
        "class Mine(ModelPatcher):\n    def _load_list(self):\n        loading = super()._load_list()\n        for ◆ in loading: pass\n        return loading\n",
    );
    stars("plan = SimpleNamespace(items=p._load_list())\nfor ◆ in plan.items: pass\n");
    for items in ["p._load_list()", "items=p._load_list()"] {
        let row = "@dataclass\nclass Row:\n    items: list\n";
        stars(&format!("{row}row = Row({items})\nfor ◆ in row.items: pass\n"));
    }
}

#[test]
fn the_method_may_be_named_otherwise_first() {
    stars("get = patcher._load_list\nfor ◆ in get(): pass\n");
    stars("for ◆ in getattr(patcher, '_load_list')(): pass\n");
    stars("get = getattr(patcher, \"_load_list\", None)\nfor ◆ in get(True): pass\n");
    stars("get = functools.partial(patcher._load_list, True)\nfor ◆ in get(): pass\n");
}

#[test]
fn sort_keys_and_other_functions_of_an_item_count_from_the_end() {
    counts("loading = p._load_list()\nloading.sort(key=lambda x: (x◆, 1))\n");
    counts("def key(x):\n    return x◆\nloading = sorted(p._load_list(), key=key)\n");
    counts("x = max(p._load_list(), key=lambda i: i◆)\n");
    counts("x = list(map(lambda i: i◆, p._load_list()))\n");
    counts("x = filter(lambda i: i◆ in wanted, p._load_list())\n");
    counts("x = functools.reduce(lambda all, i: [*all, i◆], p._load_list(), [])\n");
    rewrites("x = sorted(p._load_list(), key=itemgetter(◆))\n", "0", "-4", "0");
    rewrites("by = operator.itemgetter(◆)\nx = [by(i) for i in p._load_list()]\n", "1, 0", "-3, -4", "-3, 0");
}

#[test]
fn items_spread_over_parameters_are_cut_to_their_last_fields() {
    let spread = |context: &str| rewrites(context, "*item", "*item[-4:]", "item[0], *item[-3:]");
    let call = "for item in p._load_list():\n    Block(◆)\n";
    spread(&format!("def Block(size, name, module, params=None): pass\n{call}"));
    spread(&format!("Block = namedtuple('Block', 'size name module params')\n{call}"));
    spread(&format!("Block = namedtuple('Block', ['size', 'name', 'module', 'params'])\n{call}"));
    spread(&format!("class Block(NamedTuple):\n    a: int\n    b: str\n    c: object\n    d: list\n{call}"));
    spread(&format!("class Block:\n    def __init__(self, a, b, c, d): pass\n{call}"));
    spread("def place(device, a, b, c, d): pass\nfor item in p._load_list(): place('cpu', ◆)\n");
    rewrites(
        "def size(a, b, c, d): pass\nx = starmap(size, ◆)\n",
        "p._load_list()",
        "(item[-4:] for item in p._load_list())",
        "((item[0], *item[-3:]) for item in p._load_list())",
    );
}

#[test]
fn stars_and_slices_from_the_front_are_turned_round() {
    rewrites(ITEM, "a, b, *_ = item", "*_, a, b, _, _ = item", "a, *_, b, _, _ = item");
    rewrites(ITEM, "x = item[:2]", "x = item[-4:-2]", "x = (*item[:1], *item[-3:-2])");
    rewrites(ITEM, "x = item[1:3]", "x = item[-3:-1]", "x = item[-3:-1]");
    rewrites(ITEM, "b, c, d = item[1:]", "*_, b, c, d = item[1:]", "*_, b, c, d = item[1:]");
}

#[test]
fn what_a_star_stood_for_is_only_given_up_where_nobody_reads_it() {
    let gettext = "def run(p):\n    for ◆ in p._load_list(): print(_('x'))\n";
    rewrites(gettext, "a, b, *rest", "*rest, a, b, _rest, _rest", "a, *rest, b, _rest, _rest");
    for (targets, read) in [("a, b, *_", "c, d = _"), ("a, b, *rest", "print(rest)"), ("a, *_unused", "_unused.pop()")]
    {
        let loops = format!("def run(p):\n    for {targets} in ◆:\n        {read}\n");
        let cut = ["(item[-4:] for item in p._load_list())", "((item[0], *item[-3:]) for item in p._load_list())"];
        rewrites(&loops, "p._load_list()", cut[0], cut[1]);
        let assigned = ITEM.replace('◆', &format!("{targets} = ◆; {read}"));
        rewrites(&assigned, "item", "item[-4:]", "(item[0], *item[-3:])");
        let inside = format!("def run(p):\n    for i, ({targets}) in enumerate(p._load_list()):\n        {read}\n");
        stays(&inside, Status::NotUnderstood);
    }
    rewrites(
        "x = [(size, rest) for size, *rest in ◆]\n",
        "p._load_list()",
        "(item[-4:] for item in p._load_list())",
        "((item[0], *item[-3:]) for item in p._load_list())",
    );
}

#[test]
fn what_takes_a_whole_item_from_the_front_is_given_its_last_fields() {
    let cuts = |context: &str| {
        rewrites(context, "item", "item[-4:]", "(item[0], *item[-3:])");
    };
    cuts(&ITEM.replace('◆', "x = '%s %s %d %%%s' % ◆"));
    cuts(&ITEM.replace('◆', "x = dict(zip((1, 2, 3, 4), ◆))"));
    cuts(&format!("NAMES = ['a', 'b', 'c', 'd']\n{}", ITEM.replace('◆', "x = dict(zip(NAMES, ◆))")));
    cuts(&format!("Row = namedtuple('Row', 'a b c d')\n{}", ITEM.replace('◆', "x = Row._make(◆)")));
    for (names, why) in [("(1, 2, 3)", "takes 3 fields from the front"), ("names()", "an unknown number of names")] {
        let text = ITEM.replace('◆', &format!("x = dict(zip({names}, item))"));
        let (_, survey) = crate::snippets::survey(&[(FILE, &text)], LOAD_LIST, Accounting::Resident);
        assert!(survey.sites[0].message.contains(why), "{}", survey.sites[0].message);
    }
    let spreads = |context: &str| {
        rewrites(&ITEM.replace('◆', context), "*item", "*item[-4:]", "item[0], *item[-3:]");
    };
    spreads("x = '{} {} {} {{}} {}'.format(◆)");
    let defined = |text: &str| rewrites(text, "*item", "*item[-4:]", "item[0], *item[-3:]");
    for function in
        ["def take(a, b, c, d, e=None): return a\n", "take = lambda a, *rest: a\n", "def take(a, b=0, *c): return b\n"]
    {
        defined(&format!("{function}{}", ITEM.replace('◆', "take(◆)")));
    }
    // What looks for the fifth knows what it does.
    for function in ["def take(a, b, c, d, e=None):\n    if e is None: return a\n", "def take(*all): return all[-4]\n"]
    {
        is_right(&format!("{function}{}", ITEM.replace('◆', "take(*item)")));
    }
    counts(&format!("def take(*all): x = all◆\n{}", ITEM.replace('◆', "take(*item)")));
}

#[test]
fn functions_that_are_handed_on_are_followed() {
    counts("x = functools.reduce(lambda total, item: repr(item◆), p._load_list(), 0)\n");
    counts("x = sorted(p._load_list(), key=cmp_to_key(lambda a, b: cmp(a◆, b[-1])))\n");
    counts("x = sorted(p._load_list(), key=cmp_to_key(lambda a, b: cmp(a[-1], b◆)))\n");
    counts("def take(n, item): return item◆\nx = [partial(take, 1)(i) for i in p._load_list()]\n");
    counts("def take(n, item): return item◆\nx = list(map(partial(take, n=1), [0], p._load_list()))\n");
    counts("x = [row◆ for row in map(list, p._load_list())]\n");
    counts("x = [i◆ for i in itertools.takewhile(lambda i: i[-1], p._load_list())]\n");
    counts("x = [i◆ for i in copy.copy(p._load_list())]\n");
    counts("x = f\"{p._load_list()[0][-1]:>{p._load_list()[0]◆}}\"\n");
    stars("for ◆ in zip(*zip(*p._load_list())): pass\n");
    let constants = "class Field:\n    SIZE = 0\n    NAME = 1\nx = [i[◆] for i in p._load_list()]\n";
    rewrites(constants, "Field.SIZE", "Field.SIZE - 4", "Field.SIZE");
    rewrites(constants, "Field.NAME", "Field.NAME - 4", "Field.NAME - 4");
}

#[test]
fn tests_of_length_are_repaired_wherever_they_stand() {
    let read = "for a, b, c, d in loading: pass";
    let after = ["for *_, a, b, c, d in loading: pass", "for a, *_, b, c, d in loading: pass"];
    for (test, repaired) in [
        ("assert all(len(i) == 4 for i in loading)", "assert all(len(i) >= 4 for i in loading)"),
        ("if not all([len(i) == 4 for i in loading]): return", "if not all([len(i) >= 4 for i in loading]): return"),
        ("if any(len(i) > 4 for i in loading): raise e", "if any(len(i) < 4 for i in loading): raise e"),
    ] {
        let text = |test: &str, read: &str| format!("{test}\n    {read}");
        rewrites(LIST, &text(test, read), &text(repaired, after[0]), &text(repaired, after[1]));
    }
    let helper =
        "def is_item(i):\n    return ◆\ndef run(p):\n    return sum(i[-1] for i in p._load_list() if is_item(i))\n";
    rewrites(helper, "len(i) == 4", "len(i) >= 4", "len(i) >= 4");
}

#[test]
fn what_counts_from_the_end_stays() {
    is_right(&ITEM.replace('◆', "*_, size, name, module, params = item"));
    is_right(&ITEM.replace('◆', "size, name, module, params = item[-4:]"));
    is_right(&ITEM.replace('◆', "x = item[-4], item[-3], item[-1]"));
    is_right(&LIST.replace('◆', "for size, name, module, params in [item[-4:] for item in loading]: pass"));
    is_right("def last(items):\n    return [i[-4:] for i in items]\nfor a, b, c, d in last(p._load_list()): pass\n");
}

#[test]
fn items_that_are_changed_are_not_understood() {
    for change in [
        "row[0] = row[0] * 2",
        "row[0] += 1",
        "row.append(1)",
        "row.pop()",
        "row.insert(0, 1)",
        "row.reverse()",
        "del row[0]",
    ] {
        let text = ITEM.replace('◆', &format!("row = list(item); {change}; x = row[0], row[1]"));
        assert_eq!(crate::snippets::status(&text, LOAD_LIST), Status::NotUnderstood, "{change}");
    }
    rewrites(ITEM, "item[3][0] = 1", "item[-1][0] = 1", "item[-1][0] = 1");
    rewrites(ITEM, "item[3][0] += 1", "item[-1][0] += 1", "item[-1][0] += 1");
}

#[test]
fn a_length_test_may_stand_beside_others() {
    for (test, repaired) in [
        ("isinstance(item, tuple) and len(item) == 4", "isinstance(item, tuple) and len(item) >= 4"),
        ("item is not None and len(item) == 4", "item is not None and len(item) >= 4"),
        ("item and len(item) == 4", "item and len(item) >= 4"),
    ] {
        let text = |test: &str, targets: &str| {
            format!("for item in p._load_list():\n    if {test}:\n        {targets} = item\n")
        };
        let after = crate::snippets::repair(&[(FILE, &text(test, "a, b, c, d"))], LOAD_LIST, Accounting::Resident);
        assert_eq!(after[0], text(repaired, "*_, a, b, c, d"));
    }
}

#[test]
fn length_tests_in_every_form_are_right() {
    let four = "size, name, module, params = item";
    let five = "_, size, name, module, params = item";
    for test in [
        "len(item) == 4",
        "len(item) < 5",
        "len(item) <= 4",
        "4 == len(item)",
        "not len(item) == 5",
        "len(item) in (4,)",
    ] {
        is_right(&ITEM.replace('◆', &format!("if {test}:\n            {four}\n        else:\n            {five}")));
    }
    for test in [
        "len(item) != 4",
        "len(item) > 4",
        "len(item) >= 5",
        "5 == len(item)",
        "isinstance(item, tuple) and len(item) == 5",
    ] {
        is_right(&ITEM.replace('◆', &format!("if {test}:\n            {five}\n        else:\n            {four}")));
        is_right(&ITEM.replace('◆', &format!("if {test}:\n            item = item[1:]\n        {four}")));
        is_right(
            &ITEM.replace(
                '◆',
                &format!("{five} if False else item")
                    .replacen(five, "size, name, module, params = item[1:]", 1)
                    .replace("False", test),
            ),
        );
    }
    is_right(&ITEM.replace('◆', &format!("n = len(item)\n        if n not in (4, 5):\n            raise ValueError\n        assert n <= 5\n        if n == 5:\n            {five}\n        elif n == 4:\n            {four}")));
    is_right(
        "def size(item):\n    if len(item) == 5:\n        return item[1]\n    return item[0]\nx = [size(i) for i in p._load_list()]\n",
    );
}

#[test]
fn what_a_length_leads_to_is_right() {
    is_right(
        &ITEM.replace('◆', "offset = len(item) - 4\n        x = item[offset], item[offset + 1], item[len(item) - 2]"),
    );
    is_right(&LIST.replace('◆', "offset = 1 if len(loading[0]) == 5 else 0\n    x = [i[offset] for i in loading]"));
    is_right(&LIST.replace('◆', "offset = 0\n    if loading and len(loading[0]) > 4:\n        offset = 1\n    x = [i[0 + offset] for i in loading]"));
    is_right(&LIST.replace('◆', "START = {4: 0, 5: 1}\n    x = [i[START[len(i)]] for i in loading]"));
    is_right(&LIST.replace(
        '◆',
        "size = {4: lambda i: i[0], 5: lambda i: i[1]}[len(loading[0])]\n    x = [size(i) for i in loading]",
    ));
    is_right(
        "def old(i):\n    a, b, c, d = i\ndef new(i):\n    _, a, b, c, d = i\ndef run(p):\n    loading = p._load_list()\n    read = new if len(loading[0]) == 5 else old\n    for i in loading: read(i)\n",
    );
}

#[test]
fn one_test_may_guard_two_loops() {
    let loops = "        for _, a, b, c, d in raw: pass\n    else:\n        for a, b, c, d in raw: pass\n";
    for test in [
        "len(raw[0]) == 5",
        "bool(raw) and len(raw[0]) == 5",
        "raw and len(raw[0]) > 4",
        "len(raw) > 0 and len(raw[0]) != 4",
    ] {
        is_right(&format!("def run(p):\n    raw = p._load_list()\n    longer = {test}\n    if longer:\n{loops}"));
    }
}

#[test]
fn a_failed_unpacking_that_is_dealt_with_is_right() {
    for error in ["except ValueError:", "except (ValueError, TypeError) as error:", "except Exception:", "except:"] {
        is_right(&ITEM.replace(
            '◆',
            &format!("try:\n            a, b, c, d = item\n        {error}\n            _, a, b, c, d = item"),
        ));
        is_right(&ITEM.replace(
            '◆',
            &format!("try:\n            _, a, b, c, d = item\n        {error}\n            a, b, c, d = item"),
        ));
    }
    stars(&ITEM.replace('◆', "try:\n            ◆ = item\n        except ValueError:\n            continue"));
    stars(&ITEM.replace('◆', "try:\n            ◆ = item\n        except KeyError:\n            pass"));
}

#[test]
fn match_statements_are_understood() {
    is_right(
        &ITEM.replace('◆', "match item:\n            case (a, b, c, d): pass\n            case (_, a, b, c, d): pass"),
    );
    is_right(&ITEM.replace('◆', "match item:\n            case [*_, a, b, c, d]: pass"));
    // What comes behind a pattern that takes them all gets none.
    is_right(
        &ITEM.replace('◆', "match item:\n            case [*_, a, b, c, d]: pass\n            case [a, b, c]: pass"),
    );
    is_right(
        &ITEM.replace('◆', "match len(item):\n            case 4: x = item[0]\n            case 5 | 6: x = item[1]"),
    );
    is_right(
        &ITEM.replace('◆', "match item:\n            case x if len(x) == 5: y = x[1]\n            case x: y = x[0]"),
    );
    stars(&ITEM.replace('◆', "match item:\n            case (◆): pass\n            case _: raise ValueError"));
    stars(&ITEM.replace('◆', "match item:\n            case ◆: pass"));
}

#[test]
fn a_test_that_passes_over_longer_items_is_repaired_with_what_it_guards() {
    for (before, after) in [
        ("if len(item) == 4:\n            ◆", "if len(item) >= 4:\n            ◆"),
        ("if len(item) > 4:\n            raise e\n        ◆", "if len(item) < 4:\n            raise e\n        ◆"),
        ("if len(item) >= 5:\n            continue\n        ◆", "if len(item) < 4:\n            continue\n        ◆"),
        ("if 5 > len(item):\n            ◆", "if 4 <= len(item):\n            ◆"),
        ("if 4 == len(item):\n            ◆", "if 4 <= len(item):\n            ◆"),
        ("if len(item) != 4:\n            continue\n        ◆", "if len(item) < 4:\n            continue\n        ◆"),
        ("n = len(item)\n        assert n == 4\n        ◆", "n = len(item)\n        assert n >= 4\n        ◆"),
    ] {
        let case = |test: &str, read: &str| test.replace('◆', read);
        rewrites(
            ITEM,
            &case(before, "a, b, c, d = item; x = item[1]"),
            &case(after, "*_, a, b, c, d = item; x = item[-3]"),
            &case(after, "a, *_, b, c, d = item; x = item[-3]"),
        );
    }
}

#[test]
fn upstream_s_helpers_are_right() {
    let helper = "def unpack_load_item(item):\n    if len(item) == 5:\n        _, size, name, module, params = item\n        return size, name, module, params\n    size, name, module, params = item\n    return size, name, module, params\n";
    is_right(&format!(
        "{helper}def run(p):\n    for item in p._load_list():\n        a, b, c, d = unpack_load_item(item)\n"
    ));
    is_right(&format!(
        "{helper}def run(p):\n    return sum(a for a, b, c, d in map(unpack_load_item, p._load_list()))\n"
    ));
    is_right(&format!(
        "{helper}def normal(items):\n    return [unpack_load_item(i) for i in items]\ndef run(p):\n    for a, b, c, d in normal(p._load_list()): pass\n"
    ));
    let lambda = "last = lambda item: item if len(item) == 4 else item[-4:]\n";
    is_right(&format!("{lambda}def run(p):\n    for a, b, c, d in map(last, p._load_list()): pass\n"));
}

#[test]
fn what_only_takes_five_fields_is_named_and_left() {
    for text in [
        "for _, size, name, module, params in p._load_list(): pass\n",
        "x = [(entry[0], entry[2], entry[3], entry[4]) for entry in p._load_list()]\n",
        "for e in p._load_list():\n    size = e[1]\n    name = e[2]\n    x += size / 2\n    y = name.lower()\n",
        // One use alone tells.
        "for e in p._load_list():\n    x = e[1] / 2\n",
        "for e in p._load_list():\n    x += e[1]\n",
        "for e in p._load_list():\n    x = e[2].lower()\n",
    ] {
        stays(text, Status::InOrder);
        let states = crate::snippets::states(text, LOAD_LIST);
        assert!(states.iter().all(|(_, state)| *state == FIVE_ONLY), "{states:?}");
    }
    let (_, survey) = crate::snippets::survey(
        &[(FILE, "x = [(e[0], e[2], e[3], e[4]) for e in p._load_list()]\n")],
        LOAD_LIST,
        Accounting::Resident,
    );
    assert!(survey.note.unwrap().contains("as in the guide"));
}

#[test]
fn other_tuples_of_four_are_left_alone() {
    let other = "for a, b, c, d in blocks: pass\nx = blocks[0][1]\ny = [b[0] for b in blocks]\n";
    for text in [
        format!("blocks = [(1, 2, 3, 4)]\n{other}"),
        format!("blocks = load_list()\n{other}"),
        format!("_load_list = [(1, 2, 3, 4)]\nblocks = _load_list\n{other}"),
        "def f(blocks):\n    for a, b, c, d in blocks: pass\n".to_owned(),
        "shape = weight.shape\na, b, c, d = shape\nx = shape[0]\n".to_owned(),
        "# patcher._load_list()\ntext = \"for a, b, c, d in x._load_list()\"\nfor a, b, c, d in text: pass\n"
            .to_owned(),
    ] {
        stays(&text, Status::NotApplicable);
    }
}

#[test]
fn items_that_the_file_builds_itself_are_left_alone() {
    let build = "for size, name, module, params in p._load_list():\n    blocks.append(BLOCK)\n";
    let read = "for a, b, c, d in blocks: x = blocks[0][1]\nlarge = [b for b in blocks if b[3] > 1]\nfor e, f, g, h in reversed(large): pass\n";
    for block in ["(name, module, kind, size)", "(size, name, module, params)", "[name, module, kind, size]"] {
        let text = format!("blocks = []\n{}{read}", build.replace("BLOCK", block));
        let repaired = crate::snippets::repair(&[(FILE, &text)], LOAD_LIST, Accounting::Resident);
        assert_eq!(repaired[0], text.replace("for size, name", "for *_, size, name"));
    }
    let text = "rows = [(i[0], i[1], i[2], i[3]) for i in p._load_list()]\nx = [a for a, b, c, d in rows]\n";
    let repaired = crate::snippets::repair(&[(FILE, text)], LOAD_LIST, Accounting::Resident);
    assert_eq!(repaired[0], text.replace("(i[0], i[1], i[2], i[3])", "(i[-4], i[-3], i[-2], i[-1])"));
}

/// What is read beside an item, or by a class of its own, is not read from the end.
#[test]
fn other_values_that_are_read_nearby_are_left_alone() {
    for (text, before, after) in [
        (
            "best = {'item': p._load_list()[0], 'pair': ('cuda', 0)}\nx = best['pair'][0], best['item'][1]\n",
            "['item'][1]",
            "['item'][-3]",
        ),
        ("for item in p._load_list():\n    x = item[1]\n    item = (x, 1)\n    y = item[0]\n", "item[1]", "item[-3]"),
        (
            "pairs = [(item, 5) for item in p._load_list()]\nx = pairs[0][1], pairs[0][0][1]\n",
            "[0][0][1]",
            "[0][0][-3]",
        ),
        (
            "def by(items, key): return sorted(items, key=key)\nx = by(p._load_list(), lambda i: i[0])\ny = by([(1, 2)], lambda i: i[1])\n",
            "lambda i: i[0]",
            "lambda i: i[-4]",
        ),
        // A star takes a list of what the others leave.
        (
            "for i in p._load_list():\n    one, *more, last = 1, 2, i, (2, 3)\n    x = more[1][1], last[1]\n",
            "[1][1]",
            "[1][-3]",
        ),
        (
            "for i in p._load_list():\n    one, *more, last = (1, 2), i\n    x = one[1], last[1]\n",
            "last[1]",
            "last[-3]",
        ),
        (
            "class A:\n    def go(self, p): return self.read(p._load_list())\n    def read(self, items): return items[0][1]\nclass B:\n    def go(self): return self.read([(1, 2)])\n    def read(self, items): return items[0][0]\n",
            "[0][1]",
            "[0][-3]",
        ),
    ] {
        let repaired = crate::snippets::repair(&[(FILE, text)], LOAD_LIST, Accounting::Resident);
        assert_eq!(repaired[0], text.replacen(before, after, 1));
    }
}

/// Counted from the end, a shorter tuple would be read wrongly.
#[test]
fn a_function_that_reads_shorter_tuples_too_is_told() {
    for text in [
        "def first(t): return t[0]\nx = [first(i) for i in p._load_list()], first((7, 8))\n",
        "class A:\n    def __init__(self): self.got = [('a', 1)]\nclass B:\n    def __init__(self, p): self.got = p._load_list()\nx = B(p).got[0][1]\n",
    ] {
        stays(text, Status::NotUnderstood);
    }
}

#[test]
fn the_star_gets_a_name_that_nobody_reads() {
    let gettext = "def run(p):\n    for ◆ in p._load_list(): print(_('x'))\n";
    rewrites(gettext, "a, b, c, d", "*_rest, a, b, c, d", "a, *_rest, b, c, d");
    let counter = "for _ in range(2):\n    for ◆ in p._load_list(): print(_)\n_rest = 1\nprint(_rest)\n";
    rewrites(counter, "a, b, c, d", "*_rest_2, a, b, c, d", "a, *_rest_2, b, c, d");
    stars("for _ in range(2):\n    for ◆ in p._load_list(): pass\n");
}

#[test]
fn longer_and_shorter_forms_of_an_item_keep_their_own_fields() {
    rewrites(
        "x = [(i, *item) for i, item in enumerate(p._load_list())]\nfor ◆ in x: pass\n",
        "i, a, b, c, d",
        "i, *_, a, b, c, d",
        "i, a, *_, b, c, d",
    );
    rewrites(
        "x = [item + (i,) for i, item in enumerate(p._load_list())]\nfor ◆ in x: pass\n",
        "a, b, c, d, i",
        "*_, a, b, c, d, i",
        "a, *_, b, c, d, i",
    );
}

#[test]
fn sibling_modules_are_repaired_with_it() {
    let helper = "def total(items):\n    return sum(a for A in items)\n";
    for import in [
        "from .helpers import total\n",
        "from .helpers import total as f\ntotal = f\n",
        "from .helpers import *\n",
        "from . import helpers\ntotal = helpers.total\n",
        "from . import helpers as h\ndef total(items):\n    return h.total(items)\n",
        "import helpers\ndef total(items): return helpers.total(items)\n",
        "try:\n    from .helpers import total\nexcept ImportError:\n    from helpers import total\n",
    ] {
        let text = format!("{import}def run(p):\n    return total(p._load_list())\n");
        let files = [(FILE, text.as_str()), ("helpers.py", &helper.replace('A', "a, b, c, d"))];
        let repaired = crate::snippets::repair(&files, LOAD_LIST, Accounting::Resident);
        assert_eq!(repaired, [text, helper.replace('A', "*_, a, b, c, d")]);
    }
}

#[test]
fn a_chain_of_modules_and_their_constants_are_followed() {
    let files = [
        (
            FILE,
            "from .middle import total\nfrom .fields import SIZE\ndef run(p):\n    return total(p._load_list()), p._load_list()[0][SIZE]\n",
        ),
        ("middle.py", "from .far import total\n"),
        ("far.py", "from . import distorch_2\ndef total(items):\n    for a, b, c, d in items: pass\n"),
        ("fields.py", "SIZE = 0\n"),
    ];
    let repaired = crate::snippets::repair(&files, LOAD_LIST, Accounting::Resident);
    assert!(repaired[0].contains("[0][SIZE - 4]"), "{}", repaired[0]);
    assert!(repaired[2].contains("for *_, a, b, c, d in items"), "{}", repaired[2]);
}

#[test]
fn every_file_that_makes_a_load_list_is_surveyed() {
    let files = [(FILE, "x = 1\n"), ("nodes.py", "for a, b, c, d in p._load_list(): pass\n")];
    let repaired = crate::snippets::repair(&files, LOAD_LIST, Accounting::Resident);
    assert_eq!(repaired[1], "for *_, a, b, c, d in p._load_list(): pass\n");
}

#[test]
fn what_cannot_be_repaired_is_told() {
    for text in [
        "other_package.place(p._load_list())\n",
        "for a, b, c in p._load_list(): pass\n",
        "for a, b, c, d in p._load_list(): pass\nrows = [(i[0],) + i[1:] for i in p._load_list()]\nfor a, b, c, d in rows: pass\n",
    ] {
        assert_eq!(crate::snippets::status(text, LOAD_LIST), Status::NotUnderstood, "{text}");
        assert!(crate::snippets::states(text, LOAD_LIST).iter().any(|(_, state)| *state == State::OPAQUE), "{text}");
    }
}

#[test]
fn every_byte_outside_of_a_site_stays() {
    let text = "\u{feff}# caf\u{e9}\r\nfor  a , b,c  ,d in p._load_list() :\t# four\r\n\tpass \r\n\u{c}\r\nx = 1";
    let repaired = crate::snippets::repair(&[(FILE, text)], LOAD_LIST, Accounting::Resident);
    assert_eq!(repaired[0], text.replace("for  a", "for  *_, a"));
}

/// What a hostile file can be made of is told, not followed for ever, and does not end the process.
#[test]
fn strange_files_end_in_time() {
    let deep = |open: &str, close: &str, count: usize| {
        format!("x = {}p._load_list(){}\nfor a, b, c, d in x: pass\n", open.repeat(count), close.repeat(count))
    };
    let lines = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<Vec<_>>().concat();
    let nested = |header: &str| lines(80, &|n| format!("{}{header}\n", " ".repeat(n)));
    let texts = [
        deep("(", ")", 20_000),
        deep("[", "]", 5_000),
        deep("list(", ")", 5_000),
        deep("q or ", "", 20_000),
        deep("q + ", "", 20_000),
        deep("not ", "", 5_000),
        deep("q if q else ", "", 2_000),
        deep("lambda: ", "", 2_000),
        format!("{}{}pass\n", nested("for x in p._load_list():"), " ".repeat(80)),
        format!("if q: pass\n{}", "elif q == 1: pass\n".repeat(3_000)),
        "x = p._load_list()\nfor i in x:\n    x = (x, x)\n    y = [x, y]\n    y.append(y)\na, b, c, d = x\n".to_owned(),
        "def f(x): return g([x])\ndef g(x): return f((x, x))\nf(p._load_list())\n".to_owned(),
        lines(300, &|n| format!("def f{n}(x): return f{}(x)\n", n + 1)) + "f0(p._load_list())\n",
        format!("D = {{{}}}\nD[0](p._load_list()[0])\n", lines(3_000, &|n| format!("'{n}': lambda i: i[0],"))),
    ];
    for text in texts {
        let package = Package::new([(PathBuf::from(FILE), text.into_bytes())]);
        match fixes::survey(&package, &[LOAD_LIST], Accounting::Resident) {
            Ok(_) | Err((FileId::FIRST, Unreadable::TooDeep(_))) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let circle = [
        (FILE, "from .a import *\nfor a, b, c, d in f(p._load_list()): pass\n"),
        ("a.py", "from .distorch_2 import *\nfrom .a import f\ndef f(x): return x\n"),
    ];
    crate::snippets::survey(&circle, LOAD_LIST, Accounting::Resident);
}
