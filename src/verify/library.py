# Stand-ins for what the sandbox lacks of Python's standard library. Each piece begins with the names that it replaces; only
# those that a checkout uses go into the program.

#: bisect.bisect bisect.bisect_right
def harness_bisect_right(values, value, lo=0, hi=None, key=None):
    at = lo
    end = len(values) if hi is None else hi
    while at < end and not value < (values[at] if key is None else key(values[at])):
        at += 1
    return at

#: bisect.bisect_left
def harness_bisect_left(values, value, lo=0, hi=None, key=None):
    at = lo
    end = len(values) if hi is None else hi
    while at < end and (values[at] if key is None else key(values[at])) < value:
        at += 1
    return at

#: bisect.insort bisect.insort_right
def harness_bisect_insort(values, value, lo=0, hi=None, key=None):
    at = lo
    wanted = value if key is None else key(value)
    end = len(values) if hi is None else hi
    while at < end and not wanted < (values[at] if key is None else key(values[at])):
        at += 1
    values.insert(at, value)

#: collections.OrderedDict
harness_collections_ordered = dict

#: contextlib.nullcontext
class harness_contextlib_nullcontext:
    def __init__(self, value=None):
        self.value = value

    def __enter__(self):
        return self.value

    def __exit__(self, kind, error, trace):
        return False

#: contextlib.suppress
class harness_contextlib_suppress:
    def __init__(self, *kinds):
        self.kinds = kinds

    def __enter__(self):
        return None

    def __exit__(self, kind, error, trace):
        return error is not None and isinstance(error, self.kinds)

#: copy.copy
def harness_copy_copy(value):
    if isinstance(value, (list, dict, set)):
        return value.copy()
    if isinstance(value, (tuple, str, int, float, bool)) or value is None:
        return value
    raise NotImplementedError("copy.copy() of an object")

#: copy.deepcopy
def harness_copy_deepcopy(value, memo=None):
    if isinstance(value, list):
        return [harness_copy_deepcopy(part) for part in value]
    if isinstance(value, dict):
        same = value.copy()
        for key in list(value):
            same[key] = harness_copy_deepcopy(value[key])
        return same
    if isinstance(value, tuple):
        return tuple([harness_copy_deepcopy(part) for part in value])
    if isinstance(value, set):
        return value.copy()
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    raise NotImplementedError("copy.deepcopy() of an object")

#: dataclasses.dataclass dataclasses.field enum.IntEnum enum.IntFlag typing.NamedTuple
harness_written_out = Nothing

#: functools.lru_cache
def harness_functools_lru_cache(function=None, maxsize=None, typed=False):
    return (lambda inner: inner) if function is None or isinstance(function, int) else function

#: functools.cache
def harness_functools_cache(function):
    return function

#: functools.wraps
def harness_functools_wraps(wrapped, *given, **named):
    return lambda function: function

#: heapq.heapify
def harness_heapq_heapify(heap):
    heap.sort()

#: heapq.heappop
def harness_heapq_heappop(heap):
    least = min(heap)
    heap.remove(least)
    return least

#: heapq.heappush
def harness_heapq_heappush(heap, value):
    heap.append(value)
    heap.sort()

#: heapq.nlargest
def harness_heapq_nlargest(count, values, key=None):
    return sorted(values, key=key, reverse=True)[:max(0, count)]

#: heapq.nsmallest
def harness_heapq_nsmallest(count, values, key=None):
    return sorted(values, key=key)[:max(0, count)]

#: itertools.groupby
def harness_itertools_groupby(values, key=None):
    groups = []
    for value in values:
        mark = value if key is None else key(value)
        if not groups or groups[-1][0] != mark:
            groups.append((mark, []))
        groups[-1][1].append(value)
    return iter(groups)

#: itertools.tee
def harness_itertools_tee(values, count=2):
    values = list(values)
    return tuple([iter(values) for _ in range(count)])

#: math.fsum
def harness_math_fsum(values):
    return float(sum(values))

#: math.prod
def harness_math_prod(values, start=1):
    product = start
    for value in values:
        product = product * value
    return product

#: operator.add operator.iadd
def harness_operator_add(a, b):
    return a + b

#: operator.sub
def harness_operator_sub(a, b):
    return a - b

#: operator.mul
def harness_operator_mul(a, b):
    return a * b

#: operator.truediv
def harness_operator_truediv(a, b):
    return a / b

#: operator.lt
def harness_operator_lt(a, b):
    return a < b

#: operator.gt
def harness_operator_gt(a, b):
    return a > b

#: operator.le
def harness_operator_le(a, b):
    return a <= b

#: operator.ge
def harness_operator_ge(a, b):
    return a >= b

#: operator.eq
def harness_operator_eq(a, b):
    return a == b

#: operator.ne
def harness_operator_ne(a, b):
    return a != b

#: operator.contains
def harness_operator_contains(a, b):
    return b in a

#: operator.getitem
def harness_operator_getitem(a, b):
    return a[b]

#: operator.itemgetter
def harness_operator_itemgetter(*indices):
    if len(indices) == 1:
        return lambda item: item[indices[0]]
    return lambda item: tuple([item[index] for index in indices])

#: operator.attrgetter
def harness_operator_attrgetter(*names):
    if len(names) == 1:
        return lambda item: getattr(item, names[0])
    return lambda item: tuple([getattr(item, name) for name in names])

#: string.digits
harness_string_digits = "0123456789"

#: string.ascii_letters
harness_string_letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: string.ascii_lowercase
harness_string_lowercase = "abcdefghijklmnopqrstuvwxyz"

#: string.ascii_uppercase
harness_string_uppercase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: string.whitespace
harness_string_whitespace = " \t\n\r\v\f"

#: types.SimpleNamespace
class harness_types_namespace:
    def __init__(self, **named):
        for name in named:
            setattr(self, name, named[name])

#: typing.cast
def harness_typing_cast(kind, value):
    return value
