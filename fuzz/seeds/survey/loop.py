def f(p):
    for a, b, c, d in p._load_list():
        print(a)
