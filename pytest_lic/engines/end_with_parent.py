"""Run a program that ends when the process that started it does, whatever ended that.

    python end_with_parent.py PARENT'S-ID PROGRAM ARGUMENT...

A file to be run, in place of code between fork and exec. Where there is no Linux, the program runs
without that promise.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for a signal at the parent's end, and become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before it was asked for
            sys.exit(f"the process {parent} that started {program[0]} has ended")
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
