"""What must hold of every context model: passes that a decoder can follow, and nothing foreseen.

Latents are whole numbers in float64, (B, C, h, w), with heights and widths from 1.
"""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from pytest_lic.context_model import MOST_SIDE, ContextModelUnderTest
from pytest_lic.properties.context_latents import (
    Built,
    Latents,
    Shape,
    dimensions,
    latents_of,
    place_of,
    places_of,
    shapes_of,
    shown,
    shown_change,
    shown_shape,
    told,
)
from pytest_lic.properties.context_predictions import (
    differing,
    far,
    moved_by,
    predict,
    predict_all,
    snapped,
    unlike,
)
from pytest_lic.properties.search import Broken, for_all


def partition(subject: ContextModelUnderTest) -> None:
    """Every position of any latent is in one of the passes from 0 on, as many as declared.

    A schedule gives each position one pass, so passes are a partition where it covers all of
    (C, h, w) and goes to no pass beyond the declared ones.

    Raises:
        PropertyError: a schedule of another shape or type, or a position in no declared pass.
    """
    built = Built(subject)

    def check(shape: Shape) -> Broken | None:
        model = built(shape)
        schedule = torch.as_tensor(model.schedule(*shape[1:]))
        if schedule.shape != shape or schedule.is_floating_point() or schedule.is_complex():
            return Broken(
                f"a schedule of whole numbers, {dimensions(shape)}",
                f"{schedule.dtype}, {dimensions(tuple(schedule.shape))}",
            )
        passes = model.passes(*shape[1:])
        wrong = ((schedule < 0) | (schedule >= passes)).nonzero().tolist()
        if not wrong:
            return None
        place = wrong[0]
        return Broken(
            f"every position in one of {passes} passes, from 0 to {passes - 1}",
            f"position {told(place)} in pass {int(schedule[tuple(place)])}; "
            f"{len(wrong)} of {schedule.numel()} positions are in none, this is the first",
        )

    for_all(subject, "passes are a partition", shapes_of(subject), check, shown_shape)


def declared_passes(subject: ContextModelUnderTest) -> None:
    """As many passes are scheduled as declared: none is empty, but in latents that are small.

    Small are those with a side below ``filled_from``. Each pass costs a decoder a step.

    Raises:
        PropertyError: a pass has no position, or positions have passes that are not declared.
    """
    built = Built(subject)

    def check(shape: Shape) -> Broken | None:
        model = built(shape)
        passes = model.passes(*shape[1:])
        found = torch.as_tensor(model.schedule(*shape[1:])).unique().tolist()
        if found == list(range(passes)):
            return None
        return Broken(f"passes 0 to {passes - 1}, as {passes} are declared", f"passes {found}")

    large = shapes_of(subject, subject.filled_from)
    for_all(subject, "as many passes as declared", large, check, shown_shape)


def prediction_each(subject: ContextModelUnderTest) -> None:
    """Each pass has finite predictions (B, P, n) for its n positions, with one P for all passes.

    And what is predicted at once, where there is ``predict_all``, is (B, P, C, h, w).

    Raises:
        PropertyError: predictions of another shape, as where passes overlap, or infinite ones.
    """
    built = Built(subject)

    def check(latents: Latents) -> Broken | None:
        model, values = built(latents.shape), latents.values(batch=2)
        places = places_of(model, latents.shape)
        numbers: int | None = None
        for number, of_pass in enumerate(places):
            predicted = predict(model, values, number)
            if numbers is None and predicted.ndim == 3:
                numbers = predicted.size(1)
            where = f"pass {number}"
            broken = unlike(predicted, (2, numbers, len(of_pass)), where)
            if broken is not None:
                return broken
        together = predict_all(model, values)
        if together is None:
            return None
        return unlike(together, (2, numbers, *latents.shape), "all passes")

    claim = "each position of a pass is predicted once"
    for_all(subject, claim, latents_of(subject), check, shown)


def causality(subject: ContextModelUnderTest) -> None:
    """No position moves a prediction of its own pass, nor of an earlier one.

    The position is changed and nothing else. What is predicted pass by pass must then be the same
    to the bit in all passes up to its own, and so must what is predicted of these at once, where
    there is ``predict_all``.

    Raises:
        PropertyError: a prediction that moves.
    """
    built = Built(subject)

    def check(latents: Latents) -> Broken | None:
        model = built(latents.shape)
        places = places_of(model, latents.shape)
        schedule = torch.as_tensor(model.schedule(*latents.shape[1:])).reshape(-1)
        own = int(schedule[latents.place])
        before, after = latents.values(), latents.changed()
        # Each sequence of passes as a whole: a model may keep what it knows from pass to pass.
        kept, moved = (
            [predict(model, values, number) for number in range(own + 1)]
            for values in (before, after)
        )
        what = f"whatever stands at {place_of(latents.place, latents.shape)}, of pass {own}"
        for number, (one, other) in enumerate(zip(kept, moved, strict=True)):
            broken = moved_by(one, other, places[number], latents.shape, number, what)
            if broken is not None:
                return broken
        at_once, again = predict_all(model, before), predict_all(model, after)
        if at_once is None or again is None:
            return None
        for number in range(own + 1):
            one, other = (all_of.flatten(2)[:, :, places[number]] for all_of in (at_once, again))
            broken = moved_by(
                one, other, places[number], latents.shape, number, f"{what}, by predict_all"
            )
            if broken is not None:
                return broken
        return None

    claim = "nothing is predicted from what is not decoded yet"
    for_all(subject, claim, latents_of(subject, changed=True), check, shown_change)


def in_step(subject: ContextModelUnderTest) -> None:
    """A decoder that is built apart predicts as the encoder does.

    The encoder has the whole latent, and predicts it at once with ``predict_all``, or where there
    is none pass by pass. The decoder begins with zeros, and after each pass gets the values of its
    positions. Compared are their schedules, and their predictions rounded to multiples of 2**-16,
    to the bit, as a codec does that rounds what is predicted before it looks for tables. So the
    last bits of a sum do not matter, and that both add in the same order is not tested: a
    prediction that such a bit moves over the middle of two multiples, in float64 rarer than one in
    10**9, is rounded apart, and a codec needs an answer to that of its own.

    Raises:
        PropertyError: another schedule, or predictions that are rounded to different multiples.
    """
    encoders, decoders = Built(subject), Built(subject)

    def check(latents: Latents) -> Broken | None:
        encoder, decoder = encoders(latents.shape), decoders(latents.shape)
        values = latents.values()
        places = places_of(decoder, latents.shape)
        for number, pair in enumerate(zip(places_of(encoder, latents.shape), places, strict=True)):
            if not torch.equal(*pair):
                known_at, came_at = (
                    [place_of(int(place), latents.shape) for place in of_pass] for of_pass in pair
                )
                return Broken(
                    f"pass {number} of the decoder at the encoder's {len(known_at)} positions, "
                    f"{', '.join(known_at[:4])}",
                    f"{len(came_at)} positions, {', '.join(came_at[:4])}",
                )
        at_once = predict_all(encoder, values)
        decoded = torch.zeros_like(values)
        for number, of_pass in enumerate(places):
            if at_once is None:
                known = predict(encoder, values, number)
            else:
                known = at_once.flatten(2)[:, :, of_pass]
            came = predict(decoder, decoded.clone(), number)
            # Sums of −0.0 and 0.0 are alike to a table.
            differs = differing(snapped(known), snapped(came))
            if differs is not None:
                parameter, place = differs
                where = place_of(int(of_pass[place]), latents.shape)
                one, other = (snapped(every)[0, parameter, place].item() for every in (known, came))
                return Broken(
                    f"prediction {parameter} at {where}, of pass {number}, as the encoder's: {one}",
                    f"{other} of the decoder",
                )
            decoded.view(-1)[of_pass] = values.view(-1)[of_pass]
        return None

    claim = "encoder and decoder predict alike"
    for_all(subject, claim, latents_of(subject), check, shown)


def batch_independence(subject: ContextModelUnderTest) -> None:
    """An image's predictions are the same alone and in a batch, to 10⁻⁹.

    Raises:
        PropertyError: they are others.
    """
    built = Built(subject)
    count = 3

    def check(latents: Latents) -> Broken | None:
        model, values = built(latents.shape), latents.values(count)
        places = places_of(model, latents.shape)
        together = [predict(model, values, number) for number in range(len(places))]
        all_together = predict_all(model, values)
        for image in range(count):
            own = values[image : image + 1]
            for number in range(len(places)):
                in_batch = together[number][image : image + 1]
                broken = far(in_batch, predict(model, own, number), f"pass {number}", image)
                if broken is not None:
                    return broken
            alone = predict_all(model, own)
            if all_together is not None and alone is not None:
                broken = far(all_together[image : image + 1], alone, "predict_all", image)
                if broken is not None:
                    return broken
        return None

    claim = "an image is predicted alike alone and in a batch"
    for_all(subject, claim, latents_of(subject), check, shown)


def sees_decoded(subject: ContextModelUnderTest) -> None:
    """What is decoded moves a prediction of a later pass.

    One that never does would keep all other promises with weights of zero. Latents are the largest
    that are tested, with two different contents.

    Raises:
        PropertyError: predictions are the same for both, in every pass.
    """
    built = Built(subject)
    shape = (max(subject.channels), MOST_SIDE, MOST_SIDE)

    def check(seed: int) -> Broken | None:
        model = built(shape)
        passes = range(model.passes(*shape[1:]))
        one, other = (
            [predict(model, Latents(shape, drawn).values(), number) for number in passes]
            for drawn in (seed, seed + 1)
        )
        if any(not torch.equal(*pair) for pair in zip(one, other, strict=True)):
            return None
        return Broken(
            "predictions that differ for different latents",
            f"the same in all {len(passes)} passes; if it has no context, sees_decoded=False",
        )

    def show(seed: int) -> str:
        return f"latents {dimensions(shape)} of the seeds {seed} and {seed + 1}"

    for_all(subject, "what is decoded moves predictions", st.just(0), check, show)
