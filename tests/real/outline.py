"""Folds lists of modules, as `comfy_lists.modules` gives them, into an outline as in src/plan/architecture."""
import torch

TYPES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32"}
DTYPES = {torch.float32: "F32", torch.int64: "I64", torch.bool: "BOOL", torch.float64: "F64", torch.int32: "I32"}


class Node:
    """A module, or several that are alike. `within` are those modules above in which it is there, `all` what it stands for."""

    number = 0

    def __init__(self, name, module=None, above=None):
        Node.number += 1
        self.all, self.within = {Node.number}, set(above.all if above else ())
        self.name, self.optional, self.children = name, False, []
        self.kind = module["kind"] if module and module["listed"] else None
        self.flags = ()
        if self.kind:
            self.flags = tuple(flag for flag, has in (("~cast", module["casts"]), ("~bias", module["bias"])) if not has)
        self.tensors = {}
        self.repeats = bool(module and module["list"])
        self.sequence = bool(module and module["sequence"])
        self.made = module["kind"] if module else None

    def key(self):
        """Nodes with the same key are one; two with the same name and other keys are alternatives."""
        ranks = tuple(sorted((name, rank) for name, (rank, *_) in self.tensors.items())) if self.kind else ()
        return self.name, self.kind, self.flags, ranks if self.kind and self.kind not in ("Conv3d",) else ()

    def has_tensors(self):
        return bool(self.tensors) or any(child.has_tensors() for child in self.children)

    def is_kept(self):
        return self.kind or self.tensors or self.children


class Conflict(Exception):
    pass


def tree(modules, fixed):
    """The tree of one model; `fixed` says in which type a tensor is kept whatever the model is in."""
    root = Node("")
    found = {"": root}
    listed = set()
    for module in modules:
        name = module["name"]
        if any(above in listed for above in above_all(name)):
            continue
        if module["listed"]:
            listed.add(name)
        if not name:
            node = root
        else:
            above, _, last = name.rpartition(".")
            node = found[name] = Node(last, module, found[above])
            found[above].children.append(node)
        for key, (shape, dtype) in module["tensors"].items():
            full = f"{name}.{key}" if name else key
            # The file may lack a buffer, and where the module is not listed, nobody counts it.
            is_free = key in module["buffers"] and not module["listed"]
            node.tensors[key] = (len(shape), is_free, DTYPES.get(fixed.get(full)))
    prune(root)
    fold(root)
    return root


def above_all(name):
    parts = name.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts)))


def prune(node):
    for child in node.children:
        prune(child)
    node.children = [child for child in node.children if child.is_kept()]


def fold(node):
    """Makes one `*` of the numbered children of a list."""
    for child in node.children:
        fold(child)
    names = [child.name for child in node.children]
    numbered = names == [str(index) for index in range(len(names))] and names
    alike = len({child.made for child in node.children}) == 1 and len(names) > 3
    if numbered and (node.repeats or node.sequence and alike and not node.children[0].kind):
        every = node.children[0]
        every.name, every.count = "*", len(names)
        alternatives = [every]
        for child in node.children[1:]:
            child.name = "*"
            for index, other in enumerate(alternatives):
                if other.key() == child.key():
                    try:
                        merge(other, child)
                    except Conflict:
                        continue
                    break
            else:
                alternatives.append(child)
        if len(alternatives) > 1:
            for one in alternatives:
                one.optional = True
        node.children = alternatives


def merge(a, b):
    """Makes `a` hold for both; what only one of them has becomes optional."""
    a.all |= b.all
    a.within |= b.within
    for name in list(a.tensors) + list(b.tensors):
        left, right = a.tensors.get(name), b.tensors.get(name)
        if left and right:
            if left[2] != right[2]:
                raise Conflict(f"type of {a.name} {name}")
            a.tensors[name] = (left[0], left[1] or right[1], left[2])
        else:
            rank, _, fixed = left or right
            a.tensors[name] = (rank, True, fixed)
    ours, theirs = a.children, b.children
    keys_a, keys_b = [c.key() for c in ours], [c.key() for c in theirs]
    common = [key for key in keys_a if key in keys_b]
    if common != [key for key in keys_b if key in keys_a]:
        raise Conflict(f"order in {a.name}: {keys_a} {keys_b}")
    merged, i, j = [], 0, 0
    while i < len(ours) or j < len(theirs):
        if i < len(ours) and keys_a[i] not in keys_b:
            ours[i].optional = True
            merged.append(ours[i])
            i += 1
        elif j < len(theirs) and keys_b[j] not in keys_a:
            theirs[j].optional = True
            merged.append(theirs[j])
            j += 1
        else:
            merge(ours[i], theirs[j])
            ours[i].optional |= theirs[j].optional
            merged.append(ours[i])
            i, j = i + 1, j + 1
    a.children = merged
    return a


def text(root, made):
    """Its lines; `made` says of modules, by which tensor's size ComfyUI makes a weight that files may lack."""
    lines = []
    write(root, lines, made, 0)
    return lines


def write(node, lines, made, depth):
    counts = {}
    for child in node.children:
        counts[child.name] = counts.get(child.name, 0) + 1
    if node.tensors and depth == 0:
        lines.append(". - " + parameters(node, False))
    for child in node.children:
        name, only = child.name, child
        optional = only.optional
        # A chain of modules with nothing else in them stands in one line.
        while len(only.children) == 1 and not only.kind and not only.tensors and not only.children[0].optional:
            only = only.children[0]
            name += "." + only.name
        same = ""
        if only.name == "*" and not only.has_tensors():
            same = f" as={neighbour(only, node)}"
        if optional and not only.has_tensors():
            same, optional = f" if={companion(child, node)}", False
        line = "  " * depth + name + ("?" if optional else "")
        if only.kind or only.tensors:
            ranked = counts[child.name] > 1 and only.kind
            line += " " + " ".join(filter(None, [only.kind or "-", parameters(only, ranked), *only.flags]))
        if only.name in made:
            line += f":square({made[only.name]})"
        lines.append(line + same)
        write(only, lines, made, depth + 1)


def neighbour(every, above):
    """A list beside the one of `every` that has as many modules, and tensors that show how many."""
    for child in above.children:
        inner = child.children[:1]
        if inner and inner[0].name == "*" and inner[0].has_tensors() and inner[0].count == every.count:
            return child.name
    raise Conflict(f"how many {every.name} below {above.name} there are is not known")


def companion(node, above):
    """A module beside `node` that is there whenever it is, or (`!`) whenever it is not, and has tensors that show it."""
    for child in above.children:
        if child.within == node.within and child.has_tensors():
            return child.name
    for child in above.children:
        if child.within == above.all - node.within and child.has_tensors():
            return "!" + child.name
    raise Conflict(f"{node.name} in {above.name} has no tensor that says whether it is there")


def parameters(node, ranked):
    def one(name, value):
        rank, optional, fixed = value
        return name + (f"#{rank}" if ranked and name == "weight" else "") + ("?" if optional else "") + (f"={fixed}" if fixed else "")

    return " ".join(one(*item) for item in node.tensors.items())
