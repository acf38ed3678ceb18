"""How many pixels a corpus has at a resolution: what coding it takes time by."""

from __future__ import annotations

from functools import lru_cache

from pytest_lic.images.corpus import load_corpus


def area(spec: str, resolution: str = "native") -> int:
    """The pixels of all images that are coded at a resolution; 0 where no image is large enough.

    Args:
        spec: as `load_corpus` takes it.
        resolution: ``native``, or the side of a square in pixels.

    Raises:
        CorpusError: no such corpus, or an image of it can't be read.
    """
    sides = _sides(spec)
    if resolution == "native":
        return sum(height * width for height, width in sides)
    side = int(resolution)
    return sum(side * side for height, width in sides if min(height, width) >= side)


@lru_cache(maxsize=8)
def _sides(spec: str) -> tuple[tuple[int, int], ...]:
    return tuple((image.height, image.width) for image in load_corpus(spec).images)
