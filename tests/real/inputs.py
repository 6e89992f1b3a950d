"""inputs.py: the widgets of every node class, by distorch-fix and by importing the node into a real ComfyUI. See README.md.

For each ComfyUI, with each set of packs beside the node: ComfyUI and the packs are imported once, and each version of the node in a
process of its own. Compared are the classes that it registers, and the names, kinds, model folders, values and defaults of their
widgets, in their order.
"""
import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
NODE = "ComfyUI-MultiGPU"
DEVICES = ["cpu", "cuda:0", "cuda:1"]
KINDS = {"INT": "NUMBER", "FLOAT": "NUMBER", "BOOLEAN": "BOOLEAN", "STRING": "STRING"}
# Where ComfyUI has loaders that are not in its nodes.py.
EXTRAS = ("nodes_sd3.py", "nodes_hidream.py")


# In the process that is ComfyUI.


def probe(comfyui, custom_nodes, nodes_of):
    """A line for each version of the node: the widgets of its classes."""
    sys.path.insert(0, HERE)
    import pretended

    pretended.start(comfyui)
    import asyncio
    import logging
    import folder_paths
    import nodes

    logging.disable(logging.CRITICAL)
    pretended.with_cards()
    folder_paths.folder_names_and_paths["custom_nodes"] = ([custom_nodes], set())
    for extra in EXTRAS:
        asyncio.run(nodes.load_custom_node(os.path.join(comfyui, "comfy_extras", extra), module_parent="comfy_extras"))
    for pack in sorted(os.listdir(custom_nodes)):
        asyncio.run(nodes.load_custom_node(os.path.join(custom_nodes, pack)))
    folder_paths.get_filename_list = lambda category: [f"<{category}>"]
    print(json.dumps({"plain": {name: described(node) for name, node in nodes.NODE_CLASS_MAPPINGS.items() if "Loader" in name}}))
    os.chdir(os.path.dirname(custom_nodes))  # Old versions look for packs from here.
    link = os.path.join(custom_nodes, NODE)
    for node in nodes_of:
        os.symlink(node, link)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            with os.fdopen(writer, "wb") as out:
                before = set(nodes.NODE_CLASS_MAPPINGS)
                quiet = os.open(os.devnull, os.O_WRONLY)
                os.dup2(quiet, 1)
                os.dup2(quiet, 2)
                try:
                    imported = asyncio.run(nodes.load_custom_node(link))
                    own = sorted(set(nodes.NODE_CLASS_MAPPINGS) - before)
                    rows = {name: described(nodes.NODE_CLASS_MAPPINGS[name]) for name in own}
                except BaseException as error:
                    imported, rows = False, repr(error)
                pickle.dump((imported, rows), out)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as given:
            imported, rows = pickle.load(given)
        os.waitpid(child, 0)
        os.unlink(link)
        print(json.dumps({"node": node, "imported": imported, "classes": rows}), flush=True)


def described(node):
    try:
        groups = node.INPUT_TYPES()
    except Exception as error:
        return repr(error)
    rows = []
    for group in ("required", "optional"):
        for name, entry in groups.get(group, {}).items():
            kind, options = entry[0], (entry[1] if len(entry) > 1 else {})
            values = kind if isinstance(kind, (list, tuple)) else options.get("options") if kind == "COMBO" else None
            if options.get("forceInput") or (values is None and kind not in KINDS):
                continue
            models = None
            if values is not None:
                models = [value[1:-1] for value in values if str(value).startswith("<")] or None
                values = None if models else "devices" if values and set(values) <= set(DEVICES) else list(values)
            default = options.get("default", values[0] if isinstance(values, list) and values else None)
            rows.append([name, KINDS.get(kind, "COMBO") if isinstance(kind, str) else "COMBO", models, values, default, group == "optional"])
    return rows


# The comparison.


def compare(arguments, comfyui, packs):
    """Numbers of: versions, classes, equal ones, unknown ones, differences."""
    count = dict(versions=0, failed=0, classes=0, equal=0, broken=0, unknown=0, wrong=0)
    with tempfile.TemporaryDirectory() as folder:
        custom_nodes = os.path.join(folder, "custom_nodes")
        os.makedirs(custom_nodes)
        for entry in ("nodes.py", "comfy_extras", "folder_paths.py", "comfy", "comfyui_version.py", "comfy_api"):
            source = os.path.join(os.path.abspath(comfyui), entry)
            if os.path.exists(source):
                os.symlink(source, os.path.join(folder, entry))
        for pack in packs:
            os.symlink(os.path.abspath(pack), os.path.join(custom_nodes, "ComfyUI-GGUF" if "gguf" in pack.lower() else os.path.basename(pack)))
        nodes_of = [os.path.abspath(node) for node in arguments.node]
        command = [sys.executable, __file__, "--probe", os.path.abspath(comfyui), custom_nodes, *nodes_of]
        real = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        for line in filter(lambda line: line.startswith('{"node"'), real.stdout.splitlines()):
            line = json.loads(line)
            count["versions"] += 1
            if not line["imported"]:
                count["failed"] += 1
                if arguments.verbose:
                    print(f"  {os.path.basename(line['node'])}: ComfyUI cannot import it")
                continue
            link = os.path.join(custom_nodes, NODE)
            os.symlink(line["node"], link)
            read = subprocess.run([arguments.bin, folder, link], stdout=subprocess.PIPE, text=True, check=True)
            os.unlink(link)
            judge(arguments, count, os.path.basename(line["node"]), line["classes"], json.loads(read.stdout))
    return count


def judge(arguments, count, version, real, found):
    read, unknown = found["classes"], found["unknown"]
    for name, class_ in read.items():
        if class_["pack"] == NODE and name not in real:
            count["wrong"] += 1
            print(f"  {version} {name}: is not registered")
    for name, rows in real.items():
        count["classes"] += 1
        if isinstance(rows, str):  # Its INPUT_TYPES fails.
            count["broken" if name not in read else "wrong"] += 1
            continue
        if name not in read:
            count["unknown"] += 1
            if arguments.verbose:
                print(f"  {version} {name}: {unknown.get(name, 'not found')}")
            continue
        widgets = [widget for widget in read[name]["widgets"] if widget[0] != "control_after_generate"]
        differences = [difference for difference in map(differing, rows, widgets) if difference]
        if len(rows) != len(widgets):
            differences.append(f"{[row[0] for row in rows]} are {[widget[0] for widget in widgets]}")
        count["wrong" if differences else "equal"] += 1
        for difference in differences:
            print(f"  {version} {name}: {difference}")


def differing(real, read):
    """What is wrong with a widget. A default that depends on the machine, and a list that is not known, are no mistake."""
    wrong = [f"{a} is {b}" for a, b in zip(real[:2] + real[5:], read[:2] + read[5:]) if a != b]
    if real[2] != read[2] and not (read[2] is None and read[3] is None):
        wrong.append(f"{real[0]} has the models {real[2]}, not {read[2]}")
    if real[3] != read[3] and read[3] is not None and real[2] is None:
        wrong.append(f"{real[0]} has the values {real[3]}, not {read[3]}")
    if real[4] != read[4] and read[4] is not None and real[3] != "devices":
        wrong.append(f"{real[0]} has the default {real[4]}, not {read[4]}")
    return ", ".join(wrong)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="the example node_inputs")
    parser.add_argument("--comfyui", required=True, action="append", metavar="FOLDER")
    parser.add_argument("--node", required=True, nargs="+", metavar="FOLDER", help="versions of the node")
    parser.add_argument("--gguf", metavar="FOLDER", help="ComfyUI-GGUF; each ComfyUI is tried with and without it")
    parser.add_argument("--verbose", action="store_true", help="name what is not known, too")
    arguments = parser.parse_args()
    failed = False
    for comfyui in arguments.comfyui:
        for packs in [[], [arguments.gguf]] if arguments.gguf else [[]]:
            count = compare(arguments, comfyui, packs)
            print(os.path.basename(comfyui), *map(os.path.basename, packs), *(f"{key} {value}" for key, value in count.items()), flush=True)
            failed |= count["wrong"] > 0
    sys.exit(failed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--probe"]:
        probe(sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        main()
