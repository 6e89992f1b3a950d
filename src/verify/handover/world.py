# What the way of a model from its loader to its mark finds around it: patchers and models like those of ComfyUI, as far
# as the way goes. What is seen after a run is told in facts, one a line, in which everything has a name of its own.

HARNESS_PLAIN = "torch.float16"
HARNESS_FILE = "torch.float32"


HARNESS_WIDTHS = {"torch.float32": 4, "torch.float16": 2, "torch.float8_e4m3fn": 1}


class HarnessTensor:
    def __init__(self, dtype, size, refuses=False):
        self.dtype = dtype
        self.elements = size
        self.refuses = refuses
        self.data = self

    def numel(self):
        return self.elements

    def nelement(self):
        return self.elements

    def element_size(self):
        return HARNESS_WIDTHS[self.dtype]

    def to(self, *given, **named):
        if self.refuses:
            harness_refuses("there is no memory for it")
        dtypes = [value for value in list(given) + list(named.values()) if value in HARNESS_WIDTHS]
        return HarnessTensor(dtypes[0] if dtypes else self.dtype, self.elements)


# A weight in the file's type, as dynamic VRAM leaves it, or in the type that the model was made with, as a plain load
# makes it; one without such a type, which nobody converts; a buffer.
class HarnessModule:
    def __init__(self, dtype, inner, refuses=False):
        self.weight = HarnessTensor(dtype, 1000, refuses)
        self.weight_comfy_model_dtype = HARNESS_PLAIN
        self.bias = HarnessTensor(dtype, 10)
        self.bias_comfy_model_dtype = HARNESS_PLAIN
        self.scale = HarnessTensor("torch.float8_e4m3fn", 10)
        self.table = HarnessTensor(HARNESS_PLAIN, 10)
        self.inner = inner

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        own = [(name, getattr(self, name)) for name in ("weight", "bias", "scale")]
        for inner in self.inner if recurse else []:
            own = own + [("inner." + name, value) for name, value in inner.named_parameters()]
        return own

    def parameters(self, recurse=True):
        return [value for _, value in self.named_parameters(recurse=recurse)]

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        own = [("table", self.table)]
        for inner in self.inner if recurse else []:
            own = own + [("inner." + name, value) for name, value in inner.named_buffers()]
        return own

    def buffers(self, recurse=True):
        return [value for _, value in self.named_buffers(recurse=recurse)]

    def children(self):
        return list(self.inner)

    def named_children(self):
        return [("inner", inner) for inner in self.inner]

    def modules(self):
        return [self] + self.inner

    def named_modules(self, *given, **named):
        return [("", self)] + self.named_children()

    def state_dict(self, *given, **named):
        return dict(self.named_parameters() + self.named_buffers())


def harness_model(dtype, refuses=False):
    return HarnessModule(dtype, [HarnessModule(dtype, [])], refuses)


def harness_size(model):
    size = 0
    for module in model.modules():
        for value in (module.weight.data, module.bias.data, module.scale.data, module.table.data):
            size += value.elements * HARNESS_WIDTHS[value.dtype]
    return size


def harness_types(model):
    types = [
        "weight " + module.weight.data.dtype + ", bias " + module.bias.data.dtype + ", scale " + module.scale.data.dtype
        for module in model.modules()
    ]
    return "of the types " + "; ".join(types)


# What is counted while a way is run.
HARNESS_TRACE = []
HARNESS_LOGGED = [0, 0]
HARNESS_CLONES = [0]
HARNESS_NAMED = []


def harness_named(name, value):
    HARNESS_NAMED.append((name, value))
    for method in HARNESS_METHODS:
        if not hasattr(value, method):
            setattr(value, method, harness_recorder(method, HARNESS_METHODS[method]))
    return value


def harness_copied(value):
    for name, known in HARNESS_NAMED:
        if value is known and name == "the holder":
            same = harness_named(name, type(value)(value.patcher))
            kept = vars(value)
            for attribute in kept:
                setattr(same, attribute, kept[attribute])
            return same
    return value.copy() if isinstance(value, (dict, list, set)) else harness_refuses("it cannot be copied")


def harness_refuses(message):
    raise RuntimeError(message)


class ModelPatcher:
    def __init__(self, model, size=0):
        self.model = model
        self.size = size
        self.load_device = "cuda:0"
        self.offload_device = "cpu"
        self.model_options = {}
        self.cached_patcher_init = None

    def is_dynamic(self):
        return False

    def get_clone_model_override(self):
        return self.model, ({}, {}, {}, set())

    def clone(self, *given, **named):
        HARNESS_CLONES[0] += 1
        return harness_named("a clone", ModelPatcher(self.model, self.size))

    def model_size(self):
        if self.size <= 0:
            self.size = harness_size(self.model)
        return self.size

    def model_state_dict(self, *given, **named):
        return self.model.state_dict()


# A model that cannot be managed by dynamic VRAM, whatever ComfyUI does with others.
class GGUFModelPatcher:
    def __init__(self, model):
        self.model = model
        self.load_device = "cuda:0"
        self.offload_device = "cpu"
        self.patch_on_device = False

    def is_dynamic(self):
        return False

    def clone(self, *given, **named):
        HARNESS_CLONES[0] += 1
        return harness_named("a clone", GGUFModelPatcher(self.model))

    def model_size(self):
        return harness_size(self.model)

    def model_state_dict(self, *given, **named):
        return self.model.state_dict()


# That of a ComfyUI before dynamic VRAM.
class HarnessOldPatcher:
    def __init__(self, model):
        self.model = model
        self.load_device = "cuda:0"
        self.offload_device = "cpu"

    def clone(self):
        HARNESS_CLONES[0] += 1
        return harness_named("a clone", HarnessOldPatcher(self.model))

    def model_size(self):
        return harness_size(self.model)

    def model_state_dict(self, *given, **named):
        return self.model.state_dict()


class ModelPatcherDynamic:
    def __init__(self, model, kind):
        self.model = model
        self.kind = kind
        self.size = harness_size(model)
        self.load_device = "cuda:0"
        self.offload_device = "cpu"
        self.model_options = {}
        self.cached_patcher_init = ("loader", ()) if kind == "loads-again" else None

    def is_dynamic(self):
        return True

    def get_clone_model_override(self):
        if self.kind == "not-handed-on":
            harness_refuses("the model cannot be handed on")
        return self.model, ({}, {}, {}, set())

    def clone(self, disable_dynamic=False, model_override=None, force_deepcopy=False):
        HARNESS_CLONES[0] += 1
        if self.kind == "not-cloned":
            harness_refuses("it cannot be cloned")
        if not disable_dynamic or self.kind == "stays-dynamic":
            return harness_named("a dynamic clone", ModelPatcherDynamic(self.model, self.kind))
        if model_override is None:
            if self.cached_patcher_init is None:
                harness_refuses("Cannot create non-dynamic delegate: cached_patcher_init is not initialized.")
            # The file is read again, and its types stay.
            for at in range(len(HARNESS_NAMED)):
                if HARNESS_NAMED[at][1] is self.model:
                    HARNESS_NAMED[at] = ("the first model", self.model)
            again = harness_named("the model", harness_model(HARNESS_FILE))
            return harness_named("the plain patcher", ModelPatcher(again, self.model_size()))
        return harness_named("the plain patcher", ModelPatcher(model_override[0], self.model_size()))

    def model_size(self):
        if self.size <= 0:
            self.size = harness_size(self.model)
        return self.size

    def model_state_dict(self, *given, **named):
        return self.model.state_dict()


class CLIP:
    def __init__(self, patcher):
        self.patcher = patcher
        self.cond_stage_model = patcher.model
        self.tokenizer = "the tokenizer"
        self.layer_idx = None

    def clone(self, disable_dynamic=False):
        return harness_named("a clone of the holder", CLIP(self.patcher.clone(disable_dynamic=disable_dynamic)))


class VAE:
    def __init__(self, patcher):
        self.patcher = patcher
        self.first_stage_model = patcher.model
        self.device = "cuda:0"


class ClipVisionModel:
    def __init__(self, patcher):
        self.patcher = patcher
        self.model = patcher.model
        self.image_size = 224


HARNESS_HOLDERS = {"CLIP": CLIP, "VAE": VAE, "CLIP vision": ClipVisionModel}


class HarnessOther:
    def __init__(self, value):
        self.value = value


# What stands for an object of the package that is asked for attributes.
class HarnessThing:
    def __init__(self, **named):
        for name in named:
            setattr(self, name, named[name])


def harness_patcher(kind):
    if kind == "plain":
        return ModelPatcher(harness_named("the model", harness_model(HARNESS_PLAIN)))
    if kind == "static":
        return ModelPatcher(harness_named("the model", harness_model(HARNESS_FILE)))
    if kind == "GGUF":
        return GGUFModelPatcher(harness_named("the model", harness_model(HARNESS_FILE)))
    if kind == "older":
        return HarnessOldPatcher(harness_named("the model", harness_model(HARNESS_FILE)))
    model = harness_named("the model", harness_model(HARNESS_FILE, kind == "not-converted"))
    return ModelPatcherDynamic(model, kind)


# What a loader gives: the model at a position of several outputs, or by itself.
def harness_output(kind, holder, shape, at):
    patcher = harness_patcher(kind)
    is_plain = kind in ("plain", "static", "GGUF", "older")
    harness_named("the plain patcher" if is_plain else "the dynamic patcher", patcher)
    loaded = patcher
    if holder is not None:
        loaded = harness_named("the holder", HARNESS_HOLDERS[holder](patcher))
    if at is None:
        return loaded
    count = at + 1 if shape != "three" else max(at + 1, 3)
    values = [harness_named("output " + str(index), HarnessOther(index)) for index in range(count)]
    values[at] = loaded
    return values if shape == "list" else tuple(values)


# Telling what there is.
def harness_name(value):
    for name, known in HARNESS_NAMED:
        if value is known:
            return name
    return None


def harness_told(value):
    if value is None or isinstance(value, (bool, float, str)):
        return repr(value)
    # It may be that of an object, which differs from run to run.
    if isinstance(value, int):
        return "a number"
    name = harness_name(value)
    if name is not None:
        return name
    if isinstance(value, tuple):
        return "(" + ", ".join([harness_told(part) for part in value]) + ")"
    if isinstance(value, list):
        return "[" + ", ".join([harness_told(part) for part in value]) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join([harness_told(key) + ": " + harness_told(value[key]) for key in value]) + "}"
    return "a " + type(value).__name__


HARNESS_METHOD_TYPES = ("function", "method", "builtin_function_or_method")


def harness_is_method(value):
    return type(value).__name__ in HARNESS_METHOD_TYPES


def vars(value):
    kept = {}
    for name in HARNESS_ATTRIBUTES:
        held = getattr(value, name, HARNESS_ATTRIBUTES)
        if held is not HARNESS_ATTRIBUTES and type(held).__name__ not in HARNESS_METHOD_TYPES:
            kept[name] = held
    return kept


def dir(value):
    return list(HARNESS_ATTRIBUTES)


def callable(value):
    return harness_is_method(value) or type(value).__name__ == "type"


# Facts about what can be reached from a value, one for each object.
def harness_state(value, facts, seen):
    if isinstance(value, (tuple, list)):
        for part in value:
            harness_state(part, facts, seen)
        return
    name = harness_name(value)
    if name is None or name in seen:
        return
    seen.append(name)
    kept = vars(value)
    told = [attribute + " " + harness_told(kept[attribute]) for attribute in kept]
    if name == "the model":
        told.append(harness_types(value))
    if "patcher" in name:
        told.append(str(value.model_size()) + " bytes")
    facts.append(name + " has " + ", ".join(told))
    for attribute in ("patcher", "model", "cond_stage_model", "first_stage_model"):
        if attribute in kept:
            harness_state(kept[attribute], facts, seen)


# Does a mark ask for an allocation?
def harness_asks(value):
    return any([harness_asks(value[key]) for key in value]) if isinstance(value, dict) else bool(value)


def harness_marks(keep, key):
    if keep == "attribute":
        marks = []
        for name, value in HARNESS_NAMED:
            if hasattr(value, key):
                marks.append(name + " is marked: " + harness_told(getattr(value, key)))
        return marks, any([hasattr(value, key) and harness_asks(getattr(value, key)) for _, value in HARNESS_NAMED])
    store = HARNESS_STORES.get(key, {})
    marks = ["marked under " + harness_told(name) + ": " + harness_told(store[name]) for name in store]
    return marks, any([harness_asks(store[name]) for name in store])


def harness_kept_elsewhere(keep, key):
    facts = []
    for name in HARNESS_STORES:
        if keep == "attribute" or name != key:
            store = HARNESS_STORES[name]
            for entry in store:
                facts.append(name + " keeps " + harness_told(entry) + ": " + harness_told(store[entry]))
    return facts


# A value that asks for an allocation, or does not: all do, or none, or the one of that name.
def harness_asked(asked, name, value, otherwise):
    return value if asked is True or asked == name else otherwise


def harness_recorder(name, count=0, result=None):
    def record(*given, **named):
        values = [harness_told(value) for value in given]
        values = values + [key + "=" + harness_told(named[key]) for key in named]
        call = name + "(" + ", ".join(values) + ")"
        HARNESS_TRACE.append(call)
        given = call if result is None else result
        return (given,) * count if count else given

    return record


# A mapping of the package's.
HARNESS_STORES = {}


def harness_store(name):
    HARNESS_STORES[name] = {}
    return HARNESS_STORES[name]


def harness_logger(is_warning):
    def record(*given, **named):
        HARNESS_LOGGED[1 if is_warning else 0] += 1

    return record


def print(*given, **named):
    HARNESS_LOGGED[0] += 1


# One run: what it told, whether it marked anything, what it logged, how often it cloned; or the exception.
def harness_run(site, kind, holder, shape, asked):
    run, given, at, keep, key = HARNESS_SITES[site]
    HARNESS_TRACE.clear()
    HARNESS_NAMED.clear()
    HARNESS_LOGGED[0] = 0
    HARNESS_LOGGED[1] = 0
    HARNESS_CLONES[0] = 0
    for name in HARNESS_STORES:
        HARNESS_STORES[name].clear()
    output = harness_output(kind, holder, shape, at)
    try:
        result = run(output, *given(asked))
    except Exception as error:
        return [type(error).__name__, str(error)]
    facts = ["returned " + harness_told(result)]
    marks, is_marked = harness_marks(keep, key)
    harness_state(result, facts, [])
    facts = facts + marks + harness_kept_elsewhere(keep, key)
    return {
        "facts": facts,
        "called": list(HARNESS_TRACE),
        "is_marked": is_marked,
        "lines": HARNESS_LOGGED[0],
        "warnings": HARNESS_LOGGED[1],
        "clones": HARNESS_CLONES[0],
    }
