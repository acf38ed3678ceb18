"""How a quantizer codes: which symbol an input gets, and which value a symbol has."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import strategies as st
from torch import Tensor

from pytest_lic.properties.latents import (
    MOST,
    element,
    inputs_of,
    latent_of,
    named,
    pairs_of,
    promised,
    rounding,
    shown,
    symbols_of,
    symbols_tensor,
)
from pytest_lic.properties.quantizer_contract import (
    determinism,
    in_step,
    int32_symbols,
    refusal,
)
from pytest_lic.properties.search import Broken, for_all
from pytest_lic.quantizer import QuantizerUnderTest

__all__ = [
    "ascending_values",
    "determinism",
    "error_bound",
    "idempotence",
    "in_step",
    "int32_symbols",
    "monotonicity",
    "nearest_value",
    "refusal",
    "saturation",
    "ties",
    "values_on_the_grid",
]


def error_bound(quantizer: QuantizerUnderTest) -> None:
    """No value is farther from its input than the bound, but for the rounding of float32.

    Raises:
        PropertyError: one is.
    """
    built, bound = quantizer.build(), promised(quantizer.bound)

    def check(inputs: list[float]) -> Broken | None:
        latent = latent_of(inputs)
        values = built.values(built.symbols(latent))
        error = (values.double() - latent.double()).abs()
        if bool((error <= bound + rounding(values)).all()):
            return None
        return Broken(f"values within {bound} of the input", f"values {shown(values)}")

    for_all(quantizer, "the error bound", inputs_of(quantizer), check)


def idempotence(quantizer: QuantizerUnderTest) -> None:
    """A value is quantized to the symbol that it came from.

    Raises:
        PropertyError: one is not.
    """
    built = quantizer.build()

    def check(inputs: list[float]) -> Broken | None:
        symbols = built.symbols(latent_of(inputs))
        values = built.values(symbols)
        again = built.symbols(values)
        if torch.equal(again, symbols):
            return None
        return Broken(
            f"symbols {shown(symbols)} again for their values {shown(values)}",
            f"symbols {shown(again)}",
        )

    for_all(quantizer, "idempotence", inputs_of(quantizer), check)


def monotonicity(quantizer: QuantizerUnderTest) -> None:
    """At each position, a larger input gets no smaller symbol.

    Raises:
        PropertyError: one does.
    """
    built = quantizer.build()
    pairs = pairs_of(quantizer)

    def check(inputs: list[tuple[float, float]]) -> Broken | None:
        below = built.symbols(latent_of([low for low, _ in inputs]))
        above = built.symbols(latent_of([high for _, high in inputs]))
        if bool((below <= above).all()):
            return None
        return Broken(
            "of each pair, a symbol of the second that is at least the first's",
            f"first {shown(below)}, second {shown(above)}",
        )

    for_all(quantizer, "monotonicity", pairs, check)


def ascending_values(quantizer: QuantizerUnderTest) -> None:
    """A larger symbol has a larger value.

    Raises:
        PropertyError: one has not.
    """
    built = quantizer.build()

    def check(symbols: list[int]) -> Broken | None:
        tensor = symbols_tensor(symbols)
        values, next_values = built.values(tensor), built.values(tensor + 1)
        if bool((values < next_values).all()):
            return None
        return Broken(
            f"for symbols one higher, values above {shown(values)}",
            f"values {shown(next_values)}",
        )

    for_all(quantizer, "ascending values", symbols_of(quantizer), check, named)


def values_on_the_grid(quantizer: QuantizerUnderTest) -> None:
    """Values are whole steps apart: value of k − value of 0 = k steps, at each position.

    Without a dither, the value of 0 is the same at all positions.

    Raises:
        PropertyError: they are not.
    """
    built, step = quantizer.build(), promised(quantizer.step)

    def check(symbols: list[int]) -> Broken | None:
        tensor = symbols_tensor(symbols)
        values = built.values(tensor)
        origin = built.values(torch.zeros_like(tensor)).double()
        if quantizer.dither is None:
            origin = origin.reshape(-1)[0].expand_as(origin)
        expected = origin + step * tensor.double()
        if bool(((values.double() - expected).abs() <= rounding(values)).all()):
            return None
        return Broken(f"values {shown(expected)}", f"values {shown(values)}")

    for_all(quantizer, "values on the grid", symbols_of(quantizer), check, named)


def nearest_value(quantizer: QuantizerUnderTest) -> None:
    """No neighbouring symbol's value is nearer to the input.

    Raises:
        PropertyError: one is.
    """
    built = quantizer.build()

    def check(inputs: list[float]) -> Broken | None:
        latent = latent_of(inputs)
        symbols = built.symbols(latent)
        values = built.values(symbols)
        distance = (values.double() - latent.double()).abs() - rounding(values)
        for neighbours in (symbols - 1, symbols + 1):
            others = built.values(neighbours)
            nearer = (others.double() - latent.double()).abs() < distance
            if bool(nearer.any()):
                at = int(nearer.reshape(-1).nonzero()[0])
                return Broken(
                    f"symbol {element(neighbours, at)}, value {element(others, at)}, "
                    f"for {inputs[at]}",
                    f"symbol {element(symbols, at)}, value {element(values, at)}",
                )
        return None

    for_all(quantizer, "the nearest value", inputs_of(quantizer), check)


_CHOICES: dict[str, Callable[[Tensor], Tensor]] = {
    "even": lambda lower: lower + lower % 2,
    "away": lambda lower: torch.where(lower >= 0, lower + 1, lower),
    "zero": lambda lower: torch.where(lower >= 0, lower, lower + 1),
    "up": lambda lower: lower + 1,
    "down": lambda lower: lower,
}


def ties(quantizer: QuantizerUnderTest) -> None:
    """An input halfway between two values goes where it is promised to.

    Only where float32 holds the middle exactly.

    Raises:
        PropertyError: one goes elsewhere.
    """
    built, where = quantizer.build(), str(quantizer.ties)

    def halfway(lower: Tensor) -> Tensor:
        """Between the values of these symbols and the next ones, float64."""
        return (built.values(lower).double() + built.values(lower + 1).double()) / 2

    def check(symbols: list[int]) -> Broken | None:
        lower = symbols_tensor(symbols)
        inputs = halfway(lower)
        exact = inputs.float().double() == inputs
        expected = _CHOICES[where](lower)[exact]
        came = built.symbols(inputs.float())[exact]
        if torch.equal(came, expected):
            return None
        return Broken(f"symbols {shown(expected)}", f"symbols {shown(came)}")

    claim = {"even": "ties to even", "away": "ties away from zero", "zero": "ties to zero"}
    small = st.lists(st.integers(-64, 63), min_size=1, max_size=MOST)
    for_all(
        quantizer,
        claim.get(where, f"ties {where}"),
        small,
        check,
        lambda symbols: shown(halfway(symbols_tensor(symbols))),
    )


def saturation(quantizer: QuantizerUnderTest) -> None:
    """Inputs beyond all reach get the largest symbol, or its negative.

    Raises:
        PropertyError: they get another.
    """
    built, limit = quantizer.build(), int(promised(quantizer.saturates))
    largest = torch.finfo(torch.float32).max
    # Beyond any bound, dither or step; float32 has no number between the limit and this.
    huge = st.floats(4.0 * max(limit, 1), largest, width=32, allow_infinity=False)
    lists = st.lists(huge | huge.map(lambda value: -value), min_size=1, max_size=MOST)

    def check(inputs: list[float]) -> Broken | None:
        latent = latent_of(inputs)
        symbols = built.symbols(latent)
        expected = (limit * latent.sign()).to(symbols.dtype)
        if torch.equal(symbols, expected):
            return None
        return Broken(f"symbols {shown(expected)}", f"symbols {shown(symbols)}")

    for_all(quantizer, "saturation", lists, check)
