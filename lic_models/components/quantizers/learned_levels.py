"""Quantization to levels that are learned: unequal steps near zero, equal ones further out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.quantizers.base import (
    Quantized,
    Quantizer,
    finite,
    saturated,
    straight_through,
    unit_noise,
)
from pytest_lic.errors import UsageError, WeightsError

MOST_LEARNED = 1024
# Between these two, float32 keeps every level of a thousand apart from its neighbours.
SMALLEST_STEP = 1 / 64
LARGEST_STEP = 64.0
# Coding rounds each step to a multiple of this. Another machine's last bit of softplus then
# changes nothing, and levels and thresholds are sums that float64 holds exactly.
STEP_GRID = 2.0**-16


class LearnedLevelsQuantizer(Quantizer):
    """The nearest of increasing levels; level 0 is 0, the steps between the next ones are learned.

    Symbol k, |k| ≤ K, has the level that the learned steps from 0 to k add up to, on each side its
    own; beyond ±K the levels go on in steps of 1, so that no residual is out of reach. Thresholds
    are the midpoints, as a quantizer of least error has them (Max 1960; Lloyd 1982,
    https://doi.org/10.1109/TIT.1982.1056489); on a midpoint the even symbol is taken. All channels
    share the levels. Untrained, this is plain rounding.

    Trained through the compander of these levels (Bennett, "Spectra of quantized signals", 1948):
    φ maps k ± ½ to the thresholds of level k, linearly in between, so quantizing is rounding in
    the domain of φ⁻¹ and takes the noise of Ballé et al. (ICLR 2017) there, which φ brings back
    scaled to the cell. The synthesis gets the nearest level straight through, as van den Oord et
    al. (NeurIPS 2017) pass gradients to their nearest code; here the level has a gradient too::

        residual ─┬─ φ⁻¹ ── z = · + U(−½, ½) ── φ(z ± ½) ────► edges of the rate
                  └─ nearest level ──────────────────────────► values

    Unlike the soft assignment of Mentzer et al. (CVPR 2018), there is no temperature, and the
    alphabet is not bounded.

    On Laplace residuals of many scales at once, as a hyperprior sees them, the trained levels cost
    at most 0.5 % more than the best equal step. Where every residual costs less than about 1.5
    bits, noise overstates the rate (as for every quantizer here that trains with it) and the levels
    drift apart: pick soft rounding there.

    Args:
        learned_up_to: K, 1 to 1024.

    Raises:
        UsageError: K outside its range.
    """

    def __init__(self, learned_up_to: int = 8) -> None:
        super().__init__()
        if not 1 <= learned_up_to <= MOST_LEARNED:
            raise UsageError(
                f"LearnedLevelsQuantizer: learned_up_to={learned_up_to} is out of range; "
                f"give 1 to {MOST_LEARNED}"
            )
        self.learned_up_to = learned_up_to
        # softplus of this, and the smallest step, make a step of 1.
        start = torch.expm1(torch.tensor(1 - SMALLEST_STEP, dtype=torch.float64)).log()
        self.steps = nn.Parameter(torch.full((2 * learned_up_to,), float(start)))

    def proxy(self, residual: Tensor) -> Quantized:
        """Noise as wide as the local cell for the rate, the nearest level for the synthesis."""
        levels = self._added_up(self._step_sizes(residual.dtype))
        thresholds = boundaries(levels)
        last = self.learned_up_to + 0.5
        halves = torch.arange(-last, last + 1, dtype=residual.dtype, device=residual.device)
        noisy = piecewise_linear(residual, thresholds, halves) + unit_noise(residual)
        lower = piecewise_linear(noisy - 0.5, halves, thresholds)
        upper = piecewise_linear(noisy + 0.5, halves, thresholds)
        nearest = self._nearest(residual.detach(), levels.detach()).to(torch.int64)
        values = extended(levels, nearest + self.learned_up_to)
        return Quantized(lower, upper, straight_through(residual, values))

    def levels(self) -> Tensor:
        """The levels −K … K that coding uses, float64, (2K + 1,), multiples of 2⁻¹⁶.

        Raises:
            WeightsError: a learned step is not finite.
        """
        if not bool(torch.isfinite(self.steps).all()):
            raise WeightsError(
                "LearnedLevelsQuantizer: a learned step is not finite; expected finite weights: "
                "load another checkpoint, or train with a lower learning rate"
            )
        steps = self._step_sizes(torch.float64).detach()
        return self._added_up(torch.round(steps / STEP_GRID) * STEP_GRID)

    def symbols(self, residual: Tensor, variant: Tensor) -> Tensor:
        """The nearest level's k, int32, halfway the even one; see `Quantizer.symbols`."""
        exact = finite(residual).to(torch.float64)
        return saturated(self._nearest(exact, self.levels().to(residual.device)))

    def values(
        self, symbols: Tensor, variant: Tensor, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """The level of each symbol."""
        levels = self.levels().to(symbols.device)
        return extended(levels, symbols.to(torch.int64) + self.learned_up_to).to(dtype)

    def edges(
        self, symbols: Tensor, variant: Tensor, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        """The thresholds below and above each symbol's level."""
        thresholds = boundaries(self.levels().to(symbols.device))
        below = symbols.to(torch.int64) + self.learned_up_to
        return extended(thresholds, below).to(dtype), extended(thresholds, below + 1).to(dtype)

    def _step_sizes(self, dtype: torch.dtype) -> Tensor:
        """The 2K steps from level −K up to level K, between the smallest and the largest."""
        return (F.softplus(self.steps.to(dtype)) + SMALLEST_STEP).clamp(max=LARGEST_STEP)

    def _added_up(self, steps: Tensor) -> Tensor:
        """The 2K + 1 levels with these steps between them, level 0 in their middle."""
        # Not cumsum, which torch's deterministic mode refuses for floats on CUDA.
        count = len(steps)
        sums = F.pad((steps * torch.ones(count, count).tril().to(steps)).sum(1), (1, 0))
        return sums - sums[self.learned_up_to]

    def _nearest(self, residual: Tensor, levels: Tensor) -> Tensor:
        """Each residual's nearest level's k, as whole floats."""
        middles = (levels[1:] + levels[:-1]) / 2
        flat = residual.contiguous()
        low = torch.searchsorted(middles, flat) - self.learned_up_to
        high = torch.searchsorted(middles, flat, right=True) - self.learned_up_to
        # The two differ on a midpoint alone.
        inside = torch.where(low % 2 == 0, low, high).to(residual.dtype)
        lowest, highest = levels[0], levels[-1]
        above = torch.round(residual - highest + self.learned_up_to)
        below = torch.round(residual - lowest - self.learned_up_to)
        return torch.where(residual > highest, above, torch.where(residual < lowest, below, inside))


def boundaries(levels: Tensor) -> Tensor:
    """The 2K + 2 thresholds below, between and above 2K + 1 levels, the outer ones ½ away."""
    middles = (levels[1:] + levels[:-1]) / 2
    return torch.cat([levels[:1] - 0.5, middles, levels[-1:] + 0.5])


def extended(table: Tensor, places: Tensor) -> Tensor:
    """The entries at these places, int64 from 0; beyond the ends they go on in steps of 1."""
    within = places.clamp(0, len(table) - 1)
    return table[within] + (places - within)


def piecewise_linear(values: Tensor, knots: Tensor, images: Tensor) -> Tensor:
    """The function through the points (knots, images), both increasing, with slope 1 beyond."""
    piece = torch.bucketize(values.detach(), knots.detach())
    anchor = (piece - 1).clamp(min=0)
    one = knots.new_ones(1)
    slopes = torch.cat([one, images.diff() / knots.diff(), one])
    return images[anchor] + (values - knots[anchor]) * slopes[piece]
