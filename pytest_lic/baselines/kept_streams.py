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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from msgspec import Meta

from pytest_lic.baselines.layered import (
    FILE,
    FORMAT,
    FamilyFile,
    Layered,
    by_digest,
    load_family,
    named_in,
)
from pytest_lic.errors import BaselineError
from pytest_lic.images import png
from pytest_lic.measuring import coding
from pytest_lic.system.environment import Environment
from pytest_lic.system.files import write_whole
from pytest_lic.system.typed_json import Count, Finite, as_text, plain, structured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = "conformance"
"""The folder of the manifests, within that of the baselines."""
_SUFFIXES = (".bin", ".png")

FilePart = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._+-]*\Z")]
"""A text of which file names are made: letters, digits and . _ + -"""


class StreamKey(NamedTuple):
    """What a kept bitstream is found by, within a family."""

    quality: str
    image: str


@dataclass(frozen=True)
class Stream:
    """What is known of one kept bitstream.

    ``original``, ``bitstream`` and ``reconstruction`` are digests, and so is ``latents`` (of the
    decoded ones; None where the codec shows none). ``psnr`` is in dB, and None where nothing was
    lost. ``parts`` are the digests of `pytest_lic.SupportsParts`. ``commit`` is what was checked
    out when it was written, None outside a repository; ``changed``: tracked files differed from it.
    """

    quality: FilePart
    image: FilePart
    height: Count
    width: Count
    original: str
    format_version: Count
    bytes: Count
    bitstream: FilePart
    reconstruction: FilePart
    latents: str | None
    psnr: Finite | None
    commit: str | None
    changed: bool
    environment: Environment
    parts: Mapping[str, str]

    @property
    def key(self) -> StreamKey:
        """What it is found by."""
        return StreamKey(self.quality, self.image)

    @property
    def files(self) -> tuple[str, str]:
        """The names of its bitstream's and its reconstruction's file."""
        stem = f"{self.quality}-{self.image}"
        return f"{stem}-{self.bitstream}.bin", f"{stem}-{self.reconstruction}.png"


class Manifest(FamilyFile, frozen=True, kw_only=True):
    """The file of a family's kept bitstreams, each a `Stream` with its environment's digest."""

    streams: list[dict[str, Any]]


@dataclass(frozen=True)
class Kept:
    """A bitstream, what is known of it, and the PNG file of what it decoded to."""

    stream: Stream
    bitstream: bytes
    picture: bytes

    @classmethod
    def of(cls, stream: Stream, bitstream: bytes, pixels: NDArray[np.uint8]) -> Kept:
        """From what it decoded to, uint8 (H, W, 3)."""
        return cls(stream, bitstream, png.encoded(pixels, optimize=True))

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """What it decoded to, uint8 (H, W, 3); ValueError where the picture is not RGB."""
        return png.decoded(self.picture)


def load(folder: Path, family: str) -> dict[StreamKey, Stream]:
    """Read one family's manifest; one that is not there names nothing.

    Raises:
        BaselineError: it is damaged, of another family or of a newer format.
    """
    path = folder / f"{family}.json"
    manifest = load_family(path, family, Manifest)
    streams: dict[StreamKey, Stream] = {}
    if manifest is None:
        return streams
    for number, entry in enumerate(manifest.streams):
        place = f"$.streams[{number}]"
        with FILE.parsing(path):
            environment = plain(named_in(manifest.environments, entry.get("environment")))
            stream = structured({**entry, "environment": environment}, Stream, place)
            if stream.key in streams:
                raise ValueError(f"{place}: {stream.files[0]} is there already")
        streams[stream.key] = stream
    return streams


@dataclass(frozen=True)
class KeptStreams(Layered[StreamKey, Stream]):
    """The folders of kept bitstreams."""

    listed_under = "streams"
    load = staticmethod(load)

    def find(self, family: str, quality: str) -> list[tuple[Path, Stream]]:
        """The streams of one quality, each with the folder that it lies in.

        Raises:
            BaselineError: a manifest is damaged or of a newer format.
        """
        return [
            place for key, place in sorted(self.counting(family).items()) if key.quality == quality
        ]


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
    kept = Kept(stream, *contents)
    try:
        digests = (coding.digest(kept.bitstream), coding.digest(kept.pixels))
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises any of them
        raise BaselineError(
            f"{path} is not the PNG that was recorded ({error}); {advice}"
        ) from error
    for name, digest, recorded in zip(
        stream.files, digests, (stream.bitstream, stream.reconstruction), strict=True
    ):
        if digest != recorded:
            raise BaselineError(
                f"{folder / family / name} was changed since it was recorded: its digest is "
                f"{digest}, the manifest's {recorded}; {advice}"
            )
    return kept


def save(
    folder: Path, family: str, streams: Mapping[StreamKey, Stream], new: Iterable[Kept] = ()
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
            for name, content in zip(
                kept.stream.files, (kept.bitstream, kept.picture), strict=True
            ):
                write_whole(files / name, content)
        if named:
            write_whole(manifest, dumps(family, named.values()).encode())
        else:
            manifest.unlink(missing_ok=True)
        _remove_unnamed(files, {name for stream in named.values() for name in stream.files})
    except OSError as error:
        raise BaselineError(
            f"kept bitstreams {manifest} can't be written: {error}; they are as they were"
        ) from error


def dumps(family: str, streams: Iterable[Stream]) -> str:
    """The manifest of a family as text, the same for the same streams in whatever order."""
    ordered = sorted(streams, key=lambda stream: stream.key)
    environments = by_digest(stream.environment for stream in ordered)
    entries = [plain(stream) | {"environment": stream.environment.digest} for stream in ordered]
    return as_text(
        plain(Manifest(format=FORMAT, family=family, environments=environments, streams=entries))
    )


def _remove_unnamed(files: Path, named: set[str]) -> None:
    if not files.is_dir():
        return
    for path in files.iterdir():
        if path.suffix in _SUFFIXES and path.name not in named:
            path.unlink()
    if not any(files.iterdir()):
        files.rmdir()
