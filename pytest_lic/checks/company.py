"""Whether an image is coded alike alone and in a batch, wherever in the batch it stands.

    alone      A      B      C         every bitstream, and every decoded image, of a batch
    in two     A  B                    is held against the same image's alone
    in three   A  B  C

Other bits are looked into. Where they change with the images beside it, images influence each
other, which is structural. Where they do not, kernels for another batch size rounded a tie the
other way, which is numerical.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pytest_lic.checks.same_bits import first_byte, same_bits
from pytest_lic.codec import Codec
from pytest_lic.errors import DeterminismError
from pytest_lic.images.corpus import Corpus, Image
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE = 256  # pixels; this check needs equally large images, not large ones
_SIZES = (2, 3)  # images in a batch
_SUBJECT = 1  # the place of the corpus's own image; beside it are others made from it


def check_batch(codec: Codec, cell: Cell, corpus: Corpus) -> str | None:
    """An image's bits, and its reconstruction, do not depend on the images beside it.

    The corpus's first image, cropped, stands in the middle: what an image leaves behind may reach
    only those that come after it.

    Returns:
        A remark where the bits or the pixels depend on the batch numerically, else None.

    Raises:
        DeterminismError: images influence each other, or the bits change from call to call.
        CodecError: a batch of two or three can't be coded, or not what it gave, alone.
    """
    images = _images(corpus.images[0])
    encode = partial(coding.encode, codec, device=cell.setting.device)
    alone = [encode([image])[0] for image in images]
    remarks = []
    for count in _SIZES:
        company = images[:count]
        streams = encode(company)
        places = sorted(range(count), key=lambda place: place != _SUBJECT)
        apart = [place for place in places if streams[place] != alone[place]]
        if apart:
            twice = "encoded twice in one process"
            same_bits(company, streams, encode(company), twice)
            same_bits(company, alone[:count], [encode([image])[0] for image in company], twice)
        for place in apart:
            _check_beside_strangers(encode, company, place, streams[place])
            remarks.append(_other_bits(codec, company[place], alone[place], streams[place], count))
        remarks += _decoded_apart(codec, company, streams)
    _check_memory_of_its_own(codec, images, alone)
    return remarks[0] if remarks else None


def _check_beside_strangers(
    encode: partial[list[bytes]], company: Sequence[Image], place: int, expected: bytes
) -> None:
    """The image at a place in the batch, with white and then black ones in the others' stead."""
    for shade in (255, 0):
        stranger = Image("flat companion", np.full_like(company[place].pixels, shade))
        others = [stranger] * len(company)
        others[place] = company[place]
        stream = encode(others)[place]
        if stream != expected:
            raise DeterminismError(
                f"{company[place].name}: images influence each other (structural): its bitstream "
                f"changes with the images beside it in the batch: {first_byte(expected, stream)}"
            )


def _other_bits(codec: Codec, image: Image, alone: bytes, beside: bytes, count: int) -> str:
    one, other = (coding.decode(codec, [stream], [image])[0] for stream in (alone, beside))
    return (
        f"{image.name}: bits depend on the batch size (numerical, not on the other images): "
        f"{first_byte(alone, beside)}, alone and in a batch of {count}; pixels differ by up to "
        f"{_levels(one, other)} levels"
    )


def _decoded_apart(codec: Codec, company: Sequence[Image], streams: Sequence[bytes]) -> list[str]:
    """A remark for each image that decodes otherwise in the batch, by one level.

    Raises:
        DeterminismError: it does by more.
    """
    remarks = []
    together = coding.decode(codec, streams, company)
    apart = [
        coding.decode(codec, [stream], [image])[0]
        for image, stream in zip(company, streams, strict=True)
    ]
    _check_order(company, together, apart)
    for place, (image, pixels, alone) in enumerate(zip(company, together, apart, strict=True)):
        levels = _levels(pixels, alone)
        if levels > 1:
            raise DeterminismError(
                f"{image.name}: images influence each other (structural): decoded in a batch of "
                f"{len(company)}, at place {place + 1}, and alone, its pixels differ by up to "
                f"{levels} levels of 255"
            )
        if levels:
            remarks.append(
                f"{image.name}: pixels depend on the batch size, by one level (numerical)"
            )
    return remarks


def _check_order(
    company: Sequence[Image],
    together: Sequence[NDArray[np.uint8]],
    apart: Sequence[NDArray[np.uint8]],
) -> None:
    """Refuse a batch whose images are all there, at other places."""
    places = [
        next(
            # Its own place first: a network that is not trained may draw all images alike.
            (other for other in (place, *range(len(apart))) if _levels(pixels, apart[other]) <= 1),
            None,
        )
        for place, pixels in enumerate(together)
    ]
    if None in places or places == list(range(len(company))):
        return
    moved = next(place for place, came in enumerate(places) if place != came)
    came = places[moved]
    assert came is not None
    raise DeterminismError(
        f"{company[came].name}: a batch of {len(company)} comes back in another order: place "
        f"{moved + 1} holds the image of place {came + 1}"
    )


def _check_memory_of_its_own(
    codec: Codec, images: Sequence[Image], streams: Sequence[bytes]
) -> None:
    """What the decoder returned stays as it is while it decodes the next bitstream."""
    first = codec.decode([streams[0]])
    before = first.clone()
    codec.decode([streams[1]])
    if not first.equal(before):
        raise DeterminismError(
            f"{images[0].name}: what the decoder returned changed while it decoded "
            f"{images[1].name}: it returns the same memory again; return a tensor of its own"
        )


def _images(image: Image) -> list[Image]:
    """The image, cropped, between itself turned around, flatter, and that inverted.

    Another contrast makes other statistics of the same content.
    """
    pixels = np.ascontiguousarray(image.pixels[:_SIDE, :_SIDE])
    turned = np.ascontiguousarray(pixels[::-1, ::-1])
    flatter = np.add(96, turned // 4, dtype=np.uint8)
    return [
        Image(f"{image.name}, turned and flatter", flatter),
        Image(image.name, pixels),
        Image(f"{image.name}, turned and inverted", np.subtract(255, turned, dtype=np.uint8)),
    ]


def _levels(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    return int(np.abs(one.astype(np.int16) - other.astype(np.int16)).max())
