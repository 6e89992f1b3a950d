def f(p):
    loading = sorted(p._load_list(), reverse=True)
    return sum(item[0] for item in loading), loading[0][3], [n for _, n, _, _ in loading]
