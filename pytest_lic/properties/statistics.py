"""How far a sample may stray by chance, for a stated rate of false alarms."""

from __future__ import annotations

import math
from statistics import NormalDist

from scipy.stats import kstest
from torch import Tensor


def distance_to_uniform(sample: Tensor) -> float:
    """Kolmogorov and Smirnov's distance of a sample (n,) from U(−½, ½)."""
    start_and_width = (-0.5, 1.0)
    test = kstest(sample.double().numpy(), "uniform", args=start_and_width, method="asymp")
    return float(test.statistic)


def distance_allowed(count: int, false_alarm: float) -> float:
    """The distance that ``count`` independent samples exceed at most at this rate.

    By the inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990), which holds
    for every count and every distribution.
    """
    return math.sqrt(math.log(2 / false_alarm) / (2 * count))


def deviations_allowed(false_alarm: float) -> float:
    """How many standard deviations a normal variable exceeds, to either side, at this rate."""
    return NormalDist().inv_cdf(1 - false_alarm / 2)
