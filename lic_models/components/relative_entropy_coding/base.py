"""What every sampler does: a posterior and a prior ─► bytes and a draw; the prior and bytes ─► it.

posterior q, prior p ─► seen from p ─► [ sampler ] ─► string ─► [ sampler ] ◄─ p
                                           │                        │
                                           ▼                        ▼
                              draw of q, p.means + p.scales · z     the same
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lic_models.components.relative_entropy_coding.gaussians import Gaussians, Targets
from lic_models.components.relative_entropy_coding.normals import Floats, normals
from lic_models.components.relative_entropy_coding.philox import words_at
from lic_models.components.relative_entropy_coding.strings import Numbers, Reader, Writer
from pytest_lic.errors import CorruptBitstreamError, UsageError

OUTLIER_BITS = 16
"""A value that no shared draw stands for is sent as a float16, seen from its prior."""
_MOST_SEED = (1 << 64) - 1
_STREAM = 7
_FARTHEST = float(np.finfo(np.float16).max)


class Sampler(ABC):
    """Codes a draw of a posterior in about KL(q‖p) bits, with randomness that both sides have.

    Nothing that a decoder decides depends on floating point: shared draws are integers of (seed,
    dimension, number of the draw), and its last step is one product and one sum of float64. With
    equal priors, to the bit, every machine gets the encoder's draw to the bit.

    Args:
        seed: 0 … 2**64 − 1; both sides must have the same. Codes of one image that are to be
            independent, such as those of two levels, need different ones.

    Raises:
        UsageError: another seed.
    """

    name: ClassVar[str]
    exact: ClassVar[bool]
    """Whether draws are those of the posterior, but for outliers' 16 bits."""

    def __init__(self, seed: int = 0) -> None:
        within(self, "seed", seed, 0, _MOST_SEED)
        self.seed = seed

    def encode(self, posterior: Gaussians, prior: Gaussians) -> tuple[bytes, Floats]:
        """A draw of the posterior, (n,) float64, and the string that decodes to it.

        The same arguments give the same draw; another seed gives an independent one.

        Raises:
            UsageError: pairs of other sizes, of a divergence that is not finite, or of more than
                the sampler can code.
        """
        targets = Targets.of(posterior, prior)
        if not targets.count:
            return b"", np.empty(0)
        writer = Writer()
        values = self._write(writer, targets)
        return writer.string(), prior.means + prior.scales * values

    def decode(self, string: bytes, prior: Gaussians) -> Floats:
        """The draw that ``string`` was made with, (n,) float64.

        Raises:
            CorruptBitstreamError: a string that is noticed to be no code with this prior, seed
                and sampler. Nothing is allocated on its word.
        """
        if not prior.count:
            if string:
                raise CorruptBitstreamError(
                    f"relative-entropy decoding: {len(string)} bytes where no dimensions are due"
                )
            return np.empty(0)
        reader = Reader(string)
        values = self._read(reader, prior.count)
        reader.close()
        return prior.means + prior.scales * values

    @abstractmethod
    def _write(self, writer: Writer, targets: Targets) -> Floats:
        """Write what `_read` needs; the values (n,), seen from the prior."""

    @abstractmethod
    def _read(self, reader: Reader, count: int) -> Floats: ...


def within(sampler: Sampler, name: str, value: float, least: float, most: float) -> None:
    """Raises UsageError where an argument is out of its range."""
    if not least <= value <= most:
        raise UsageError(f"{type(sampler).__name__}: {name} {value}; expected {least} to {most}")


def outside(targets: Targets, outliers: NDArray[np.bool_], seed: int) -> Floats:
    """Draws of the posterior of outliers, with words that only the encoder needs."""
    some = targets.at(outliers)
    words = words_at(seed, _STREAM, np.flatnonzero(outliers), 0)[:, 0]
    return some.means + some.scales * normals(words)


def write_outliers(writer: Writer, values: Floats) -> Floats:
    """Write values (n,) in 16 bits each; what is left of them.

    Raises:
        UsageError: beyond the reach of a float16.
    """
    if np.abs(values).max(initial=0) > _FARTHEST:
        raise UsageError(
            f"relative-entropy coding: a posterior {np.abs(values).max():.3g} scales of its prior "
            f"away from it; an outlier is sent in 16 bits, which reach to {_FARTHEST:.0f}: widen "
            "the prior"
        )
    short = values.astype(np.float16)
    writer.bits(short.view(np.uint16).astype(np.int64), OUTLIER_BITS)
    return short.astype(np.float64)


def read_outliers(reader: Reader, count: int) -> Floats:
    """What `write_outliers` left, (count,)."""
    bits: Numbers = reader.bits(np.full(count, OUTLIER_BITS))
    values = bits.astype(np.uint16).view(np.float16).astype(np.float64)
    if not np.isfinite(values).all():
        raise CorruptBitstreamError(
            "relative-entropy decoding: an outlier that is not finite; the string was damaged"
        )
    return values
