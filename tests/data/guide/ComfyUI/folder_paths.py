"""Stands for the search for model files."""


def get_filename_list(category):
    return []
