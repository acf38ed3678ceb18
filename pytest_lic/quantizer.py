"""What a quantizer under test must do, and what it may promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from pytest_lic.codec import check_name
from pytest_lic.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

Ties = Literal["even", "away", "zero", "up", "down"]
Noise = Literal["uniform", "bounded"]
_TIES = ("even", "away", "zero", "up", "down")
_NOISE = ("uniform", "bounded")


class Quantizer(Protocol):
    """A scalar quantizer as it codes the latents of one image, (C, h, w), the elements apart.

    Each call is about an image of its own: what it gives depends on the argument alone, and on the
    position in it where there is a dither.

    Two more methods are asked for where something is promised of them: ``proxy(values)``, the
    differentiable stand-in that training uses, and ``soft_round(values, alpha)``, the smooth
    function that soft rounding rounds with. Both return a tensor of the shape they get.
    """

    def symbols(self, values: Tensor, /) -> Tensor:
        """The integers to code, int32, for latents (C, h, w), float32."""
        ...

    def values(self, symbols: Tensor, /) -> Tensor:
        """What the decoder gets for each symbol (C, h, w), float32."""
        ...


@dataclass(frozen=True)
class QuantizerUnderTest:
    """A quantizer with what it promises; the suite ``properties`` tests that, and nothing else.

    The defaults are what rounding to the nearest integer keeps. One that does less says so, with
    ``None`` or ``False``, and one that does more says that::

        class Rounding:
            def symbols(self, values):
                return torch.round(values).int()

            def values(self, symbols):
                return symbols.float()

        def pytest_lic_quantizers():
            yield QuantizerUnderTest("rounding", Rounding, ties="even")

    Args:
        name: letters, digits and ``. _ + -``.
        build: makes a `Quantizer`, called several times: encoder and decoder are built apart.
        reach: inputs lie within ±reach, at most 2**22 in float32.
        bound: no value is farther from its input; None for no bound.
        step: the distance of neighbouring values; None for unequal ones.
        idempotent: a value is quantized to the symbol that it came from.
        monotone: a larger input never gets a smaller symbol, and larger symbols have larger values.
        nearest: no neighbouring symbol's value is nearer to the input.
        ties: where an input halfway between two values goes: to the symbol that is ``"even"``,
            farther ``"away"`` from 0, nearer to ``"zero"``, ``"up"`` or ``"down"``.
        saturates: the largest symbol, which inputs beyond all reach get, and its negative; None
            if such inputs do not occur.
        refuses: the exception that NaN and ±∞ raise; None if they do not occur.
        dither: how many values, equally spaced over a step, the dither takes by position, or
            ``math.inf``; None for no dither. The error is then uniform over ±bound up to that
            number, and independent of the input.
        straight_through: ``proxy`` gives the coded values, with a gradient of one.
        noise: ``"uniform"`` if ``proxy`` adds independent noise that is uniform over ±bound,
            ``"bounded"`` if it stays within ±bound of its input.
        soft_rounding: ``soft_round`` goes from the identity at α = 0 to rounding for large α.

    Raises:
        UsageError: a promise of another kind, or two that exclude each other.
    """

    name: str
    build: Callable[[], Quantizer]
    reach: float = 2.0**20
    bound: float | None = 0.5
    step: float | None = 1.0
    idempotent: bool = True
    monotone: bool = True
    nearest: bool = True
    ties: Ties | None = None
    saturates: int | None = None
    refuses: type[Exception] | None = None
    dither: float | None = None
    straight_through: bool = False
    noise: Noise | None = None
    soft_rounding: bool = False

    def __post_init__(self) -> None:
        check_name("quantizer", self.name)
        for field, known in (("ties", _TIES), ("noise", _NOISE)):
            if getattr(self, field) not in (None, *known):
                raise self._wrong(f"{field}={getattr(self, field)!r}", f"one of {known}, or None")
        if not 1 <= self.reach <= 2**22:
            raise self._wrong(f"reach={self.reach!r}", "1 to 2**22, where float32 tells halves")
        for field in ("noise", "dither"):
            if getattr(self, field) is not None and self.bound is None:
                raise self._wrong(f"{field} without a bound", "the bound, which is its support")
        if self.ties is not None and self.dither is not None:
            raise self._wrong("ties with a dither", "one of them: a dither moves the ties")

    def _wrong(self, wrong: str, expected: str) -> UsageError:
        return UsageError(f"quantizer {self.name!r}: {wrong}; expected {expected}")
