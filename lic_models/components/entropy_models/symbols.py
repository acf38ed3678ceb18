"""Symbols on their way between tensors, tables and the entropy coder's arrays."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lic_models.components.entropy_coding.counts import TOTAL, Integers
from lic_models.components.quantizers import Quantizer

# A longer table has less than two counts an entry to tell its symbols apart; the rest is escaped.
_FARTHEST = TOTAL // 4 - 1


def table_symbols(quantizer: Quantizer, below: Tensor, above: Tensor, variant: int) -> Tensor:
    """The first and the last symbol of tables that reach from −below to above.

    Args:
        quantizer: whose symbols.
        below: (T,), how far each table reaches to the left, in units of the residual.
        above: (T,), to the right.
        variant: of the tables.

    Returns:
        int64 (T, 2) on the CPU, held within what a table can have.
    """
    ends = torch.stack([-below, above], 1).to("cpu", torch.float64)
    symbols = quantizer.symbols(ends, torch.full_like(ends, variant, dtype=torch.int64))
    return symbols.long().clamp(-_FARTHEST, _FARTHEST)


def to_array(symbols: Tensor) -> Integers:
    """Symbols or table indices of any shape as the entropy coder takes them: int32 (n,)."""
    array: Integers = symbols.to("cpu", torch.int32).contiguous().reshape(-1).numpy()
    return array


def to_tensor(symbols: Integers, shape: Sequence[int], device: torch.device) -> Tensor:
    """Undo `to_array`."""
    return torch.from_numpy(symbols).reshape(tuple(shape)).to(device)
