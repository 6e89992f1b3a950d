HARNESS_RESULTS = []


# A function, so that its names cannot clash with the checkout's.
def run_all():
    for call, rows, fields, text, clip, forced in HARNESS_CASES:
        HARNESS_FORCED[0] = forced
        HARNESS_LOG.clear()
        try:
            patcher = Patcher(rows, fields)
            if clip is None:
                value = HARNESS_FUNCTIONS[call](patcher, text)
            else:
                value = HARNESS_FUNCTIONS[call](patcher, text, is_clip=clip)
            if isinstance(value, dict):
                placed = value.get("block_assignments", {})
                # A block without an assignment stays where it is computed.
                compute = text.partition("#")[2].partition(";")[0]
                HARNESS_RESULTS.append(["value", [str(placed.get(row[0], compute)) for row in HARNESS_MODELS[rows]], []])
            else:
                HARNESS_RESULTS.append(["value", value, [line for line in HARNESS_LOG if "GPU-ONLY" in line]])
        except Exception as error:
            HARNESS_RESULTS.append(["error", type(error).__name__, str(error)])


run_all()
