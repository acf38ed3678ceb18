"""The times of one cell in one direction, through pytest-benchmark's fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_lic.images.corpus import RANDOM
from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.timed_grid import TimingChoice
from pytest_lic.results.records import TimeRecord
from pytest_lic.run.run import Run
from pytest_lic.session.recorder import GateError
from pytest_lic.timing import benchmarking
from pytest_lic.timing.benchmarking import Direction

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


def check_times_can_be_taken(
    cell: Cell, benchmark: BenchmarkFixture, choice: TimingChoice | None
) -> None:
    """GateError where pytest-xdist has switched pytest-benchmark off."""
    if benchmark.disabled and not (choice is not None and choice.run_once):
        raise GateError(
            f"{cell.id}: pytest-benchmark takes no times under pytest-xdist, where tests "
            "disturb each other; run -m timing without -n, or add --benchmark-disable to "
            "code once"
        )


def take_times(
    cell: Cell, direction: Direction, benchmark: BenchmarkFixture, run: Run
) -> TimeRecord | None:
    """Time one direction of a cell; None where pytest-benchmark is switched off by the user.

    Raises:
        LicError: the codec does not code rightly.
    """
    setup, choice = run.setup, run.setup.options.timing
    assert choice is not None
    codec, timed = run.codecs.codec(cell), run.codecs.timed_batch(cell)
    benchmarked = benchmarking.take(
        codec,
        timed,
        cell,
        direction,
        benchmark,
        choice,
        lambda: benchmarking.circumstances(
            cell,
            direction,
            timed,
            setup.families[cell.family],
            None if cell.setting.corpus == RANDOM else setup.corpus(cell).digest,
            run.measurements.fingerprint(cell),
            setup.options.threads,
            choice.preset,
        ),
    )
    if benchmarked is None:
        return None
    name = benchmarking.benchmark_name(cell, direction)
    warm_up = benchmarked.warm_up
    return TimeRecord(name, warm_up.rounds, warm_up.settled, benchmarked.spread)
