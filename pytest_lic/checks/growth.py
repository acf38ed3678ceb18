"""Whether the process grows with each image: a codec that keeps what it should let go."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from pytest_lic.checks.determinism import CodedBatch

MOST = 20 << 20
"""Bytes an image that are worth a remark."""
_LEAST_STEPS = 3


def growth(coded: Sequence[CodedBatch]) -> str | None:
    """A remark on memory that grows from batch to batch, else None.

    What the batches themselves hold is not counted. The median of the steps is looked at: a first
    batch, or one of larger images, lets any codec grow once.

    Args:
        coded: in the order in which they were coded.
    """
    steps = [
        (after.resident - before.resident - _held(after)) / len(after.images)
        for before, after in pairwise(coded)
        if before.resident is not None and after.resident is not None
    ]
    if len(steps) < _LEAST_STEPS or median(steps) <= MOST:
        return None
    return (
        f"this process grows by {median(steps) / 2**20:.0f} MiB with each image; look for what the "
        "codec keeps of images that it has coded"
    )


def _held(batch: CodedBatch) -> int:
    return sum(pixels.nbytes for pixels in batch.pixels) + sum(map(len, batch.bitstreams))
