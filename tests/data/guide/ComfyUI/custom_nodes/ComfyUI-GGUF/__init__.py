"""Loaders with the inputs of ComfyUI-GGUF's own, and nothing behind them."""

from .nodes import NODE_CLASS_MAPPINGS
