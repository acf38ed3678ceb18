"""The folder of a training run, and the checkpoint that it goes on from.

runs/NAME-QUALITY/
    config.yaml            the resolved config
    metrics.csv            what was measured on the way
    checkpoints/last.ckpt  the state after the last validation, or when the run stopped
    checkpoints/best.ckpt  that of the lowest validation loss

A folder holds one run. A resumed one goes on in the folder of its checkpoint.
"""

from __future__ import annotations

from pathlib import Path

from pytest_lic.errors import UsageError

RUNS = "runs"
CHECKPOINTS = "checkpoints"
LAST, BEST = "last.ckpt", "best.ckpt"
CONFIG = "config.yaml"
_METRICS = "metrics.csv"
_SHORT = {"last": LAST, "best": BEST}


def checkpoint_path(name: str, folder: Path) -> Path:
    """The checkpoint that ``--ckpt_path`` means.

    Args:
        name: a path, or "last" or "best" for that of the run in ``folder``.
        folder: of the run that this codec's config and quality stand for.

    Raises:
        UsageError: there is no such file.
    """
    path = folder / CHECKPOINTS / _SHORT[name] if name in _SHORT else Path(name).expanduser()
    if path.is_file():
        return path
    asked = f"--ckpt_path={name}: "
    if name in _SHORT:
        raise UsageError(f"{asked}{path} is not there; give the path of a checkpoint")
    what = "is a folder" if path.is_dir() else "no such file"
    raise UsageError(f"{asked}{what}; expected a checkpoint, such as {folder / CHECKPOINTS / LAST}")


def folder_of(checkpoint: Path) -> Path | None:
    """The run that a checkpoint belongs to; None for one that lies elsewhere."""
    path = checkpoint if len(checkpoint.parts) > 2 else checkpoint.absolute()
    return path.parent.parent if path.parent.name == CHECKPOINTS else None


def refuse_earlier_run(folder: Path, elsewhere: str) -> None:
    """Keep a new run from writing over an earlier one.

    Args:
        folder: of the new run.
        elsewhere: the option that chooses another folder.

    Raises:
        UsageError: ``folder`` holds a run already.
    """
    last = folder / CHECKPOINTS / LAST
    if last.is_file():
        raise UsageError(
            f"{folder}: holds an earlier run; go on with it (--ckpt_path=last), delete it, or "
            f"choose another folder ({elsewhere})"
        )
    if (folder / _METRICS).is_file():
        raise UsageError(
            f"{folder}: holds an earlier run, which left no checkpoint; delete it, or choose "
            f"another folder ({elsewhere})"
        )
