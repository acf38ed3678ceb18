"""Predictive coding: each sample as its difference to the one before, rounded.

    python prediction.py        draws pictures/drift.png

Open loop, the encoder predicts from samples, which the decoder does not have: every difference is
rounded well, and the errors add up. Closed loop, it predicts from what the decoder has: an error is
part of the next difference. (Cutler, US patent 2,605,361, 1952.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

Rounding = Callable[[float], int]

SAMPLES = (0.4, 1.1, 1.5, 0.9, 2.1, 2.9)


def encode_open(samples: Sequence[float], rounding: Rounding = math.floor) -> list[int]:
    """The differences of samples, the first left out: it is sent as it is."""
    return [rounding(now - before) for before, now in pairwise(samples)]


def encode_closed(samples: Sequence[float], rounding: Rounding = math.floor) -> list[int]:
    """The differences of samples to what `decode` has at that place."""
    symbols, decoded = [], samples[0]
    for sample in samples[1:]:
        symbols.append(rounding(sample - decoded))
        decoded += symbols[-1]
    return symbols


def decode(first: float, symbols: Sequence[int]) -> list[float]:
    """The samples, by addition."""
    decoded = [first]
    for symbol in symbols:
        decoded.append(decoded[-1] + symbol)
    return decoded


def main() -> None:
    """Print and draw both loops with a floor."""
    import drawing

    print("samples     ", *(f"{sample:4.1f}" for sample in SAMPLES))
    shown = {}
    for loop, encode in (("open", encode_open), ("closed", encode_closed)):
        symbols = encode(SAMPLES)
        decoded = shown[loop] = decode(SAMPLES[0], symbols)
        print(f"{loop:6} loop:     ", *(f"{symbol:4}" for symbol in symbols))
        print("  decoded   ", *(f"{value:4.1f}" for value in decoded))
    drawing.drift(SAMPLES, shown, "drift.png")


if __name__ == "__main__":
    main()
