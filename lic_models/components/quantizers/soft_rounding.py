"""Soft rounding: a smooth function that training hardens into rounding, little by little."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lic_models.components.quantizers.base import Quantized, Quantizer, unit_noise
from pytest_lic.errors import UsageError

# Below it soft rounding is the identity to better than 1e-9, and the formulas divide 0 by 0.
SMALLEST_ALPHA = 1e-4


class SoftRoundingQuantizer(Quantizer):
    """Soft rounding, then noise, then the conditional mean, annealed towards hard rounding.

    Agustsson and Theis, "Universally quantized neural compression", NeurIPS 2020, section 4,
    https://arxiv.org/abs/2006.09952, with rounding in place of dithered quantization when coding::

        residual ── s_α ── + U(−½, ½) ──┬── s_α⁻¹(· ± ½) ─────────► edges of the rate
                                        └── r_α, their middle ────► values

    For α → 0 this is `NoiseQuantizer`, for α → ∞ rounding: training starts with the smooth one and
    ends close to what is coded. The larger α, the rarer and the larger the gradients: on Laplace
    residuals the rate's have 3 to 4 times the noise quantizer's standard deviation at α = 6, which
    closes about three quarters of the gap to the coded rate, and 13 to 20 times at α = 10.

    Args:
        alpha_start: α at the start of training, 0 or more.
        alpha_end: α at its end, 0 or more. It moves geometrically where both are positive, else
            in equal steps.

    Raises:
        UsageError: an α that is negative or not finite.
    """

    def __init__(self, alpha_start: float = 1.0, alpha_end: float = 6.0) -> None:
        super().__init__()
        for name, alpha in (("alpha_start", alpha_start), ("alpha_end", alpha_end)):
            if not (math.isfinite(alpha) and alpha >= 0):
                raise UsageError(
                    f"SoftRoundingQuantizer: {name}={alpha} is out of range; "
                    "give a finite number, 0 (no rounding) or more"
                )
        self.alpha_start = alpha_start
        self.alpha_end = alpha_end
        self.alpha = alpha_start

    def anneal(self, progress: float) -> None:
        """Set α for this part of training, from 0 to 1; beyond, it stays at its end.

        α is a function of the progress alone, so it is not part of a checkpoint.
        """
        part = min(max(progress, 0.0), 1.0)
        if min(self.alpha_start, self.alpha_end) > 0:
            self.alpha = self.alpha_start ** (1 - part) * self.alpha_end**part
        else:
            self.alpha = self.alpha_start * (1 - part) + self.alpha_end * part

    def proxy(self, residual: Tensor) -> Quantized:
        """The interval of residuals that could have given the noisy soft-rounded one, its middle.

        s_α(y) + n lies within ½ of z for exactly the y between s_α⁻¹(z − ½) and s_α⁻¹(z + ½),
        which are 1 apart; where their density is flat, its middle is their conditional mean.
        """
        soft = soft_round(residual, self.alpha)
        lower = soft_round_inverse(soft + unit_noise(residual) - 0.5, self.alpha)
        return Quantized(lower, lower + 1, lower + 0.5)


def soft_round(values: Tensor, alpha: float) -> Tensor:
    """s_α(y) = ⌊y⌋ + ½ + ½ tanh(α r) / tanh(α / 2), with r = y − ⌊y⌋ − ½.

    Keeps integers and half-integers where they are, increases strictly (in exact arithmetic), and
    has slope α / (2 tanh(α / 2)) at the half-integers. Shape and type are kept.

    Args:
        values: float, any shape.
        alpha: 0 (the identity) or more; large values approach rounding.
    """
    if alpha < SMALLEST_ALPHA:
        return values
    middle = torch.floor(values.detach()) + 0.5
    return middle + torch.tanh(alpha * (values - middle)) / (2 * math.tanh(alpha / 2))


def soft_round_inverse(values: Tensor, alpha: float) -> Tensor:
    """s_α⁻¹, the inverse of `soft_round`. Shape and type are kept.

    With f = y − ⌊y⌋ and e = exp(−α), atanh(2 tanh(α / 2) (f − ½)) is half the difference of the
    logarithms of f (1 − e) + e and (1 − f) (1 − e) + e, which neither overflows nor meets the poles
    of atanh when tanh(α / 2) rounds to 1.

    Args:
        values: float, any shape.
        alpha: 0 (the identity) or more.
    """
    if alpha < SMALLEST_ALPHA:
        return values
    lower = torch.floor(values.detach())
    part = values - lower
    if alpha < 1:
        angle = torch.atanh((2 * math.tanh(alpha / 2)) * (part - 0.5))
        return lower + 0.5 + angle / alpha
    # Held above 0, the logarithms stay finite where exp(−α) underflows (α = 88 in float32) …
    least = max(math.exp(-alpha), torch.finfo(values.dtype).tiny)
    above = torch.log(part * (1 - least) + least)
    below = torch.log((1 - part) * (1 - least) + least)
    angle = (above - below) / 2
    if least > math.exp(-alpha):
        # … and an integer stays itself there; next to it nothing has changed.
        angle = torch.where(part > 0, angle, -alpha / 2)
    return lower + 0.5 + angle / alpha
