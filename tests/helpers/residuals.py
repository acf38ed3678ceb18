"""Residuals for tests of quantizers, their gradients, and how uniform errors are."""

from __future__ import annotations

import torch
from torch import Tensor


def latent(*values: float) -> Tensor:
    """These residuals as a latent of one row."""
    return torch.tensor(values).view(1, 1, 1, -1)


def gradient(of: Tensor, to: Tensor) -> Tensor:
    return torch.autograd.grad(of.sum(), to, retain_graph=True)[0]


def distance_to_uniform(errors: Tensor) -> float:
    """Kolmogorov and Smirnov's distance of these errors from U(−½, ½)."""
    ordered = errors.flatten().double().sort().values
    ranks = torch.arange(len(ordered), dtype=torch.float64) / len(ordered)
    return float((ordered + 0.5 - ranks).abs().max())
