#!/usr/bin/env python3
"""fill.py VERSION REPOSITORY SUMS OUT: fills in the manifests of package managers.

VERSION has no `v`, REPOSITORY is OWNER/NAME, SUMS is a file of `sha256sum` over the archives, and OUT a folder.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent


def fill(text, values):
    def value(match):
        if match[1] not in values:
            raise SystemExit("error: nothing to fill in for {{%s}}" % match[1])
        return values[match[1]]

    return re.sub(r"\{\{([^}]+)\}\}", value, text)


def main(version, repository, sums, out):
    values = {"version": version, "repository": repository, "owner": repository.split("/")[0]}
    for line in Path(sums).read_text("utf-8").splitlines():
        checksum, name = line.split()
        target = re.fullmatch(r"\*?distorch-fix-v[^-]+(?:-[a-z0-9.]+)?-((?:x86_64|aarch64)-.+?)\.(?:tar\.gz|zip)", name)
        if target:
            values["sha256 " + target[1]] = checksum
    for template in sorted(HERE.glob("*/*")):
        filled = Path(out, template.relative_to(HERE))
        filled.parent.mkdir(parents=True, exist_ok=True)
        filled.write_text(fill(template.read_text("utf-8"), values), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
