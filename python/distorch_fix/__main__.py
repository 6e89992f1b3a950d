"""Runs the program that was installed with this package."""

import os
import sys

NAME = "distorch-fix.exe" if os.name == "nt" else "distorch-fix"


def folders():
    """Where pip puts programs: the likeliest first, since looking for the others takes longer than the program."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # With `pip install --target FOLDER`.
    yield os.path.join(package, "bin")
    if package.startswith(os.path.abspath(sys.prefix) + os.sep):
        yield os.path.join(sys.prefix, "Scripts" if os.name == "nt" else "bin")

    import sysconfig

    yield sysconfig.get_path("scripts")
    # With `pip install --user`.
    yield sysconfig.get_path("scripts", scheme="nt_user" if os.name == "nt" else "posix_user")


def main():
    for folder in folders():
        program = os.path.join(folder, NAME)
        if os.path.isfile(program):
            break
    else:
        sys.exit("error: %s is missing\nhelp: run `%s -m pip install --force-reinstall distorch-fix`" % (NAME, sys.executable))
    arguments = [program] + sys.argv[1:]
    if os.name != "nt":
        os.execv(program, arguments)

    # Windows cannot replace a process. Ctrl-C reaches the program as well, which may have a file to finish: subprocess would
    # kill it a quarter of a second later.
    import signal
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(subprocess.call(arguments))


if __name__ == "__main__":
    main()
