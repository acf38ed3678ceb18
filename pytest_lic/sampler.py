"""What a sampler of relative-entropy coding under test must do, and what it may promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pytest_lic.codec import check_name
from pytest_lic.errors import LicError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

MOST_TESTED = 16.0
"""The largest divergence of a dimension, in bits, of a sampler that takes any."""


class Sampler(Protocol):
    """Codes a draw of a diagonal Gaussian posterior, given a prior that both sides have.

    Means and scales are float64 (n,), finite, scales above 0. A call depends on its arguments and
    the seed alone, whatever was coded before and in whatever thread.
    """

    def encode(
        self,
        posterior_means: Floats,
        posterior_scales: Floats,
        prior_means: Floats,
        prior_scales: Floats,
        /,
    ) -> tuple[bytes, Floats]:
        """A string, and the draw of the posterior that it decodes to, float64 (n,)."""
        ...

    def decode(self, string: bytes, prior_means: Floats, prior_scales: Floats, /) -> Floats:
        """The draw, float64 (n,), to the bit."""
        ...


@dataclass(frozen=True)
class SamplerUnderTest:
    """A sampler with what it promises; the suite ``properties`` tests that.

    Every one must give a draw that its bytes and the prior decode to, the same bytes every time,
    independent draws of dimensions and seeds, and nothing but a refusal or a finite draw of a
    damaged string::

        class Mine:
            def __init__(self, seed): ...          # a whole number, 0 to 2**32 − 1
            def encode(self, posterior_means, posterior_scales, prior_means, prior_scales):
                ...                                # float64 (n,) each -> bytes, float64 (n,)
            def decode(self, string, prior_means, prior_scales):
                ...                                # -> float64 (n,)

        def pytest_lic_samplers():
            yield SamplerUnderTest("mine", Mine, most_bits=8)

    Args:
        name: letters, digits and ``. _ + -``.
        build: makes a `Sampler` of a seed, called several times: encoder and decoder are built
            apart.
        exact: draws are those of the posterior, for divergences of up to 6 bits a dimension, by a
            statistical test that fails a right sampler for one seed in a million.
        independent_of_others: a dimension's draw is the same whatever is coded beside it, as where
            dimensions are coded one by one.
        wide: posteriors that are as wide as their prior or wider are coded too.
        most_bits: the largest divergence of a dimension that is coded; larger ones are refused.
            None if any is; up to 16 bits are tested then.
        overhead: how many bits a dimension takes at most beside its divergence, the mean of 4,000
            that have 2 bits each on average; None if nothing is promised of it.
        refuses: what is raised for pairs that can't be coded, such as a scale of 0, and for
            damaged strings that are noticed.

    Raises:
        UsageError: a name or a number that is out of range.
    """

    name: str
    build: Callable[[int], Sampler]
    exact: bool = True
    independent_of_others: bool = True
    wide: bool = True
    most_bits: float | None = None
    overhead: float | None = None
    refuses: type[Exception] | tuple[type[Exception], ...] = (LicError, ValueError)

    def __post_init__(self) -> None:
        check_name("sampler", self.name)
        if self.most_bits is not None and not 1 <= self.most_bits <= 100:
            raise self._wrong(f"most_bits={self.most_bits!r}", "1 to 100 bits, or None")
        if self.overhead is not None and not self.overhead >= 0:
            raise self._wrong(f"overhead={self.overhead!r}", "0 bits or more, or None")

    def _wrong(self, wrong: str, expected: str) -> UsageError:
        return UsageError(f"sampler {self.name!r}: {wrong}; expected {expected}")
