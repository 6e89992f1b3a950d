"""How long `workflow show` takes, in times of `jq .` on the same file.

    python3 benches/show_against_jq.py path/to/distorch-fix workflow.json [ComfyUI]

Run by hand, with the program as it is shipped; it needs jq. With a ComfyUI, also with what is installed there: from the
cache, and without one. The programs run in turn; medians of 40 runs.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 40


def main(program, file, comfyui=None):
    show = [program, "workflow", "show", file]
    with tempfile.TemporaryDirectory() as folder:
        # Below a file, nothing can be kept.
        caches = {"kept": os.path.join(folder, "cache"), "none": os.devnull}
        runs = {"jq .": (["jq", ".", file], "kept"), "workflow show": (show, "kept")}
        if comfyui:
            runs["workflow show --comfyui"] = ([*show, "--comfyui", comfyui], "kept")
            runs["workflow show --comfyui, without a cache"] = ([*show, "--comfyui", comfyui], "none")
        times = {name: [] for name in runs}
        for turn in range(RUNS + 1):
            for name, (command, cache) in runs.items():
                began = time.perf_counter()
                environment = {**os.environ, "XDG_CACHE_HOME": caches[cache]}
                subprocess.run(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, check=True)
                if turn:  # The first run fills the cache.
                    times[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(of) for name, of in times.items()}
    for name, median in medians.items():
        print(f"{name:42} {median * 1e3:6.1f} ms  {median / medians['jq .']:5.2f}")


if __name__ == "__main__":
    main(*map(os.path.abspath, sys.argv[1:]))
