"""Stands for the start of ComfyUI."""
