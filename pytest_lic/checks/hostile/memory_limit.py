"""How much memory this process may allocate, for as long as something that is not trusted runs."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/self/status")


def allocated_bytes() -> int | None:
    """What this process has allocated, touched or not; None where the system does not tell."""
    lines = _STATUS.read_text().splitlines() if _STATUS.is_file() else []
    kilobytes = (line.split()[1] for line in lines if line.startswith("VmData:"))
    return next((1024 * int(each) for each in kilobytes), None)


@contextmanager
def limited_memory(most: int | None) -> Iterator[None]:
    """Inside the block, an allocation that would take this process above ``most`` bytes fails.

    With an error such as MemoryError; None sets no limit.
    """
    before = resource.getrlimit(resource.RLIMIT_DATA)
    if most is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
