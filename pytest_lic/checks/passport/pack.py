"""The pack: a zip with ``pack.json`` and, without folders, bitstreams and kept values.

Nothing in it is a pickle, nothing is unpacked to disk, and before anything is read the number, the
names and the claimed sizes of its members are looked at.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from pytest_lic.checks.passport.stage_record import Member, StageRecord
from pytest_lic.errors import PassportError
from pytest_lic.system.environment import Environment
from pytest_lic.system.typed_json import JsonFile, plain, structured

FORMAT = 1
_MANIFEST = "pack.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MOST_MEMBERS = 200_000
_MOST_BYTES = 2**28  # of one member
_MOST_IN_ALL = 2**32
_ADVICE = "make it again"
_FILE = JsonFile("passport pack", PassportError, _ADVICE, newest=FORMAT)
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)

Name = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]+$", max_length=200)]
Pixels = Annotated[int, Meta(ge=1, le=2**16)]


@dataclass(frozen=True)
class PackedImage:
    """One image of a pack: its bitstream, and what was computed of it where it was made.

    Args:
        name: of the image.
        height: in pixels.
        width: in pixels.
        bitstream: the file that holds it.
        stages: what its decoder computed.
        encoder: what its encoder computed before, as far as the codec shows it.
        source: a digest of the image's own pixels; empty where it is not known.
    """

    name: Name
    height: Pixels
    width: Pixels
    bitstream: Member
    stages: tuple[StageRecord, ...]
    encoder: tuple[StageRecord, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class PackedCodec:
    """One operating point: ``parts`` are the digests of its weights and tables, if known."""

    family: Name
    quality: Name
    parts: Mapping[str, str]
    images: Annotated[tuple[PackedImage, ...], Meta(min_length=1)]


@dataclass(frozen=True)
class Pack:
    """What a pack tells: ``machine`` is what whoever made it calls the machine."""

    format: int
    machine: Name
    environment: Environment
    codecs: tuple[PackedCodec, ...]


class PackWriter:
    """A pack that is being filled.

    Args:
        archive: of the pack.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, member: str, content: bytes) -> None:
        """Put one member in."""
        # One date for all, so that equal packs are equal files.
        entry = zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0))
        self._archive.writestr(entry, content, zipfile.ZIP_DEFLATED)

    def finish(self, pack: Pack) -> None:
        """Put in what it tells."""
        self.add(_MANIFEST, json.dumps(plain(pack), ensure_ascii=False, allow_nan=False).encode())


class PackReader:
    """An opened pack.

    Args:
        path: of its file.
        archive: checked.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive
        manifest = self.content(_MANIFEST)
        self.digest = hashlib.sha256(manifest).hexdigest()
        """Of all that it tells, which has the digests of the values that it keeps."""
        with _FILE.parsing(path):
            stored = json.loads(manifest)
            if not isinstance(stored, dict) or type(stored.get("format")) is not int:
                raise ValueError(f"{_MANIFEST} has no format")
        if stored["format"] > FORMAT:
            raise PassportError(
                f"passport pack {path} is of format {stored['format']}; this pytest-lic reads up "
                f"to {FORMAT}: upgrade it"
            )
        with _FILE.parsing(path):
            self.pack = structured(stored, Pack)
            names = [f"{codec.family} q{codec.quality}" for codec in self.pack.codecs]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"it has {twice} twice")

    def content(self, member: str) -> bytes:
        """The content of a member.

        Raises:
            PassportError: it is not there, or damaged.
        """
        try:
            return self._archive.read(member)
        except KeyError:
            raise _damaged(self._path, f"it has no {member}") from None
        except _UNREADABLE as error:
            raise _damaged(self._path, f"{member}: {error}") from error

    @contextmanager
    def reading(self, member: str) -> Iterator[bytes]:
        """The content of a member; a ValueError about it says what is damaged in the file."""
        content = self.content(member)
        with _FILE.parsing(self._path):
            yield content


@contextmanager
def new_pack(path: Path) -> Iterator[PackWriter]:
    """A pack to be filled at ``path``, which is there to be replaced."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        yield PackWriter(archive)


@contextmanager
def opened_pack(path: Path) -> Iterator[PackReader]:
    """A pack to be read.

    Raises:
        PassportError: no such file, no zip, or one with members that no pack has: a name that
            leaves its folder, a claimed size that is absurd, too many of them.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _UNREADABLE as error:
        if isinstance(error, OSError):
            raise PassportError(f"passport pack {path} can't be read: {error}") from error
        raise _damaged(path, str(error)) from error
    with archive:
        _check(path, archive.infolist())
        yield PackReader(path, archive)


def _check(path: Path, members: list[zipfile.ZipInfo]) -> None:
    subject = f"passport pack {path}"
    if len(members) > _MOST_MEMBERS:
        raise PassportError(f"{subject} has {len(members)} files; expected at most {_MOST_MEMBERS}")
    seen: set[str] = set()
    for member in members:
        shown = ascii(member.filename)[:120]
        if not _NAME.fullmatch(member.filename):
            raise PassportError(
                f"{subject} holds {shown}, a path that is none of a pack's: those are names of "
                "letters, digits and . _ - without folders; nothing of it was read"
            )
        if member.filename in seen:
            raise PassportError(f"{subject} holds {shown} twice; {_ADVICE}")
        seen.add(member.filename)
        if member.file_size > _MOST_BYTES:
            raise PassportError(
                f"{subject}: {shown} claims {member.file_size} bytes; a pack's files have at most "
                f"{_MOST_BYTES}; nothing of it was read"
            )
    total = sum(member.file_size for member in members)
    if total > _MOST_IN_ALL:
        raise PassportError(
            f"{subject} claims {total} bytes in all; expected at most {_MOST_IN_ALL}: make one of "
            "fewer codecs or smaller images"
        )


def _damaged(path: Path, why: str) -> PassportError:
    return PassportError(f"passport pack {path} is damaged: {why}; {_ADVICE}")
