"""What coding costs, counted or measured, and compared with what is recorded."""

from __future__ import annotations

import pytest

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.costs import MemoryKey
from pytest_lic.costs.complexity import compared, complexity_of
from pytest_lic.costs.memory import compared_memory
from pytest_lic.errors import Unavailable
from pytest_lic.measuring.grid import Cell
from pytest_lic.results.results import ComplexityResult, MemoryResult
from pytest_lic.run.run import Run
from pytest_lic.system.environment import environment


def complexity_of_cell(cell: Cell, command: str, run: Run) -> ComplexityResult:
    """The complexity of a cell's codec, with the verdict; the cell's own images do not count.

    Args:
        cell: names the codec and the device.
        command: the command line that counts it again.
        run: gives the codec, and what is recorded.

    Raises:
        LicError: the codec can't be built, or does not code rightly.
    """
    measured = complexity_of(run.codecs.codec(cell), cell.setting.device)
    recorded = run.complexity.find(cell.family, cell.quality)
    return ComplexityResult(
        compared(cell.id, measured, recorded, command),
        cell.family,
        cell.quality,
        None if isinstance(measured, Unavailable) else measured,
        recorded,
    )


def without_complexity(cell: Cell, comparison: Comparison) -> ComplexityResult:
    """The record of a codec that can't be had here."""
    return ComplexityResult(comparison, cell.family, cell.quality)


def skip_if_not_applicable(result: ComplexityResult) -> None:
    """Skip the test of a codec that has no complexity, with the reason."""
    if result.comparison.verdict is Verdict.UNAVAILABLE:
        pytest.skip(result.comparison.reason)


def memory_of_cell(cell: Cell, command: str, run: Run) -> MemoryResult:
    """The memory that a cell's codec takes, with the verdict; the cell's own images do not count.

    Args:
        cell: names the codec and the device.
        command: the command line that measures it again.
        run: gives a fresh process, and what is recorded.

    Raises:
        CodecError: the codec can't be built there, or does not code rightly.
        UnavailableError: it can't run here, or the system does not tell its memory.
    """
    options, device = run.setup.options, cell.setting.device
    measured = run.processes.memory(cell)
    here = environment(device, options.threads)
    recorded = run.memory.find(cell.family, MemoryKey(cell.quality, device.split(":")[0]))
    comparison = compared_memory(
        cell.id, measured, recorded, here, options.memory_tolerance, command
    )
    baseline = None if recorded is None else recorded.memory
    return MemoryResult(comparison, cell.family, cell.quality, device, measured, baseline, here)


def without_memory(cell: Cell, comparison: Comparison) -> MemoryResult:
    """The record of a codec that can't be had here, or not be measured."""
    return MemoryResult(comparison, cell.family, cell.quality, cell.setting.device)
