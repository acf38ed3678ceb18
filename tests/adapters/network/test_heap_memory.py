"""Keeping freed memory: what it does to a process, and where it keeps its hands off."""

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
from pytest_lic.adapters.network.heap_memory import keep_freed_memory

kept = keep_freed_memory() if {keep} else False
before = None
for _ in range(10):
    buffer = bytearray(2**26)
    buffer[::4096] = b"1" * 2**14
    del buffer
    if before is None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(kept, after - before)
"""


def faults(keep: bool, **variables: str) -> tuple[str, int]:
    """What `keep_freed_memory` returned in a new process, and its page faults for 9 buffers."""
    chosen = ("MALLOC_", "LD_PRELOAD", "GLIBC_TUNABLES")
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(chosen)}
    command = [sys.executable, "-c", FAULTS.format(keep=keep)]
    finished = subprocess.run(
        command, env=inherited | variables, capture_output=True, text=True, timeout=60, check=True
    )
    kept, count = finished.stdout.split()
    return kept, int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is tuned")
def test_large_buffers_are_used_again_instead_of_cleared_by_the_kernel() -> None:
    usual, tuned = faults(keep=False), faults(keep=True)
    assert tuned[0] == "True"
    assert tuned[1] < usual[1] / 10 or usual[1] < 1000  # huge pages leave nothing to gain


def test_an_allocator_that_the_user_chose_or_tuned_is_left_alone() -> None:
    assert faults(keep=True, MALLOC_ARENA_MAX="2")[0] == "False"
    assert faults(keep=True, GLIBC_TUNABLES="glibc.malloc.trim_threshold=1048576")[0] == "False"
