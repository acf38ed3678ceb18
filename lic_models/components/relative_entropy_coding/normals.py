"""Standard normal draws out of integers, the same on every machine.

    word of 64 bits ─► nearest nodes of the quantile function ─► between them, in integers ─► z

A word u stands for the quantile (u + ½) / 2**64. The nodes are 2**10 in each octave of the lower
half; upper quantiles are lower ones mirrored. Nodes lie on a grid of 2**-26, a million times
coarser than two independent implementations of the quantile function differ by, and none lies
nearer to the middle between two grid points than 20 times that difference (the tests look at each).
Should a machine still have others, `quantiles` says so instead of drawing what no other decodes.
What is between two nodes is interpolated linearly in integers: z is off by at most 1.5e-7, and the
density of the draws by less than 0.1 %.

All values are multiples of 2**-44 below 10, so that sums of some of them are exact in float64.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from lic_models.components.relative_entropy_coding.philox import Words
from pytest_lic.errors import UnavailableError

Floats = NDArray[np.float64]

NODE_BITS = 26
"""Nodes are multiples of 2**-26."""
VALUE_BITS = 44
"""Draws are multiples of 2**-44."""
SPLITS = 1 << 10
"""Nodes of an octave."""
OCTAVES = 64
_DIGEST = "d5072e7b12923a29"


def node_quantiles() -> Floats:
    """The quantiles that have a node, (64 · 1024 + 1,), from 2**-65 to one half; exact."""
    octaves = np.arange(OCTAVES, dtype=np.float64)[:, None]
    steps = 1 + np.arange(SPLITS) / SPLITS
    return np.append(np.exp2(octaves - 65) * steps, 0.5)


@cache
def quantiles() -> NDArray[np.int64]:
    """The nodes, int64 (64 · 1024 + 1,), in units of 2**-26.

    Raises:
        UnavailableError: SciPy gives other nodes here than where they were recorded.
    """
    nodes: NDArray[np.int64] = np.rint(ndtri(node_quantiles()) * (1 << NODE_BITS)).astype(np.int64)
    if hashlib.sha256(nodes.astype("<i8").tobytes()).hexdigest()[:16] != _DIGEST:
        raise UnavailableError(
            "relative-entropy coding: this machine's scipy.special.ndtri gives other normal "
            "quantiles than the bitstreams are made with, so nothing drawn here would decode "
            "elsewhere; install another release of SciPy"
        )
    nodes.flags.writeable = False
    return nodes


def normals(words: Words) -> Floats:
    """Standard normal draws, float64 of the shape of ``words``; rising with them."""
    lower = words >> np.uint64(63) == 0
    # Twice the lower of both tails, in units of 2**-65: odd, so never 0.
    tail = (np.where(lower, words, ~words) << np.uint64(1)) | np.uint64(1)
    octave = np.minimum(np.frexp(tail.astype(np.float64))[1] - 1, OCTAVES - 1).astype(np.uint64)
    octave -= (tail >> octave == 0).astype(np.uint64)  # float64 rounded up to the next octave
    leading = tail << (np.uint64(63) - octave)
    split = (leading >> np.uint64(53)) & np.uint64(SPLITS - 1)
    between = ((leading >> np.uint64(21)) & np.uint64(0xFFFFFFFF)).astype(np.int64)
    node = (octave * np.uint64(SPLITS) + split).astype(np.int64)
    nodes = quantiles()
    start = nodes[node]
    value = (start << VALUE_BITS - NODE_BITS) + (
        (nodes[node + 1] - start) * between >> 32 - VALUE_BITS + NODE_BITS
    )
    drawn: Floats = np.where(lower, value, -value) * 2.0**-VALUE_BITS
    return drawn


@cache
def _short_normals() -> Floats:
    shorts = np.arange(1 << 16, dtype=np.uint64)
    drawn = normals((shorts << np.uint64(48)) | np.uint64(1 << 47))
    drawn.flags.writeable = False
    return drawn


def short_normals(words: Words) -> Floats:
    """Four draws a word, one of its every 16 bits; (n, k) words to (n, 4k) draws, within ±4.4."""
    drawn: Floats = _short_normals().take(words.astype("<u8", copy=False).view("<u2"))
    return drawn
