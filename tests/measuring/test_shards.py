"""Shards: every cell in one of them, the same for everybody, even, networks together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_lic.errors import UsageError
from pytest_lic.measuring import shards
from pytest_lic.measuring.shards import EVEN, Row, Shard, Span, shares

ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from("abcde"),
        st.lists(st.floats(0.01, 1000), min_size=1, max_size=12).map(tuple),
    ),
    max_size=12,
)
Planner = Callable[[Sequence[Row], int], Sequence[Sequence[Span]]]


def cells(spans: Sequence[Span]) -> list[tuple[int, int]]:
    return [(row, place) for row, start, stop in spans for place in range(start, stop)]


def check_complete(planner: Planner, rows: Sequence[Row], count: int) -> None:
    """Each cell is in one shard, and no other is in any."""
    planned = planner(rows, count)
    assert len(planned) == count
    found = Counter(cell for spans in planned for cell in cells(spans))
    assert found == Counter(
        (row, place) for row, its in enumerate(rows) for place in range(len(its.seconds))
    )


@given(ROWS, st.integers(1, 20))
def test_each_cell_is_in_one_shard(rows: list[Row], count: int) -> None:
    check_complete(shares, rows, count)


def dropping(rows: Sequence[Row], count: int) -> list[list[Span]]:
    """A planner that loses the last cell of the first shard that has any."""
    planned = [list(spans) for spans in shares(rows, count)]
    spans = next((spans for spans in planned if spans), None)
    if spans is not None:
        row, start, stop = spans.pop()
        spans += [Span(row, start, stop - 1)] if stop - start > 1 else []
    return planned


def doubling(rows: Sequence[Row], count: int) -> list[list[Span]]:
    """A planner that gives a cell of one shard to the last shard too."""
    planned = [list(spans) for spans in shares(rows, count)]
    spans = next((spans for spans in planned if spans), None)
    if spans is not None:
        row, start, _ = spans[0]
        planned[-1].append(Span(row, start, start + 1))
    return planned


@pytest.mark.parametrize("mutant", [dropping, doubling])
def test_a_planner_that_drops_or_doubles_a_cell_is_caught(mutant: Planner) -> None:
    with pytest.raises(AssertionError):
        given(ROWS, st.integers(1, 20))(lambda rows, count: check_complete(mutant, rows, count))()


@given(ROWS, st.integers(1, 20))
def test_everybody_plans_the_same(rows: list[Row], count: int) -> None:
    again = [Row(str(row.network), list(row.seconds)) for row in rows]
    assert shares(rows, count) == shares(again, count)


@given(ROWS, st.integers(1, 20))
def test_shards_are_even_but_for_one_cell(rows: list[Row], count: int) -> None:
    every = [value for row in rows for value in row.seconds]
    mean, largest = math.fsum(every) / count, max(every, default=0)
    for spans in shares(rows, count):
        taken = math.fsum(rows[row].seconds[place] for row, place in cells(spans))
        assert taken <= max(EVEN * mean, mean + largest) * (1 + 1e-9)


def networks_of(spans: Sequence[Span], rows: Sequence[Row]) -> set[str]:
    return {rows[span.row].network for span in spans}


def test_networks_stay_together_where_that_is_even() -> None:
    rows = [Row(name, (1.0, 1.0)) for name in "abcd" for _ in range(3)]
    planned = shares(rows, 2)
    assert networks_of(planned[0], rows).isdisjoint(networks_of(planned[1], rows))
    assert [len(cells(spans)) for spans in planned] == [12, 12]


def test_a_big_network_is_split_by_quality() -> None:
    rows = [*(Row("big", (9.0, 9.0)) for _ in range(4)), Row("small", (1.0, 1.0))]
    planned = shares(rows, 4)
    for spans in planned:
        of_big = [span for span in spans if rows[span.row].network == "big"]
        assert [(start, stop) for _, start, stop in of_big] == [(0, 2)], "one quality, whole"


def test_a_big_quality_is_split_between_its_settings() -> None:
    assert shares([Row("one", (1.0,) * 8)], 4) == (
        (Span(0, 0, 2),),
        (Span(0, 2, 4),),
        (Span(0, 4, 6),),
        (Span(0, 6, 8),),
    )


def test_more_shards_than_cells_leave_some_empty() -> None:
    planned = shares([Row("one", (1.0, 2.0))], 5)
    assert sorted(len(spans) for spans in planned) == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(("number", "count"), [(17, 16), (0, 16), (-1, 2), (1, 0)])
def test_there_is_no_such_shard(number: int, count: int) -> None:
    with pytest.raises(UsageError, match=rf"no shard {number}/{count}: expected"):
        Shard(number, count)


def test_a_shard_says_which_it_is() -> None:
    assert str(Shard(3, 16)) == "3/16"
    assert shards.Sharing(Shard(1, 1)).seconds == {}
