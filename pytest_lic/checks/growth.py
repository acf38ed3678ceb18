"""Whether the process grows with each image: a codec that keeps what it should let go."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from pytest_lic.checks.determinism import CodedBatch
from pytest_lic.system.words import plural

MOST = 20 << 20
"""Bytes an image that are worth a remark."""
_LEAST_STEPS = 3
_LEAST_HANDLE_STEPS = 2


def growth(coded: Sequence[CodedBatch]) -> str | None:
    """A remark on memory, or files held open, that grow from batch to batch, else None.

    What the batches themselves hold is not counted. Of memory the median of the steps is looked
    at, since a first batch, or one of larger images, lets any codec grow once; of open files, which
    are counted exactly, the smallest.

    Args:
        coded: in the order in which they were coded.
    """
    remarks = []
    memory = [
        (after.resident - before.resident - _held(after)) / len(after.images)
        for before, after in pairwise(coded)
        if before.resident is not None and after.resident is not None
    ]
    if len(memory) >= _LEAST_STEPS and median(memory) > MOST:
        remarks.append(
            f"this process grows by {median(memory) / 2**20:.0f} MiB with each image; look for "
            "what the codec keeps of images that it has coded"
        )
    handles = [
        after.handles - before.handles
        for before, after in pairwise(coded)
        if before.handles is not None and after.handles is not None
    ]
    if len(handles) >= _LEAST_HANDLE_STEPS and min(handles) >= 1:
        remarks.append(
            f"this process holds {plural(min(handles), 'more file')} open with each batch; look "
            "for files, sockets or pipes that the codec does not close"
        )
    return "; ".join(remarks) or None


def _held(batch: CodedBatch) -> int:
    return sum(pixels.nbytes for pixels in batch.pixels) + sum(map(len, batch.bitstreams))
