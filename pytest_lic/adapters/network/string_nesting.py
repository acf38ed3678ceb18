"""How a network nests its strings, and what it calls their shape.

CompressAI's networks return one list of strings per latent, with one string per image; others
nest deeper, or return one string for a whole batch. A nest here is what is left of such an object
when every string is replaced by None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pytest_lic.errors import CodecError, CorruptBitstreamError

_MAX_DEPTH = 12


def nest_of(strings: Any) -> Any:
    """The nest of ``strings``.

    Raises:
        CodecError: something other than bytes, lists, tuples and dicts.
    """

    def checked(string: Any) -> None:
        if not isinstance(string, bytes | bytearray):
            raise CodecError(
                f"compress returned strings that hold a {type(string).__name__}; expected bytes, "
                "or lists of them"
            )

    return _mapped(strings, checked)


def flatten(strings: Any) -> list[bytes]:
    """Every string, depth first."""
    return list(_leaves(strings))


def _leaves(strings: Any) -> Iterator[bytes]:
    match strings:
        case bytes() | bytearray():
            yield bytes(strings)
        case Mapping():
            for item in strings.values():
                yield from _leaves(item)
        case _:
            for item in strings:
                yield from _leaves(item)


def leaf_count(nest: Any, depth: int = 0) -> int:
    """How many strings belong into ``nest``.

    Raises:
        CorruptBitstreamError: ``nest``, read from a bitstream, is none.
    """
    if nest is None:
        return 1
    items = nest.values() if isinstance(nest, Mapping) else nest
    if depth > _MAX_DEPTH or not isinstance(nest, list | tuple | Mapping):
        raise CorruptBitstreamError("bitstream holds a nesting of strings that can't be read")
    return sum(leaf_count(item, depth + 1) for item in items)


def unflatten(nest: Any, strings: Sequence[bytes]) -> Any:
    """``nest`` with its ``leaf_count`` strings in their places."""
    left = iter(strings)
    return _mapped(nest, lambda _: next(left))


def _mapped(nested: Any, function: Callable[[Any], Any]) -> Any:
    """``nested`` with whatever is no list, tuple or dict in it replaced by the function's value."""
    match nested:
        case list():
            return [_mapped(item, function) for item in nested]
        case tuple():
            return tuple(_mapped(item, function) for item in nested)
        case Mapping():
            return {key: _mapped(item, function) for key, item in nested.items()}
    return function(nested)


def has_batch_axis(nest: Any, images: int) -> bool:
    """Whether every innermost list of ``nest`` holds one string per image, and nothing else."""
    match nest:
        case None:
            return False
        case Mapping():
            return all(has_batch_axis(item, images) for item in nest.values())
    if any(item is None for item in nest):
        return len(nest) == images and all(item is None for item in nest)
    return bool(nest) and all(has_batch_axis(item, images) for item in nest)


def of_image(strings: Any, index: int) -> Any:
    """One image's strings out of a batch's, whose nest has a batch axis."""
    if isinstance(strings, Mapping):
        return {key: of_image(item, index) for key, item in strings.items()}
    if isinstance(strings[0], bytes | bytearray):
        return type(strings)([strings[index]])
    return type(strings)(of_image(item, index) for item in strings)


def of_batch(images: Sequence[Any]) -> Any:
    """The inverse of `of_image`: several images' strings as one batch's."""
    first = images[0]
    if isinstance(first, Mapping):
        return {key: of_batch([image[key] for image in images]) for key in first}
    if isinstance(first[0], bytes | bytearray):
        return type(first)([image[0] for image in images])
    return type(first)(of_batch(items) for items in zip(*images, strict=True))


def scaled_shape(shape: Any, known: tuple[int, int], wanted: tuple[int, int]) -> Any:
    """What ``shape`` would be for an image of another size.

    A sequence of integers that ends in a height and a width, both the same fraction of the known
    image's, is taken for the shape of a latent, and every other integer for a constant. It is a
    guess, for the encoder to compare with what the network says: sizes that agree need not be
    stored.

    Args:
        shape: of an image of the size ``known``.
        known: height and width in pixels.
        wanted: height and width in pixels.
    """
    if isinstance(shape, Mapping):
        return {key: scaled_shape(item, known, wanted) for key, item in shape.items()}
    if not isinstance(shape, list | tuple):
        return shape
    sides = list(shape)
    if len(sides) >= 2 and all(type(side) is int for side in sides):
        height, width = sides[-2:]
        if height > 0 and width > 0 and height * known[1] == width * known[0]:
            sides[-2:] = [height * wanted[0] // known[0], width * wanted[1] // known[1]]
    else:
        sides = [scaled_shape(item, known, wanted) for item in sides]
    return type(shape)(sides)


def largest_product(shape: Any) -> int:
    """The most elements that any sequence of integers in ``shape`` stands for."""
    if isinstance(shape, Mapping):
        return max((largest_product(item) for item in shape.values()), default=0)
    if not isinstance(shape, list | tuple):
        return abs(shape) if isinstance(shape, int) else 0
    product = 1
    for side in shape:
        if isinstance(side, int):
            product *= max(abs(side), 1)
    return max([product, *(largest_product(item) for item in shape)])
