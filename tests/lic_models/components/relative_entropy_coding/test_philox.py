"""Random words: NumPy's Philox, wherever and in whatever order they are asked for."""

import numpy as np
import pytest

from lic_models.components.relative_entropy_coding.philox import (
    high_word,
    words_at,
    words_of_all,
)

MOST = (1 << 64) - 1


@pytest.mark.parametrize("seed", [0, 1, 12345, MOST])
@pytest.mark.parametrize(("stream", "block", "part"), [(0, 0, 0), (3, 17, 2), (7, 1 << 40, 63)])
def test_words_are_those_of_numpys_generator(seed, stream, block, part):
    generator = np.random.Philox(
        key=np.array([seed, stream], np.uint64), counter=np.array([0, block, part, 0], np.uint64)
    )
    expected = generator.random_raw(4 * 50).reshape(50, 4)
    np.testing.assert_array_equal(words_of_all(seed, stream, range(50), block, part), expected)
    np.testing.assert_array_equal(words_at(seed, stream, np.arange(50), block, part), expected)


def test_words_depend_on_their_place_alone():
    places, blocks = np.array([9, 2, 70, 2, 9]), np.array([3, 3, 0, 1, 3])
    words = words_at(5, 1, places, blocks)
    for place, block, word in zip(places, blocks, words, strict=True):
        np.testing.assert_array_equal(words_at(5, 1, np.array([place]), int(block)), [word])
        row = range(int(place), int(place) + 1)
        np.testing.assert_array_equal(words_of_all(5, 1, row, int(block)), [word])


def test_the_high_word_is_that_of_python():
    draw = np.random.default_rng(0)
    left, right = draw.integers(0, MOST, (2, 200), dtype=np.uint64, endpoint=True)
    left[:4], right[:4] = [0, MOST, MOST, 1], [MOST, MOST, 1, 1]
    expected = [int(a) * int(b) >> 64 for a, b in zip(left, right, strict=True)]
    assert high_word(left, right).tolist() == expected
