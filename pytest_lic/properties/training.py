"""What a quantizer trains with: straight through, noise, soft rounding.

The proxies' random numbers are torch's. Each test sets the seed and puts the state back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from hypothesis import strategies as st
from torch import Tensor

from pytest_lic.properties.latents import latent_of, promised, shown
from pytest_lic.properties.search import FALSE_ALARM, RATE, Broken, for_all
from pytest_lic.properties.statistics import (
    deviations_allowed,
    distance_allowed,
    distance_to_uniform,
)
from pytest_lic.quantizer import QuantizerUnderTest
from pytest_lic.strategies import latent_values

DRAWS = 100_000
"""Samples of noise for each input."""
_DRAWN = f"{DRAWS:,} samples"
_INPUTS = (0.0, 0.3, -0.5, 7.71, -31.25)
# Inputs of this size keep the digits of noise in float32.
_REACH = 64.0
_HARD, _SOFT = 1000.0, 1e-3
_LEARNED = 1e-4


def straight_through(quantizer: QuantizerUnderTest) -> None:
    """The proxy gives the coded values, and passes gradients on as they come.

    Where steps are unequal, coding may round what was learned: to within 10⁻⁴ then, and an input
    as near to halfway may go either way.

    Raises:
        PropertyError: another value, or another gradient.
    """
    built = quantizer.build()
    tolerance = 0.0 if quantizer.step is not None else _LEARNED
    lists = st.lists(latent_values(min(_REACH, quantizer.reach)), min_size=1, max_size=8)

    def check(inputs: list[float]) -> Broken | None:
        latent = latent_of(inputs).requires_grad_()
        with _seeded():
            proxy = built.proxy(latent)  # type: ignore[attr-defined]
        plain = latent.detach()
        coded = built.values(built.symbols(plain))
        off = (proxy.detach() - coded).abs() > tolerance
        if tolerance:
            farther = (proxy.detach() - plain).abs() - (coded - plain).abs()
            off &= farther.abs() > tolerance
        if bool(off.any()):
            return Broken(f"values {shown(coded)}, as coded", f"values {shown(proxy)} in training")
        if not proxy.requires_grad:
            return Broken("a gradient of one", "no gradient")
        # Different ones at each position, so that none passes for another's.
        arriving = torch.arange(1.0, latent.numel() + 1).view(latent.shape)
        (passed,) = torch.autograd.grad(proxy, latent, arriving)
        if torch.equal(passed, arriving):
            return None
        return Broken(f"gradients {shown(arriving)} passed on as they are", f"{shown(passed)}")

    for_all(quantizer, "the straight-through gradient is one", lists, check)


def noise_support(quantizer: QuantizerUnderTest) -> None:
    """No noise is larger than the bound, and uniform noise reaches nearly there on both sides.

    Of 100,000 uniform samples, the largest and the smallest fail to come within 0.016 % of the
    support's width to its ends with a probability below 10⁻⁶.

    Raises:
        PropertyError: noise is larger, or all of it smaller.
    """
    bound, uniform = promised(quantizer.bound), quantizer.noise == "uniform"
    # Both ends of each of the inputs together keep to the rate.
    short = 2 * bound * math.log(2 * len(_INPUTS) / FALSE_ALARM) / DRAWS if uniform else math.inf

    def check(value: float) -> Broken | None:
        noise = _noise(quantizer, value)
        low, high = float(noise.min()), float(noise.max())
        slack = 1e-5 * bound + 1e-6 * (1 + abs(value))
        if max(-low, high) <= bound + slack and min(-low, high) >= bound - short - slack:
            return None
        reached = f", and to within {short:.2g} of both ends" if uniform else ""
        return Broken(f"{_DRAWN} within ±{bound}{reached}", f"noise from {low:.6g} to {high:.6g}")

    for_all(quantizer, "the noise's support", _inputs(quantizer), check)


def noise_mean(quantizer: QuantizerUnderTest) -> None:
    """Noise has mean 0, whatever the input: a right proxy fails for one seed in a million.

    Raises:
        PropertyError: the mean of 100,000 samples is farther from 0.
    """
    deviation = 2 * promised(quantizer.bound) / math.sqrt(12)
    allowed = deviations_allowed(FALSE_ALARM / len(_INPUTS)) * deviation / math.sqrt(DRAWS)

    def check(value: float) -> Broken | None:
        mean = float(_noise(quantizer, value).mean())
        if abs(mean) <= allowed + 1e-6 * abs(value):
            return None
        return Broken(f"{_DRAWN} with a mean of 0 ± {allowed:.2g} ({RATE})", f"{mean:.6g}")

    for_all(quantizer, "the noise's mean", _inputs(quantizer), check)


def noise_distribution(quantizer: QuantizerUnderTest) -> None:
    """Noise is uniform over its support, whatever the input.

    By the distance of Kolmogorov and Smirnov; a right proxy fails for one seed in a million.

    Raises:
        PropertyError: the distance is larger.
    """
    bound = promised(quantizer.bound)
    allowed = distance_allowed(DRAWS, FALSE_ALARM / len(_INPUTS))

    def check(value: float) -> Broken | None:
        distance = distance_to_uniform(_noise(quantizer, value) / (2 * bound))
        if distance <= allowed + 1e-5:
            return None
        return Broken(
            f"{_DRAWN} of U(−{bound}, {bound}), to {allowed:.4f} in its distribution function "
            f"({RATE})",
            f"a distance of {distance:.4f}",
        )

    for_all(quantizer, "the noise's distribution", _inputs(quantizer), check)


def noise_independence(quantizer: QuantizerUnderTest) -> None:
    """Neighbouring samples of noise are uncorrelated, and two batches get different ones.

    A right proxy fails for one seed in a million.

    Raises:
        PropertyError: they are not.
    """
    built = quantizer.build()
    allowed = deviations_allowed(FALSE_ALARM / (2 * len(_INPUTS))) / math.sqrt(DRAWS)

    def check(value: float) -> Broken | None:
        image = torch.full((1, 1, DRAWS), value)
        with _seeded():
            first, second = (_proxy_of(built, image).reshape(-1) for _ in range(2))
        for what, one, other in (
            ("neighbouring samples", first[:-1], first[1:]),
            ("two batches", first, second),
        ):
            correlation = float(torch.corrcoef(torch.stack([one, other]))[0, 1])
            if abs(correlation) > allowed:
                return Broken(
                    f"{_DRAWN} with a correlation of {what} of 0 ± {allowed:.4f} ({RATE})",
                    f"{correlation:.4f}",
                )
        return None

    for_all(quantizer, "independent noise", _inputs(quantizer), check)


def soft_rounding_is_rounding_in_the_limit(quantizer: QuantizerUnderTest) -> None:
    """At α = 1000, an input at least 0.02 from a half is soft-rounded to its integer.

    Raises:
        PropertyError: to something else by more than 10⁻⁵.
    """
    built = quantizer.build()
    parts = st.tuples(st.integers(-64, 64), st.integers(-480, 480).map(lambda part: part / 1000))
    lists = st.lists(parts.map(sum), min_size=1, max_size=8)

    def check(inputs: list[float]) -> Broken | None:
        latent = latent_of(inputs)
        soft = built.soft_round(latent, _HARD)  # type: ignore[attr-defined]
        return _close(soft, torch.round(latent), f"at α = {_HARD:g}", 1e-5)

    for_all(quantizer, "soft rounding's limit is rounding", lists, check)


def soft_rounding_starts_as_the_identity(quantizer: QuantizerUnderTest) -> None:
    """At α = 0.001, an input stays where it is.

    Raises:
        PropertyError: it moves by more than 10⁻⁴.
    """
    built = quantizer.build()
    lists = st.lists(latent_values(_REACH), min_size=1, max_size=8)

    def check(inputs: list[float]) -> Broken | None:
        latent = latent_of(inputs)
        soft = built.soft_round(latent, _SOFT)  # type: ignore[attr-defined]
        return _close(soft, latent, f"at α = {_SOFT:g}", 1e-4)

    for_all(quantizer, "soft rounding starts as the identity", lists, check)


def _close(soft: Tensor, expected: Tensor, where: str, tolerance: float) -> Broken | None:
    if bool(((soft - expected).abs() <= tolerance).all()):
        return None
    return Broken(f"values {shown(expected)} {where}", f"values {shown(soft)}")


def _inputs(quantizer: QuantizerUnderTest) -> st.SearchStrategy[float]:
    return st.sampled_from([value for value in _INPUTS if abs(value) <= quantizer.reach])


def _noise(quantizer: QuantizerUnderTest, value: float) -> Tensor:
    """What the proxy adds to this input, many times, float64 (n,)."""
    image = torch.full((1, 1, DRAWS), value)
    with _seeded():
        noisy = _proxy_of(quantizer.build(), image)
    return (noisy.double() - image.double()).reshape(-1)


def _proxy_of(built: object, image: Tensor) -> Tensor:
    proxy: Tensor = built.proxy(image)  # type: ignore[attr-defined]
    return proxy.detach()


@contextmanager
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
