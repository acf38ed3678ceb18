"""The bitstreams that are kept of a quality, decoded and compared with what they decoded to."""

from __future__ import annotations

from pytest_lic.baselines.kept_streams import KeptStreams
from pytest_lic.checks import conformance
from pytest_lic.checks.old_stream import Decoder
from pytest_lic.measuring.grid import Cell
from pytest_lic.results.records import ConformanceRecord
from pytest_lic.run.codecs import Codecs
from pytest_lic.run.setup import Setup
from pytest_lic.system.environment import environment


def decode_old_bitstreams(
    cell: Cell, command: str, setup: Setup, codecs: Codecs, kept: KeptStreams
) -> ConformanceRecord:
    """How they decode, with the verdict; what is to be kept from now on, if the run records.

    Args:
        cell: of the corpus that is kept as bitstreams.
        command: the command line that decodes them again.
        setup: of the run.
        codecs: gives the cell's.
        kept: the bitstreams that are kept.

    Raises:
        LicError: the codec can't be built, or what is to be kept can't be coded.
    """
    options = setup.options
    decoder = Decoder(
        codecs.codec(cell),
        cell,
        setup.families[cell.family].format_version,
        environment(cell.setting.device, options.threads),
    )
    keeping = conformance.Keeping(
        lacking=options.update or options.update_missing,
        broken=options.update,
        commit=lambda: setup.commit,
    )
    old = kept.find(cell.family, cell.quality)
    examined = conformance.examine(decoder, old, setup.corpus(cell), keeping)
    return ConformanceRecord(cell, conformance.compared(cell, examined, command), examined)
