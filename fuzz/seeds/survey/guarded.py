def f(p, text):
    wildcard = None
    remaining = sum(a for a, b, c, d in p._load_list())
    final = {}
    for part in text.split(";"):
        device, amount = part.split(",")
        if "*" in amount:
            wildcard = device
            continue
        used = min(float(amount), remaining)
        final[device] = used
        remaining -= used
    if remaining > 0 and wildcard is not None:
        final[wildcard] = final.get(wildcard, 0) + remaining
    return final
