"""Symbols, their tables, and the coders that tests code them with."""

import numpy as np
import pytest
from scipy.stats import norm

from lic_models.components.entropy_coding.coders import AnsCoder, RangeCoder, RansCoder
from lic_models.components.entropy_coding.tables import FrequencyTables

INT32 = np.iinfo(np.int32)
CODERS = [AnsCoder(), RangeCoder(), RansCoder()]
each_coder = pytest.mark.parametrize("coder", CODERS, ids=lambda coder: coder.name)


def int32(*values):
    return np.array(values, np.int32)


def table(*frequencies, offset=0):
    return FrequencyTables(int32(*frequencies), np.array([0, len(frequencies)]), int32(offset))


def gaussians(scales, reach=5):
    masses, offsets = [], []
    for scale in scales:
        last = int(reach * scale) + 1
        symbols = np.arange(-last, last + 1)
        masses.append(norm.cdf((symbols + 0.5) / scale) - norm.cdf((symbols - 0.5) / scale))
        offsets.append(-last)
    return FrequencyTables.from_masses(masses, offsets)


def latents(count, seed=0):
    """Symbols of 32 Gaussians, one in a hundred far outside its table."""
    draw = np.random.default_rng(seed)
    scales = np.geomspace(0.11, 30, 32)
    indices = draw.integers(0, 32, count).astype(np.int32)
    symbols = np.rint(draw.normal(size=count) * scales[indices]).astype(np.int32)
    symbols[::100] += draw.integers(-5000, 5000, symbols[::100].size).astype(np.int32)
    return symbols, indices, gaussians(scales)


SYMBOLS, INDICES, TABLES = latents(2000)
