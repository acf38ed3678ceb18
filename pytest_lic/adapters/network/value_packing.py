"""Small Python values as bytes and back, exactly: numbers, lists, sizes, tensors.

For what a network's decoder needs besides its strings, such as a gain or a quality map. Unlike a
pickle, reading runs no code and allocates no more than a stated limit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from pytest_lic.container import read_varint, varint
from pytest_lic.errors import AbsurdSizeError, CodecError, CorruptBitstreamError

MAX_TENSOR_BYTES = 2**28
"""A tensor of more bytes is refused on both sides; so are several that come to more."""

_MAX_DEPTH = 16
_MAX_INT_BYTES = 16
_MAX_COUNT_BYTES = 5
_KEYS = (str, int)
_DTYPES = (
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
)


def pack_value(value: object) -> bytes:
    """Serialise None, numbers, text, bytes, lists, tuples, sizes, dicts, arrays and tensors.

    Raises:
        CodecError: a value of another type, or a tensor of more than 256 MiB.
    """
    parts: list[bytes] = []
    _write(parts.append, value)
    return b"".join(parts)


def unpack_value(packed: bytes) -> Any:
    """What `pack_value` was given; tensors come back on the CPU.

    Raises:
        CorruptBitstreamError: bytes that it did not write.
        AbsurdSizeError: a tensor of more than 256 MiB.
    """
    reader = _Reader(packed)
    value = reader.value(0)
    if reader.position != len(packed):
        raise _damaged()
    return value


def _damaged() -> CorruptBitstreamError:
    return CorruptBitstreamError(
        "bitstream holds a parameter section that can't be read: it was damaged, or written by "
        "another program"
    )


def _write(put: Callable[[bytes], object], value: Any) -> None:
    import numpy as np
    import torch

    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case None:
            put(b"N")
        case bool():
            put(b"T" if value else b"F")
        case int():
            size = (value.bit_length() + 8) // 8  # one bit more, for the sign
            if size > _MAX_INT_BYTES:
                raise CodecError(f"{value} is too large a number to be stored in a bitstream")
            put(b"i" + bytes([size]) + value.to_bytes(size, "little", signed=True))
        case float():
            put(b"f" + struct.pack("<d", value))
        case str():
            put(b"s" + _counted(value.encode()))
        case bytes() | bytearray():
            put(b"b" + _counted(bytes(value)))
        case list() | tuple():
            tag = b"z" if isinstance(value, torch.Size) else b"l" if type(value) is list else b"t"
            put(tag + varint(len(value)))
            for item in value:
                _write(put, item)
        case Mapping():
            put(b"d" + varint(len(value)))
            for key, item in value.items():
                if not isinstance(key, _KEYS):
                    raise CodecError(
                        f"a dict with a key of {type(key).__name__} can't be stored in a bitstream"
                    )
                _write(put, key)
                _write(put, item)
        case torch.Tensor():
            put(b"x" + _tensor(value))
        case np.ndarray():
            try:
                put(b"a" + _tensor(torch.from_numpy(np.ascontiguousarray(value))))
            except TypeError as error:
                raise CodecError(
                    f"an array of {value.dtype} can't be stored in a bitstream"
                ) from error
        case _:
            raise CodecError(
                f"a {type(value).__name__} can't be stored in a bitstream; expected numbers, "
                "text, bytes, lists, tuples, dicts, arrays or tensors"
            )


def _counted(raw: bytes) -> bytes:
    return varint(len(raw)) + raw


def _tensor(tensor: Any) -> bytes:
    """Data type, shape and deflated values."""
    import torch

    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in _DTYPES:
        raise CodecError(f"a tensor of {dtype} can't be stored in a bitstream")
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    if flat.nbytes > MAX_TENSOR_BYTES:
        raise CodecError(
            f"a tensor of {flat.nbytes} bytes, shape {tuple(tensor.shape)}, is too large a "
            f"parameter for a bitstream; at most {MAX_TENSOR_BYTES} bytes fit"
        )
    raw = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    head = bytes([_DTYPES.index(dtype), tensor.dim()])
    sizes = b"".join(varint(side) for side in tensor.shape)
    deflated = zlib.compress(raw, 9)
    if len(deflated) < len(raw):
        return head + sizes + b"\1" + _counted(deflated)
    return head + sizes + b"\0" + _counted(raw)


class _Reader:
    """A position within packed bytes, which no read may pass the end of."""

    def __init__(self, packed: bytes) -> None:
        self.packed = packed
        self.position = 0
        self.tensor_bytes = 0

    def take(self, count: int) -> bytes:
        part = self.packed[self.position : self.position + count]
        if len(part) != count:
            raise _damaged()
        self.position += count
        return part

    def count(self) -> int:
        try:
            number, self.position = read_varint(self.packed, self.position, _MAX_COUNT_BYTES)
        except (IndexError, ValueError):
            raise _damaged() from None
        return number

    def items(self, depth: int) -> list[Any]:
        count = self.count()
        if count > len(self.packed) - self.position:  # each item takes a byte at least
            raise _damaged()
        return [self.value(depth + 1) for _ in range(count)]

    def value(self, depth: int) -> Any:
        import torch

        if depth > _MAX_DEPTH:
            raise _damaged()
        tag = self.take(1)
        match tag:
            case b"N":
                return None
            case b"T" | b"F":
                return tag == b"T"
            case b"i":
                size = self.take(1)[0]
                if size > _MAX_INT_BYTES:
                    raise _damaged()
                return int.from_bytes(self.take(size), "little", signed=True)
            case b"f":
                return struct.unpack("<d", self.take(8))[0]
            case b"s":
                try:
                    return self.take(self.count()).decode()
                except UnicodeDecodeError as error:
                    raise _damaged() from error
            case b"b":
                return self.take(self.count())
            case b"l":
                return self.items(depth)
            case b"t":
                return tuple(self.items(depth))
            case b"z":
                sides = self.items(depth)
                if not all(type(side) is int and 0 <= side < 2**31 for side in sides):
                    raise _damaged()
                return torch.Size(sides)
            case b"d":
                return self.mapping(depth)
            case b"x":
                return self.tensor()
            case b"a":
                return self.tensor().numpy()
        raise _damaged()

    def mapping(self, depth: int) -> dict[Any, Any]:
        count = self.count()
        if 2 * count > len(self.packed) - self.position:
            raise _damaged()
        read = {}
        for _ in range(count):
            key = self.value(_MAX_DEPTH)  # a key is never nested
            if not isinstance(key, _KEYS):
                raise _damaged()
            read[key] = self.value(depth + 1)
        return read

    def tensor(self) -> Any:
        import torch

        kind, dimensions = self.take(2)
        if kind >= len(_DTYPES) or dimensions > _MAX_DEPTH:
            raise _damaged()
        dtype = getattr(torch, _DTYPES[kind])
        shape = [self.count() for _ in range(dimensions)]
        size = dtype.itemsize
        for side in shape:
            size *= max(side, 1)
            if self.tensor_bytes + size > MAX_TENSOR_BYTES:
                raise AbsurdSizeError(
                    f"bitstream claims a parameter of shape {tuple(shape)}; at most "
                    f"{MAX_TENSOR_BYTES} bytes are accepted in all"
                )
        self.tensor_bytes += size
        if 0 in shape:
            size = 0
        deflated = self.take(1) == b"\1"
        raw = self.take(self.count())
        if deflated:
            inflater = zlib.decompressobj()
            try:
                raw = inflater.decompress(raw, size + 1)
            except zlib.error as error:
                raise _damaged() from error
        if len(raw) != size:
            raise _damaged()
        if not size:
            return torch.empty(shape, dtype=dtype)
        return torch.frombuffer(bytearray(raw), dtype=dtype).reshape(shape)
