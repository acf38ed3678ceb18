"""Warnings that importing a library gives, and that no setting of a project should make errors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def scripting_unwarned() -> Iterator[None]:
    """Inside the block torch does not warn that ``torch.jit.script`` is to go.

    CompressAI scripts a function when it is imported, so under ``filterwarnings = error`` its
    import would fail.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit.script", FutureWarning)
        warnings.filterwarnings("ignore", ".*torch.jit.script", DeprecationWarning)
        yield
