"""The command line: `podstack`, or `python -m podstack`."""

from __future__ import annotations

import os
import signal
import sys


def main() -> int:
    """Runs the command line with the arguments of the process, and returns its exit status."""
    from . import _native

    # As for a program without Python: an interrupt, or the end of a reader, ends the process.
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    return _native.main([b"podstack", *map(os.fsencode, sys.argv[1:])])


if __name__ == "__main__":
    sys.exit(main())
