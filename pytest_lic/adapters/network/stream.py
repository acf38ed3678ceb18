"""One image's strings, shape and parameters as the sections of a container, and back.

A section per string. Only where the nesting or the shape is not what every decoder of this
network expects, or where parameters, a level or empty strings occur, a first section describes
them: a packed dict of those of `_NEST`, `_SHAPE`, `_PARAMETERS`, `_EMPTY` and `_LEVEL` that apply.
"""

from __future__ import annotations

from typing import Any

from pytest_lic.adapters.network.calls import Compressed
from pytest_lic.adapters.network.layout import NetworkLayout
from pytest_lic.adapters.network.string_nesting import (
    flatten,
    largest_product,
    leaf_count,
    nest_of,
    scaled_shape,
    unflatten,
)
from pytest_lic.adapters.network.value_packing import pack_value, unpack_value
from pytest_lic.errors import AbsurdSizeError, CorruptBitstreamError, TruncatedBitstreamError

_NEST, _SHAPE, _PARAMETERS, _EMPTY, _LEVEL = range(5)

_LARGEST_SHAPE = 16
"""A stored shape of so many times the elements that the image's size lets expect is refused, since
decoding would allocate on its word."""
_SMALL_SHAPE = 256  # elements that any shape may have


def to_sections(
    compressed: Compressed, layout: NetworkLayout, height: int, width: int
) -> tuple[bytes, ...]:
    """The sections for one image of ``height`` by ``width`` pixels, before padding.

    Raises:
        AbsurdSizeError: a shape far larger than the image.
    """
    strings = flatten(compressed.strings)
    described: dict[int, Any] = {}
    nest = nest_of(compressed.strings)
    if nest != layout.nest:
        described[_NEST] = nest
    # Compared as packed: shapes may hold tensors, and a list is not a tuple to every decoder.
    expected = _expected_shape(layout, height, width)
    if pack_value(compressed.shape) != pack_value(expected):
        _check_shape(compressed.shape, expected)
        described[_SHAPE] = compressed.shape
    if compressed.parameters:
        described[_PARAMETERS] = dict(compressed.parameters)
    if not all(strings):
        described[_EMPTY] = True
    if compressed.level is not None:
        described[_LEVEL] = compressed.level
    if not described:
        return tuple(strings)
    sections = [pack_value(described), *strings]
    if len(sections) == leaf_count(layout.nest):
        sections.append(b"")  # as many sections as usual would mean that none describes
    return tuple(sections)


def from_sections(
    sections: tuple[bytes, ...], layout: NetworkLayout, height: int, width: int
) -> Compressed:
    """The inverse of `to_sections`.

    Raises:
        CorruptBitstreamError: a description that can't be read, or another number of strings.
        TruncatedBitstreamError: an empty string, which an entropy decoder would read beyond.
        AbsurdSizeError: a shape far larger than the image.
    """
    strings = list(sections)
    described: dict[int, Any] = {}
    if len(strings) != leaf_count(layout.nest) and strings:
        described = unpack_value(strings.pop(0))
        if not isinstance(described, dict) or not set(described) <= set(range(5)):
            raise CorruptBitstreamError("bitstream begins with a section that describes nothing")
    nest = described.get(_NEST, layout.nest)
    count = leaf_count(nest)
    if described and len(strings) == leaf_count(layout.nest) == count + 1 and not strings[-1]:
        strings.pop()
    if len(strings) != count:
        raise CorruptBitstreamError(
            f"bitstream holds {len(strings)} strings; this network decodes {count}"
        )
    if not all(strings) and not described.get(_EMPTY):
        raise TruncatedBitstreamError("bitstream holds an empty string; the encoder wrote none")
    expected = _expected_shape(layout, height, width)
    shape = described.get(_SHAPE, expected)
    _check_shape(shape, expected)
    parameters = described.get(_PARAMETERS, {})
    if not isinstance(parameters, dict):
        raise CorruptBitstreamError("bitstream holds parameters without names")
    return Compressed(unflatten(nest, strings), shape, parameters, described.get(_LEVEL))


def _expected_shape(layout: NetworkLayout, height: int, width: int) -> Any:
    return scaled_shape(layout.shape, layout.probe, layout.padded(height, width))


def _check_shape(shape: Any, expected: Any) -> None:
    if largest_product(shape) > max(_LARGEST_SHAPE * largest_product(expected), _SMALL_SHAPE):
        raise AbsurdSizeError(
            f"latents of shape {shape} for an image whose size lets expect {expected}"
        )
