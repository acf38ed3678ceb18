"""Quantizers that are right, and mutants that are wrong in one place, as is easily done."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pytest_lic import QuantizerUnderTest
from pytest_lic.errors import CodecError, PropertyError
from tests.helpers.property_errors import assert_told

LIMIT = 2**22


class Rounding:
    """Rounds halves to even, saturates, refuses NaN; trains straight through."""

    def symbols(self, values: Tensor) -> Tensor:
        if not bool(torch.isfinite(values).all()):
            raise CodecError("not finite")
        return torch.round(values).clamp(-LIMIT, LIMIT).int()

    def values(self, symbols: Tensor) -> Tensor:
        return symbols.float()

    def proxy(self, values: Tensor) -> Tensor:
        return values + (torch.round(values) - values).detach()

    def soft_round(self, values: Tensor, alpha: float) -> Tensor:
        middle = torch.floor(values) + 0.5
        return middle + torch.tanh(alpha * (values - middle)) / (2 * math.tanh(alpha / 2))


class Noisy(Rounding):
    """Trains with uniform noise."""

    def proxy(self, values: Tensor) -> Tensor:
        return values + self.noise(values)

    def noise(self, values: Tensor) -> Tensor:
        return torch.rand_like(values) - 0.5


class Dithered(Rounding):
    """Universal quantization with a seed, the dither anew for each image."""

    def __init__(self, seed: int = 5) -> None:
        self.seed = seed

    def dither(self, shape: torch.Size) -> Tensor:
        return torch.rand(shape, generator=torch.Generator().manual_seed(self.seed)) - 0.5

    def symbols(self, values: Tensor) -> Tensor:
        return super().symbols(values.double() - self.dither(values.shape))

    def values(self, symbols: Tensor) -> Tensor:
        return (symbols.double() + self.dither(symbols.shape)).float()


class Levels(Rounding):
    """The nearest of unequal levels, on a midpoint the even one."""

    table = torch.tensor([-6.5, -3.0, -2.0, -1.0, 0.0, 0.5, 2.0, 5.0])

    def symbols(self, values: Tensor) -> Tensor:
        middles = (self.table[1:] + self.table[:-1]) / 2
        low = torch.searchsorted(middles, values.contiguous())
        high = torch.searchsorted(middles, values.contiguous(), right=True)
        return torch.where(low % 2 == 0, low, high).int()

    def values(self, symbols: Tensor) -> Tensor:
        places = symbols.long()
        within = places.clamp(0, len(self.table) - 1)
        return self.table[within] + (places - within)


# What rounding gets wrong.


class HalfUp(Rounding):
    def symbols(self, values: Tensor) -> Tensor:
        return torch.floor(values + 0.5).int()


class Floor(Rounding):
    def symbols(self, values: Tensor) -> Tensor:
        return torch.floor(values).int()


class ValuesTooFarOut(Rounding):
    def values(self, symbols: Tensor) -> Tensor:
        return 1.3 * symbols.float()


class OrderLost(Rounding):
    def symbols(self, values: Tensor) -> Tensor:
        symbols = super().symbols(values)
        return torch.where(symbols > 5, symbols ^ 1, symbols)


class StepTooLong(Rounding):
    def values(self, symbols: Tensor) -> Tensor:
        return 1.0001 * symbols.float()


class DeadZone(Rounding):
    def symbols(self, values: Tensor) -> Tensor:
        return torch.where(values.abs() < 0.6, 0, super().symbols(values))


class Overflows(Rounding):
    def symbols(self, values: Tensor) -> Tensor:
        return torch.round(values).long().int()


class NanIsZero(Rounding):
    def symbols(self, values: Tensor) -> Tensor:
        return super().symbols(torch.nan_to_num(values, nan=0.0))


class WideSymbols(Rounding):
    def symbols(self, values: Tensor) -> Tensor:
        return super().symbols(values).long()


class FlatOutput(Rounding):
    def values(self, symbols: Tensor) -> Tensor:
        return super().values(symbols).reshape(-1)


class Stochastic(Rounding):
    def symbols(self, values: Tensor) -> Tensor:
        return torch.floor(values + torch.rand_like(values)).int()


# What levels get wrong.


class UnsortedLevels(Levels):
    table = torch.tensor([-6.5, -3.0, -2.0, -1.0, 0.0, 2.0, 0.5, 5.0])


class ThresholdsOfOtherLevels(Levels):
    def symbols(self, values: Tensor) -> Tensor:
        return (torch.round(values).clamp(-4, 3) + 4).int()


# What a dither gets wrong.


class DitherGoesOn(Dithered):
    """One stream of random numbers for all images."""

    def __init__(self) -> None:
        super().__init__()
        self.streams = [torch.Generator().manual_seed(self.seed) for _ in range(2)]

    def symbols(self, values: Tensor) -> Tensor:
        shift = torch.rand(values.shape, generator=self.streams[0]) - 0.5
        return torch.round(values - shift).int()

    def values(self, symbols: Tensor) -> Tensor:
        return symbols + torch.rand(symbols.shape, generator=self.streams[1]) - 0.5


class AnotherSeed(Dithered):
    """A seed of its own for every object."""

    seeds = itertools.count()

    def __init__(self) -> None:
        super().__init__(next(self.seeds))


class NarrowDither(Dithered):
    def dither(self, shape: torch.Size) -> Tensor:
        return super().dither(shape) / 2


class NoDither(Dithered):
    def dither(self, shape: torch.Size) -> Tensor:
        return torch.zeros(shape)


class OrderedDither(Dithered):
    """Uniform over the row, but it follows the column."""

    def dither(self, shape: torch.Size) -> Tensor:
        return ((torch.arange(shape[-1]) + 0.5) / shape[-1] - 0.5).expand(shape)


class DitherByPairs(Dithered):
    def dither(self, shape: torch.Size) -> Tensor:
        return super().dither(shape)[..., torch.arange(shape[-1]) // 2 * 2]


# What proxies get wrong.


class HalfTheGradient(Rounding):
    def proxy(self, values: Tensor) -> Tensor:
        return values / 2 + (torch.round(values) - values / 2).detach()


class NoGradient(Rounding):
    def proxy(self, values: Tensor) -> Tensor:
        return torch.round(values).detach()


class TrainsWithOtherValues(Rounding):
    def proxy(self, values: Tensor) -> Tensor:
        return values + (torch.floor(values + 0.5) - values).detach()


class NoiseTooWide(Noisy):
    def noise(self, values: Tensor) -> Tensor:
        return 2 * super().noise(values)


class NoiseTooNarrow(Noisy):
    def noise(self, values: Tensor) -> Tensor:
        return 0.98 * super().noise(values)


class BiasedNoise(Noisy):
    def noise(self, values: Tensor) -> Tensor:
        return torch.rand_like(values) ** 1.05 - 0.5


class TriangularNoise(Noisy):
    def noise(self, values: Tensor) -> Tensor:
        return (super().noise(values) + super().noise(values)) / 2


class NoiseTwice(Noisy):
    """The same noise in each batch."""

    def noise(self, values: Tensor) -> Tensor:
        return torch.rand(values.shape, generator=torch.Generator().manual_seed(1)) - 0.5


class NoProxy(Rounding):
    proxy = None


class SoftFloor(Rounding):
    def soft_round(self, values: Tensor, alpha: float) -> Tensor:
        return super().soft_round(values - 0.5, alpha) if alpha > 1 else values


class SoftRoundingStartsHard(Rounding):
    def soft_round(self, values: Tensor, alpha: float) -> Tensor:
        return super().soft_round(values, 4 + alpha)


Property = Callable[[QuantizerUnderTest], None]


ROUNDING = QuantizerUnderTest(
    "rounding",
    Rounding,
    ties="even",
    saturates=LIMIT,
    refuses=CodecError,
    straight_through=True,
    soft_rounding=True,
)
NOISY = QuantizerUnderTest("noisy", Noisy, noise="uniform")
DITHERED = QuantizerUnderTest("dithered", Dithered, dither=math.inf)
LEVELS = QuantizerUnderTest("levels", Levels, reach=5.0, bound=2.0, step=None, ties="even")

Mutant = tuple[QuantizerUnderTest, type[Rounding], Property, str, str, str, str]
"""What `assert_caught` takes: the right one, its mutant, and what the property must say of that."""


def each_of(mutants: Sequence[Mutant]) -> pytest.MarkDecorator:
    """A test of each mutant, called by its class."""
    return pytest.mark.parametrize(
        "mutant", mutants, ids=[kind.__name__ for _, kind, *_ in mutants]
    )


def each_right_one(mutants: Sequence[Mutant]) -> pytest.MarkDecorator:
    """A test of each property with each of the right ones that mutants were made of."""
    pairs = dict.fromkeys((right, check) for right, _, check, *_ in mutants)
    ids = [f"{check.__name__}-{right.name}" for right, check in pairs]
    return pytest.mark.parametrize(("right", "check"), list(pairs), ids=ids)


def assert_caught(
    right: QuantizerUnderTest,
    mutant: type[Rounding],
    check: Property,
    claim: str,
    example: str,
    expected: str,
    came: str,
) -> None:
    """The property fails of the mutant, with its name, the input and both sides."""
    with pytest.raises(PropertyError) as caught:
        check(replace(right, name="mutant", build=mutant))
    assert_told(str(caught.value), claim, example, expected, came)
