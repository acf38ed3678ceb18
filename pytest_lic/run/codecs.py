"""Codecs: the codec of a cell, its coded corpus and its timed batch, one of each at a time."""

from __future__ import annotations

from pytest_lic.checks import determinism
from pytest_lic.checks.determinism import CodedBatch
from pytest_lic.codec import Codec
from pytest_lic.images.corpus import RANDOM
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell
from pytest_lic.project import family_calls
from pytest_lic.run.setup import Setup
from pytest_lic.system.latest import Latest
from pytest_lic.timing.batches import TimedBatch, checked_batch, timed_images


class Codecs:
    """Builds each network once, for cells come sorted.

    Args:
        setup: whose families build them.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._codec: Latest[tuple[str, str, str], Codec] = Latest()
        self._coded: Latest[Cell, list[CodedBatch]] = Latest()
        self._timed: Latest[Cell, TimedBatch] = Latest()

    def codec(self, cell: Cell) -> Codec:
        """The cell's codec.

        Raises:
            CodecError: ``build`` failed or gave something that can't encode and decode.
            UnavailableError: ``build`` said that it can't run here.
        """
        family, device = self._setup.families[cell.family], cell.setting.device
        return self._codec.of(
            (cell.family, cell.quality, device),
            lambda: family_calls.build(family, cell.quality, device),
        )

    def coded(self, cell: Cell) -> list[CodedBatch]:
        """The cell's corpus through its codec in this process; never from the cache.

        Raises:
            LicError: the codec can't be had, or an image does not come back.
        """
        return self._coded.of(cell, lambda: self._code(cell))

    def timed_batch(self, cell: Cell) -> TimedBatch:
        """The batch that a cell is timed on, checked to come back right.

        Raises:
            CodecError: it does not.
            CorpusError: images that are too small.
        """
        return self._timed.of(cell, lambda: self._checked_batch(cell))

    def close(self) -> None:
        """Let go of all of them."""
        for latest in (self._coded, self._timed, self._codec):
            latest.forget()

    def _code(self, cell: Cell) -> list[CodedBatch]:
        codec = self.codec(cell)
        with coding.cpu_threads(self._setup.options.threads):
            return determinism.code(codec, cell, self._setup.corpus(cell))

    def _checked_batch(self, cell: Cell) -> TimedBatch:
        setting = cell.setting
        corpus = None if setting.corpus == RANDOM else self._setup.grid.corpora[setting.corpus]
        images = timed_images(setting, corpus)
        return checked_batch(self.codec(cell), images, setting.device)
