"""What must hold of the cells of any quantizer here, and shown to fire on broken ones.

What holds of any quantizer at all is in the suite ``properties``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lic_models.components.quantizers import (
    SYMBOL_LIMIT,
    BinaryQuantizer,
    LearnedLevelsQuantizer,
    MixedQuantizer,
    NoiseQuantizer,
    Quantizer,
    SoftRoundingQuantizer,
    StraightThroughQuantizer,
    UniversalQuantizer,
)

PLAIN = [NoiseQuantizer, StraightThroughQuantizer, MixedQuantizer, SoftRoundingQuantizer]
INT32 = torch.iinfo(torch.int32)

near_zero = st.floats(-40, 40, width=32)
halves = st.integers(-40, 40).map(lambda twice: twice / 2)
residuals = st.lists(
    near_zero | halves | st.floats(-(2.0**21), 2.0**21, width=32), min_size=1, max_size=12
)
symbol_lists = st.lists(
    st.integers(-12, 12) | st.integers(-SYMBOL_LIMIT, SYMBOL_LIMIT), min_size=1, max_size=12
)


@st.composite
def quantizers(draw: st.DrawFn) -> Quantizer:
    """Any of them, with any arguments and, where it learns, any weights."""
    kind = draw(st.sampled_from(["plain", "universal", "learned", "binary"]))
    if kind == "plain":
        return draw(st.sampled_from(PLAIN))().eval()
    if kind == "binary":
        return BinaryQuantizer().eval()
    if kind == "universal":
        seed = draw(st.integers(0, 2**64 - 1))
        return UniversalQuantizer(draw(st.integers(1, 40)), seed).eval()
    steps = st.floats(-30, 90, width=32)
    learned_up_to = draw(st.integers(1, 6))
    chosen = draw(st.lists(steps, min_size=2 * learned_up_to, max_size=2 * learned_up_to))
    learned = LearnedLevelsQuantizer(learned_up_to)
    learned.load_state_dict({"steps": torch.tensor(chosen)})
    return learned.eval()


def variants_of(quantizer: Quantizer) -> list[Tensor]:
    return [torch.tensor(variant) for variant in range(quantizer.variants)]


def check_residuals_lie_in_their_cells(quantizer: Quantizer, residual: Tensor) -> None:
    for variant in variants_of(quantizer):
        symbols = quantizer.symbols(residual, variant)
        lower, upper = quantizer.edges(symbols, variant, torch.float64)
        exact = residual.double()
        assert bool(((lower <= exact) & (exact <= upper)).all()), "a residual outside its cell"


def check_cells_tile_the_line(quantizer: Quantizer, symbols: Tensor) -> None:
    """Each cell starts, to the bit, where the one before ended, and holds its own value."""
    for variant in variants_of(quantizer):
        for dtype in (torch.float32, torch.float64):
            lower, upper = quantizer.edges(symbols, variant, dtype)
            following, _ = quantizer.edges(symbols + 1, variant, dtype)
            values = quantizer.values(symbols, variant, dtype)
            assert torch.equal(upper, following), "a gap or an overlap between cells"
            assert bool((lower < upper).all()), "an empty cell"
            assert bool(((lower <= values) & (values <= upper)).all()), "a value outside its cell"


def check_variants_are_known(quantizer: Quantizer, shape: tuple[int, int, int]) -> None:
    variant = quantizer.variant(shape)
    assert variant.dtype == torch.int64
    assert torch.broadcast_shapes(variant.shape, shape) == shape
    assert bool(((variant >= 0) & (variant < quantizer.variants)).all()), "an unknown variant"


@settings(deadline=None)
@given(quantizers(), residuals)
def test_residuals_lie_in_their_cells(quantizer: Quantizer, values: list[float]) -> None:
    check_residuals_lie_in_their_cells(quantizer, torch.tensor(values))


@settings(deadline=None)
@given(quantizers(), symbol_lists)
def test_cells_tile_the_line(quantizer: Quantizer, chosen: list[int]) -> None:
    check_cells_tile_the_line(quantizer, torch.tensor(chosen, dtype=torch.int32))


@settings(deadline=None, max_examples=30)
@given(quantizers(), st.tuples(*[st.integers(1, 9)] * 3))
def test_variants_are_known(quantizer: Quantizer, shape: tuple[int, int, int]) -> None:
    check_variants_are_known(quantizer, shape)


@settings(deadline=None, max_examples=30)
@given(quantizers())
def test_any_symbol_of_a_damaged_stream_has_a_value_and_a_cell(quantizer: Quantizer) -> None:
    symbols = torch.tensor([INT32.min, INT32.max], dtype=torch.int32)
    for variant in variants_of(quantizer):
        values = quantizer.values(symbols, variant, torch.float64)
        lower, upper = quantizer.edges(symbols, variant, torch.float64)
        assert bool(((lower < values) & (values < upper)).all())
        assert bool(torch.isfinite(quantizer.values(symbols, variant)).all())


@settings(deadline=None)
@given(quantizers(), residuals)
def test_the_trained_rate_has_edges_in_order(quantizer: Quantizer, values: list[float]) -> None:
    residual = torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)
    quantized = quantizer.train()(residual)
    assert all(bool(torch.isfinite(part).all()) for part in quantized)
    assert bool((quantized.lower < quantized.upper).all())


# Quantizers that are broken on purpose: the same checks catch each.


class Floors(NoiseQuantizer):
    """Rounds down, and estimates the rate as if it had rounded."""

    def symbols(self, residual: Tensor, variant: Tensor) -> Tensor:
        return torch.floor(residual).int()


class LeavesAGap(NoiseQuantizer):
    """Cells that do not meet."""

    def edges(
        self, symbols: Tensor, variant: Tensor, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        return symbols.to(dtype) - 0.49, symbols.to(dtype) + 0.49


class ForgetsTheDither(UniversalQuantizer):
    """A decoder that adds no dither; its encoder subtracted one of up to ¾."""

    def dither(self, variant: Tensor) -> Tensor:
        return 1.5 * super().dither(variant)

    def values(
        self, symbols: Tensor, variant: Tensor, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        return symbols.to(dtype)


class DecidesByRounding(LearnedLevelsQuantizer):
    """Levels in steps of 2, thresholds as if they were in steps of 1."""

    def symbols(self, residual: Tensor, variant: Tensor) -> Tensor:
        return torch.round(residual).int()


class CountsFromOne(UniversalQuantizer):
    """Names a table that does not exist."""

    def variant(self, shape: tuple[int, int, int]) -> Tensor:
        return super().variant(shape) + 1


def in_steps_of_two() -> Quantizer:
    broken = DecidesByRounding()
    broken.steps.data.fill_(2)
    return broken


SOME_RESIDUALS = torch.tensor([-2.2, -0.5, 0.1, 0.7, 3.0, 7.9])
SOME_SYMBOLS = torch.tensor([-3, 0, 1, 5], dtype=torch.int32)


@pytest.mark.parametrize(
    ("make", "check", "sample", "found"),
    [
        (Floors, check_residuals_lie_in_their_cells, SOME_RESIDUALS, "outside its cell"),
        (LeavesAGap, check_cells_tile_the_line, SOME_SYMBOLS, "a gap or an overlap"),
        (ForgetsTheDither, check_cells_tile_the_line, SOME_SYMBOLS, "a value outside its cell"),
        (in_steps_of_two, check_residuals_lie_in_their_cells, SOME_RESIDUALS, "outside its cell"),
        (CountsFromOne, check_variants_are_known, (4, 9, 9), "an unknown variant"),
    ],
)
def test_a_broken_quantizer_is_caught(
    make: Callable[[], Quantizer],
    check: Callable[[Quantizer, object], None],
    sample: object,
    found: str,
) -> None:
    with pytest.raises(AssertionError, match=found):
        check(make().eval(), sample)
