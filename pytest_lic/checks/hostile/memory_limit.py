"""A limit on the memory that this process may allocate, while it runs what is not trusted."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


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
