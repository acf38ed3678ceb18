"""How far a sample may stray by chance, for a stated rate of false alarms."""

from __future__ import annotations

import math
from statistics import NormalDist

import torch
from torch import Tensor


def distance_to_uniform(sample: Tensor) -> float:
    """Kolmogorov and Smirnov's distance of a sample (n,) from U(−½, ½)."""
    ordered = sample.double().sort().values
    count = len(ordered)
    expected = (ordered + 0.5).clamp(0, 1)
    ranks = torch.arange(count, dtype=torch.float64)
    return float(torch.maximum(expected - ranks / count, (ranks + 1) / count - expected).max())


def distance_allowed(count: int, false_alarm: float) -> float:
    """The distance that ``count`` independent samples exceed at most at this rate.

    By the inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990), which holds
    for every count and every distribution.
    """
    return math.sqrt(math.log(2 / false_alarm) / (2 * count))


def deviations_allowed(false_alarm: float) -> float:
    """How many standard deviations a normal variable exceeds, to either side, at this rate."""
    return NormalDist().inv_cdf(1 - false_alarm / 2)
