"""Loss on held-out photographs against the pixels trained on: one figure for all families."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from lic_models.storage.checkpoint import describe_checkpoint
from lic_models.training.metrics_file import NAME as METRICS
from lic_models.training.run_folder import CHECKPOINTS, LAST
from pytest_lic.errors import UsageError


def draw(runs: Path, target: Path) -> None:
    """Draw the validation losses of every run below ``runs``.

    One panel for each λ, one line for each family.

    Args:
        runs: a folder of run folders.
        target: an image file, such as .svg or .png.

    Raises:
        UsageError: no run was validated, or a format that matplotlib can't write.
    """
    panels: dict[float, dict[str, list[tuple[float, float]]]] = {}
    for checkpoint in sorted(runs.glob(f"*/{CHECKPOINTS}/{LAST}")):
        described = describe_checkpoint(checkpoint)
        training = described["training"]
        step_pixels = training["pixels"] / max(1, training["steps"])
        points = list(_losses(checkpoint.parent.parent / METRICS, step_pixels / 1e9))
        if points:
            panels.setdefault(described["lmbda"], {})[described["name"]] = points
    if not panels:
        raise UsageError(f"{runs}: no run that has been validated; train some first")

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.2 * len(panels), 4.2), layout="constrained", squeeze=False
    )
    families = sorted({family for panel in panels.values() for family in panel})
    colours = {family: f"C{index % 10}" for index, family in enumerate(families)}
    for axis, (lmbda, panel) in zip(axes[0], sorted(panels.items()), strict=True):
        for family, points in sorted(panel.items()):
            axis.plot(*zip(*points, strict=True), color=colours[family], label=family, lw=1)
        axis.set(title=f"λ = {lmbda:g}", xlabel="gigapixels", xscale="log")
    axes[0][0].set_ylabel("loss on held-out photographs: λ · 255² · MSE + bpp")
    axes[0][-1].legend()
    try:
        figure.savefig(target)
    except ValueError as error:
        raise UsageError(f"{target}: {error}") from error
    finally:
        plt.close(figure)


def _losses(path: Path, gigapixels: float) -> Iterator[tuple[float, float]]:
    """(gigapixels, validation loss) of each validation in a log."""
    if not path.is_file():
        return
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row.get("validation_loss"):
                yield (int(row["step"]) + 1) * gigapixels, float(row["validation_loss"])
