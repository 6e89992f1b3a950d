"""Stands for what loads models."""
