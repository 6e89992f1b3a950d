# No nodes: ComfyUI wants a mapping from every folder of custom_nodes, and this one only has a prestartup_script.py.
NODE_CLASS_MAPPINGS = {}
