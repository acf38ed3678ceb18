"""What must hold of every context model: passes that a decoder can follow, and nothing foreseen.

Latents are whole numbers in float64, (B, C, h, w), with heights and widths from 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from torch import Tensor

from pytest_lic.context_model import MOST_SIDE, ContextModel, ContextModelUnderTest
from pytest_lic.properties.search import Broken, for_all

GRID = 2.0**-16
"""To what encoder and decoder round their predictions."""
BATCH_TOLERANCE = 1e-9
"""How far an image's predictions in a batch may be from those alone."""

Place = tuple[int, int, int]


@dataclass(frozen=True)
class Latents:
    """Latents of a size, and one element that is changed.

    ``seed`` draws the values. ``place`` counts through (C, h, w), and what stands there is changed
    by ``change``.
    """

    shape: Place
    seed: int
    place: int = 0
    change: float = 0.0

    def values(self, batch: int = 1) -> Tensor:
        """Whole numbers, float64 (B, C, h, w)."""
        generator = torch.Generator().manual_seed(self.seed)
        drawn = torch.randn(batch, *self.shape, generator=generator, dtype=torch.float64)
        return (3 * drawn).round()

    def changed(self) -> Tensor:
        """The same, with the change, (1, C, h, w)."""
        values = self.values()
        values.view(-1)[self.place] += self.change
        return values


def partition(subject: ContextModelUnderTest) -> None:
    """Every position of any latent is in one of the passes from 0 on, as many as declared.

    A schedule gives each position one pass, so passes are a partition where it covers all of
    (C, h, w) and goes to no pass beyond the declared ones.

    Raises:
        PropertyError: a schedule of another shape or type, or a position in no declared pass.
    """
    built = _Built(subject)

    def check(shape: Place) -> Broken | None:
        model = built(shape)
        schedule = torch.as_tensor(model.schedule(*shape[1:]))
        if schedule.shape != shape or schedule.is_floating_point() or schedule.is_complex():
            return Broken(
                f"a schedule of whole numbers, {_sides(shape)}",
                f"{schedule.dtype}, {_sides(tuple(schedule.shape))}",
            )
        passes = model.passes(*shape[1:])
        wrong = ((schedule < 0) | (schedule >= passes)).nonzero().tolist()
        if not wrong:
            return None
        place = wrong[0]
        return Broken(
            f"every position in one of {passes} passes, from 0 to {passes - 1}",
            f"position {_at(place)} in pass {int(schedule[tuple(place)])}; "
            f"{len(wrong)} of {schedule.numel()} positions are in none, this is the first",
        )

    for_all(subject, "passes are a partition", _shapes(subject), check, _shown_shape)


def declared_passes(subject: ContextModelUnderTest) -> None:
    """As many passes are scheduled as declared: none is empty, but in latents that are small.

    Small are those with a side below ``filled_from``. Each pass costs a decoder a step.

    Raises:
        PropertyError: a pass has no position, or positions have passes that are not declared.
    """
    built = _Built(subject)

    def check(shape: Place) -> Broken | None:
        model = built(shape)
        passes = model.passes(*shape[1:])
        found = torch.as_tensor(model.schedule(*shape[1:])).unique().tolist()
        if found == list(range(passes)):
            return None
        return Broken(f"passes 0 to {passes - 1}, as {passes} are declared", f"passes {found}")

    shapes = _shapes(subject, subject.filled_from)
    for_all(subject, "as many passes as declared", shapes, check, _shown_shape)


def prediction_each(subject: ContextModelUnderTest) -> None:
    """Each pass has finite predictions (B, P, n) for its n positions, with one P for all passes.

    And what is predicted at once, where there is ``predict_all``, is (B, P, C, h, w).

    Raises:
        PropertyError: predictions of another shape, as where passes overlap, or infinite ones.
    """
    built = _Built(subject)

    def check(latents: Latents) -> Broken | None:
        model, values = built(latents.shape), latents.values(batch=2)
        places = _places(model, latents.shape)
        numbers: int | None = None
        for number, of_pass in enumerate(places):
            predicted = _predict(model, values, number)
            if numbers is None and predicted.ndim == 3:
                numbers = predicted.size(1)
            where = f"pass {number}"
            broken = _unlike(predicted, (2, numbers, len(of_pass)), where)
            if broken is not None:
                return broken
        together = _predict_all(model, values)
        if together is None:
            return None
        return _unlike(together, (2, numbers, *latents.shape), "all passes")

    claim = "each position of a pass is predicted once"
    for_all(subject, claim, _latents(subject), check, _shown)


def causality(subject: ContextModelUnderTest) -> None:
    """No position moves a prediction of its own pass, nor of an earlier one.

    The position is changed and nothing else. What is predicted pass by pass must then be the same
    to the bit in all passes up to its own, and so must what is predicted of these at once, where
    there is ``predict_all``.

    Raises:
        PropertyError: a prediction that moves.
    """
    built = _Built(subject)

    def check(latents: Latents) -> Broken | None:
        model = built(latents.shape)
        places = _places(model, latents.shape)
        schedule = torch.as_tensor(model.schedule(*latents.shape[1:])).reshape(-1)
        own = int(schedule[latents.place])
        before, after = latents.values(), latents.changed()
        # Each sequence of passes as a whole: a model may keep what it knows from pass to pass.
        kept, moved = (
            [_predict(model, values, number) for number in range(own + 1)]
            for values in (before, after)
        )
        what = f"whatever stands at {_of(latents.place, latents.shape)}, of pass {own}"
        for number, (one, other) in enumerate(zip(kept, moved, strict=True)):
            broken = _moved(one, other, places[number], latents.shape, number, what)
            if broken is not None:
                return broken
        at_once, again = _predict_all(model, before), _predict_all(model, after)
        if at_once is None or again is None:
            return None
        for number in range(own + 1):
            one, other = (all_of.flatten(2)[:, :, places[number]] for all_of in (at_once, again))
            broken = _moved(
                one, other, places[number], latents.shape, number, f"{what}, by predict_all"
            )
            if broken is not None:
                return broken
        return None

    claim = "nothing is predicted from what is not decoded yet"
    for_all(subject, claim, _latents(subject, changed=True), check, _shown_change)


def in_step(subject: ContextModelUnderTest) -> None:
    """A decoder that is built apart predicts as the encoder does.

    The encoder has the whole latent, and predicts it at once with ``predict_all``, or where there
    is none pass by pass. The decoder begins with zeros, and after each pass gets the values of its
    positions. Compared are their predictions rounded to multiples of 2**-16, to the bit: codecs
    round so before they look for tables, so that the last bits of a sum do not matter. A
    prediction that lies within such a bit of the middle of two multiples may still go either way,
    one in 10**9 in float64; that encoder and decoder add in the same order is not tested.

    Raises:
        PropertyError: predictions that are rounded to different multiples.
    """
    encoders, decoders = _Built(subject), _Built(subject)

    def check(latents: Latents) -> Broken | None:
        encoder, decoder = encoders(latents.shape), decoders(latents.shape)
        values = latents.values()
        places = _places(decoder, latents.shape)
        at_once = _predict_all(encoder, values)
        decoded = torch.zeros_like(values)
        for number, of_pass in enumerate(places):
            if at_once is None:
                known = _predict(encoder, values, number)
            else:
                known = at_once.flatten(2)[:, :, of_pass]
            came = _predict(decoder, decoded.clone(), number)
            # Sums of −0.0 and 0.0 are alike to a table.
            differs = _differing(_snapped(known), _snapped(came))
            if differs is not None:
                parameter, place = differs
                where = _of(int(of_pass[place]), latents.shape)
                one, other = (
                    _snapped(every)[0, parameter, place].item() for every in (known, came)
                )
                return Broken(
                    f"prediction {parameter} at {where}, of pass {number}, as the encoder's: {one}",
                    f"{other} of the decoder",
                )
            decoded.view(-1)[of_pass] = values.view(-1)[of_pass]
        return None

    claim = "encoder and decoder predict alike"
    for_all(subject, claim, _latents(subject), check, _shown)


def batch_independence(subject: ContextModelUnderTest) -> None:
    """An image's predictions are the same alone and in a batch, to 10⁻⁹.

    Raises:
        PropertyError: they are others.
    """
    built = _Built(subject)
    count = 3

    def check(latents: Latents) -> Broken | None:
        model, values = built(latents.shape), latents.values(count)
        places = _places(model, latents.shape)
        together = [_predict(model, values, number) for number in range(len(places))]
        all_together = _predict_all(model, values)
        for image in range(count):
            own = values[image : image + 1]
            for number in range(len(places)):
                in_batch = together[number][image : image + 1]
                broken = _far(in_batch, _predict(model, own, number), f"pass {number}", image)
                if broken is not None:
                    return broken
            alone = _predict_all(model, own)
            if all_together is not None and alone is not None:
                broken = _far(all_together[image : image + 1], alone, "predict_all", image)
                if broken is not None:
                    return broken
        return None

    claim = "an image is predicted alike alone and in a batch"
    for_all(subject, claim, _latents(subject), check, _shown)


def sees_decoded(subject: ContextModelUnderTest) -> None:
    """What is decoded moves a prediction of a later pass.

    One that never does would keep all other promises with weights of zero. Latents are the largest
    that are tested, with two different contents.

    Raises:
        PropertyError: predictions are the same for both, in every pass.
    """
    built = _Built(subject)
    shape = (max(subject.channels), MOST_SIDE, MOST_SIDE)

    def check(seed: int) -> Broken | None:
        model = built(shape)
        passes = range(model.passes(*shape[1:]))
        one, other = (
            [_predict(model, Latents(shape, drawn).values(), number) for number in passes]
            for drawn in (seed, seed + 1)
        )
        if any(not torch.equal(*pair) for pair in zip(one, other, strict=True)):
            return None
        return Broken(
            "predictions that differ for different latents",
            f"the same in all {len(passes)} passes; if it has no context, sees_decoded=False",
        )

    def show(seed: int) -> str:
        return f"latents {_sides(shape)} of the seeds {seed} and {seed + 1}"

    for_all(subject, "what is decoded moves predictions", st.just(0), check, show)


class _Built:
    """One model for each number of channels, built when it is asked for."""

    def __init__(self, subject: ContextModelUnderTest) -> None:
        self._subject = subject
        self._models: dict[int, ContextModel] = {}

    def __call__(self, shape: Place) -> ContextModel:
        channels = shape[0]
        if channels not in self._models:
            self._models[channels] = self._subject.build(channels)
        return self._models[channels]


def _shapes(subject: ContextModelUnderTest, least: int = 1) -> st.SearchStrategy[Place]:
    side = st.integers(least, MOST_SIDE)
    return st.tuples(st.sampled_from(sorted(subject.channels)), side, side)


def _latents(subject: ContextModelUnderTest, changed: bool = False) -> st.SearchStrategy[Latents]:
    seeds = st.integers(0, 2**16)
    if not changed:
        return st.builds(Latents, _shapes(subject), seeds)
    changes = st.sampled_from([1.0, -1.0, 5.0, -17.0, 1000.0])

    def of(shape: Place) -> st.SearchStrategy[Latents]:
        places = st.integers(0, math.prod(shape) - 1)
        return st.builds(Latents, st.just(shape), seeds, places, changes)

    return _shapes(subject).flatmap(of)


def _places(model: ContextModel, shape: Place) -> list[Tensor]:
    """The positions of each declared pass, int64, ascending through (C, h, w)."""
    schedule = torch.as_tensor(model.schedule(*shape[1:])).reshape(-1)
    return [(schedule == number).nonzero()[:, 0] for number in range(model.passes(*shape[1:]))]


def _predict(model: ContextModel, values: Tensor, number: int) -> Tensor:
    with torch.no_grad():
        return torch.as_tensor(model.predict(values, number))


def _predict_all(model: ContextModel, values: Tensor) -> Tensor | None:
    predict_all: Callable[[Tensor], Tensor] | None = getattr(model, "predict_all", None)
    if predict_all is None:
        return None
    with torch.no_grad():
        return torch.as_tensor(predict_all(values))


def _unlike(predicted: Tensor, shape: tuple[int | None, ...], where: str) -> Broken | None:
    """Predictions that are not of this shape, or not finite."""
    came = tuple(predicted.shape)
    if came != shape:
        sides = " × ".join("P" if side is None else str(side) for side in shape)
        return Broken(f"predictions of {where}, {sides}", _sides(came))
    if bool(torch.isfinite(predicted).all()):
        return None
    return Broken(f"finite predictions of {where}", "NaN or ±∞")


def _moved(
    one: Tensor, other: Tensor, places: Tensor, shape: Place, number: int, what: str
) -> Broken | None:
    differs = _differing(one, other)
    if differs is None:
        return None
    parameter, place = differs
    before, after = (every[0, parameter, place].item() for every in (one, other))
    where = _of(int(places[place]), shape)
    return Broken(
        f"prediction {parameter} at {where}, of pass {number}, the same {what}: {before}",
        f"{after}",
    )


def _differing(one: Tensor, other: Tensor) -> tuple[int, int] | None:
    """Which of P, and which of n, is the first to differ in (1, P, n)."""
    if one.shape != other.shape:
        raise ValueError(f"predictions {_sides(one.shape)} here, {_sides(other.shape)} there")
    wrong = (one != other).nonzero().tolist()
    return (wrong[0][1], wrong[0][2]) if wrong else None


def _far(in_batch: Tensor, alone: Tensor, where: str, image: int) -> Broken | None:
    if in_batch.shape != alone.shape:
        return Broken(f"{where} of image {image}, {_sides(alone.shape)}", _sides(in_batch.shape))
    off = (in_batch - alone).abs()
    if bool((off <= BATCH_TOLERANCE).all()):
        return None
    place = int(off.reshape(-1).argmax())
    one, other = (every.reshape(-1)[place].item() for every in (alone, in_batch))
    return Broken(
        f"{where}: prediction {place} of image {image} as alone, {one}", f"{other} in a batch of 3"
    )


def _snapped(predicted: Tensor) -> Tensor:
    return (predicted.double() / GRID).round() * GRID


def _of(place: int, shape: Place) -> str:
    _, height, width = shape
    channel, rest = divmod(place, height * width)
    return _at([channel, *divmod(rest, width)])


def _at(place: list[int]) -> str:
    return f"({', '.join(map(str, place))})"


def _sides(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _shown_shape(shape: Place) -> str:
    return f"a latent {_sides(shape)}"


def _shown(latents: Latents) -> str:
    return f"a latent {_sides(latents.shape)} of the seed {latents.seed}"


def _shown_change(latents: Latents) -> str:
    where = _of(latents.place, latents.shape)
    return f"{_shown(latents)}, changed by {latents.change:g} at {where}"
