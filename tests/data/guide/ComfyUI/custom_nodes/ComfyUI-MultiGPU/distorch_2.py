"""Stands for what distributes models."""
