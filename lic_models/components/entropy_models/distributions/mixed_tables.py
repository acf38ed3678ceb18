"""Tables of mixtures, one for each symbol, made in integers from whole-numbered parameters.

A component's cumulative is looked up: the edge of a cell, less the component's location, times a
whole number in place of one over its scale, is a place in a table of the standard distribution.
Every machine makes the same tables: what is rounded are these look-ups and a factor for each scale,
and of those of the scales by default none lies near where rounding would turn.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lic_models.components.entropy_coding.counts import TOTAL, Integers
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.distributions.kinds import Kind
from lic_models.components.quantizers import Quantizer

SHIFTS = 64
"""Places of a location between two whole numbers."""
WEIGHTS = 256
"""What weights sum to."""
CUMULATIVE = 1 << 30
"""What a look-up's cumulative comes to."""
STEPS = 128
"""Entries of a look-up to one scale."""

_SPAN = 24  # scales on either side of a look-up; a Laplace distribution has 2e-11 beyond
_FINE = 16  # binary digits between two entries
_FARTHEST = 4095  # symbols on either side of a table; the rest is escaped
_WIDTHS = (6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 2048, _FARTHEST)


class MixedTables:
    """Makes tables of mixtures.

    Args:
        kinds: of the components.
        scales: (L,), rising, what the levels of a scale stand for.
    """

    def __init__(self, kinds: tuple[Kind, ...], scales: NDArray[np.float64]) -> None:
        self._reaches = np.stack([np.ceil(kind.reach * scales) for kind in kinds]).astype(np.int64)
        self._lookups = [lookup(kind) for kind in kinds]
        # Places of the look-up, with its binary digits, to one place of a location.
        self._factors = np.round(STEPS * 2.0**_FINE / (SHIFTS * scales)).astype(np.int64)

    def choose(
        self, weights: Tensor, shifts: Tensor, levels: Tensor, variant: Tensor, quantizer: Quantizer
    ) -> tuple[Integers, Integers, FrequencyTables]:
        """How some symbols are coded.

        Args:
            weights: int64 (K, n), which sum to `WEIGHTS`.
            shifts: int64 (K, n), locations in 1 / `SHIFTS` of a step.
            levels: int64 (K, n), of the scales.
            variant: int64 (n,), dither levels.
            quantizer: whose symbols they are; its cells are one step wide.

        Returns:
            what is to be taken off each symbol, each one's table, and the tables.
        """
        parameters = np.concatenate(
            [part.cpu().numpy() for part in (weights, shifts, levels, variant[None])]
        )
        # What all components have in common moves the symbol instead of the table.
        count = len(self._lookups)
        centres = (parameters[:count] * parameters[count : 2 * count]).sum(0)
        whole = np.floor_divide(2 * centres + WEIGHTS * SHIFTS, 2 * WEIGHTS * SHIFTS)
        parameters[count : 2 * count] -= whole * SHIFTS
        distinct, places = np.unique(parameters, axis=1, return_inverse=True)
        tables = self._tables(distinct, quantizer)
        return whole.astype(np.int32), places.reshape(-1).astype(np.int32), tables

    def _tables(self, parameters: NDArray[np.int64], quantizer: Quantizer) -> FrequencyTables:
        count = len(self._lookups)
        shifts, levels = parameters[count : 2 * count], parameters[2 * count : 3 * count]
        reach = np.stack([self._reaches[place][levels[place]] for place in range(count)])
        reach = (reach + -(-np.abs(shifts) // SHIFTS)).max(0)
        widths = np.array(_WIDTHS)[np.searchsorted(_WIDTHS[:-1], reach)]
        lengths = 2 * widths + 2  # the symbols and the escape
        starts = np.concatenate([[0], np.cumsum(lengths)])
        frequencies = np.empty(starts[-1], np.int32)
        zeros = [_edge(quantizer, level) for level in range(quantizer.variants)]
        for width in np.unique(widths):
            at = np.flatnonzero(widths == width)
            for part in np.array_split(at, -(-len(at) * int(width) // 2**20)):
                rows = self._rows(parameters[:, part], int(width), zeros)
                frequencies[starts[part][:, None] + np.arange(rows.shape[1])] = rows
        return FrequencyTables(frequencies, starts, (-widths).astype(np.int32))

    def _rows(
        self, parameters: NDArray[np.int64], width: int, zeros: list[int]
    ) -> NDArray[np.int64]:
        """Counts (n, 2 width + 2) of the symbols from −width to width, and of the escape."""
        count, n = len(self._lookups), parameters.shape[1]
        edges = np.arange(-width, width + 2)[None] * SHIFTS
        edges = edges + np.array(zeros)[parameters[3 * count]][:, None]
        mixed = np.zeros((n, 2 * width + 2), np.int64)
        for place, entries in enumerate(self._lookups):
            weight, shift, level = parameters[place::count][:3]
            away = (edges - shift[:, None]) * self._factors[level][:, None]
            mixed += weight[:, None] * _read(entries, away)
        # Every symbol has a count, and the escape what is left.
        left = TOTAL - mixed.shape[1]
        shared = mixed * left // (WEIGHTS * CUMULATIVE)
        counts = np.diff(shared, axis=1) + 1
        return np.concatenate([counts, TOTAL - counts.sum(1, keepdims=True)], 1)


def lookup(kind: Kind) -> NDArray[np.int64]:
    """A standard distribution's cumulative in whole numbers, from 0 to `CUMULATIVE`."""
    places = range(-_SPAN * STEPS, _SPAN * STEPS + 1)
    return np.array([round(kind.cumulative(place / STEPS) * CUMULATIVE) for place in places])


def _read(entries: NDArray[np.int64], away: NDArray[np.int64]) -> NDArray[np.int64]:
    """The cumulative at these places, with lines drawn between the entries."""
    last = (len(entries) - 1) << _FINE
    away = np.clip(away + (last >> 1), 0, last - 1)
    place, rest = away >> _FINE, away & ((1 << _FINE) - 1)
    lower = entries[place]
    return lower + ((entries[place + 1] - lower) * rest >> _FINE)


def _edge(quantizer: Quantizer, variant: int) -> int:
    """The lower edge of symbol 0 at a dither level, in 1 / `SHIFTS` of a step."""
    symbol = torch.zeros(1, dtype=torch.int32)
    lower, _ = quantizer.edges(symbol, torch.full_like(symbol, variant).long(), torch.float64)
    return round(float(lower) * SHIFTS)
