"""Adaptive importance sampling: of 2**B draws of a group, one by chance, as its weight says.

Havasi, Peharz and Hernández-Lobato, "Minimal random code learning", ICLR 2019,
https://arxiv.org/abs/1810.00440; groups that adapt to the divergence are Flamich's, "Compression
without quantization", 2019. A draw z has the weight q(z) / p(z). A group costs B bits.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lic_models.components.entropy_coding.coders import corrupt
from lic_models.components.relative_entropy_coding.base import (
    Sampler,
    outside,
    read_outliers,
    within,
    write_outliers,
)
from lic_models.components.relative_entropy_coding.gaussians import Targets
from lic_models.components.relative_entropy_coding.groups import (
    MOST_SIZE_BITS,
    Groups,
    best,
    drawn_of,
    grouped,
    read_groups,
    write_groups,
)
from lic_models.components.relative_entropy_coding.normals import Floats
from lic_models.components.relative_entropy_coding.strings import Reader, Writer

MOST_INDEX_BITS = 20
_STREAM, _CHANCE = 5, 6


class ImportanceSampler(Sampler):
    """Nearly unbiased where the spare bits suffice; KL, those, and what a budget leaves over.

    Havasi et al. 2019, https://arxiv.org/abs/1810.00440.

    Args:
        seed: which both sides have.
        index_bits: B, 1 to 20; time grows with 2**B.
        spare_bits: how many bits less than B a group's divergence may come to; each halves what
            is missing of the posterior, roughly.
        size_bits: a group has at most 2**size_bits dimensions, 0 to 15.

    Raises:
        UsageError: another seed, or numbers outside of these ranges.
    """

    name = "adaptive importance"
    exact: ClassVar[bool] = False

    def __init__(
        self, seed: int = 0, index_bits: int = 12, spare_bits: float = 3.0, size_bits: int = 6
    ) -> None:
        super().__init__(seed)
        within(self, "index_bits", index_bits, 1, MOST_INDEX_BITS)
        within(self, "spare_bits", spare_bits, 0, index_bits)
        within(self, "size_bits", size_bits, 0, MOST_SIZE_BITS)
        self.index_bits, self.spare_bits, self.size_bits = index_bits, spare_bits, size_bits

    def _write(self, writer: Writer, targets: Targets) -> Floats:
        groups, outliers = grouped(targets.bits, self.index_bits - self.spare_bits, self.size_bits)
        writer.bits(self.index_bits, 5)
        write_groups(writer, groups, outliers, self.size_bits)
        values = np.empty(targets.count)
        values[outliers] = write_outliers(writer, outside(targets, outliers, self.seed))

        def score(some: Groups, drawn: Floats, first: int) -> Floats:
            weights = some.summed(targets.at(some.places).log_ratio(drawn))
            # The largest sum of a logarithm and a Gumbel is each one as often as its weight says.
            key = np.array([self.seed, _CHANCE], np.uint64)
            counter = np.array([0, int(some.places[0]), first, 0], np.uint64)
            chance = np.random.Generator(np.random.Philox(key=key, counter=counter))
            return weights + chance.gumbel(size=weights.shape)

        chosen = best(groups, self.seed, _STREAM, 0, 1 << self.index_bits, score)
        writer.bits(chosen, self.index_bits)
        values[groups.places] = drawn_of(groups, chosen, self.seed, _STREAM, 0)
        return values

    def _read(self, reader: Reader, count: int) -> Floats:
        index_bits = reader.bit_field(5)
        if not 1 <= index_bits <= MOST_INDEX_BITS:
            raise corrupt(f"has indices of {index_bits} bits")
        groups, outliers = read_groups(reader, count)
        values = np.empty(count)
        values[outliers] = read_outliers(reader, int(outliers.sum()))
        chosen = reader.bits(np.full(groups.sizes.size, index_bits))
        values[groups.places] = drawn_of(groups, chosen, self.seed, _STREAM, 0)
        return values
