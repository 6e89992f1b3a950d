"""guard.py PROGRAM COMFYUI OLD NEW: starts a real ComfyUI with a guard, before and after what an update does.

COMFYUI is a folder of ComfyUI, which is copied; OLD and NEW are two versions of ComfyUI-MultiGPU that need the repair. Run it
with the Python that ComfyUI needs. Prints a line for each start: its exit code, whether the node is in order, whether ComfyUI
imported it, how long the guard took, and what it said.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM, COMFYUI, OLD, NEW = (os.path.abspath(path) for path in sys.argv[1:5])


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def main():
    with tempfile.TemporaryDirectory() as work:
        comfyui = Path(work, "ComfyUI")
        top = lambda folder, names: {".git", "custom_nodes", "models", "output"} if folder == COMFYUI else ()
        shutil.copytree(COMFYUI, comfyui, ignore=top)
        node = comfyui / "custom_nodes" / "ComfyUI-MultiGPU"
        node.parent.mkdir()
        git = lambda folder, *arguments: run("git", "-C", str(folder), *arguments, check=True).stdout
        upstream = Path(work, "upstream")
        git(work, "init", "--quiet", str(upstream))

        def commit(version):
            for name in git(upstream, "ls-files").splitlines():
                (upstream / name).unlink()
            shutil.copytree(version, upstream, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git", "__pycache__"))
            git(upstream, "add", "--all")
            git(upstream, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "-m", version)

        commit(OLD)
        git(work, "clone", "--quiet", str(upstream), str(node))
        commit(NEW)
        environment = dict(os.environ, XDG_STATE_HOME=work + "/state", XDG_CACHE_HOME=work + "/cache")
        program = lambda *arguments: run(PROGRAM, *arguments, env=environment)
        print(program("guard", "install", str(comfyui)).stdout.splitlines()[0])
        guard = node.parent / "distorch-fix-guard"
        settings = guard / "guard.json"
        installed = settings.read_text()

        def start(what, **variables):
            started = run(
                sys.executable, "main.py", "--cpu", "--quick-test-for-ci", cwd=comfyui, env=dict(environment, **variables)
            )
            text = started.stdout + started.stderr
            said = re.findall(r"^\[distorch-fix\].*", text, re.MULTILINE)
            # The first of the two is that of the prestartup script; the other, of importing no nodes.
            took = re.findall(r"^\s*([\d.]+) seconds.*: .*distorch-fix-guard$", text, re.MULTILINE)[:1]
            imported = re.findall(r"^\s*[\d.]+ seconds(.*): .*ComfyUI-MultiGPU$", text, re.MULTILINE)
            imported = "no" if not imported or "FAILED" in imported[-1] else "yes"
            state = {0: "in order", 1: "to repair", 2: "none"}[program("check", "--quiet", str(comfyui)).returncode]
            print(f"{what}: exit {started.returncode}, node {state}, imported {imported}, {''.join(took)} s, {said}", flush=True)

        start("turned off", DISTORCH_FIX_GUARD="off")
        start("first start")
        start("second start")
        # As ComfyUI-Manager does it.
        print(git(node, "-c", "user.name=x", "-c", "user.email=x@example.com", "stash").strip())
        git(node, "pull", "--quiet", "--ff-only")
        start("after a stash and a pull")
        start("again")
        # As the registry does it: the files of an archive over those that are there.
        shutil.copytree(NEW, node, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git", "__pycache__"))
        start("after an archive was unpacked over it")
        shutil.rmtree(node)
        git(work, "clone", "--quiet", str(upstream), str(node))
        start("a fresh clone")
        start("again")
        Path(work, "broken").write_text("no program")
        hangs = Path(work, "hangs")
        hangs.write_text("#!/bin/sh\nsleep 600\n")
        for path in (Path(work, "broken"), hangs):
            path.chmod(0o755)
        for what, path in [("broken program", Path(work, "broken")), ("hanging program", hangs), ("no program", Path(work, "gone"))]:
            settings.write_text(json.dumps(dict(json.loads(installed), program=str(path))))
            start(what)
        settings.write_text(installed)
        shutil.rmtree(node)
        start("node missing")
        print(program("guard", "remove", str(comfyui)).stdout.splitlines()[0], guard.exists())


main()
