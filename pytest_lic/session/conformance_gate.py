"""The bitstreams that are kept of a quality, decoded and compared with what they decoded to."""

from __future__ import annotations

from pytest_lic.checks import conformance
from pytest_lic.checks.old_stream import Decoder
from pytest_lic.measuring.grid import Cell
from pytest_lic.results.records import ConformanceRecord
from pytest_lic.run.run import Run
from pytest_lic.system.environment import environment


def decode_old_bitstreams(cell: Cell, command: str, run: Run) -> ConformanceRecord:
    """How they decode, with the verdict; what is to be kept from now on, if the run records.

    Args:
        cell: of the corpus that is kept as bitstreams.
        command: the command line that decodes them again.
        run: gives the codec and the bitstreams.

    Raises:
        LicError: the codec can't be built, or what is to be kept can't be coded.
    """
    setup, options = run.setup, run.setup.options
    family = setup.families[cell.family]
    writers = [cell.family] if family.decodes is None else [cell.family, family.decodes]
    decoder = Decoder(
        run.codecs.codec(cell),
        cell,
        family.format_version,
        environment(cell.setting.device, options.threads),
    )
    examined = conformance.examine(
        decoder,
        [(name, *place) for name in writers for place in run.kept.find(name, cell.quality)],
        setup.corpus(cell),
        decodes=family.decodes,
        keep_lacking=options.update or options.update_missing,
        keep_broken=options.update,
        commit=lambda: setup.commit,
    )
    return ConformanceRecord(cell, conformance.compared(cell, examined, command), examined)
