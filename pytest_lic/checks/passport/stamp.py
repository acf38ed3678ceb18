"""The stamp: what one machine found when it decoded another's pack, and the stamp's file.

A stamp ends in a digest of its content. That is no signature, for whoever can compute one can forge
a stamp; it refuses one that was edited or damaged.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from pytest_lic.checks.agreement import Agreement
from pytest_lic.checks.passport.pack import Name
from pytest_lic.errors import PassportError
from pytest_lic.system.environment import Environment
from pytest_lic.system.typed_json import JsonFile, as_text, plain, structured

FORMAT = 1
_FILE = JsonFile(
    "passport stamp", PassportError, "write it again with pytest-lic passport check", FORMAT
)
Number = Annotated[int, Meta(ge=0)]


@dataclass(frozen=True)
class Side:
    """A machine: what it is called, and its environment."""

    machine: Name
    environment: Environment


@dataclass(frozen=True)
class Checked:
    """How one operating point's bitstreams decoded, in numbers of images.

    Args:
        family: of the codec.
        quality: of the codec.
        identical: images of the same pixels and latents.
        within: those of the same latents, with pixels a level apart.
        broken: those that are out of step.
        stage: the first that differs, in the image that ``first`` tells of; empty if none.
        first: the first difference, of a broken image if there is one.
        unavailable: why the codec can't run where it was to decode; then nothing is counted.
        encoder: how the bitstreams that are made here of the same images differ; empty where they
            don't, or where the images or the codec's stages are not at hand.
    """

    family: Name
    quality: Name
    identical: Number = 0
    within: Number = 0
    broken: Number = 0
    stage: str = ""
    first: str = ""
    unavailable: str = ""
    encoder: str = ""

    @property
    def name(self) -> str:
        """Such as ``msh-gdn q3``."""
        return f"{self.family} q{self.quality}"

    @property
    def agreement(self) -> Agreement | None:
        """The worst of its images; None where nothing was decoded."""
        counts = {
            Agreement.BROKEN: self.broken,
            Agreement.WITHIN: self.within,
            Agreement.IDENTICAL: self.identical,
        }
        return next((kind for kind, count in counts.items() if count), None)


@dataclass(frozen=True)
class Stamp:
    """That ``decoder`` decoded what ``encoder`` encoded, and how each codec fared.

    ``pack`` is the digest of the pack, ``digest`` that of the stamp itself.
    """

    format: int
    encoder: Side
    decoder: Side
    pack: str
    codecs: tuple[Checked, ...]
    digest: str = ""

    @property
    def broken(self) -> bool:
        """Whether any bitstream is out of step."""
        return any(checked.broken for checked in self.codecs)


def stamp_text(stamp: Stamp) -> str:
    """The stamp's file, its digest in it."""
    return as_text(_stored(replace(stamp, digest=_digest(stamp))))


def read_stamp(path: Path) -> Stamp:
    """The stamp of a file.

    Raises:
        PassportError: it can't be read, is no stamp, is of a newer format, or its content is not
            what its digest says.
    """
    stored = _FILE.read(path)
    with _FILE.parsing(path):
        stamp = structured(stored, Stamp)
    if stamp.digest != _digest(stamp):
        raise PassportError(
            f"passport stamp {path} was edited or damaged: its content is not what its digest "
            "says; write it again with pytest-lic passport check"
        )
    return stamp


def _stored(stamp: Stamp) -> dict[str, Any]:
    """As a stamp was written before `Checked` had an ``encoder``, where there is nothing in it."""
    stored: dict[str, Any] = plain(stamp)
    for codec in stored["codecs"]:
        if not codec.get("encoder"):
            codec.pop("encoder", None)
    return stored


def _digest(stamp: Stamp) -> str:
    text = json.dumps(_stored(replace(stamp, digest="")), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
