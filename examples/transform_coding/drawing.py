"""The pictures of docs/transform-coding.md, each a function of what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from bound import BoundPoint
from codes import Code, Measured
from source import density

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

PICTURES = Path("pictures")
COLOURS = {"linear": "#c44e00", "non-linear": "#00796b", "vector": "#5e35b1"}
_VIEW = (-10.0, 6.0, -5.0, 10.0)


@torch.no_grad()
def cells(codes: Mapping[str, Code], name: str) -> None:
    """For each code the borders of its cells, over the density, and its code vectors."""
    across = np.linspace(*_VIEW[:2], 720, dtype=np.float32)
    up = np.linspace(*_VIEW[2:], 675, dtype=np.float32)
    points = torch.from_numpy(np.stack(np.meshgrid(across, up), -1).reshape(-1, 2))
    shape = len(up), len(across)
    shade = density(points).reshape(shape).sqrt()
    likely = density(points) > 1e-6
    figure, axes = plt.subplots(1, len(codes), figsize=(12, 4.2), layout="constrained")
    for axis, (kind, code) in zip(axes, codes.items(), strict=True):
        coded = code.coded(points)
        numbers = coded.cells.reshape(shape)
        borders = torch.zeros(shape, dtype=torch.bool)
        borders[:, 1:] |= numbers[:, 1:] != numbers[:, :-1]
        borders[1:] |= numbers[1:] != numbers[:-1]
        axis.imshow(shade, extent=_VIEW, origin="lower", cmap="Greys", vmax=2 * float(shade.max()))
        lines = np.ma.masked_where(~borders.numpy(), np.ones(shape))
        axis.imshow(lines, extent=_VIEW, origin="lower", cmap="Blues", vmin=0, vmax=1.2)
        vectors = coded.values[likely].unique(dim=0)
        axis.plot(*vectors.T, "o", color=COLOURS[kind], markersize=2.5)
        axis.set(title=kind, xlim=_VIEW[:2], ylim=_VIEW[2:], aspect="equal")
    _save(figure, name)


def curves(
    points: Mapping[str, Sequence[Measured]], bound: Sequence[BoundPoint], name: str
) -> None:
    """Bits against the error in dB, of codes and of the bound."""
    figure, axis = plt.subplots(figsize=(6, 4.2), layout="constrained")
    shown = sorted((each.rate, _decibels(each.distortion)) for each in bound)
    axis.plot(*zip(*shown, strict=True), color="black", label="Shannon's bound: no code is above")
    for kind, measured in points.items():
        shown = sorted((each.rate, _decibels(each.distortion)) for each in measured)
        axis.plot(*zip(*shown, strict=True), "o-", color=COLOURS[kind], label=kind)
    axis.set(xlabel="bits a point", ylabel="squared error, dB below one", xlim=(0, None))
    axis.grid(alpha=0.3)
    axis.legend()
    _save(figure, name)


def drift(samples: Sequence[float], decoded: Mapping[str, Sequence[float]], name: str) -> None:
    """Samples, and what either loop decodes of them."""
    figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
    axis.plot(samples, "o-", color="black", label="samples")
    for (loop, values), colour in zip(decoded.items(), ("#c44e00", "#00796b"), strict=True):
        axis.plot(values, "s--", color=colour, label=f"decoded, {loop} loop")
    axis.set(xlabel="sample", xticks=range(len(samples)))
    axis.grid(alpha=0.3)
    axis.legend()
    _save(figure, name)


def digits(rows: Mapping[str, torch.Tensor], name: str) -> None:
    """A sheet of digits, (H, W) in [0, 1], for each title."""
    figure, axes = plt.subplots(len(rows), 1, figsize=(7, 0.5 * len(rows)), layout="constrained")
    for axis, (title, pixels) in zip(axes, rows.items(), strict=True):
        axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        axis.set_ylabel(title, rotation=0, ha="right", va="center", fontsize=8)
    _save(figure, name)


def _decibels(error: float) -> float:
    return float(-10 * np.log10(error))


def _save(figure: Figure, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    figure.savefig(PICTURES / name, dpi=80, metadata={"Software": None})
    plt.close(figure)
