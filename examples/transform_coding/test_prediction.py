"""What predictive coding promises, for Hypothesis to break: `pytest test_prediction.py`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from png_filters import PREDICTIONS, filtered, unfiltered
from prediction import decode, encode_closed, encode_open

# Quarters are exact in binary, so no sum is off by a last digit.
SAMPLES = st.lists(st.integers(-64, 64).map(lambda k: k / 4), min_size=1, max_size=12)
IMAGES = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=6))


@pytest.mark.parametrize("encode", [encode_open, encode_closed])
@given(samples=SAMPLES)
def test_floor_is_never_off_by_a_whole_step(encode, samples):
    """The last sample as little as the first."""
    decoded = decode(samples[0], encode(samples, math.floor))
    assert all(0 <= x - y < 1 for x, y in zip(samples, decoded, strict=True))


@pytest.mark.parametrize("kind", PREDICTIONS)
@given(pixels=IMAGES)
def test_filter_loses_nothing(kind, pixels):
    """Of any image, byte for byte."""
    assert (unfiltered(filtered(pixels, kind), kind) == pixels).all()
