"""Whole counts out of probabilities, as a table of the entropy coder holds them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_lic.errors import CodecError

Integers = NDArray[np.int32]
"""int32 (n,): symbols, table indices, entries or counts."""

TOTAL = 1 << 16
"""What the counts of a table sum to."""
MOST_ENTRIES = TOTAL
"""Of one table, its escape included: each has at least one count."""


def counts_of(masses: NDArray[np.float64]) -> Integers:
    """The counts that cost the fewest bits above the distribution's entropy, give or take one.

    (CompressAI's ``pmf_to_quantized_cdf`` leaves what rounding down loses to the last entry, the
    escape: up to 120 counts, which costs two to four times as many bits.)

    Every entry gets 1 or more, however improbable it is. A range that reaches far into the tails
    therefore takes counts from the likely symbols: at ±6.2 standard deviations that costs under
    0.1 % of the rate of a Gaussian up to a standard deviation of 60, and 0.3 % at 256. 65,535
    symbols have one count each, whatever the masses.

    Args:
        masses: (n,), the probability of each symbol; what they leave of 1 is the escape's.

    Returns:
        int32 (n + 1,), the escape's last; they sum to `TOTAL`.

    Raises:
        CodecError: no masses, too many, negative, not finite, or above 1 in sum.
    """
    if masses.ndim != 1 or not 1 <= len(masses) < MOST_ENTRIES:
        raise CodecError(
            f"masses of shape {masses.shape}; expected one axis of 1 to "
            f"{MOST_ENTRIES - 1}. A shorter range leaves the rest to the escape"
        )
    total = float(masses.sum())
    if not (masses >= 0).all() or not total <= 1 + 1e-6:
        raise CodecError(
            f"masses between {masses.min()} and {masses.max()} that sum to {total}; expected "
            "probabilities that sum to at most 1"
        )
    probabilities = np.append(masses, max(0.0, 1.0 - total))
    probabilities /= probabilities.sum()
    # Entries that their share would give less than 1 get 1; the others share what is left.
    raised = np.zeros(len(probabilities), bool)
    scale = float(TOTAL)
    while True:
        below = raised | (probabilities * scale < 1)
        if (below == raised).all():
            break
        raised = below
        if raised.all():  # as many entries as counts
            break
        scale = (TOTAL - raised.sum()) / probabilities[~raised].sum()
    shares = np.maximum(np.floor(probabilities * scale), 1)
    frequencies: Integers = shares.astype(np.int32)
    # One count more where it saves the most bits.
    left = TOTAL - int(frequencies.sum())
    saved = probabilities * np.log1p(1 / frequencies)
    frequencies[np.argsort(-saved, kind="stable")[:left]] += 1
    return frequencies
