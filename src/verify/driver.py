RESULTS = []
for call, rows, fields, text, clip, forced in CASES:
    FORCED[0] = forced
    LOG.clear()
    try:
        patcher = Patcher(rows, fields)
        if clip is None:
            value = FUNCTIONS[call](patcher, text)
        else:
            value = FUNCTIONS[call](patcher, text, is_clip=clip)
        if isinstance(value, dict):
            placed = value.get("block_assignments", {})
            # A block without an assignment stays where it is computed.
            compute = text.partition("#")[2].partition(";")[0]
            RESULTS.append(["value", [str(placed.get(row[0], compute)) for row in MODELS[rows]], []])
        else:
            RESULTS.append(["value", value, [line for line in LOG if "GPU-ONLY" in line]])
    except Exception as error:
        RESULTS.append(["error", type(error).__name__ + ": " + str(error), []])
