"""What a second process has otherwise than the first one, and no bitstream may hang on."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path

_LATER = timedelta(days=400, hours=5, minutes=7, seconds=11)  # another year, month and weekday
_SEED = 20_000_003


class Circumstance(StrEnum):
    """One of them, in the words of a message."""

    CLOCK = "the clock"
    HASH_SEED = "PYTHONHASHSEED"
    FOLDERS = "the working directory, TMPDIR or HOME"
    VARIABLES = "environment variables set since the run began"
    SEED = "the state of torch's, NumPy's or Python's random numbers, which are drawn unseeded"


def another_moment() -> float:
    """In seconds since 1970; not that of any clock that went on by itself since now."""
    return (datetime.now(UTC) + _LATER).timestamp()


def set_clock(moment: float) -> Callable[[], None]:
    """Let Python's clocks tell another time, and go on from there; what is returned does it again.

    `time.time` and its kin, `datetime` and `uuid` are moved, `time.monotonic`,
    `time.perf_counter`, times of files, other programs and compiled libraries are not.
    """
    import time_machine

    traveller = time_machine.travel(moment, tick=True).start()
    return partial(traveller.move_to, moment)


def seed_otherwise() -> None:
    """Let torch, NumPy and Python draw other random numbers than a process that seeds nothing."""
    import numpy as np
    import torch

    torch.manual_seed(_SEED)
    np.random.seed(_SEED)
    random.seed(_SEED)


def other_hash_seed(*taken: str | None) -> str:
    """A value of ``PYTHONHASHSEED`` that is not taken."""
    return next(seed for seed in ("1", "2", "3") if seed not in taken)


def go_to(folder: str, temporary: str | None) -> None:
    """Work in a folder; ``temporary`` is ``TMPDIR`` there, None where that is not set."""
    os.chdir(folder)
    os.environ.pop("TMPDIR", None)
    if temporary is not None:
        os.environ["TMPDIR"] = temporary
    tempfile.tempdir = None  # else it stays where it was first looked for


@contextmanager
def at_home_in(folder: Path) -> Iterator[None]:
    """Inside the block, ``HOME`` is another folder; what is cached below the old one is found."""
    old = {name: os.environ.get(name) for name in ("HOME", "XDG_CACHE_HOME")}
    if old["XDG_CACHE_HOME"] is None:
        os.environ["XDG_CACHE_HOME"] = str(Path.home() / ".cache")
    os.environ["HOME"] = str(folder)
    try:
        yield
    finally:
        for name, value in old.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
