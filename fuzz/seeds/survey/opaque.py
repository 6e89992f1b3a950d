def g(items):
    for i, (a, b, c, d) in enumeratewith(items):
        yield i, a

def f(p):
    L = p._load_list()
    L.sort(key=lambda i: i[5])
    one, two, three, four = L[0]
    kept = []
    for item in L:
        if len(item) == 4:
            kept.append(item)
    return list(g(kept))
