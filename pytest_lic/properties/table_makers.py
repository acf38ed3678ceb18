"""What must hold of whole counts that are made out of probabilities."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_lic.entropy_coder import TableMaker
from pytest_lic.probability_tables import brief, counts_error
from pytest_lic.properties.search import Broken, described, for_all
from pytest_lic.strategies import table_masses


class Masses:
    """Probabilities that are shown by their number, not all 65,535 of them."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.values = values

    def __repr__(self) -> str:
        return f"masses {brief(self.values)}"


def sums_up(maker: TableMaker) -> None:
    """Each entry has a count of at least 1, and together they have 2**16.

    So the cumulative counts increase from 0 to 2**16, and every symbol can be coded.

    Raises:
        PropertyError: an entry has none, or they sum to something else.
    """

    def check(masses: Masses) -> Broken | None:
        counts = np.asarray(maker.make(masses.values))
        if counts.shape != (len(masses.values) + 1,):
            return Broken(f"{len(masses.values) + 1} counts", f"shape {counts.shape}")
        wrong = counts_error(counts)
        if wrong is None:
            return None
        return Broken("counts of at least 1 that sum to 65536", f"{brief(counts)}: it {wrong}")

    for_all(maker, "tables monotone and summing to 2**16", _masses(maker), check)


def same_counts(maker: TableMaker) -> None:
    """The same probabilities give the same counts again.

    Raises:
        PropertyError: they give others.
    """

    def check(masses: Masses) -> Broken | None:
        first, again = (np.asarray(maker.make(masses.values.copy())) for _ in range(2))
        if np.array_equal(first, again):
            return None
        return Broken(f"counts {brief(first)} again", brief(again))

    for_all(maker, "the same counts every time", _masses(maker), check)


def likelier_gets_more(maker: TableMaker) -> None:
    """A likelier symbol has no fewer counts than a less likely one.

    Raises:
        PropertyError: one has.
    """

    def check(masses: Masses) -> Broken | None:
        counts = np.asarray(maker.make(masses.values))[:-1]
        order = np.lexsort((counts, masses.values))
        falling = np.flatnonzero(np.diff(counts[order]) < 0)
        if not falling.size:
            return None
        less, more = order[falling[0]], order[falling[0] + 1]
        return Broken(
            f"symbol {more}, of {masses.values[more]:.6g}, at least as many counts as symbol "
            f"{less}, of {masses.values[less]:.6g}",
            f"{counts[more]} and {counts[less]}",
        )

    for_all(maker, "a likelier symbol gets no fewer counts", _masses(maker), check)


def too_many_symbols(maker: TableMaker) -> None:
    """More symbols than promised, and more than 16 bits hold, are refused.

    Raises:
        PropertyError: counts are made, or another exception is raised.
    """
    most = maker.most_symbols
    names = maker.refuses if isinstance(maker.refuses, tuple) else (maker.refuses,)
    expected = " or ".join(kind.__name__ for kind in names)

    def check(count: int) -> Broken | None:
        try:
            counts = np.asarray(maker.make(np.full(count, 1 / count)))
        except names as error:
            return None if str(error) else Broken(f"{expected}, with a text", described(error))
        wrong = counts_error(counts)
        reason = f": it {wrong}" if wrong is not None else ""
        return Broken(f"{expected} for {count} symbols", f"counts {brief(counts)}{reason}")

    counts = st.sampled_from([most + 1, most + 2, 65_536, 65_537, 70_000])
    for_all(maker, "tables too long for 16 bits are refused", counts, check)


def _masses(maker: TableMaker) -> st.SearchStrategy[Masses]:
    return table_masses(maker.most_symbols).map(Masses)
