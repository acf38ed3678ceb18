"""Random words by position: Philox4x64-10, computed where it is asked for, in any order.

    (seed, stream) is the key, (place, block, part) the counter ─► four words of 64 bits

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
https://doi.org/10.1145/2063384.2063405. A word depends on its place alone: not on what was drawn
before, in which batch, by which thread. Integers only, so that every machine has the same.

`words_of_all` is NumPy's generator, for all places at once; `words_at` is the same function for
places and blocks of any choice, twenty times slower a word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

WORDS = 4
"""Words of a block."""
_MULTIPLIERS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_MASK = (1 << 64) - 1


def words_of_all(seed: int, stream: int, places: range, block: int, part: int = 0) -> Words:
    """The words of places in a row, uint64 (len(places), 4).

    Args:
        seed: 0 … 2**64 − 1.
        stream: what the words are for, so that no two uses share any.
        places: from 0 on.
        block: which four words of each place.
        part: a second number of the block.
    """
    # NumPy moves its counter on before it makes words, so that place 0 has 1.
    # Lists of large numbers would become float64 on the way.
    key = np.array([seed, stream], np.uint64)
    counter = np.array([places.start, block, part, 0], np.uint64)
    generator = np.random.Philox(key=key, counter=counter)
    words: Words = generator.random_raw(WORDS * len(places)).reshape(-1, WORDS)
    return words


def words_at(
    seed: int,
    stream: int,
    places: NDArray[np.int64],
    blocks: NDArray[np.int64] | int,
    part: int = 0,
) -> Words:
    """The words of chosen places, each of its own block; uint64 (n, 4).

    Args:
        seed: 0 … 2**64 − 1.
        stream: as for `words_of_all`.
        places: int64 (n,).
        blocks: int64 (n,), or one for all.
        part: as for `words_of_all`.
    """
    first = places.astype(np.uint64) + np.uint64(1)
    second = np.broadcast_to(np.asarray(blocks, np.int64).astype(np.uint64), first.shape)
    third, fourth = np.full_like(first, part), np.zeros_like(first)
    for turn in range(_ROUNDS):
        keys = [np.uint64(k + turn * w & _MASK) for k, w in zip((seed, stream), _WEYL, strict=True)]
        high_first = high_word(first, _MULTIPLIERS[0])
        high_third = high_word(third, _MULTIPLIERS[1])
        first, second, third, fourth = (
            high_third ^ second ^ keys[0],
            third * _MULTIPLIERS[1],
            high_first ^ fourth ^ keys[1],
            first * _MULTIPLIERS[0],
        )
    return np.stack([first, second, third, fourth], axis=1)


def high_word(left: Words, right: Words | np.uint64) -> Words:
    """The upper 64 of the 128 bits of a product."""
    left_low, left_high = left & _LOW, left >> _HALF
    right_low, right_high = right & _LOW, right >> _HALF
    middle = left_high * right_low + (left_low * right_low >> _HALF)
    other = left_low * right_high + (middle & _LOW)
    word: Words = left_high * right_high + (middle >> _HALF) + (other >> _HALF)
    return word
