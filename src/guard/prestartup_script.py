"""Repairs ComfyUI-MultiGPU before ComfyUI imports it, in case an update has undone the repair.

Written by `distorch-fix guard install`, and removed by `distorch-fix guard remove`. With the environment variable
DISTORCH_FIX_GUARD set to `off`, it does nothing. Whatever goes wrong here is one line in the log, and ComfyUI goes on.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile

# What a start may be delayed by, at most. A run that finds nothing to do takes some hundredths of a second.
SECONDS = 3.0
# How much of the program's output is shown.
LONGEST = 500


def say(text):
    line = "[distorch-fix] " + " ".join(text.split())[:LONGEST]
    try:
        # On Windows, what is redirected may lack characters, such as those of a path.
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        print(line.encode(encoding, "replace").decode(encoding), flush=True)
    except (OSError, ValueError, LookupError):
        # There is no console.
        pass


def command():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "guard.json"), encoding="utf-8") as file:
        settings = json.load(file)
    arguments = [settings["program"], "guard", "run", "--installed-by", settings["version"]]
    # ComfyUI need not be around custom_nodes: the main.py that is running is in it.
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if main and os.path.basename(main) == "main.py":
        arguments += ["--comfyui", os.path.dirname(os.path.abspath(main))]
    return arguments + ["--", os.path.dirname(here)]


def stop(process):
    # With all that it has started.
    if os.name == "nt":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(0.5)


def guard():
    options = {"creationflags": subprocess.CREATE_NO_WINDOW} if os.name == "nt" else {"start_new_session": True}
    # A file, not a pipe: a pipe stays open as long as any process that inherited it lives.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **options
        )
        try:
            code = process.wait(SECONDS)
        except BaseException:
            stop(process)
            raise
        output.seek(0)
        text = output.read(64 * 1024).decode("utf-8", "replace")
    if code == 0:
        for line in text.splitlines():
            say(line)
    else:
        say("guard: " + (text or "%s ended with exit code %s" % (process.args[0], code)))


if os.environ.get("DISTORCH_FIX_GUARD", "").strip().lower() not in ("off", "0", "no", "false"):
    try:
        guard()
    except subprocess.TimeoutExpired:
        say("guard: stopped after %g seconds without an answer" % SECONDS)
    except Exception as error:
        say("guard: %s: %s" % (type(error).__name__, error))
