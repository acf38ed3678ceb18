"""The seat of distributions: what a symbol is expected to be, given a few numbers.

While coding these numbers are computed in float64 and snapped to a grid, and from there on all is
integers: what another machine computes otherwise in its last digits chooses the same table.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lic_models.components.bounds import within
from lic_models.components.entropy_coding.counts import Integers
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.distributions.kinds import Kind
from lic_models.components.entropy_models.distributions.mixed_tables import (
    SHIFTS,
    WEIGHTS,
    MixedTables,
)
from lic_models.components.entropy_models.masses import check_scales
from lic_models.components.entropy_models.symbols import table_symbols, to_array
from lic_models.components.quantizers import Quantizer
from pytest_lic.errors import CodecError

_LEAST_REACH = 6  # symbols: an escape costs more than a count each for a few that hardly ever come
_FARTHEST_SHIFT = 2**20


class Components(NamedTuple):
    """A mixture's components, each (B, K, M, h, w).

    Attributes:
        log_weights: logarithms of weights that sum to 1.
        shifts: the location of each, less where the cells are counted from.
        log_scales: natural logarithms, in quantiser steps.
    """

    log_weights: Tensor
    shifts: Tensor
    log_scales: Tensor


class Distribution:
    """A mixture of one or more standard distributions, shifted and scaled.

    Args:
        kinds: of the components.
        scale_levels: how many scales there are tables for.
        scale_range: the smallest and the largest of them.

    Raises:
        UsageError: scales that make no tables.

    Attributes:
        parameters: how many numbers a symbol's distribution has: a shift and the logarithm of a
            scale; of a mixture also each component's log-weight, before they are normalised.
    """

    def __init__(
        self,
        kinds: tuple[Kind, ...],
        scale_levels: int = 64,
        scale_range: tuple[float, float] = (0.11, 256.0),
    ) -> None:
        check_scales(scale_levels, scale_range)
        self.kinds = kinds
        self.scale_levels = scale_levels
        self.scale_range = scale_range
        self.parameters = 2 if len(kinds) == 1 else 3 * len(kinds)
        self._mixed = MixedTables(kinds, self._scales) if len(kinds) > 1 else None

    def components(self, shifts: Tensor, log_scales: Tensor, corrections: Tensor) -> Components:
        """The components where each begins at the same place, and is then corrected.

        Args:
            shifts: (B, M, h, w).
            log_scales: (B, M, h, w).
            corrections: (B, parameters, M, h, w): of shifts, of log-scales, log-weights.
        """
        count = len(self.kinds)
        moved, scaled = corrections[:, :count], corrections[:, count : 2 * count]
        weighed = corrections[:, 2 * count :] if count > 1 else torch.zeros_like(moved)
        return Components(
            torch.log_softmax(weighed, 1), shifts[:, None] + moved, log_scales[:, None] + scaled
        )

    def start(self) -> list[float]:
        """Corrections to begin with: a mixture's components must differ to part."""
        count = len(self.kinds)
        if count == 1:
            return [0.0, 0.0]
        spread = [(place - (count - 1) / 2) / count for place in range(count)]
        return [0.0] * count + spread + [0.0] * count

    def mass(self, components: Components, lower: Tensor, upper: Tensor) -> Tensor:
        """The probability of cells from ``lower`` to ``upper``, each (B, M, h, w)."""
        low, high = self._log_range
        scales = within(components.log_scales, low, high).exp()
        masses = [
            kind.mass(
                (lower - components.shifts[:, place]) / scales[:, place],
                (upper - components.shifts[:, place]) / scales[:, place],
            )
            for place, kind in enumerate(self.kinds)
        ]
        if len(masses) == 1:
            return masses[0]
        return (torch.stack(masses, 1) * components.log_weights.exp()).sum(1)

    def tables(self, quantizer: Quantizer) -> FrequencyTables | None:
        """The tables to be kept beside the weights: none of a mixture, whose are made as needed.

        By scale, then by shift within a step, then by dither level.
        """
        if self._mixed is not None:
            return None
        (kind,) = self.kinds
        scales = torch.from_numpy(self._scales)
        reach = (kind.reach * scales).ceil().clamp(min=_LEAST_REACH)
        spans = [table_symbols(quantizer, reach, reach, v) for v in range(quantizer.variants)]
        rows: list[NDArray[np.float64]] = []
        offsets: list[int] = []
        for level, scale in enumerate(scales):
            places = self._places[level]
            for place in range(places):
                shift = (place - places // 2) / places
                for variant, span in enumerate(spans):
                    first, last = span[level].tolist()
                    symbols = torch.arange(first, last + 1, dtype=torch.int32)
                    levels = torch.full_like(symbols, variant, dtype=torch.int64)
                    lower, upper = quantizer.edges(symbols, levels, torch.float64)
                    mass = kind.mass((lower - shift) / scale, (upper - shift) / scale)
                    rows.append(mass.numpy())
                    offsets.append(first)
        return FrequencyTables.from_masses(rows, offsets)

    def table_count(self, quantizer: Quantizer) -> int:
        """How many `tables` there are."""
        return 0 if self._mixed is not None else int(self._places.sum()) * quantizer.variants

    def choose(
        self,
        components: Components,
        variant: Tensor,
        quantizer: Quantizer,
        tables: FrequencyTables | None,
    ) -> tuple[Integers, Integers, FrequencyTables]:
        """How some symbols are coded.

        Args:
            components: float64, each (K, n).
            variant: int64 (n,), the dither level of each.
            quantizer: whose symbols they are.
            tables: what `tables` gave.

        Returns:
            what is to be taken off each symbol, each one's table, and the tables.

        Raises:
            CodecError: a prediction that is not finite.
        """
        if not all(bool(torch.isfinite(part).all()) for part in components):
            raise CodecError(
                "the entropy model predicts what is not finite; look for NaN in the weights, or "
                "train with a lower learning rate"
            )
        low, high = self._log_range
        steps = (components.log_scales - low) * ((self.scale_levels - 1) / (high - low))
        levels = steps.round().clamp(0, self.scale_levels - 1).long()
        shifts = components.shifts.clamp(-_FARTHEST_SHIFT, _FARTHEST_SHIFT)
        if self._mixed is not None:
            weights = _whole_weights(components.log_weights.exp())
            places = (shifts * SHIFTS).round().long()
            return self._mixed.choose(weights, places, levels, variant, quantizer)
        assert tables is not None
        level = levels[0]
        places = torch.from_numpy(self._places).to(level.device)[level]
        starts = torch.from_numpy(np.cumsum(self._places) - self._places).to(level.device)[level]
        moved = (shifts[0] * places).round().long()
        whole = torch.div(moved + places // 2, places, rounding_mode="floor")
        within_step = moved - whole * places + places // 2
        index = (starts + within_step) * quantizer.variants + variant
        return to_array(whole), to_array(index), tables

    @property
    def _scales(self) -> NDArray[np.float64]:
        low, high = self._log_range
        steps = np.arange(self.scale_levels) / (self.scale_levels - 1)
        return np.exp(low + (high - low) * steps)

    @property
    def _places(self) -> NDArray[np.int64]:
        """How many shifts within a step there are tables for, by scale: fewer where it is wide."""
        finest = np.floor(np.log2(16.0 / np.maximum(self._scales, 1.0)))
        return (2 ** np.clip(finest, 0, 4)).astype(np.int64)

    @property
    def _log_range(self) -> tuple[float, float]:
        return math.log(self.scale_range[0]), math.log(self.scale_range[1])


def _whole_weights(weights: Tensor) -> Tensor:
    """Weights (K, n) that sum to 1 as whole numbers that sum to `WEIGHTS`."""
    edges = (weights.cumsum(0) * WEIGHTS).round().long()
    edges[-1] = WEIGHTS
    return torch.diff(edges, dim=0, prepend=torch.zeros_like(edges[:1]))
