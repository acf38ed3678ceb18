"""Nests of strings: taking a batch apart, putting it together, guessing a shape."""

from typing import Any

import pytest
import torch

from pytest_lic.adapters.network.string_nesting import (
    flatten,
    has_batch_axis,
    largest_product,
    leaf_count,
    nest_of,
    of_batch,
    of_image,
    scaled_shape,
    unflatten,
)
from pytest_lic.errors import CodecError, CorruptBitstreamError

BATCHED: list[Any] = [
    [[b"y0", b"y1"], [b"z0", b"z1"]],
    [b"0", b"1"],
    {"y": [([b"a0", b"a1"],), [b"b0", b"b1"]], "z": (b"z0", b"z1")},
]


@pytest.mark.parametrize("strings", BATCHED)
def test_a_batch_is_taken_apart_and_put_together(strings: Any) -> None:
    assert has_batch_axis(nest_of(strings), 2)
    images = [of_image(strings, index) for index in range(2)]
    assert of_batch(images) == strings
    for index, image in enumerate(images):
        assert has_batch_axis(nest_of(image), 1)
        assert all(string.endswith(b"%d" % index) for string in flatten(image))


@pytest.mark.parametrize(
    ("strings", "images"),
    [
        (b"one for all", 1),
        ([b"y", b"z"], 1),
        ([[b"whole"], [b"z0", b"z1"]], 2),
        ([b"whole", [b"z0", b"z1"]], 2),
        ([[b"0", b"1", b"2"]], 2),
        ([], 1),
    ],
)
def test_strings_without_a_batch_axis_are_told_apart(strings: Any, images: int) -> None:
    assert not has_batch_axis(nest_of(strings), images)


@pytest.mark.parametrize("strings", [*BATCHED, b"flat", [b"y", [[b"z"]]], []])
def test_strings_are_flattened_and_nested_again(strings: Any) -> None:
    nest, flat = nest_of(strings), flatten(strings)
    assert leaf_count(nest) == len(flat)
    assert unflatten(nest, flat) == strings


def test_what_is_no_string_is_named() -> None:
    with pytest.raises(CodecError, match="Tensor"):
        nest_of([[b"y"], [torch.zeros(3)]])


def test_a_forged_nest_is_refused() -> None:
    deep: Any = None
    for _ in range(100):
        deep = [deep]
    for nest in (deep, [1], "text", [None, {"y": 0.5}]):
        with pytest.raises(CorruptBitstreamError):
            leaf_count(nest)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (torch.Size([1, 3]), torch.Size([8, 12])),
        ([4, 12], [32, 48]),
        (
            {"y": [torch.Size([16, 4, 12])], "hyper": torch.Size([1, 3]), "groups": 5},
            {"y": [torch.Size([16, 32, 48])], "hyper": torch.Size([8, 12]), "groups": 5},
        ),
        ((7, 9), (7, 9)),  # not the image's proportions: taken for constants
        (None, None),
        ([(3,), "rgb"], [(3,), "rgb"]),
    ],
)
def test_a_shape_is_guessed_for_another_image_size(shape: Any, expected: Any) -> None:
    guessed = scaled_shape(shape, known=(64, 192), wanted=(512, 768))
    assert guessed == expected
    assert type(guessed) is type(expected)


def test_the_largest_latent_of_a_shape_is_found() -> None:
    assert largest_product({"y": [(16, 4, 12), (32, 4, 12)], "z": [1, 3]}) == 32 * 4 * 12
    assert largest_product([2**20, [2**30, -(2**30)]]) == 2**60
    assert largest_product(None) == 0
