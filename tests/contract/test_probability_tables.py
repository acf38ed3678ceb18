"""Probability tables: what is none, and the ideal length of a message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_lic.errors import CodecError
from pytest_lic.probability_tables import TOTAL, Message, ProbabilityTables
from tests.helpers.searches import INT32


def test_the_ideal_length_counts_escapes_as_declared() -> None:
    tables = ProbabilityTables([np.array([TOTAL // 2, TOTAL // 4, TOTAL // 4])], [10])
    message = Message.of([(0, 10), (0, 11), (0, 12), (0, -5)], tables)
    assert message.outside.tolist() == [12, -5]
    assert message.ideal_bits() == 1 + 2 + 2 + 2
    assert (
        message.ideal_bits(lambda symbol, first, last: symbol - last if symbol > last else 7) == 15
    )


@pytest.mark.parametrize(
    ("rows", "offsets", "wrong"),
    [
        ([], [], "0 rows and 0 offsets"),
        ([[1, TOTAL - 1]], [], "1 rows and 0 offsets"),
        ([[0.5, 0.5]], [0], "table 0 is float64 of shape"),
        ([[TOTAL]], [0], "table 0 has 1 entries"),
        ([[TOTAL, 0]], [0], "table 0 gives entry 1 the count 0"),
        ([[1, TOTAL]], [0], "table 0 sums to 65537"),
        ([np.ones(TOTAL + 1, np.int32)], [0], "has 65537 entries, which 16 bits can't hold"),
        ([[1, 1, TOTAL - 2]], [INT32.max], "holds symbols 2147483647 to 2147483648"),
    ],
)
def test_counts_that_are_no_tables_are_refused(rows: Any, offsets: Any, wrong: str) -> None:
    with pytest.raises(CodecError, match=wrong):
        ProbabilityTables(rows, offsets)
