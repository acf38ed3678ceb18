"""Damaged bitstreams, which a decoder must refuse or make some image of."""

from __future__ import annotations

from pytest_lic.checks.hostile import outcome
from pytest_lic.checks.hostile.process import HostileProcess
from pytest_lic.errors import CodecError
from pytest_lic.measuring.grid import Cell
from pytest_lic.report.terminal.hostile import SHOWN, hostile_text


def decode_damaged(cell: Cell, count: int, process: HostileProcess) -> None:
    """Decode damaged bitstreams of a cell's codec; those that are shown are written to files.

    Args:
        cell: whose codec.
        count: how many bitstreams.
        process: that decodes them.

    Raises:
        CodecError: the decoder did with some of them what it may not.
    """
    tally = process.decode(cell.family, cell.quality, cell.setting.device, range(count))
    if tally.failures:
        shown = tally.failures[:SHOWN]
        paths = [outcome.keep(cell.family, cell.quality, failure) for failure in shown]
        raise CodecError(hostile_text(tally, paths))
