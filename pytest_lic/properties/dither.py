"""Universal quantization: with a dither, the error is uniform and independent of the input.

Ziv, "On universal quantization", IEEE Trans. Inf. Theory 1985. A dither is a function of its seed,
so each of these tests gives the same answer every time. Its false-alarm rate is over seeds: a right
dither fails a test for one seed in a million.
"""

from __future__ import annotations

import math

import torch
from hypothesis import strategies as st
from torch import Tensor

from pytest_lic.properties.latents import promised
from pytest_lic.properties.search import FALSE_ALARM, RATE, Broken, for_all
from pytest_lic.properties.statistics import (
    deviations_allowed,
    distance_allowed,
    distance_to_uniform,
)
from pytest_lic.quantizer import QuantizerUnderTest

SHAPE = (8, 48, 48)
"""(C, h, w) of the images that are coded."""
_AT = f"at {SHAPE[0]}×{SHAPE[1]}×{SHAPE[2]} positions"
_VALUES = (0.0, 0.01, 0.26, -0.5, 0.499, -2.31, 1.75, 12.9)


def uniform_error(quantizer: QuantizerUnderTest) -> None:
    """The error of each single input, over all positions, is uniform over ±bound.

    By the distance of Kolmogorov and Smirnov. A dither of L values spreads an input's error over L
    points, which are up to 1 / L from the uniform distribution function. That the error of each
    input is uniform is also what its independence of the input means, position by position.

    Raises:
        PropertyError: the distance is larger than 1 / L and what chance allows at 10⁻⁶.
    """
    bound, levels = promised(quantizer.bound), promised(quantizer.dither)
    allowed = 1 / levels + distance_allowed(math.prod(SHAPE), FALSE_ALARM / len(_VALUES))

    def check(value: float) -> Broken | None:
        errors = _errors(quantizer, torch.full(SHAPE, value))
        distance = distance_to_uniform(errors / (2 * bound))
        if distance <= allowed + 1e-5:
            return None
        return Broken(
            f"{_AT} errors like U(−{bound}, {bound}), to {allowed:.4f} in their distribution "
            f"function ({RATE})",
            f"a distance of {distance:.4f}; errors from {errors.min():.4f} to {errors.max():.4f}",
        )

    values = st.sampled_from([value for value in _VALUES if abs(value) <= quantizer.reach])
    for_all(quantizer, "universal quantization's uniform error", values, check)


def independent_error(quantizer: QuantizerUnderTest) -> None:
    """The error is uncorrelated with the input: with noise, and with ramps along each axis.

    The noise is uniform over one step, the ramps go over one and over six. A dither of L values
    leaves a correlation of 1 / L² at most with the noise, and with the ramps, since those have
    noise over the L-th part of a step.

    Raises:
        PropertyError: it is larger than that and what chance allows at 10⁻⁶.
    """
    bound, levels = promised(quantizer.bound), promised(quantizer.dither)
    inputs = _inputs(2 * bound, levels)
    chance = deviations_allowed(FALSE_ALARM / len(inputs)) / math.sqrt(math.prod(SHAPE))
    allowed = 1 / levels**2 + chance

    def check(name: str) -> Broken | None:
        correlation = _correlation(
            _errors(quantizer, inputs[name]), inputs[name].reshape(-1).double()
        )
        return _if_correlated(correlation, allowed, "the input")

    claim = "universal quantization's error independent of the input"
    for_all(quantizer, claim, st.sampled_from(list(inputs)), check, str)


def white_error(quantizer: QuantizerUnderTest) -> None:
    """The errors of neighbours, along each axis, are uncorrelated where the input is flat.

    Raises:
        PropertyError: they are correlated by more than chance allows at 10⁻⁶.
    """
    axes = ("channel", "row", "column")

    def check(axis: str) -> Broken | None:
        errors = _errors(quantizer, torch.full(SHAPE, 0.2)).view(SHAPE)
        along = axes.index(axis)
        one = errors.narrow(along, 0, SHAPE[along] - 1).reshape(-1)
        other = errors.narrow(along, 1, SHAPE[along] - 1).reshape(-1)
        allowed = deviations_allowed(FALSE_ALARM / len(axes)) / math.sqrt(one.numel())
        return _if_correlated(_correlation(one, other), allowed, f"the error of the next {axis}")

    claim = "universal quantization's errors independent of each other"
    for_all(quantizer, claim, st.sampled_from(axes), check, str)


def _inputs(step: float, levels: float) -> dict[str, Tensor]:
    """Images whose values vary by position."""
    noise = (torch.rand(SHAPE, generator=torch.Generator().manual_seed(0)) - 0.5) * step
    images = {"noise of height 1": noise}
    for axis, name in enumerate(("channel", "row", "column")):
        sides = [1, 1, 1]
        sides[axis] = SHAPE[axis]
        for steps in (1, 6):
            ramp = torch.linspace(-steps / 2, steps / 2, SHAPE[axis]).view(sides) * step
            images[f"a ramp by {name} of height {steps}"] = ramp + noise / levels
    return images


def _errors(quantizer: QuantizerUnderTest, image: Tensor) -> Tensor:
    """Value − input at each position, float64 (n,)."""
    built = quantizer.build()
    return (built.values(built.symbols(image)).double() - image.double()).reshape(-1)


def _correlation(one: Tensor, other: Tensor) -> float:
    """Pearson's; 1 where the first does not vary at all."""
    if float(one.std()) == 0:
        return 1.0
    return float(torch.corrcoef(torch.stack([one, other]))[0, 1])


def _if_correlated(correlation: float, allowed: float, what: str) -> Broken | None:
    if abs(correlation) <= allowed:
        return None
    return Broken(
        f"{_AT} a correlation of the error with {what} of 0 ± {allowed:.4f} ({RATE})",
        f"{correlation:.4f}",
    )
