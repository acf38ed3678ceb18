"""Decoder parameters as bytes: exact, and harmless to read whatever the bytes are."""

import contextlib
import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_lic.adapters.network.value_packing import pack_value, unpack_value
from pytest_lic.errors import AbsurdSizeError, BitstreamError, CodecError, CorruptBitstreamError

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**100), 2**100)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=200),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(-9, 9), inner, max_size=4)
    ),
    max_leaves=12,
)


def types_of(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value), [types_of(item) for item in value]
    if isinstance(value, dict):
        return {key: types_of(item) for key, item in value.items()}
    return type(value)


@given(plain)
@settings(deadline=None)
def test_plain_values_come_back_equal_and_of_the_same_type(value: Any) -> None:
    unpacked = unpack_value(pack_value(value))
    assert unpacked == value
    assert types_of(unpacked) == types_of(value)


@pytest.mark.parametrize(
    "dtype",
    [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8],
)
@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (2, 3, 5)])
def test_tensors_come_back_to_the_bit(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = (torch.rand(shape) * 100).to(dtype)
    unpacked = unpack_value(pack_value({"gain": tensor}))["gain"]
    assert unpacked.dtype == dtype
    assert torch.equal(unpacked, tensor)


def test_memory_layouts_arrays_and_sizes_come_back() -> None:
    tensor = torch.rand(2, 3, 4, 5)
    assert torch.equal(
        unpack_value(pack_value(tensor.permute(0, 2, 3, 1))), tensor.permute(0, 2, 3, 1)
    )
    array = np.arange(6, dtype=np.int16).reshape(2, 3).T
    unpacked = unpack_value(pack_value(array))
    assert unpacked.dtype == np.int16
    assert np.array_equal(unpacked, array)
    assert unpack_value(pack_value(np.float32(0.1))) == float(np.float32(0.1))
    size = unpack_value(pack_value(torch.Size([3, 4])))
    assert type(size) is torch.Size
    assert size == (3, 4)


def test_a_flat_quality_map_costs_little_and_a_number_nine_bytes() -> None:
    assert len(pack_value(torch.ones(1, 1, 512, 768))) < 2000
    assert len(pack_value(0.1)) == 9


@pytest.mark.parametrize("value", [object(), {1.5: 2}, torch.rand(2) * 1j, 2**200, {3}])
def test_what_can_not_be_stored_is_refused(value: Any) -> None:
    with pytest.raises(CodecError, match="stored in a bitstream"):
        pack_value(value)


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=300)
def test_arbitrary_bytes_raise_only_typed_errors(packed: bytes) -> None:
    with contextlib.suppress(BitstreamError):
        unpack_value(packed)


@given(plain, st.data())
@settings(deadline=None)
def test_cut_bytes_are_typed_errors(value: Any, data: st.DataObject) -> None:
    packed = pack_value(value)
    with pytest.raises(CorruptBitstreamError):
        unpack_value(packed[: data.draw(st.integers(0, len(packed) - 1))])


def count(number: int) -> bytes:
    groups = []
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


@pytest.mark.parametrize(
    ("packed", "error"),
    [
        (b"x\x00\x02" + count(2**30) * 2 + b"\0\0", AbsurdSizeError),
        (b"x\x00\x02\x00" + count(2**34) + b"\0\0", AbsurdSizeError),
        (b"x\x00\xff" + b"\x01" * 255 + b"\0\0", CorruptBitstreamError),
        (
            b"x\x00\x01\x04\x01" + count(40) + zlib.compress(bytes(2**24))[:40],
            CorruptBitstreamError,
        ),
        (b"l" + count(2**30), CorruptBitstreamError),
        (b"s\x01\xff", CorruptBitstreamError),
        (b"l\x01" * 5000 + b"N", CorruptBitstreamError),
        (b"d\x01d\x00N", CorruptBitstreamError),
        (b"f" + struct.pack("<d", 1.0) + b"more", CorruptBitstreamError),
    ],
)
def test_claims_are_checked_before_anything_is_allocated(
    packed: bytes, error: type[BitstreamError]
) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(error):
            unpack_value(packed)
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()
