"""Warnings and logs of the libraries that are no news to someone who trains a codec, left out."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import TextIO

_NO_NEWS = (
    r".*does not have many workers",
    r".*`torch\.jit\.\w+` is deprecated",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated",
    r".*exists and is not empty",
    r".*number of training batches .* is smaller than the logging interval",
    r".*Unable to import `?dependency",
    r".*callbacks used to create the checkpoint need to be provided",
    r".*lr_scheduler\.step\(\)` before `optimizer\.step",
)


def silence_warnings() -> None:
    """Leave out warnings that are no news; the others get a line, without a place in the sources.

    To be called before the libraries are imported.
    """
    for message in _NO_NEWS:
        warnings.filterwarnings("ignore", message=message)
    for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
        warnings.filterwarnings("ignore", category=category)
    warnings.showwarning = _show


def silence_logs() -> None:
    """Leave out Lightning's tips and reports. To be called once it has been imported."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"warning: {' '.join(str(message).split())}", file=file or sys.stderr, flush=True)
