"""Vector-quantised coding: several channels become one index, which an entropy coder writes.

y ─► vector quantizer ─► indices ─► entropy coder ─► string
                            │
                            └─► centres, summed ─► ŷ
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from lic_models.components.entropy_coding.coders import AnsCoder, EntropyCoder, Pass, corrupt
from lic_models.components.entropy_coding.counts import Integers
from lic_models.components.entropy_coding.noting import NotingCoder
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.base import Rated, check_strings
from lic_models.components.entropy_models.symbols import to_array, to_tensor
from lic_models.components.latent_coding.base import LatentCoding, Note
from lic_models.components.vector_quantization import (
    CodebookUse,
    EntropyConstrainedQuantizer,
    VectorQuantizer,
)
from pytest_lic.errors import CodecError, UsageError, WeightsError

_INDICES = "indices"


class VectorQuantisedCoding(LatentCoding):
    """A vector quantizer and an entropy coder; the quantizer has the index model.

    Gersho and Gray, "Vector quantization and signal compression", 1992,
    https://doi.org/10.1007/978-1-4615-3626-0. An encoder chooses in float64, for each position on
    its own; a decoder reads whole numbers and looks centres up, so that no machine can disagree.

    Args:
        vector_quantizer: default `EntropyConstrainedQuantizer`.
        entropy_coder: how indices become bytes; default `AnsCoder`.
    """

    def __init__(
        self,
        vector_quantizer: VectorQuantizer | None = None,
        entropy_coder: EntropyCoder | None = None,
    ) -> None:
        self.vector_quantizer = vector_quantizer or EntropyConstrainedQuantizer()
        self.entropy_coder: EntropyCoder = entropy_coder or AnsCoder()
        self._tables: dict[str, FrequencyTables] = {}

    @property
    def parts(self) -> Mapping[str, nn.Module]:
        """The vector quantizer."""
        return {"vector_quantizer": self.vector_quantizer}

    def build(self, channels: int, transform: str) -> None:
        """Make codebooks and index model; see `LatentCoding.build`."""
        try:
            self.vector_quantizer.build(channels)
        except UsageError as error:
            raise UsageError(f"latent_coding.vector_quantizer.{error}") from None

    def forward(self, latents: Tensor) -> Rated:
        """Latents (B, M, h, w), quantised, and the likelihoods of indices (B, C, h, w)."""
        rated: Rated = self.vector_quantizer(latents)
        return rated

    def compress(self, latents: Tensor) -> list[bytes]:
        """One image's latent (M, h, w) as one string; see `LatentCoding.compress`."""
        indices = self.vector_quantizer.indices(latents[None])[0]
        return [self.encode(indices)]

    def encode(self, indices: Tensor) -> bytes:
        """The string of one image's indices, int64 (C, h, w)."""
        tables = self._own_tables()
        passes: list[Pass] = []
        before = None
        for chunk in self._chunks(len(indices)):
            own = indices[chunk].flatten(1)
            passes.append((to_array(own), self._rows(chunk, own.shape[1], before), tables))
            before = own[-1]
        return self.entropy_coder.encode_passes(passes)

    def decompress(self, strings: Sequence[bytes], size: tuple[int, int]) -> Tensor:
        """The latent (M, h, w) of its one string; see `LatentCoding.decompress`."""
        check_strings(strings, 1)
        indices = self.decode(strings[0], size)
        device = self.vector_quantizer.codebooks.device
        return self.vector_quantizer.values(indices[None].to(device))[0]

    def decode(self, string: bytes, size: tuple[int, int]) -> Tensor:
        """One image's indices, int64 (C, h, w) on the CPU.

        Raises:
            CorruptBitstreamError: a string that is noticed to be no code of such indices.
            CodecError: no tables yet.
        """
        count, each = self.vector_quantizer.codebook_count, size[0] * size[1]
        tables = self._own_tables()
        reader = self.entropy_coder.reader(string, count * each)
        read: list[Tensor] = []
        for chunk in self._chunks(count):
            rows = self._rows(chunk, each, read[-1][-1] if read else None)
            symbols = self._entries(reader.read(rows, tables))
            read.append(to_tensor(symbols, (-1, each), torch.device("cpu")).long())
        reader.close()
        return torch.cat(read).unflatten(1, size)

    def update(self) -> None:
        """Make the tables from the index model; see `LatentCoding.update`."""
        if not bool(torch.isfinite(self.vector_quantizer.codebooks).all()):
            raise CodecError("vector_quantizer.codebooks are not finite; train them again")
        self._tables = {_INDICES: self.vector_quantizer.index_model.make_tables()}

    @property
    def tables(self) -> Mapping[str, FrequencyTables]:
        """Those of indices, one for each row of the index model."""
        return self._tables

    def load_tables(self, tables: Mapping[str, FrequencyTables]) -> None:
        """Take tables that came with the weights.

        Raises:
            WeightsError: other names, numbers or symbols than those of the index model's rows.
        """
        rows, entries = self.vector_quantizer.index_model.rows, self.vector_quantizer.entries
        if set(tables) != {_INDICES} or tables[_INDICES].count != rows:
            found = ", ".join(f"{each.count} of {name}" for name, each in sorted(tables.items()))
            raise WeightsError(
                f"found tables: {found or 'none'}; {type(self.vector_quantizer).__name__} codes "
                f"with {rows} of {_INDICES}"
            )
        own = tables[_INDICES]
        if (own.lengths != entries + 1).any() or own.offsets.any():
            raise WeightsError(
                f"tables of {_INDICES} hold other symbols than 0 to {entries - 1}, the entries of "
                "a codebook; export the weights again"
            )
        self._tables = dict(tables)

    def codebook_use(self, latents: Tensor) -> CodebookUse:
        """How often each entry of each codebook codes latents (B, M, h, w).

        Raises:
            CodecError: latents that are not finite.
        """
        indices = self.vector_quantizer.indices(latents).transpose(0, 1).flatten(1).cpu()
        entries = self.vector_quantizer.entries
        return CodebookUse(np.stack([np.bincount(each, minlength=entries) for each in indices]))

    def expected_use(self) -> CodebookUse | None:
        """What the tables expect of 2¹⁶ indices; 0 where it is less than one.

        None with an index model that expects the same of all.

        Raises:
            CodecError: no tables yet.
        """
        return self.vector_quantizer.index_model.expected_use(self._own_tables())

    @property
    def remark(self) -> str:
        """Which entries of which codebooks are dead, as `expected_use` has it."""
        use = self.expected_use()
        if use is not None:
            return str(use)
        return "index_model: uniform does not tell which entries are dead; see codebook_use"

    def fit(self, latents: Tensor) -> None:
        """Begin with the centres of latents (B, M, h, w); see `VectorQuantizer.fit`."""
        self.vector_quantizer.fit(latents)

    def auxiliary_loss(self) -> Tensor:
        """Nothing: the rate-distortion loss trains all there is."""
        return self.vector_quantizer.codebooks.new_zeros(())

    def anneal(self, progress: float) -> None:
        """Move the vector quantizer's proxy; see `VectorQuantizer.anneal`."""
        self.vector_quantizer.anneal(progress)

    @property
    def anneals(self) -> str | None:
        """The vector quantizer's class, where its proxy moves."""
        kind = type(self.vector_quantizer)
        return None if kind.anneal is VectorQuantizer.anneal else kind.__name__

    @contextmanager
    def noting(self, note: Note) -> Iterator[None]:
        """Within the block, decoding notes rows and indices, int32 (C · h · w,)."""
        coder = self.entropy_coder
        self.entropy_coder = NotingCoder(coder, list(self._tables.values()), note)
        try:
            yield
        finally:
            self.entropy_coder = coder

    def _own_tables(self) -> FrequencyTables:
        if not self._tables:
            raise CodecError(
                f"{type(self).__name__}: no tables of {_INDICES}; make them with the codec's "
                "update(), or load exported weights"
            )
        return self._tables[_INDICES]

    def _entries(self, symbols: Integers) -> Integers:
        """Symbols as they were read, once each is seen to be an entry; escaped ones are none."""
        entries = self.vector_quantizer.entries
        wrong = (symbols < 0) | (symbols >= entries)
        if wrong.any():
            raise corrupt(f"index {symbols[wrong][0]} into a codebook of {entries} entries")
        return symbols

    def _chunks(self, count: int) -> list[slice]:
        """The codebooks that are coded together."""
        if not self.vector_quantizer.index_model.waits:
            return [slice(0, count)]
        return [slice(codebook, codebook + 1) for codebook in range(count)]

    def _rows(self, chunk: slice, each: int, before: Tensor | None) -> Integers:
        model = self.vector_quantizer.index_model
        rows = [
            model.row_of(codebook, before).cpu().expand(each)
            for codebook in range(chunk.start, chunk.stop)
        ]
        return to_array(torch.stack(rows))
