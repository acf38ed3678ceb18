"""An entropy coder that is overheard, so that machines are compared by what they decode."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from lic_models.components.entropy_coding.coders import EntropyCoder, PassReader
from lic_models.components.entropy_coding.counts import Integers
from lic_models.components.entropy_coding.tables import FrequencyTables

_NOTHING = np.empty(0, np.int32)


class NotingCoder:
    """An entropy coder, overheard where it decodes what one of ``tables`` codes."""

    def __init__(
        self,
        coder: EntropyCoder,
        tables: Sequence[FrequencyTables],
        note: Callable[[str, Tensor], None],
    ) -> None:
        self.name = coder.name
        self.encode = coder.encode
        self.encode_passes = coder.encode_passes
        self._coder = coder
        self._tables = tables
        self._note = note

    def decode(self, string: bytes, indices: Integers, tables: FrequencyTables) -> Integers:
        """The symbols of a string, overheard."""
        if not any(tables is own for own in self._tables):
            return self._coder.decode(string, indices, tables)
        self._note("table indices", torch.from_numpy(indices))
        symbols = self._coder.decode(string, indices, tables)
        self._note("symbols", torch.from_numpy(symbols))
        return symbols

    def reader(self, string: bytes, count: int, length: int | None = None) -> PassReader:
        """Reads pass by pass, overheard."""
        return _NotingReader(self._coder.reader(string, count, length), self._note)


class _NotingReader:
    """What reads the passes of a latent; they are noted together, at the end."""

    def __init__(self, reader: PassReader, note: Callable[[str, Tensor], None]) -> None:
        self._reader = reader
        self._note = note
        self._noted: dict[str, list[Integers]] = {"table indices": [], "symbols": []}

    @property
    def used(self) -> int:
        return self._reader.used

    def read(self, indices: Integers, tables: FrequencyTables) -> Integers:
        self._noted["table indices"].append(indices)
        symbols = self._reader.read(indices, tables)
        self._noted["symbols"].append(symbols)
        return symbols

    def close(self) -> None:
        for stage, arrays in self._noted.items():
            self._note(stage, torch.from_numpy(np.concatenate([*arrays, _NOTHING])))
        self._reader.close()
