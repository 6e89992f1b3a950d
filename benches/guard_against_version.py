"""How long the guard delays a start of ComfyUI, in times of what it takes to start a program from Python at all.

    python3 benches/guard_against_version.py path/to/distorch-fix path/to/ComfyUI

Run by hand, with the program as it is shipped and a copy of an installation, in which it installs the guard. The guard's
prestartup_script.py is run inside this Python, as ComfyUI runs it; the first run repairs the node and fills the cache. In
turn; medians of 20 runs.
"""

import contextlib
import io
import os
import runpy
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 20


def main(program, comfyui):
    script = os.path.join(comfyui, "custom_nodes", "distorch-fix-guard", "prestartup_script.py")

    def guard():
        with contextlib.redirect_stdout(io.StringIO()) as said:
            runpy.run_path(script)
        return said.getvalue()

    def version():
        subprocess.run([program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=True)

    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(XDG_CACHE_HOME=folder + "/cache", XDG_STATE_HOME=folder + "/state")
        subprocess.run([program, "guard", "install", comfyui], stdout=subprocess.DEVNULL, check=True)
        print("first run:", guard().strip() or "nothing to do")
        times = {version: [], guard: []}
        for _ in range(RUNS):
            for run in times:
                began = time.perf_counter()
                said = run()
                times[run].append(time.perf_counter() - began)
                assert not said, said
    medians = {run.__name__: statistics.median(of) for run, of in times.items()}
    for name, median in medians.items():
        print(f"{name:10} {median * 1e3:6.1f} ms  {median / medians['version']:5.2f}")


if __name__ == "__main__":
    main(*map(os.path.abspath, sys.argv[1:]))
