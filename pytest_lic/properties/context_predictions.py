"""What a context model predicts, and how two of its predictions differ."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pytest_lic.context_model import ContextModel
from pytest_lic.properties.context_latents import Shape, dimensions, place_of
from pytest_lic.properties.search import Broken

GRID = 2.0**-16
"""To what encoder and decoder round their predictions."""
BATCH_TOLERANCE = 1e-9
"""How far an image's predictions in a batch may be from those alone."""


def predict(model: ContextModel, values: Tensor, number: int) -> Tensor:
    """A pass predicted of latents (B, C, h, w): (B, P, n), if the model is right."""
    with torch.no_grad():
        return torch.as_tensor(model.predict(values, number))


def predict_all(model: ContextModel, values: Tensor) -> Tensor | None:
    """All passes predicted at once, (B, P, C, h, w), or None if the model has no such method."""
    at_once: Callable[[Tensor], Tensor] | None = getattr(model, "predict_all", None)
    if at_once is None:
        return None
    with torch.no_grad():
        return torch.as_tensor(at_once(values))


def unlike(predicted: Tensor, shape: tuple[int | None, ...], where: str) -> Broken | None:
    """Predictions that are not of this shape, or not finite."""
    came = tuple(predicted.shape)
    if came != shape:
        sides = " × ".join("P" if side is None else str(side) for side in shape)
        return Broken(f"predictions of {where}, {sides}", dimensions(came))
    if bool(torch.isfinite(predicted).all()):
        return None
    return Broken(f"finite predictions of {where}", "NaN or ±∞")


def moved_by(
    one: Tensor, other: Tensor, places: Tensor, shape: Shape, number: int, what: str
) -> Broken | None:
    """Predictions (1, P, n) of the ``places`` of a pass that are not the same to the bit."""
    differs = differing(one, other)
    if differs is None:
        return None
    parameter, place = differs
    before, after = (every[0, parameter, place].item() for every in (one, other))
    where = place_of(int(places[place]), shape)
    return Broken(
        f"prediction {parameter} at {where}, of pass {number}, the same {what}: {before}",
        f"{after}",
    )


def differing(one: Tensor, other: Tensor) -> tuple[int, int] | None:
    """Which of P, and which of n, is the first to differ in (1, P, n)."""
    if one.shape != other.shape:
        raise ValueError(
            f"predictions {dimensions(one.shape)} here, {dimensions(other.shape)} there"
        )
    wrong = (one != other).nonzero().tolist()
    return (wrong[0][1], wrong[0][2]) if wrong else None


def far(in_batch: Tensor, alone: Tensor, where: str, image: int) -> Broken | None:
    """Predictions of an image that are farther apart than `BATCH_TOLERANCE`."""
    if in_batch.shape != alone.shape:
        return Broken(
            f"{where} of image {image}, {dimensions(alone.shape)}", dimensions(in_batch.shape)
        )
    off = (in_batch - alone).abs()
    if bool((off <= BATCH_TOLERANCE).all()):
        return None
    place = int(off.reshape(-1).argmax())
    one, other = (every.reshape(-1)[place].item() for every in (alone, in_batch))
    return Broken(
        f"{where}: prediction {place} of image {image} as alone, {one}", f"{other} in a batch of 3"
    )


def snapped(predicted: Tensor) -> Tensor:
    """Rounded to multiples of `GRID`."""
    return (predicted.double() / GRID).round() * GRID
