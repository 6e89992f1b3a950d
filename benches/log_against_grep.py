"""Compares `distorch-fix log` with `grep -c DisTorch`: python3 benches/log_against_grep.py PROGRAM LOG [MEGABYTES]

Two files are made of a size, by default of 1024 MB: LOG again and again, and lines of other text. Each program reads each file
in turn, from memory; the best of five times counts, of which the one in the program's own code is shown too.
"""

import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time

WORDS = "sampler step latent queue node cache memory loaded device model weight seed prompt path warning tensor shape".split()


def other_text():
    """Lines of words that logs have, none of which is of interest."""
    return "".join(" ".join(WORDS[(i * j) % len(WORDS)] for j in range(1, 4 + i % 15)) + "\n" for i in range(5000)).encode()


def timed(command):
    """The best of five runs: seconds by the clock, and of the processor."""
    best = (float("inf"), float("inf"))
    for _ in range(5):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        with tempfile.TemporaryFile() as output:
            subprocess.run(command, stdout=output, stderr=output, check=False)
        clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, (clock, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime))
    return best


def main():
    program, log = sys.argv[1:3]
    size = int(sys.argv[3]) << 20 if len(sys.argv) > 3 else 1 << 30
    with open(log, "rb") as file:
        contents = {"the log again and again": file.read(), "other text": other_text()}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in contents.items():
            path = os.path.join(folder, "comfyui.log")
            with open(path, "wb") as file:
                for _ in itertools.takewhile(lambda written: written < size, itertools.count(0, len(content))):
                    file.write(content)
            grep, ours = timed(["grep", "-c", "DisTorch", path]), timed([program, "log", path])
            print(f"{name}, {size >> 20} MB: grep {grep[0]:.2f} s ({grep[1]:.2f} s of the processor), "
                  f"log {ours[0]:.2f} s ({ours[1]:.2f} s): {grep[0] / ours[0]:.2f} of grep's speed ({grep[1] / ours[1]:.2f})")


if __name__ == "__main__":
    main()
