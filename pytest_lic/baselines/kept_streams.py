"""Bitstreams that every later commit must still decode: a manifest and two files for each.

    baselines/conformance/
        fp-gdn.json                               what is known of each, readable in a diff
        fp-gdn/1-astronaut_128x96-6b1d….bin       the bitstream
        fp-gdn/1-astronaut_128x96-c07a….png       what it decoded to, without loss

A file's name ends in the digest of its content, so that recording anew overwrites none that the old
manifest names: whenever an update is interrupted, either the old or the new streams are whole.
Only the controller of a run writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_lic.baselines.json_file import (
    FORMAT,
    as_object,
    as_text,
    count,
    environment_named,
    environments_from_json,
    families_in,
    load_family,
    number,
    taken,
)
from pytest_lic.errors import BaselineError
from pytest_lic.images import png
from pytest_lic.measuring import coding
from pytest_lic.system.environment import Environment
from pytest_lic.system.files import write_whole

FOLDER = "conformance"
"""The folder of the manifests, within that of the baselines."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_SUFFIXES = (".bin", ".png")

Key = tuple[str, str]
"""What a stream is found by, within a family: quality and image."""


@dataclass(frozen=True)
class Stream:
    """What the manifest says of one kept bitstream.

    ``original``, ``bitstream`` and ``reconstruction`` are digests, and so is ``latents`` (of the
    decoded ones; None where the codec shows none). ``psnr`` is in dB, and None where nothing was
    lost. ``parts`` are the digests of `pytest_lic.SupportsParts`. ``commit`` is what was checked
    out when it was written, None outside a repository; ``changed``: tracked files differed from it.
    """

    quality: str
    image: str
    height: int
    width: int
    original: str
    format_version: int
    bytes: int
    bitstream: str
    reconstruction: str
    latents: str | None
    psnr: float | None
    commit: str | None
    changed: bool
    environment: Environment
    parts: Mapping[str, str]

    @property
    def key(self) -> Key:
        """What it is found by."""
        return self.quality, self.image

    @property
    def files(self) -> tuple[str, str]:
        """The names of its bitstream's and its reconstruction's file."""
        stem = f"{self.quality}-{self.image}"
        return f"{stem}-{self.bitstream}.bin", f"{stem}-{self.reconstruction}.png"


@dataclass(frozen=True, eq=False)
class Kept:
    """A bitstream, what is known of it, and the pixels that it decoded to, uint8 (H, W, 3)."""

    stream: Stream
    bitstream: bytes
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class KeptStreams:
    """The user's folder of kept bitstreams, and the shipped one that stands behind it.

    ``shipped`` is looked into for the families in ``shipped_families`` alone, where ``folder``
    has no stream of the quality and image. ``earlier`` is what the folder held at another commit:
    streams that lay there, or are shipped, are those that count.
    """

    folder: Path
    shipped: Path
    shipped_families: frozenset[str]
    earlier: Path | None = None

    def own(self, family: str) -> dict[Key, Stream]:
        """What the user's folder holds of a family, which may be nothing.

        Raises:
            BaselineError: the manifest is damaged or of a newer format.
        """
        return load(self.folder, family)

    def check(self, family: str) -> None:
        """BaselineError if a manifest that may be looked into can't be read."""
        for folder in (self.folder, self.earlier):
            if folder is not None:
                load(folder, family)

    def find(self, family: str, quality: str) -> list[tuple[Path, Stream]]:
        """The streams of one quality, each with the folder that it lies in.

        Raises:
            BaselineError: as `own`.
        """
        shipped = [self.shipped] if family in self.shipped_families else []
        places = [*shipped, self.folder]
        if self.earlier is not None:
            places = [self.folder, *shipped, self.earlier]
        found: dict[Key, tuple[Path, Stream]] = {}
        for folder in places:
            found |= {key: (folder, stream) for key, stream in load(folder, family).items()}
        return [found[key] for key in sorted(found) if key[0] == quality]

    def families(self) -> list[str]:
        """The families that the user's folder holds a manifest of."""
        return families_in(self.folder, "streams")


def load(folder: Path, family: str) -> dict[Key, Stream]:
    """Read one family's manifest; one that is not there names nothing.

    Raises:
        BaselineError: it is damaged, of another family or of a newer format.
    """
    return load_family(folder / f"{family}.json", family, _streams) or {}


def read(folder: Path, family: str, stream: Stream) -> Kept:
    """A stream with its two files.

    Raises:
        BaselineError: one of them is missing, can't be read, or is not what was recorded.
    """
    contents: list[bytes] = []
    advice = "restore it from version control, or record again with --lic-update"
    for name in stream.files:
        path = folder / family / name
        try:
            contents.append(path.read_bytes())
        except OSError as error:
            raise BaselineError(
                f"{path} can't be read ({error.strerror or error}); {advice}"
            ) from error
    bitstream, picture = contents
    try:
        pixels = png.decoded(picture)
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises any of them
        raise BaselineError(
            f"{path} is not the PNG that was recorded ({error}); {advice}"
        ) from error
    digests = (coding.digest(bitstream), coding.digest(pixels))
    for name, digest, recorded in zip(
        stream.files, digests, (stream.bitstream, stream.reconstruction), strict=True
    ):
        if digest != recorded:
            raise BaselineError(
                f"{folder / family / name} was changed since it was recorded: its digest is "
                f"{digest}, the manifest's {recorded}; {advice}"
            )
    return Kept(stream, bitstream, pixels)


def save(
    folder: Path, family: str, streams: Mapping[Key, Stream], new: Iterable[Kept] = ()
) -> None:
    """Make ``streams`` and ``new`` all that is kept of a family.

    The files of ``new`` are written first, then the manifest; last, files that it does not name are
    removed. ``streams`` must lie in the folder already.

    Raises:
        BaselineError: the folder or a file can't be written.
    """
    manifest, files = folder / f"{family}.json", folder / family
    named = dict(streams)
    try:
        for kept in new:
            named[kept.stream.key] = kept.stream
            content = (kept.bitstream, png.encoded(kept.pixels, optimize=True))
            for name, each in zip(kept.stream.files, content, strict=True):
                write_whole(files / name, each)
        if named:
            write_whole(manifest, _dumps(family, named.values()).encode())
        else:
            manifest.unlink(missing_ok=True)
        _remove_unnamed(files, {name for stream in named.values() for name in stream.files})
    except OSError as error:
        raise BaselineError(
            f"kept bitstreams {manifest} can't be written: {error}; they are as they were"
        ) from error


def _remove_unnamed(files: Path, named: set[str]) -> None:
    if not files.is_dir():
        return
    for path in files.iterdir():
        if path.suffix in _SUFFIXES and path.name not in named:
            path.unlink()
    if not any(files.iterdir()):
        files.rmdir()


def _dumps(family: str, streams: Iterable[Stream]) -> str:
    ordered = sorted(streams, key=lambda stream: stream.key)
    environments = {stream.environment.digest: stream.environment for stream in ordered}
    return as_text(
        {
            "format": FORMAT,
            "family": family,
            "environments": {name: environments[name].to_json() for name in sorted(environments)},
            "streams": [
                {**asdict(stream), "environment": stream.environment.digest} for stream in ordered
            ],
        }
    )


def _streams(stored: Mapping[str, Any]) -> dict[Key, Stream]:
    environments = environments_from_json(stored)
    streams: dict[Key, Stream] = {}
    for place, value in enumerate(taken(stored, "streams", list), start=1):
        try:
            stream = _stream(as_object(value), environments)
        except ValueError as error:
            raise ValueError(f"stream {place}: {error}") from error
        if stream.key in streams:
            raise ValueError(f"stream {place}: {stream.files[0]} is there already")
        streams[stream.key] = stream
    return streams


def _stream(stored: Mapping[str, Any], environments: Mapping[str, Environment]) -> Stream:
    names = ("quality", "image", "bitstream", "reconstruction")  # of which file names are made
    for name in names:
        if not _NAME.fullmatch(taken(stored, name, str)):
            raise ValueError(f"{name} is {stored[name]!r}; expected letters, digits and . _ + -")
    parts = taken(stored, "parts", dict)
    if not all(isinstance(digest, str) for digest in parts.values()):
        raise ValueError("parts holds what is no digest")
    return Stream(
        quality=stored["quality"],
        image=stored["image"],
        height=count(stored, "height"),
        width=count(stored, "width"),
        original=taken(stored, "original", str),
        format_version=count(stored, "format_version"),
        bytes=count(stored, "bytes"),
        bitstream=stored["bitstream"],
        reconstruction=stored["reconstruction"],
        latents=_text_or_none(stored, "latents"),
        psnr=number(stored, "psnr"),
        commit=_text_or_none(stored, "commit"),
        changed=taken(stored, "changed", bool),
        environment=environment_named(stored, environments),
        parts=parts,
    )


def _text_or_none(stored: Mapping[str, Any], key: str) -> str | None:
    return None if stored.get(key) is None else taken(stored, key, str)
