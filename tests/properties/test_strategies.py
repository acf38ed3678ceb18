"""The strategies give what they say, reach the hostile cases, and shrink to what can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from torch import Tensor

from pytest_lic.errors import CodecError
from pytest_lic.probability_tables import TOTAL, Message, ProbabilityTables, counts_error
from pytest_lic.strategies import (
    image_batches,
    latent_values,
    latents,
    means,
    messages,
    probability_tables,
    scales,
    table_masses,
    table_symbols,
)

INT32 = np.iinfo(np.int32)
FLOAT32 = np.finfo(np.float32)
SEARCH = settings(
    max_examples=3000,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)
QUICK = settings(SEARCH, max_examples=60)


def smallest(strategy: st.SearchStrategy[Any], wanted: Callable[[Any], bool]) -> Any:
    """The simplest example of this kind; an error where there is none."""
    return find(strategy, wanted, settings=SEARCH)


@QUICK
@given(image_batches())
def test_image_batches_are_image_batches(images: Tensor) -> None:
    assert images.dtype == torch.float32
    assert images.ndim == 4
    assert images.shape[1] == 3
    assert bool(((images >= 0) & (images <= 1)).all()), "NaN is in no range either"


@pytest.mark.parametrize(
    "wanted",
    [
        lambda images: images.shape[2] % 2 == 1 and images.shape[3] % 2 == 1 and images.numel() > 3,
        lambda images: images.shape[2] == 1 and images.shape[3] > 30,
        lambda images: len(images) == 3,
        lambda images: bool((images == 1).all()),
        lambda images: bool(((images > 0) & (images < FLOAT32.smallest_normal)).any()),
        lambda images: len(images.unique()) > 1000,
        lambda images: images.shape[3] > 8 and bool((images.diff(dim=3).abs() == 1).all()),
    ],
    ids=["odd", "thin", "batch", "white", "denormal", "noise", "stripes"],
)
def test_image_batches_hold_the_hostile_ones(wanted: Callable[[Tensor], bool]) -> None:
    smallest(image_batches(), wanted)


def test_image_batches_shrink_to_a_black_pixel_and_keep_to_their_sizes() -> None:
    assert torch.equal(smallest(image_batches(), lambda images: True), torch.zeros(1, 3, 1, 1))
    even = image_batches(batches=st.just(2), sides=st.sampled_from([4, 6]))
    assert smallest(even, lambda images: True).shape == (2, 3, 4, 4)


@QUICK
@given(latents(), means(), scales(), latents(st.just((2, 3)), reach=9.0))
def test_latents_means_and_scales_are_finite_float32(
    latent: Tensor, mean: Tensor, scale: Tensor, near: Tensor
) -> None:
    for tensor in (latent, mean, scale, near):
        assert tensor.dtype == torch.float32
        assert bool(torch.isfinite(tensor).all())
    assert latent.ndim == 3
    assert bool((scale > 0).all())
    assert near.shape == (2, 3)
    assert float(near.abs().max()) <= 9


@pytest.mark.parametrize(
    "wanted",
    [
        lambda value: abs(value) > 1e30,
        lambda value: value == 2.5,
        lambda value: 0 < value - 2.5 < 1e-6,
        lambda value: 0 < 2.5 - value < 1e-6,
        lambda value: 1e4 < value < 1e5,
        lambda value: 0 < abs(value) < FLOAT32.smallest_normal,
        lambda value: value == float(FLOAT32.max),
    ],
    ids=["outlier", "half", "above a half", "below a half", "tail", "denormal", "largest"],
)
def test_latents_hold_the_hostile_ones(wanted: Callable[[float], bool]) -> None:
    found = smallest(latent_values(), wanted)
    assert float(np.float32(found)) == found


@pytest.mark.parametrize("reach", [0.5, float("inf")])
def test_a_reach_out_of_range_is_refused(reach: float) -> None:
    with pytest.raises(ValueError, match="expected 1 to float32's largest"):
        latent_values(reach)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda value: value < FLOAT32.smallest_normal,
        lambda value: value == float(FLOAT32.max),
        lambda value: 0.11 < value < 256,
    ],
    ids=["denormal", "huge", "ordinary"],
)
def test_scales_hold_the_hostile_ones(wanted: Callable[[float], bool]) -> None:
    smallest(scales(st.just((1,))), lambda tensor: wanted(float(tensor)))


@QUICK
@given(probability_tables())
def test_tables_are_tables(tables: ProbabilityTables) -> None:
    for table, row in enumerate(tables.rows):
        assert counts_error(row) is None
        assert INT32.min <= tables.first(table) <= tables.last(table) <= INT32.max


@pytest.mark.parametrize(
    "wanted",
    [
        lambda tables: len(tables.rows[0]) == TOTAL,
        lambda tables: tables.rows[0].tolist() == [1, TOTAL - 1],
        lambda tables: tables.rows[0].tolist() == [TOTAL - 1, 1],
        lambda tables: sorted(tables.rows[0].tolist())[:-1] == [1] * 9,
        lambda tables: len(set(tables.rows[0].tolist())) > 5,
        lambda tables: tables.first(0) == INT32.min,
        lambda tables: tables.last(0) == INT32.max,
        lambda tables: tables.count == 3,
    ],
    ids=["longest", "improbable", "certain", "degenerate", "any", "lowest", "highest", "several"],
)
def test_tables_hold_the_hostile_ones(wanted: Callable[[ProbabilityTables], bool]) -> None:
    smallest(probability_tables(), wanted)


def test_tables_shrink_to_one_symbol() -> None:
    found = smallest(probability_tables(), lambda tables: True)
    assert [row.tolist() for row in found.rows] == [[TOTAL - 1, 1]]
    assert found.offsets == (0,)


@pytest.mark.parametrize("offset", [0, INT32.min, INT32.max])
def test_symbols_are_inside_or_outside_as_asked(offset: int) -> None:
    tables = ProbabilityTables([np.array([TOTAL - 1, 1])], [offset])
    assert smallest(table_symbols(tables, 0), lambda symbol: True) == offset
    outside = table_symbols(tables, 0, outside=True)
    for edge in (offset - 1, offset + 1, INT32.min, INT32.max):
        if INT32.min <= edge <= INT32.max and edge != offset:
            assert smallest(outside, lambda symbol, edge=edge: symbol == edge) == edge

    @QUICK
    @given(outside)
    def all_outside(symbol: int) -> None:
        assert symbol != offset
        assert INT32.min <= symbol <= INT32.max

    all_outside()


@QUICK
@given(messages(), messages(outside=True))
def test_messages_hold_int32_symbols_of_their_tables(inside: Message, either: Message) -> None:
    assert not inside.outside.size
    for message in (inside, either):
        assert message.symbols.dtype == message.indices.dtype == np.int32
        assert message.symbols.shape == message.indices.shape
        assert message.ideal_bits() >= 0


def test_messages_shrink_to_the_fewest_symbols() -> None:
    found = smallest(messages(outside=True), lambda message: message.outside.size > 0)
    assert found.symbols.size == 1
    assert abs(int(found.symbols[0])) <= 1


@QUICK
@given(table_masses())
def test_masses_are_probabilities(masses: np.ndarray) -> None:
    assert masses.dtype == np.float64
    assert 1 <= len(masses) < TOTAL
    assert bool((masses >= 0).all())
    assert masses.sum() <= 1 + 1e-9


def test_the_ideal_length_counts_escapes_as_declared() -> None:
    tables = ProbabilityTables([np.array([TOTAL // 2, TOTAL // 4, TOTAL // 4])], [10])
    message = Message.of([(0, 10), (0, 11), (0, 12), (0, -5)], tables)
    assert message.outside.tolist() == [12, -5]
    assert message.ideal_bits() == 1 + 2 + 2 + 2
    assert (
        message.ideal_bits(lambda symbol, first, last: symbol - last if symbol > last else 7) == 15
    )


@pytest.mark.parametrize(
    ("rows", "offsets", "wrong"),
    [
        ([], [], "0 rows and 0 offsets"),
        ([[1, TOTAL - 1]], [], "1 rows and 0 offsets"),
        ([[0.5, 0.5]], [0], "table 0 is float64 of shape"),
        ([[TOTAL]], [0], "table 0 has 1 entries"),
        ([[TOTAL, 0]], [0], "table 0 gives entry 1 the count 0"),
        ([[1, TOTAL]], [0], "table 0 sums to 65537"),
        ([np.ones(TOTAL + 1, np.int32)], [0], "has 65537 entries, which 16 bits can't hold"),
        ([[1, 1, TOTAL - 2]], [INT32.max], "holds symbols 2147483647 to 2147483648"),
    ],
)
def test_counts_that_are_no_tables_are_refused(rows: Any, offsets: Any, wrong: str) -> None:
    with pytest.raises(CodecError, match=wrong):
        ProbabilityTables(rows, offsets)
