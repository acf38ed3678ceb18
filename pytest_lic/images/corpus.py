"""Corpora: ordered sets of named 8-bit RGB images.

photos      photographs that scikit-image bundles: the default, nothing to download
edge        small images on which codecs break
conformance two small crops of photographs, of which old bitstreams are kept
synthetic-documents  rendered text, line drawings and charts
a folder    every image below it
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lic.errors import CorpusError, UsageError
from pytest_lic.images.documents import synthetic_documents
from pytest_lic.images.edge_images import edge_images
from pytest_lic.images.finding import image_files, name_below, passed_over
from pytest_lic.images.reading import check_image, read_image
from pytest_lic.system.groups import grouped
from pytest_lic.system.words import listed, plural

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PHOTOS = {
    "astronaut.png": "7605af19ba2b9758",
    "chelsea.png": "2a48da897e30584d",
    "coffee.png": "013a8175a6f60538",
    "motorcycle_left.png": "6a51b16e82babbaf",
    "rocket.jpg": "9d55b6a566c73f3c",
}
"""The photographs of `photos` → the digest of their pixels.

All of scikit-image's colour photographs of things one sees, at their full size: a portrait, an
animal's fur, a still life, a cluttered room, a night sky; the largest holds 29 % of the pixels.
Left out: the motorcycle's right view (the same picture again), the retina, tissue and deep-field
images (instruments took them, and the retina alone has more pixels than all five together), and
what is drawn or grey.
"""

CONFORMANCE = "conformance"
"""The corpus that bitstreams are kept of; a folder of this name gets ``folder.`` before its own."""
_CROPS = {"astronaut_128x96": ("astronaut.png", 96, 128), "chelsea_67x45": ("chelsea.png", 45, 67)}
# Name → the photograph, and the height and width cut from its centre: a face; fur, with sides that
# are a multiple of nothing.

EDGE = "edge"
"""The corpus of small images on which codecs break."""
DOCUMENTS = "synthetic-documents"
"""The corpus of rendered text, line drawings and charts: another domain than photographs."""
SHIPPED = ("photos", EDGE, DOCUMENTS)
"""The corpora that one can ask for without a folder."""
RANDOM = "rand"
"""How cells call the random images that times are taken on: a name that no corpus gets."""


@dataclass(frozen=True, eq=False)
class Image:
    """One image: its name within the corpus and its pixels, uint8 (H, W, 3), RGB, read-only."""

    name: str
    pixels: NDArray[np.uint8]

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return self.pixels.shape[1]


@dataclass(frozen=True, eq=False)
class Corpus:
    """An ordered set of images at one resolution.

    ``digest`` is 16 hexadecimal digits over names, sizes and pixels of the whole corpus at its
    native resolution, wherever it is stored: a crop of it carries the same digest.
    ``left_out`` names the images that are too small for the resolution, each with its size.
    """

    name: str
    images: tuple[Image, ...]
    digest: str
    left_out: tuple[str, ...] = ()


def load_corpus(spec: str, resolution: str = "native") -> Corpus:
    """The images of a corpus, decoded.

    Args:
        spec: one of `SHIPPED`, or the path of a folder. A folder is read recursively, through
            links too; its images are named and sorted by their path below it. Hidden
            files and files whose suffix is no image format's are ignored. `reading` says which
            images are converted and which are refused.
        resolution: ``"native"``, or the side in pixels of a square cut from each image's centre.

    Raises:
        CorpusError: no such folder, no image in it, one that can't be used, or none that is
            large enough for the resolution.
        UsageError: ``resolution`` is neither ``"native"`` nor a positive number.
    """
    side = _side(resolution)
    native = _load(spec, _state(spec))
    return native if side is None else _cropped(native, side)


def check_corpus(spec: str) -> None:
    """Find out, without decoding an image, whether there is something to load.

    Raises:
        CorpusError: no such folder, no image file in it, one whose header alone rules it out, or
            scikit-image lacks a photograph.
    """
    if spec in ("photos", CONFORMANCE):
        for name in PHOTOS:
            _photo_path(name)
    elif spec not in SHIPPED:
        paths = sorted(image_files(_folder(spec)))
        if not paths:
            raise _no_image(spec)
        for path in paths:
            check_image(path)


def corpus_name(spec: str) -> str:
    """How reports and cell ids call a corpus: letters, digits, ``.`` and ``_``; ours as they are.

    A folder goes by its own name; one called like a corpus of ours gets ``folder.`` before it.
    """
    if spec in _BUILT_IN:
        return spec
    name = re.sub(r"[^A-Za-z0-9._]", "_", Path(spec).expanduser().absolute().name) or "root"
    return f"folder.{name}" if name in (*_BUILT_IN, RANDOM) else name


def corpus_notes(spec: str) -> Iterator[str]:
    """What may surprise about the images that a corpus consists of.

    Raises:
        CorpusError: a folder in it that can't be listed.
    """
    path = Path(spec).expanduser()
    if spec not in _BUILT_IN:
        others = passed_over(path)
        if others:
            told = f"{plural(len(others), 'file')} of {path.name}"
            are = "is no image" if len(others) == 1 else "are no images"
            left = "is" if len(others) == 1 else "are"
            names = listed(others, 5)
            yield f"{told} {are} that Pillow reads and {left} left out: {names}"
    elif path.is_dir():
        yield (
            f"{spec} is the corpus of that name that comes with pytest-lic; the folder is "
            f"--lic-corpus ./{spec}"
        )


def batches(corpus: Corpus, batch_size: int) -> list[tuple[Image, ...]]:
    """The images in batches of equal size, at most ``batch_size`` in each.

    Sizes come in the order in which the corpus first shows them, images within a size in corpus
    order; the last batch of a size may be smaller.
    """
    if batch_size < 1:
        raise UsageError(f"batch size {batch_size}: expected 1 or more")
    by_size = grouped(((image.height, image.width), image) for image in corpus.images)
    return [
        tuple(group[start : start + batch_size])
        for group in by_size.values()
        for start in range(0, len(group), batch_size)
    ]


def _side(resolution: str) -> int | None:
    if resolution == "native":
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,4}", resolution):
        raise UsageError(
            f"resolution {resolution!r}: expected 'native' or a number of pixels such as 256"
        )
    return int(resolution)


@lru_cache(maxsize=2)
def _load(spec: str, state: str) -> Corpus:
    """The native corpus; ``state`` stands for the files' state, so that a change is seen."""
    images = tuple(_BUILT_IN.get(spec, lambda: _folder_images(spec))())
    digest = hashlib.sha256()
    for image in images:
        name = image.name.encode()
        digest.update(f"{len(name)} {image.height} {image.width}\n".encode() + name)
        digest.update(image.pixels.data)
    return Corpus(corpus_name(spec), images, digest.hexdigest()[:16])


@lru_cache(maxsize=4)
def _cropped(native: Corpus, side: int) -> Corpus:
    images = []
    left_out = []
    for image in native.images:
        if min(image.height, image.width) < side:
            left_out.append(f"{image.name} ({image.width}×{image.height})")
            continue
        images.append(_image(image.name, _centre(image, side, side)))
    if not images:
        largest = max(min(image.height, image.width) for image in native.images)
        raise CorpusError(
            f"corpus {native.name!r} at resolution {side}: all {len(left_out)} images are "
            f"smaller; the resolution can be at most {largest}"
        )
    return Corpus(native.name, tuple(images), native.digest, tuple(left_out))


def _image(name: str, pixels: NDArray[np.uint8]) -> Image:
    import numpy as np

    pixels = np.ascontiguousarray(pixels)
    pixels.setflags(write=False)
    return Image(name, pixels)


def _centre(image: Image, height: int, width: int) -> NDArray[np.uint8]:
    top, left = (image.height - height) // 2, (image.width - width) // 2
    return image.pixels[top : top + height, left : left + width]


def _photo(name: str) -> Image:
    path, expected = _photo_path(name), PHOTOS[name]
    pixels = read_image(path)
    digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:16]
    if digest != expected:
        raise CorpusError(
            f"{path}: this scikit-image or Pillow gives other pixels ({digest}) than the "
            f"photograph of the corpus 'photos' ({expected}); install versions that agree, "
            "or measure on a folder of your own"
        )
    return _image(name, pixels)


def _photo_path(name: str) -> Path:
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise CorpusError("corpus 'photos': scikit-image is not installed; install scikit-image")
    path = Path(spec.origin).parent / "data" / name
    if not path.is_file():
        raise CorpusError(
            f"{path}: the photograph of the corpus 'photos' is missing; reinstall scikit-image, "
            "or measure on a folder of your own"
        )
    return path


def _conformance() -> Iterator[Image]:
    for name, (photograph, height, width) in _CROPS.items():
        yield _image(name, _centre(_photo(photograph), height, width))


_BUILT_IN: dict[str, Callable[[], Iterator[Image]]] = {
    "photos": lambda: map(_photo, PHOTOS),
    EDGE: lambda: starmap(Image, edge_images().items()),
    CONFORMANCE: _conformance,
    DOCUMENTS: lambda: starmap(_image, synthetic_documents("test")),
}


def _folder(spec: str) -> Path:
    folder = Path(spec).expanduser()
    if not folder.is_dir():
        what = "a file" if folder.exists() else "not there"
        raise CorpusError(
            f"corpus {spec!r} is {what}; expected {', '.join(map(repr, SHIPPED))} or a folder of "
            "images"
        )
    return folder


def _folder_images(spec: str) -> Iterator[Image]:
    folder = _folder(spec)
    paths: dict[str, Path] = {}
    for path in image_files(folder):
        name = name_below(folder, path)
        if not name.isprintable():  # control characters, or bytes that are no text
            raise CorpusError(f"{path!r}: a name that can't be printed; rename the file")
        if name in paths:
            raise CorpusError(f"{path}: has the same name as {paths[name]}; rename one of them")
        paths[name] = path
    if not paths:
        raise _no_image(spec)
    for name in sorted(paths):
        yield _image(name, read_image(paths[name]))


def _no_image(spec: str) -> CorpusError:
    return CorpusError(
        f"corpus {spec!r}: no image in this folder; expected files such as .png, .jpg or .tif"
    )


def _state(spec: str) -> str:
    """A text that changes when a folder's image files do; the built-in corpora have none."""
    if spec in _BUILT_IN:
        return ""
    lines = []
    for path in image_files(_folder(spec).resolve()):
        status = path.stat() if path.exists() else path.lstat()
        lines.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(lines)
