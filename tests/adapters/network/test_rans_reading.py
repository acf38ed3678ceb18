"""What a decoder read of a string, in bits."""

from __future__ import annotations

import numpy as np

from pytest_lic.adapters.network.rans_reading import Information
from tests.helpers.rans_messages import coded


def test_information_is_what_the_encoder_wrote() -> None:
    """Else an intact stream could be taken for a short one, or a short one for intact."""
    for seed in range(10):
        string, symbols, indexes, held = coded(seed, 20_000)
        bits = Information().bits(symbols, indexes, held)
        assert np.isclose(bits, 8 * len(string) - 31, atol=33 + 1e-4 * len(symbols))
        assert bits <= 8 * len(string)
