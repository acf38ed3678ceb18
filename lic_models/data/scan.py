"""Finding a data set's image files and refusing bad ones before training starts.

Only headers are read, so that tens of thousands of files take seconds.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from PIL import Image
from tqdm import tqdm

from pytest_lic.errors import CorpusError
from pytest_lic.images.finding import image_files, name_below
from pytest_lic.images.reading import check_image

OnBroken = Literal["raise", "skip"]
_Item = TypeVar("_Item")
_Used = TypeVar("_Used")

_QUIET_SECONDS = 3.0


@dataclass(frozen=True)
class ImageFile:
    """An image file whose header has been read: its name in the data set, its size in pixels."""

    name: str
    path: Path
    width: int
    height: int


def existing_folder(path: Path, expected: str) -> Path:
    """``path``, if it is a folder.

    Raises:
        CorpusError: it is not; the message says what was ``expected`` there.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        what = "a file, not a folder" if folder.exists() else "no such folder"
        raise CorpusError(f"{folder}: {what}; --data.path expects {expected}")
    return folder


def images_below(folder: Path) -> dict[str, Path]:
    """Every image file below a folder: its path below it → the file, sorted (see `image_files`).

    Raises:
        CorpusError: a folder in it that can't be listed.
    """
    return dict(sorted((name_below(folder, path), path) for path in image_files(folder)))


def examine(files: Mapping[str, Path], smallest: int, on_broken: OnBroken) -> list[ImageFile]:
    """Read the headers of ``files``, in their order.

    Args:
        files: name in the data set → path.
        smallest: pixels that the shorter side must have.
        on_broken: "raise", or "skip" to leave unusable files out with one warning each.

    Raises:
        CorpusError: naming the path: a file that is missing, unreadable, not 8-bit RGB or grey,
            or smaller than ``smallest``; or nothing is left.
    """
    return usable_of(
        files.items(), lambda file: _examine(*file, smallest), "reading image headers", on_broken
    )


def usable_of(
    items: Collection[_Item], use: Callable[[_Item], _Used], doing: str, on_broken: OnBroken
) -> list[_Used]:
    """What ``use`` makes of the items, behind a progress bar; those that it refuses left out.

    Args:
        items: of one image each.
        use: may raise `CorpusError`.
        doing: what is done, for the bar.
        on_broken: see `examine`.

    Raises:
        CorpusError: an image that can't be used; or none can.
    """
    usable: list[_Used] = []
    problems: list[str] = []
    for item in tqdm(items, doing, delay=_QUIET_SECONDS, mininterval=1.0, leave=False):
        try:
            usable.append(use(item))
        except CorpusError as error:
            problems.append(str(error))
    report_broken(problems, on_broken)
    if not usable:
        raise CorpusError(f"{problems[-1]}; it was the last: no usable image is left")
    return usable


def refuse_smaller(file: ImageFile, smallest: int) -> None:
    """Raise `CorpusError` if the shorter side has fewer than ``smallest`` pixels."""
    if min(file.width, file.height) < smallest:
        raise CorpusError(
            f"{file.path}: {file.width}×{file.height} pixels, smaller than the crop of "
            f"{smallest}×{smallest}; take it out or ask for a smaller --data.crop_size"
        )


def report_broken(problems: Collection[str], on_broken: OnBroken) -> None:
    """Raise the first of the problems, or warn of each."""
    for problem in problems:
        if on_broken == "raise":
            others = f" ({len(problems) - 1} more can't be used)" if len(problems) > 1 else ""
            raise CorpusError(f"{problem}, or go on without it: --data.on_broken=skip{others}")
        warnings.warn(f"left out: {problem}", stacklevel=3)


def hold_out(names: Collection[str], share: float) -> set[str]:
    """The names held out for validation: about ``share`` of them, at least one and never all.

    Each name's hash decides, so that adding images moves none from one side to the other (except
    where the share would be no image, or all).

    Args:
        names: two or more.
        share: 0 to 1.
    """
    first, *between, last = sorted(names, key=_fraction)
    return {first, *(name for name in between if _fraction(name) < share)} - {last}


def _fraction(name: str) -> float:
    """A name's hash as a number in [0, 1)."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48


def _examine(name: str, path: Path, smallest: int) -> ImageFile:
    check_image(path)
    with Image.open(path) as image:
        file = ImageFile(name, path, *image.size)
    refuse_smaller(file, smallest)
    return file
