"""Where a series of numbers moves to another level.

The levels are found by PELT (R. Killick, P. Fearnhead, I. Eckley: "Optimal detection of
changepoints with a linear computational cost", JASA 107, 2012), as ruptures has it. A level of its
own must bring the sum of squares down by more than 3 ln(n) σ²; σ is taken from how neighbours
differ, by their median.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_lic.errors import Unavailable

LEAST = 5
"""Fewer values show no level that another could be told from."""
_LEAST_NOISE = 0.02
"""σ, in the values' unit, percent: so that one value is a step from about 0.06 % on."""
_OF_NORMAL = 0.954  # median of |a − b| of two draws of a normal distribution, in σ


def steps(values: Sequence[float]) -> tuple[int, ...] | Unavailable:
    """The indices at which a new level begins.

    Args:
        values: in percent, the oldest first.

    Returns:
        None of them is 0. The reason where there are fewer than `LEAST` values.
    """
    import numpy as np
    import ruptures

    if len(values) < LEAST:
        return Unavailable(f"steps need {LEAST} recordings; here {_are(len(values))}")
    series = np.asarray(values, dtype=np.float64)
    noise = max(float(np.median(np.abs(np.diff(series)))) / _OF_NORMAL, _LEAST_NOISE)
    search = ruptures.Pelt(model="l2", min_size=1, jump=1).fit(series)
    ends: list[int] = search.predict(pen=3 * math.log(len(values)) * noise**2)
    return tuple(ends[:-1])


def _are(count: int) -> str:
    return f"{'is' if count == 1 else 'are'} {count}"
