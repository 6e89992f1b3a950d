#!/usr/bin/env python3
"""notes.py VERSION: prints the section of a version in CHANGELOG.md."""

import re
import sys
from pathlib import Path


def notes(changelog, version):
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    for section in sections:
        title, _, body = section.partition("\n")
        if title.split("]")[0].strip("[") == version:
            # Links at the end of the file belong to no section.
            return re.split(r"^\[[^\]]+\]: ", body, flags=re.MULTILINE)[0].strip() + "\n"
    raise SystemExit("error: CHANGELOG.md has no section for " + version)


if __name__ == "__main__":
    sys.stdout.write(notes(Path(__file__).parents[1].joinpath("CHANGELOG.md").read_text("utf-8"), sys.argv[1]))
