"""The header of a weights file: which codec it is of, and how that was trained."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_lic.errors import WeightsError
from pytest_lic.system.pickles import START, is_pickle
from pytest_lic.system.pointer_files import how_to_fetch

WEIGHTS = Path(__file__).parent.parent / "weights"
"""The folder of shipped weights."""
ADAPTED_FROM = "adapted_from"
"""Key of the header, of weights that hold only what differs from another file's; see `adapted`."""
HEADER = "lic_models"  # the one entry of a safetensors file's metadata that is ours


@dataclass(frozen=True)
class WeightsHeader:
    """The header of one weights file.

    Args:
        path: of the file.
        name: of the codec family.
        quality: label of the operating point.
        lmbda: λ it was trained for.
        components: class path and arguments of every component.
        training: how it was trained, for the reader.
        format_version: of the codec's bitstreams.
        adapted_from: the file that this one holds the differences from, and how it was adapted:
            ``file``, ``digest``, ``name``, ``quality`` and ``way``; None for whole weights.
    """

    path: Path
    name: str
    quality: str
    lmbda: float
    components: dict[str, Any]
    training: dict[str, Any]
    format_version: int = 1
    adapted_from: dict[str, str] | None = None


def read_header(path: Path) -> WeightsHeader:
    """The header of a weights file, without its tensors.

    Raises:
        WeightsError: a file that is missing or cut short, or no weights of a learned codec.
    """
    try:
        with path.open("rb") as file:
            start = file.read(START)
            refuse_pickle(path, start)
            (length,) = struct.unpack("<Q", start[:8])
            file.seek(8)
            if length > path.stat().st_size:
                raise ValueError("shorter than its header says")
            stated = json.loads(json.loads(file.read(length))["__metadata__"][HEADER])
        return WeightsHeader(
            path,
            str(stated["name"]),
            str(stated["quality"]),
            float(stated["lmbda"]),
            dict(stated["components"]),
            dict(stated["training"]),
            int(stated.get("format_version", 1)),
            _adapted_from(stated.get(ADAPTED_FROM)),
        )
    except OSError as error:
        raise WeightsError(
            f"{path}: can't be read ({error.strerror or error}); expected exported weights. Train "
            "and export them (python -m lic_models), or reinstall the package"
        ) from error
    except (struct.error, ValueError, KeyError, TypeError) as error:
        way_out = how_to_fetch(path)
        if way_out is not None:
            raise WeightsError(f"{path}: {way_out}") from error
        raise WeightsError(
            f"{path}: truncated, or no exported weights of lic_models "
            f"({type(error).__name__}: {error}); export them again"
        ) from error


def refuse_pickle(path: Path, start: bytes) -> None:
    """Raise WeightsError where the first `START` bytes of a file are those of a pickle."""
    if is_pickle(start):
        raise WeightsError(
            f"{path}: a pickle, which is never loaded since it can run code; convert it to "
            "safetensors where it was written (a checkpoint of fit: python -m lic_models export)"
        )


def file_digest(path: Path) -> str:
    """The SHA-256 of a weights file.

    Raises:
        WeightsError: a file that can't be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"{path}: can't be read ({error.strerror or error})") from error


def _adapted_from(stated: Any) -> dict[str, str] | None:
    if stated is None:
        return None
    return {key: str(stated[key]) for key in ("file", "digest", "name", "quality", "way")}
