"""Diagonal Gaussians, and one beside another: divergence, density ratio, where it is above a level.

    posterior q, prior p ─► z = (x − mean of p) / scale of p ─► q is N(mean, scale²), p is N(0, 1)

Of z, the ratio r = q / p is M · exp(−(z − c)² / 2v): a bump about c where q is narrower than p, a
hollow where it is wider.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from lic_models.components.relative_entropy_coding.normals import Floats
from pytest_lic.errors import AbsurdSizeError, UsageError

MOST_DIMENSIONS = 1 << 26
"""More are refused."""
_NEAREST = 1e-6
"""A posterior's scale is taken to differ from the prior's by at least this share of it."""


@dataclass(frozen=True)
class Gaussians:
    """n independent Gaussians.

    Args:
        means: (n,), finite.
        scales: (n,), finite and above 0.

    Raises:
        UsageError: arrays of other shapes or values.
        AbsurdSizeError: more than 2**26 dimensions.
    """

    means: Floats
    scales: Floats

    def __post_init__(self) -> None:
        for name in ("means", "scales"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))
        if self.means.ndim != 1 or self.means.shape != self.scales.shape:
            raise UsageError(
                f"Gaussians: means of shape {self.means.shape}, scales of {self.scales.shape}; "
                "expected one axis, and a scale for each mean: flatten a latent first"
            )
        if self.count > MOST_DIMENSIONS:
            raise AbsurdSizeError(
                f"Gaussians: {self.count:,} dimensions; at most {MOST_DIMENSIONS:,} are coded at "
                "once: code a latent in parts"
            )
        wrong = np.flatnonzero(~np.isfinite(self.means))
        if wrong.size:
            raise UsageError(
                f"Gaussians: mean {self.means[wrong[0]]} in dimension {wrong[0]}; expected finite "
                "means"
            )
        wrong = np.flatnonzero(~(np.isfinite(self.scales) & (self.scales > 0)))
        if wrong.size:
            raise UsageError(
                f"Gaussians: scale {self.scales[wrong[0]]} in dimension {wrong[0]}; expected "
                "finite scales above 0: bound them from below"
            )

    @property
    def count(self) -> int:
        """n."""
        return self.means.size


@dataclass(frozen=True)
class Targets:
    """Posteriors as seen from their priors, which are standard normal.

    Attributes:
        means: (n,).
        scales: (n,), never within 1e-6 of 1, so that there is a bump or a hollow. That moves less
            than one draw in a million.
    """

    means: Floats
    scales: Floats

    @classmethod
    def of(cls, posterior: Gaussians, prior: Gaussians) -> Targets:
        """Raises UsageError for pairs of other sizes, or whose divergence is not finite."""
        if posterior.count != prior.count:
            raise UsageError(
                f"relative-entropy coding: a posterior of {posterior.count} dimensions, a prior of "
                f"{prior.count}; expected as many"
            )
        with np.errstate(all="ignore"):
            means = (posterior.means - prior.means) / prior.scales
            scales = posterior.scales / prior.scales
            near = np.abs(scales - 1) < _NEAREST
            targets = cls(means, np.where(near, 1 - _NEAREST, scales))
            wrong = np.flatnonzero((scales == 0) | ~np.isfinite(targets.bits))
        if wrong.size:
            at = wrong[0]
            raise UsageError(
                f"relative-entropy coding: the divergence of dimension {at} is not finite "
                f"(posterior {posterior.means[at]:g} ± {posterior.scales[at]:g}, prior "
                f"{prior.means[at]:g} ± {prior.scales[at]:g}); bound means and scales"
            )
        return targets

    def at(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> Targets:
        """Those of some dimensions."""
        return Targets(self.means[places], self.scales[places])

    @property
    def count(self) -> int:
        """n."""
        return self.means.size

    @cached_property
    def bits(self) -> Floats:
        """KL(q‖p) of each dimension, in bits."""
        square = self.scales**2
        nats = (square - 1 + self.means**2) / 2 - np.log(self.scales)
        bits: Floats = np.maximum(nats, 0) / np.log(2)
        return bits

    @cached_property
    def narrow(self) -> NDArray[np.bool_]:
        """Where the ratio is a bump."""
        return self.scales < 1

    @cached_property
    def centre(self) -> Floats:
        """c, where the ratio is highest, or lowest."""
        return self.means / ((1 - self.scales) * (1 + self.scales))

    @cached_property
    def spread(self) -> Floats:
        """v, below 0 for a hollow."""
        return self.scales**2 / ((1 - self.scales) * (1 + self.scales))

    @cached_property
    def log_peak(self) -> Floats:
        """ln M, in nats."""
        peak: Floats = self.means * self.centre / 2 - np.log(self.scales)
        return peak

    def log_ratio(self, values: Floats) -> Floats:
        """ln r of values (n,) or (n, k), in nats."""
        shape = (-1,) + (1,) * (values.ndim - 1)
        centre, spread, peak = (
            each.reshape(shape) for each in (self.centre, self.spread, self.log_peak)
        )
        log_ratio: Floats = peak - (values - centre) ** 2 / (2 * spread)
        return log_ratio

    def half_width(self, log_level: Floats) -> Floats:
        """How far from c the ratio is at the level; 0 where it is nowhere."""
        width: Floats = np.sqrt(np.maximum(2 * self.spread * (self.log_peak - log_level), 0))
        return width

    def left(self, log_level: Floats, width: Floats | None = None) -> Floats:
        """1 − ∫ min(q, level · p): how much of q is above so many times p.

        Args:
            log_level: (n,), in nats; −inf is no level.
            width: `half_width` of it, where it is known.
        """
        width = self.half_width(log_level) if width is None else width
        own = mass(np.abs(self.centre - self.means) / self.scales, width / self.scales)
        priors = mass(np.abs(self.centre), width)
        bump, level = self.narrow, np.exp(np.minimum(log_level, 700))
        left = np.where(bump, own, 1 - own) - level * np.where(bump, priors, 1 - priors)
        # Near the peak the difference is lost to rounding; there the ratio is a parabola.
        flat = bump & (width**2 < 1e-6 * np.abs(self.spread))
        left = np.where(flat, own * width**2 / (3 * np.abs(self.spread)), left)
        return np.clip(left, 0, 1)


def mass(centre: Floats, width: Floats) -> Floats:
    """The standard normal's probability of centre ± width; ``centre`` at least 0."""
    held: Floats = ndtr(width - centre) - ndtr(-width - centre)  # of the lower tail, for precision
    return held
