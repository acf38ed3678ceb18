"""Greedy shards: a draw put together from K smaller ones, each the best of 2**B.

Havasi, Peharz and Hernández-Lobato, "Minimal random code learning", ICLR 2019,
https://arxiv.org/abs/1810.00440, and Flamich, "Compression without quantization", 2019.

The prior N(0, 1) is the sum of K shards N(0, 1/K). Of 2**B draws of each shard, the one is kept
that makes the sum so far most probable under the posterior. A group costs K · B bits.
"""

from __future__ import annotations

from functools import partial
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

MOST_SHARDS = 63
MOST_SHARD_BITS = 16
_STREAM = 4


class GreedySampler(Sampler):
    """Biased: near the posterior's mode, with too little spread. KL and what a budget leaves over.

    Samples that stand too near the mode make images blurrier, and a level that is predicted from
    them costs more. Divergences of a group that come close to its budget are served badly: K
    shards of equal scale resolve a dimension no finer than its 2**B draws lie apart. Havasi et al.
    2019, https://arxiv.org/abs/1810.00440.

    Args:
        seed: which both sides have.
        shards: K, 1 to 63.
        shard_bits: B, 1 to 16.
        size_bits: a group has at most 2**size_bits dimensions, 0 to 15.
        share: of its K · B bits, what the divergence of a group may come to, above 0.

    Raises:
        UsageError: another seed, or numbers outside of these ranges.
    """

    name = "greedy shards"
    exact: ClassVar[bool] = False

    def __init__(
        self,
        seed: int = 0,
        shards: int = 4,
        shard_bits: int = 6,
        size_bits: int = 6,
        share: float = 0.8,
    ) -> None:
        super().__init__(seed)
        within(self, "shards", shards, 1, MOST_SHARDS)
        within(self, "shard_bits", shard_bits, 1, MOST_SHARD_BITS)
        within(self, "size_bits", size_bits, 0, MOST_SIZE_BITS)
        within(self, "share", share, 0.01, 1)
        self.shards, self.shard_bits, self.size_bits = shards, shard_bits, size_bits
        self.share = share

    def _write(self, writer: Writer, targets: Targets) -> Floats:
        budget = self.share * self.shards * self.shard_bits
        groups, outliers = grouped(targets.bits, budget, self.size_bits)
        writer.bits(self.shards, 6)
        writer.bits(self.shard_bits, 5)
        write_groups(writer, groups, outliers, self.size_bits)
        values = np.empty(targets.count)
        values[outliers] = write_outliers(writer, outside(targets, outliers, self.seed))
        root, total = np.sqrt(self.shards), np.zeros(targets.count)
        for shard in range(self.shards):
            score = partial(_nearness, targets, total, root)
            chosen = best(groups, self.seed, _STREAM, shard, 1 << self.shard_bits, score)
            writer.bits(chosen, self.shard_bits)
            total[groups.places] += drawn_of(groups, chosen, self.seed, _STREAM, shard)
        values[groups.places] = total[groups.places] / root
        return values

    def _read(self, reader: Reader, count: int) -> Floats:
        shards, shard_bits = reader.bit_field(6), reader.bit_field(5)
        if not shards or not 1 <= shard_bits <= MOST_SHARD_BITS:
            raise corrupt(f"has {shards} shards of {shard_bits} bits")
        groups, outliers = read_groups(reader, count)
        values = np.empty(count)
        values[outliers] = read_outliers(reader, int(outliers.sum()))
        total = np.zeros(groups.places.size)
        for shard in range(shards):
            chosen = reader.bits(np.full(groups.sizes.size, shard_bits))
            total = total + drawn_of(groups, chosen, self.seed, _STREAM, shard)
        values[groups.places] = total / np.sqrt(shards)
        return values


def _nearness(
    targets: Targets, total: Floats, root: float, groups: Groups, drawn: Floats, first: int
) -> Floats:
    """How probable each draw makes each group's sum so far."""
    own, so_far = targets.at(groups.places), total[groups.places, None]
    off = ((so_far + drawn) / root - own.means[:, None]) / own.scales[:, None]
    return -groups.summed(off * off)
