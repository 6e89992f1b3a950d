"""workflow_set.py: sets and converts the loaders of workflow files, and reads them back by the node's own Python. See README.md.

The judge of positions is a program that imports the node and prints the rows of every class's INPUT_TYPES, in order. Nothing of
distorch-fix takes part in reading back. With --queue, a prompt of every API file is given to a running ComfyUI, which must accept the
values of every loader.
"""
import argparse
import collections
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

STRING = "cuda:0,6gb;cuda:1,8gb;cpu,*"
WIDGETS = ("COMBO", "INT", "FLOAT", "STRING", "BOOLEAN")


def widgets(rows):
    """The names of a class's widgets, in the order of the frontend: required ones first."""
    order = [row for group in ("required", "optional") for row in rows if row[0] == group]
    return [row[1] for row in order if row[2] in WIDGETS]


def strings(names):
    return [name for name in names if "allocations" in name]


def graphs(document):
    """Every list of nodes of a document of the frontend."""
    yield document
    for subgraph in document.get("definitions", {}).get("subgraphs", []):
        yield from graphs(subgraph)


def nodes(document):
    """Of each node: its class, and a dict of its values by name and a way to look one up."""
    if "nodes" in document:
        for graph in graphs(document):
            for node in graph["nodes"]:
                yield node["type"], node
    else:
        for node in document.values():
            if isinstance(node, dict) and "class_type" in node:
                yield node["class_type"], node


def values(node, names):
    if "class_type" in node:
        return node["inputs"]
    held = node.get("widgets_values") or []
    return held if isinstance(held, dict) else dict(zip(names, held))


def links(document):
    """Everything that is not a loader's: it must stay as it is."""
    rest = copy.deepcopy(document)
    for _, node in nodes(rest):
        for key in ("type", "class_type", "widgets_values", "properties", "title", "_meta"):
            node.pop(key, None)
        if isinstance(node.get("inputs"), dict):
            node["inputs"] = sorted((value for value in node["inputs"].values() if isinstance(value, list)), key=str)
        for socket in node.get("inputs", []):
            if isinstance(socket, dict):
                for key in ("name", "widget"):
                    socket.pop(key, None)
    return rest


def run(arguments, *command):
    installed = [] if command[0] == "revert" else ["--comfyui", arguments.comfyui]
    return subprocess.run([arguments.bin, "workflow", *command, *installed, "--quiet"], capture_output=True, text=True)


def judge(arguments, classes, path):
    """One file: what it has, what was set, and what is wrong."""
    count, wrong = collections.Counter(), []
    with open(path, "rb") as file:
        old = file.read()
    document = json.loads(old.decode("utf-8-sig"))
    count["nodes"] = sum(1 for _ in nodes(document))
    known = {name: widgets(entry["rows"]) for name, entry in classes.items() if "rows" in entry}
    ran = run(arguments, "set", STRING, path)
    count["code"] = ran.returncode
    new = json.load(open(path, encoding="utf-8-sig"))
    expected = copy.deepcopy(document)
    for (name, before), (_, node) in zip(nodes(expected), nodes(new)):
        if not name.endswith("DisTorch2MultiGPU") or not strings(known.get(name, [])):
            continue
        count["loaders"] += 1
        held = values(node, known[name])
        if all(held.get(string) == STRING for string in strings(known[name])):
            count["set"] += 1
        # Apart from the strings, the node is as before.
        old_values = values(before, known[name])
        if any(held.get(key) != value for key, value in old_values.items() if key not in strings(known[name])):
            wrong.append(f"{name}: {old_values} became {held}")
        for key in ("inputs", "widgets_values"):
            if key in node and not (key == "inputs" and "nodes" in document):
                before[key] = node[key]
    if expected != new:
        wrong.append("something else changed")
    run(arguments, "revert", path)
    if open(path, "rb").read() != old:
        wrong.append("revert gave other bytes")
    ran = run(arguments, "convert", path, "--string", STRING)
    converted = json.load(open(path, encoding="utf-8-sig"))
    for (name, before), (now, node) in zip(nodes(document), nodes(converted)):
        if name == now:
            continue
        count["converted"] += 1
        held, source = values(node, known[now]), values(before, known.get(name, []))
        if any(held.get(string) != STRING for string in strings(known[now])):
            wrong.append(f"{now}: {held} has no string")
        if "class_type" not in node and len(held) != len(known[now]):
            wrong.append(f"{now}: {len(held)} values for {known[now]}")
        kept = [key for key in source if key in held and "device" not in key and key not in strings(known[now])]
        if any(held[key] != source[key] and not key.endswith("virtual_vram_gb") for key in kept):
            wrong.append(f"{now}: {source} became {held}")
        if any("device" in key and value not in ("cpu", "cuda:0", "cuda:1") for key, value in held.items() if isinstance(value, str)):
            wrong.append(f"{now}: {held} has no device")
    if links(converted) != links(document):
        wrong.append("links changed")
    if arguments.queue and "nodes" not in converted:
        refused = queue(arguments, converted, known)
        count["queued"] += 1
        wrong.extend(refused)
    run(arguments, "revert", path)
    if open(path, "rb").read() != old:
        wrong.append("revert gave other bytes")
    return count, wrong


def queue(arguments, prompt, known):
    """What a running ComfyUI says of the loaders' values. Files that are not there are no mistake of ours."""
    body = json.dumps({"prompt": prompt}).encode()
    request = urllib.request.Request(arguments.queue + "/prompt", data=body, headers={"Content-Type": "application/json"})
    try:
        urllib.request.urlopen(request, timeout=60).read()
        return []
    except urllib.error.HTTPError as error:
        answer = json.load(error)
    wrong = []
    for node, found in answer.get("node_errors", {}).items():
        for one in found["errors"]:
            name = one.get("extra_info", {}).get("input_name", "")
            is_loader = prompt[node]["class_type"].endswith("DisTorch2MultiGPU")
            is_file = name.endswith(("_name", "_name1", "_name2", "_name3", "_name4", "model_path"))
            if is_loader and not is_file:
                wrong.append(f"{prompt[node]['class_type']}: {one['message']}: {one['details']}")
    if answer.get("error", {}).get("type") not in ("prompt_outputs_failed_validation", "missing_node_type", "invalid_prompt"):
        wrong.append(json.dumps(answer)[:300])
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="distorch-fix")
    parser.add_argument("--comfyui", required=True, metavar="FOLDER", help="with the node in its custom_nodes")
    parser.add_argument("--judge", required=True, metavar="FILE", help="a program that prints the INPUT_TYPES of the node: FILE NODE COMFYUI")
    parser.add_argument("--queue", metavar="URL", help="a running ComfyUI that API files are given to")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    node = os.path.join(arguments.comfyui, "custom_nodes", "ComfyUI-MultiGPU")
    printed = subprocess.run([sys.executable, arguments.judge, node, arguments.comfyui], capture_output=True, text=True, check=True)
    classes = json.loads(printed.stdout)["nodes"]
    total, failed = collections.Counter(), False
    print(f"{'nodes':>6} {'loaders':>8} {'set':>4} {'converted':>10} {'queued':>7}  file")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        for path in arguments.files:
            copied = shutil.copyfile(path, os.path.join(folder, "workflow.json"))
            count, wrong = judge(arguments, classes, copied)
            print(f"{count['nodes']:6} {count['loaders']:8} {count['set']:4} {count['converted']:10} {count['queued']:7}  {os.path.basename(path)}")
            for line in wrong:
                print(f"        WRONG {line}")
            failed |= bool(wrong) or count["set"] != count["loaders"]
            total.update(count)
    print(f"{total['nodes']:6} {total['loaders']:8} {total['set']:4} {total['converted']:10} {total['queued']:7}  in all")
    sys.exit(failed)


if __name__ == "__main__":
    main()
