# Runs the ways, and tells what came of each.


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
