"""make_releases.py: writes src/inputs/releases.toml, the widgets of the node's loaders in every release.

A real ComfyUI imports each release (see inputs.py), with ComfyUI-GGUF beside it. Commits are matched with a release by what
distorch-fix reads from their files.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

import inputs

LOADED = {"MODEL", "CLIP", "VAE", "CLIP_VISION", "CONTROL_NET"}
HEAD = """\
# The widgets of the node's loaders, and of those that they wrap. Written by tests/real/make_releases.py.
#
# A class has its widgets in the releases from the one that is named, to the next one that is named; an empty list: it is gone.
# The widgets of a class that wraps another begin with those of that one, as ComfyUI {comfyui} has them. `?` is an optional input.
# `commits` are those in which the classes are as in that release.

"""


def widget(row):
    name, kind, models, values, default, optional = row
    if models:
        text = "models " + " ".join(models)
    elif values == "devices":
        text = "device" + (" cpu" if default == "cpu" else "")
    elif values == []:  # What a folder held.
        text = "one of ?"
    elif values is not None:
        text = "one of " + json.dumps(values) + ("" if default == values[0] else f" {json.dumps(default)}")
    else:
        text = kind.lower() + ("" if default is None else f" {json.dumps(default)}")
    return f"{'?' if optional else ''}{name}: {text}"


def version_key(version):
    return [int(part) for part in version.split(".")]


def read(arguments, nodes):
    """What a real ComfyUI has for each version of the node: {node: {class: widgets}}, and the plain loaders."""
    with tempfile.TemporaryDirectory() as folder:
        custom_nodes = os.path.join(folder, "custom_nodes")
        os.makedirs(custom_nodes)
        os.symlink(os.path.abspath(arguments.gguf), os.path.join(custom_nodes, "ComfyUI-GGUF"))
        command = [sys.executable, inputs.__file__, "--probe", os.path.abspath(arguments.comfyui), custom_nodes, *nodes]
        lines = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout.splitlines()
    lines = [json.loads(line) for line in lines if line.startswith("{")]
    return {line["node"]: {name: row for name, row in line["classes"].items() if isinstance(row, list)} for line in lines if "node" in line}, lines[0]["plain"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="the example node_inputs")
    parser.add_argument("--comfyui", required=True)
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--history", required=True, help="a clone of ComfyUI-MultiGPU")
    parser.add_argument("file")
    arguments = parser.parse_args()

    def git(*command, **options):
        return subprocess.run(["git", "-C", arguments.history, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, **options).stdout

    with tempfile.TemporaryDirectory() as folder:
        commits = git("log", "--all", "--reverse", "--format=%H", text=True).split()
        for commit in commits:
            os.makedirs(os.path.join(folder, commit))
            files = git("ls-tree", "-r", "--name-only", commit, text=True).splitlines()
            archive = git("archive", commit, *(name for name in files if name.endswith((".py", ".toml"))))
            subprocess.run(["tar", "-x", "-C", os.path.join(folder, commit)], input=archive, check=True)
        releases = {}
        for commit in git("log", "--all", "--reverse", "--format=%H", "--", "pyproject.toml", text=True).split():
            text = open(os.path.join(folder, commit, "pyproject.toml")).read() if os.path.exists(os.path.join(folder, commit, "pyproject.toml")) else ""
            found = re.search(r'^version\s*=\s*"([\d.]+)"', text, re.MULTILINE)
            if found:
                releases.setdefault(found[1], commit)
        versions = sorted(releases, key=version_key)
        real, plain = read(arguments, [os.path.join(folder, releases[version]) for version in versions])
        installation = os.path.join(folder, "comfyui")
        os.makedirs(os.path.join(installation, "custom_nodes", "ComfyUI-GGUF"))
        for entry in ("nodes.py", "comfy_extras"):
            os.symlink(os.path.join(os.path.abspath(arguments.comfyui), entry), os.path.join(installation, entry))
        static = {}
        for commit in commits:
            link = os.path.join(installation, "custom_nodes", inputs.NODE)
            os.symlink(os.path.join(folder, commit), link)
            output = subprocess.run([arguments.bin, installation, link], stdout=subprocess.PIPE, text=True, check=True).stdout
            os.unlink(link)
            classes = json.loads(output)["classes"]
            static[commit] = {name: [widget[:2] for widget in row["widgets"]] for name, row in classes.items() if row["kind"] in ("DisTorch2", "DisTorch", "MultiGpu")}
        write(arguments, versions, releases, {version: real[os.path.join(folder, releases[version])] for version in versions}, plain, static)


def write(arguments, versions, releases, real, plain, static):
    loaders = sorted({name for classes in static.values() for name in classes} & {name for classes in real.values() for name in classes})
    comfyui = re.search(r'"([\d.]+)"', open(os.path.join(arguments.comfyui, "comfyui_version.py")).read())[1]
    out = [HEAD.format(comfyui=comfyui), "releases = [\n"]
    out += ["    " + "".join(f'"{version}", ' for version in versions[at:at + 12]).rstrip() + "\n" for at in range(0, len(versions), 12)]
    out.append("]\n\n[commits]\n")
    for version in versions:
        same = [commit[:12] for commit, classes in static.items() if classes and classes == static[releases[version]]]
        first = next(other for other in versions if static[releases[other]] == static[releases[version]])
        if first == version and same:
            out.append(f'"{version}" = """\n' + "".join(" ".join(same[at:at + 9]) + "\n" for at in range(0, len(same), 9)) + '"""\n')
    suffix = "(DisTorch2?)?MultiGPU"
    bases = sorted(base for base in plain if any(re.fullmatch(base + suffix, name) for name in loaders))
    for base in bases:
        out.append(f"\n[plain.{base}]\nwidgets = " + listed([widget(row) for row in plain[base]]))
    for name in loaders:
        base = next((base for base in bases if re.fullmatch(base + suffix, name)), None)
        out.append(f"\n[classes.{name}]\n")
        if base:
            out.append(f'base = "{base}"\n')
        last = []
        for version in versions:
            now = [widget(row) for row in real[version].get(name, [])]
            if now != last:
                out.append(f'"{version}" = ' + listed(now))
                last = now
    with open(arguments.file, "w") as file:
        file.write("".join(out))


def listed(widgets):
    return "[\n" + "".join(f"    {text(widget)},\n" for widget in widgets) + "]\n" if widgets else "[]\n"


def text(widget):
    return f"'{widget}'" if '"' in widget else f'"{widget}"'


if __name__ == "__main__":
    main()
