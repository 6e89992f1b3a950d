# The environment of a checkout's functions when they are run on their own. Nothing here reaches outside the program.
from __future__ import annotations

import json
import re

from collections import defaultdict, namedtuple

HARNESS_LOG = []
HARNESS_MACHINE = [{}]
HARNESS_FORCED = [None]


class Nothing:
    def __init__(self, *given, **named):
        pass


class Weight:
    def __init__(self, size):
        self.size = size

    def numel(self):
        return self.size

    def element_size(self):
        return 1


class Linear:
    def __init__(self, size):
        self.weight = Weight(size)
        self.bias = None


class Embedding:
    def __init__(self, size):
        self.weight = Weight(size)


class RMSNorm:
    def __init__(self, size):
        self.weight = Weight(size)


HARNESS_KINDS = {"Linear": Linear, "Embedding": Embedding, "RMSNorm": RMSNorm}


class Inner:
    def __init__(self, modules):
        self.modules = modules

    def named_modules(self):
        return self.modules


def modules_of(rows):
    return [(name, HARNESS_KINDS[kind](resident)) for name, kind, resident, offload in rows]


def items_of(rows, modules, fields):
    items = []
    for (name, kind, resident, offload), (_, module) in zip(rows, modules):
        item = (resident, name, module, {"weight": None})
        if fields > 4:
            item = (offload,) + item
        if fields > 5:
            item = (True,) + item
        items.append(item)
    return items


# The modules of a model are the same in every call; the objects that hold them are created for each.
HARNESS_MODULES = {}
HARNESS_ITEMS = {}


class Patcher:
    def __init__(self, model, fields):
        if model not in HARNESS_MODULES:
            HARNESS_MODULES[model] = modules_of(HARNESS_MODELS[model])
        if (model, fields) not in HARNESS_ITEMS:
            HARNESS_ITEMS[(model, fields)] = items_of(HARNESS_MODELS[model], HARNESS_MODULES[model], fields)
        self.items = HARNESS_ITEMS[(model, fields)]
        self.model = Inner(list(HARNESS_MODULES[model]))
        self.is_clip = False
        self.load_device = "cuda:0"
        self.offload_device = "cpu"

    def _load_list(self, *given, **named):
        return list(self.items)


def nothing(*given, **named):
    return None


def zero(*given, **named):
    return 0


def as_text(device, *given, **named):
    return str(device)


def total_memory(device, *given, **named):
    return HARNESS_MACHINE[0][str(device)]


def listed_devices(*given, **named):
    return list(HARNESS_MACHINE[0])


def logged(message, *given, **named):
    HARNESS_LOG.append(str(message))


# A repair logs with this if there is no logger.
def print(*given, **named):
    logged(" ".join([str(part) for part in given]))


def format(value, spec=""):
    return ("{:" + spec + "}").format(value)


def harness_flatten(lists):
    return iter([value for values in lists for value in values])


def harness_cut(values, start, end):
    for _ in range(len(values[start:end])):
        values.pop(start if start else 0)


# Truth values count as numbers.
def harness_number(value):
    return int(value) if isinstance(value, bool) else value


def harness_sum(values, start=0):
    return sum([harness_number(value) for value in values], harness_number(start))


def harness_union(left, right):
    return {**left, **right} if isinstance(left, dict) else left | right


def harness_union_into(left, right):
    if not isinstance(left, dict):
        return left | right
    left.update(right)
    return left


# A default that a dataclass creates for each object.
class HarnessFactory:
    def __init__(self, make):
        self.make = make


def harness_made(value):
    return value.make() if isinstance(value, HarnessFactory) else value


def harness_percent(form, values):
    if not isinstance(form, str):
        return harness_number(form) % harness_number(values)
    if not isinstance(values, tuple):
        values = (values,)
    out = ""
    rest = form
    at = 0
    while "%" in rest:
        before, _, rest = rest.partition("%")
        out += before
        spec = ""
        while rest and rest[0] in "-+ #0123456789.":
            spec += rest[0]
            rest = rest[1:]
        kind = rest[:1]
        rest = rest[1:]
        if kind == "%":
            out += "%"
            continue
        value = values[at]
        at += 1
        left = "<" if "-" in spec else ""
        spec = spec.replace("-", "")
        if kind == "s":
            out += ("{:" + left + spec + "}").format(str(value))
        elif kind == "r":
            out += ("{:" + left + spec + "}").format(repr(value))
        elif kind == "d":
            out += ("{:" + left + spec + "d}").format(int(value))
        else:
            out += ("{:" + left + spec + kind + "}").format(value)
    return out + rest
