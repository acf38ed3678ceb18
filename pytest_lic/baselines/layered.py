"""What is recorded, one JSON file a family, in the folders that are looked into one after another.

Baselines and kept bitstreams have this in common. People edit these files, and so do merges: every
value is checked on the way back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, Literal, TypeVar

import msgspec

from pytest_lic.errors import BaselineError
from pytest_lic.system.environment import Environment
from pytest_lic.system.typed_json import JsonFile, structured

FORMAT: Literal[1] = 1
FILE = JsonFile(
    "baseline",
    BaselineError,
    "restore it from version control, or delete it and record again with --lic-update",
    newest=FORMAT,
)
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_File = TypeVar("_File", bound="FamilyFile")


class FamilyFile(msgspec.Struct, frozen=True, kw_only=True):
    """What the files of a family have in common; environments stand in it by their digests."""

    format: Literal[1]
    family: str
    environments: dict[str, Environment]


@dataclass(frozen=True)
class Layered(ABC, Generic[_Key, _Value]):
    """The user's folder of what is recorded, and the shipped one that stands behind it.

    ``shipped`` is looked into for the families in ``shipped_families`` alone, where ``folder`` has
    nothing of a key. ``earlier`` is what the folder held at another commit: where that, or the
    shipped one, has a key, what ``folder`` says now does not count.
    """

    folder: Path
    shipped: Path
    shipped_families: frozenset[str]
    earlier: Path | None = None

    listed_under: ClassVar[str]
    """The key of a family's file that lists what is recorded."""

    @staticmethod
    @abstractmethod
    def load(folder: Path, family: str) -> dict[_Key, _Value]:
        """What a folder holds of a family.

        Raises:
            BaselineError: the file is damaged, of another family or of a newer format.
        """

    def own(self, family: str) -> dict[_Key, _Value]:
        """What the user's folder holds of a family, which may be nothing."""
        return self.load(self.folder, family)

    def check(self, family: str) -> None:
        """BaselineError if a file that may be looked into can't be read."""
        for folder in (self.folder, self.earlier):
            if folder is not None:
                self.load(folder, family)

    def counting(self, family: str) -> dict[_Key, tuple[Path, _Value]]:
        """What counts of a family, each with the folder that it lies in.

        Raises:
            BaselineError: as `load`.
        """
        shipped = [self.shipped] if family in self.shipped_families else []
        folders = [*shipped, self.folder]
        if self.earlier is not None:
            folders = [self.folder, *shipped, self.earlier]
        counting: dict[_Key, tuple[Path, _Value]] = {}
        for folder in folders:  # the later ones count
            counting |= {key: (folder, value) for key, value in self.load(folder, family).items()}
        return counting

    def families(self) -> list[str]:
        """The families that the user's folder holds a file of; other JSON may lie beside them."""
        return families_in(self.folder, self.listed_under)


@dataclass(frozen=True)
class Keyed(Layered[_Key, _Value]):
    """Where what is recorded is found by its key."""

    def find(self, family: str, key: _Key) -> _Value | None:
        """What counts of one key, or None where nothing is recorded.

        Raises:
            BaselineError: a file is damaged or of a newer format.
        """
        place = self.counting(family).get(key)
        return None if place is None else place[1]


def families_in(folder: Path, listed_under: str) -> list[str]:
    """The families that a folder holds a file of; other JSON may lie beside them."""
    files = folder.glob("[!.]*.json")
    return sorted(path.stem for path in files if _is_of(path, path.stem, listed_under))


def load_family(path: Path, family: str, kind: type[_File]) -> _File | None:
    """One family's file; None where there is none.

    Raises:
        BaselineError: the file is damaged, of another family or of a newer format.
    """
    try:
        stored = FILE.read(path)
    except BaselineError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    with FILE.parsing(path):
        file = structured(stored, kind)
        if file.family != family:
            raise ValueError(f"it is of family {file.family!r}, not {family!r}")
    return file


def by_digest(environments: Iterable[Environment]) -> dict[str, Environment]:
    """Environments as a family's file has them: each once, sorted."""
    named = {environment.digest: environment for environment in environments}
    return {digest: named[digest] for digest in sorted(named)}


def named_in(environments: Mapping[str, Environment], digest: object) -> Environment:
    """The environment of an entry; ValueError where there is none of its digest."""
    if not isinstance(digest, str) or digest not in environments:
        raise ValueError(f"environment {digest!r} is not among the environments")
    return environments[digest]


def _is_of(path: Path, family: str, listed_under: str) -> bool:
    try:
        stored = FILE.read(path)
    except BaselineError:
        return False
    return isinstance(stored, dict) and listed_under in stored and stored.get("family") == family
