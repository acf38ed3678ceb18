"""Index models: what is expected of the indices into codebooks, in training and as tables.

An index costs the bits of its entry in one row; which row, its codebook decides, and with
`ConditionalFrequencies` the index before it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.vector_quantization.codebook_use import CodebookUse
from pytest_lic.errors import CodecError, UsageError

IndexModelName = Literal["uniform", "frequencies", "conditional"]
MOST_CONDITIONS = 64
"""K of `ConditionalFrequencies`, which has K² numbers for each codebook."""
# Frequencies span orders of magnitude: at a transform's learning rate they'd not get there.
_PACE = 8.0


class IndexModel(nn.Module, ABC):
    """Base of the index models.

    Args:
        codebooks: C.
        entries: K, of each.

    Attributes:
        waits: whether a codebook's rows are known only once the indices of the one before are.
    """

    waits = False

    def __init__(self, codebooks: int, entries: int) -> None:
        super().__init__()
        self.codebooks = codebooks
        self.entries = entries

    @property
    @abstractmethod
    def rows(self) -> int:
        """How many rows, and tables, there are."""

    @abstractmethod
    def row_of(self, codebook: int, before: Tensor | None) -> Tensor:
        """The row of a codebook's indices, int64 (n,) or (1,) where all have one.

        Args:
            codebook: from 0 to C − 1.
            before: the indices of the codebook before, (n,); None for the first.
        """

    @abstractmethod
    def all_bits(self) -> Tensor:
        """What each entry costs in each row, in bits: (rows, K), with gradients."""

    def count(self, indices: Tensor) -> None:
        """Begin with the frequencies of these indices, int64 (C, n)."""

    def expected_use(self, tables: FrequencyTables) -> CodebookUse | None:
        """What tables expect of 2¹⁶ indices of each codebook; None where they expect the same."""
        return None

    def make_tables(self) -> FrequencyTables:
        """One table for each row, of the K entries; what is left is an escape, which no index is.

        Raises:
            CodecError: frequencies that are not finite.
        """
        bits = self.all_bits().detach().cpu().double()
        if not bool(torch.isfinite(bits).all()):
            raise CodecError("index frequencies are not finite; no tables can be made of them")
        return FrequencyTables.from_masses(_masses(bits), [0] * self.rows)


class UniformIndices(IndexModel):
    """log2 K bits for every index.

    Its table has counts that differ by a few percent, and costs 0.001 bits more: with equal ones,
    a flipped bit of the string would change one index and leave no other trace.
    """

    @property
    def rows(self) -> int:
        """One for all."""
        return 1

    def row_of(self, codebook: int, before: Tensor | None) -> Tensor:
        """The one."""
        return torch.zeros(1, dtype=torch.int64)

    def all_bits(self) -> Tensor:
        """log2 K."""
        return torch.full((1, self.entries), math.log2(self.entries))

    def make_tables(self) -> FrequencyTables:
        """One, of nearly equal counts."""
        uneven = 1.0 + 0.1 * (np.arange(self.entries) * 11 % 49 / 48 - 0.5)
        return FrequencyTables.from_masses([uneven / uneven.sum()], [0])


class IndexFrequencies(IndexModel):
    """How often each entry of each codebook comes, learnt with the rate."""

    def __init__(self, codebooks: int, entries: int) -> None:
        super().__init__(codebooks, entries)
        # In two dimensions, as matrices, which are stored in half precision.
        self.log_frequencies = nn.Parameter(torch.zeros(self.rows, entries))

    @property
    def rows(self) -> int:
        """One for each codebook."""
        return self.codebooks

    def row_of(self, codebook: int, before: Tensor | None) -> Tensor:
        """The codebook's own."""
        return torch.full((1,), codebook)

    def all_bits(self) -> Tensor:
        """−log2 of the frequencies, which sum to 1 in each row."""
        return -(_PACE * self.log_frequencies).log_softmax(1) / math.log(2.0)

    def expected_use(self, tables: FrequencyTables) -> CodebookUse:
        """The counts above the one that every entry has, whether it is used or not.

        Of an entry with several rows the largest, among the rows that are used themselves.
        """
        counts = tables.frequencies.reshape(self.codebooks, -1, self.entries + 1)[..., :-1] - 1
        used, reached = [], np.zeros(counts.shape[1], bool)
        reached[0] = True
        for rows in counts:
            used.append(rows[reached].max(axis=0))
            if self.waits:
                reached = used[-1] > 0
        return CodebookUse(np.stack(used).astype(np.int64))

    @torch.no_grad()
    def count(self, indices: Tensor) -> None:
        """Begin with these; an entry that never comes begins as if it came half a time."""
        befores = [None, *indices[:-1]]
        counts = torch.full((self.rows, self.entries), 0.5, device=indices.device)
        for codebook, (before, index) in enumerate(zip(befores, indices, strict=True)):
            rows = self.row_of(codebook, before).to(index.device).expand(index.shape)
            counts.index_put_((rows, index), torch.ones_like(counts[0, :1]), accumulate=True)
        logs = counts.log()
        self.log_frequencies.copy_((logs - logs.mean(1, keepdim=True)) / _PACE)


class ConditionalFrequencies(IndexFrequencies):
    """The same, given the index of the codebook before at the same position.

    The codebook before is that of the channels before; of the first channels in a later stage,
    that of the last channels in the stage before. Decoding is one codebook after the other. Such
    frequencies are many: K² a codebook.

    Raises:
        UsageError: K above 64.
    """

    waits = True

    def __init__(self, codebooks: int, entries: int) -> None:
        if entries > MOST_CONDITIONS:
            raise UsageError(
                f"index_model: conditional has {entries}² frequencies for each codebook; expected "
                f"entries of at most {MOST_CONDITIONS}, or index_model: frequencies"
            )
        super().__init__(codebooks, entries)

    @property
    def rows(self) -> int:
        """One for each codebook and index before it; the first codebook uses the first of its."""
        return self.codebooks * self.entries

    def row_of(self, codebook: int, before: Tensor | None) -> Tensor:
        """That of the index before."""
        first = codebook * self.entries
        return torch.full((1,), first) if before is None else first + before


INDEX_MODELS: dict[IndexModelName, type[IndexModel]] = {
    "uniform": UniformIndices,
    "frequencies": IndexFrequencies,
    "conditional": ConditionalFrequencies,
}


def _masses(bits: Tensor) -> list[NDArray[np.float64]]:
    masses = torch.exp2(-bits)
    return list((masses / masses.sum(1, keepdim=True)).numpy())
