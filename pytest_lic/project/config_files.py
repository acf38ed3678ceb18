"""Codecs described by files: asks the installed readers, one after the other.

A package registers its reader with an entry point in the group `READERS`: a function
``read(path) -> Iterable[CodecFamily] | None`` that returns None for a file that is not of its kind
and raises a `LicError` for one that is, but can't be honoured.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import LicError, UsageError, is_crash

READERS = "pytest_lic.configs"


def read_config(path: Path) -> list[CodecFamily]:
    """The families that the file ``path`` describes, from the first reader that takes it.

    Raises:
        UsageError: no such file, no reader takes it, or the one that does can't make families of
            it; the text names the file.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise UsageError(f"config {path} {what}; expected a file that describes a codec")
    readers = sorted(metadata.entry_points(group=READERS), key=lambda entry: entry.name)
    if not readers:
        raise UsageError(
            f"config {path} can't be read: no installed package reads codec configs; install one "
            f"that registers an entry point in the group {READERS}"
        )
    for reader in readers:
        families = _read(reader, path)
        if families is not None:
            return families
    known = ", ".join(f"{reader.name} ({reader.value})" for reader in readers)
    raise UsageError(
        f"config {path} describes no codec that an installed reader knows; the readers are {known}"
    )


def _read(reader: metadata.EntryPoint, path: Path) -> list[CodecFamily] | None:
    """What one reader makes of the file; None where it is not of its kind."""
    blamed = f"config {path}: reader {reader.name} = {reader.value}"
    try:
        described = reader.load()(path)
        families = None if described is None else list(described)
    except LicError as error:
        text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
        raise UsageError(text if str(path) in text else f"config {path}: {text}") from error
    except BaseException as error:  # parsers of command lines exit
        if not is_crash(error):
            raise
        raise UsageError(
            f"{blamed} failed: {type(error).__name__}: {error}; mend it, or uninstall the package "
            "that registers it"
        ) from error
    for family in families or ():
        if not isinstance(family, CodecFamily):
            raise UsageError(f"{blamed} gave {family!r:.60}; expected CodecFamily objects")
    if families == []:
        raise UsageError(f"config {path} describes no codec: reader {reader.name} found none in it")
    return families
