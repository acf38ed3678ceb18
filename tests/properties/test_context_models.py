"""Each property of context models, shown to hold and to catch what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from compressai.layers import CheckerboardMaskedConv2d, MaskedConv2d
from torch import Tensor

from pytest_lic import ContextModelUnderTest
from pytest_lic.errors import PropertyError
from pytest_lic.properties import context_models as properties
from tests.helpers import context_mutants as mutants
from tests.helpers.property_errors import assert_told

PARTITION = "passes are a partition"
DECLARED = "as many passes as declared"
ONCE = "each position of a pass is predicted once"
CAUSAL = "nothing is predicted from what is not decoded yet"
IN_STEP = "encoder and decoder predict alike"
BATCH = "an image is predicted alike alone and in a batch"
MOVES = "what is decoded moves predictions"
MUTANTS = [
    (
        mutants.SkipsTheLastColumn,
        properties.partition,
        PARTITION,
        "a latent 2 × 1 × 1",
        "in one of 2 passes, from 0 to 1",
        "position (0, 0, 0) in pass -1; 2 of 2 positions are in none",
    ),
    (
        mutants.NotOfOnePosition,
        properties.partition,
        PARTITION,
        "a latent 2 × 1 × 1",
        "in one of 2 passes, from 0 to 1",
        "position (0, 0, 0) in pass 2",
    ),
    (
        mutants.CutsTheLastColumn,
        properties.partition,
        PARTITION,
        "a latent 2 × 1 × 3",
        "whole numbers, 2 × 1 × 3",
        "2 × 1 × 2",
    ),
    (
        mutants.NumbersInFloat,
        properties.partition,
        PARTITION,
        "a latent 2 × 1 × 1",
        "a schedule of whole numbers",
        "torch.float64",
    ),
    (
        mutants.OneFewerPass,
        properties.partition,
        PARTITION,
        "a latent 2 × 1 × 2",
        "in one of 1 passes, from 0 to 0",
        "position (0, 0, 1) in pass 1; 2 of 4",
    ),
    (
        mutants.OneFewerPass,
        properties.declared_passes,
        DECLARED,
        "a latent 2 × 2 × 2",
        "passes 0 to 2, as 3 are declared",
        "passes [0, 1, 2, 3]",
    ),
    (
        mutants.OneMorePass,
        properties.declared_passes,
        DECLARED,
        "a latent 2 × 2 × 2",
        "passes 0 to 4, as 5 are declared",
        "passes [0, 1, 2, 3]",
    ),
    (
        mutants.Overlapping,
        properties.prediction_each,
        ONCE,
        "a latent 2 × 1 × 1",
        "predictions of pass 0, 2 × 2 × 1",
        "2 × 2 × 2",
    ),
    (
        mutants.NotFinite,
        properties.prediction_each,
        ONCE,
        "a latent 2 × 1 × 1",
        "finite predictions of pass 0",
        "NaN or ±∞",
    ),
    (
        mutants.RightNeighbour,
        properties.causality,
        CAUSAL,
        "a latent 2 × 1 × 2",
        "prediction 0 at (0, 0, 0), of pass 0, the same whatever stands at (0, 0, 1), of pass 1",
        "",
    ),
    (
        mutants.RowBelow,
        properties.causality,
        CAUSAL,
        "a latent 2 × 2 × 1",
        "of pass 0, the same whatever stands at (0, 1, 0), of pass 1",
        "",
    ),
    (
        mutants.MaskB,
        properties.causality,
        CAUSAL,
        "a latent 2 × 1 × 1",
        "at (0, 0, 0), of pass 0, the same whatever stands at (0, 0, 0), of pass 0",
        "",
    ),
    (
        mutants.CheckerboardB,
        properties.causality,
        CAUSAL,
        "a latent 2 × 1 × 2",
        "at (0, 0, 1), of pass 1, the same whatever stands at (0, 0, 1), of pass 1",
        "",
    ),
    (
        mutants.MaskBAtOnce,
        properties.causality,
        CAUSAL,
        "a latent 2 × 1 × 1",
        "whatever stands at (0, 0, 0), of pass 0, by predict_all",
        "",
    ),
    (
        mutants.ByColumns,
        properties.causality,
        CAUSAL,
        "a latent 2 × 2 × 2",
        "the same whatever stands at",
        "",
    ),
    (
        mutants.DividedByTheMean,
        properties.causality,
        CAUSAL,
        "a latent 2 × 1 × 2",
        "at (0, 0, 1), of pass 1, the same whatever stands at (0, 0, 1), of pass 1",
        "",
    ),
    (
        mutants.SecondHalfSeesItself,
        properties.causality,
        CAUSAL,
        "a latent 2 × 1 × 1",
        "at (1, 0, 0), of pass 1, the same whatever stands at (1, 0, 0), of pass 1",
        "",
    ),
    (
        mutants.OtherPadding,
        properties.in_step,
        IN_STEP,
        "a latent 2 × 2 × 1",
        "at (0, 1, 0), of pass 1, as the encoder's",
        "of the decoder",
    ),
    (mutants.AtOnceInFloat32, properties.in_step, IN_STEP, "", "as the encoder's", "the decoder"),
    (
        mutants.Knowing,
        properties.in_step,
        IN_STEP,
        "a latent 2 × 1 × 2",
        "at (0, 0, 1), of pass 1, as the encoder's",
        "0.0 of the decoder",
    ),
    (
        mutants.DrawnAnew,
        properties.in_step,
        IN_STEP,
        "a latent 2 × 1 × 2",
        "at (0, 0, 1), of pass 1, as the encoder's",
        "of the decoder",
    ),
    (
        mutants.OrderDrawnAnew,
        properties.in_step,
        IN_STEP,
        "a latent 2 × 1 × 2",
        "pass 0 of the decoder at the encoder's 2 positions, (0, 0, 0), (1, 0, 0)",
        "2 positions, (0, 0, 1), (1, 0, 1)",
    ),
    (
        mutants.OverTheBatch,
        properties.batch_independence,
        BATCH,
        "a latent 2 × 1 × 2",
        "pass 1: prediction",
        "in a batch of 3",
    ),
    (
        mutants.OverTheBatchAtOnce,
        properties.batch_independence,
        BATCH,
        "a latent 2 × 1 × 2",
        "predict_all: prediction",
        "in a batch of 3",
    ),
    (
        mutants.Untrained,
        properties.sees_decoded,
        MOVES,
        "latents 4 × 7 × 7",
        "differ",
        "the same in all 49 passes",
    ),
]

Check = Callable[[ContextModelUnderTest], None]
CHECKS: list[Check] = list(dict.fromkeys(each[1] for each in MUTANTS))
EVEN = (2, 4)


@pytest.mark.parametrize(
    ("mutant", "check", "claim", "example", "expected", "came"),
    MUTANTS,
    ids=[f"{each[0].__name__}-{each[1].__name__}" for each in MUTANTS],
)
def test_a_mutant_is_caught_by_the_property_that_it_breaks(
    mutant: type[mutants.Raster], check: Check, claim: str, example: str, expected: str, came: str
) -> None:
    with pytest.raises(PropertyError) as caught:
        check(ContextModelUnderTest("mutant", mutant, channels=EVEN, filled_from=2))
    assert_told(str(caught.value), claim, example, expected, came)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(
    "right", [mutants.Raster, mutants.AtOnce, mutants.Checkerboard, mutants.Halves]
)
def test_the_property_holds_of_what_is_right(right: type[mutants.Raster], check: Check) -> None:
    check(ContextModelUnderTest("right", right, channels=EVEN, filled_from=2))


class MaskedOfCompressAI:
    """CompressAI's masked convolutions, through their public interface."""

    def __init__(self, channels: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            self.conv = self.layer(channels).double()
        self.channels = channels

    def layer(self, channels: int) -> MaskedConv2d:
        return MaskedConv2d(channels, 2 * channels, 5, padding=2)

    def schedule(self, height: int, width: int) -> Tensor:
        return torch.arange(height * width).view(height, width).expand(self.channels, -1, -1)

    def passes(self, height: int, width: int) -> int:
        return height * width

    def predict_all(self, latents: Tensor) -> Tensor:
        return self.conv(latents).unflatten(1, (2, -1))

    def predict(self, decoded: Tensor, number: int) -> Tensor:
        places = self.schedule(*decoded.shape[-2:]).flatten() == number
        return self.predict_all(decoded).flatten(2)[:, :, places]


class CheckerboardOfCompressAI(MaskedOfCompressAI):
    """Its anchors have no context, as CompressAI masks them."""

    def layer(self, channels: int) -> MaskedConv2d:
        return CheckerboardMaskedConv2d(channels, 2 * channels, 5, padding=2)

    def schedule(self, height: int, width: int) -> Tensor:
        odd = (torch.arange(height)[:, None] + torch.arange(width)) % 2
        return odd.expand(self.channels, -1, -1)

    def passes(self, height: int, width: int) -> int:
        return 2

    def predict_all(self, latents: Tensor) -> Tensor:
        return super().predict_all(latents) * self.schedule(*latents.shape[-2:])


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("build", [MaskedOfCompressAI, CheckerboardOfCompressAI])
def test_context_models_of_compressai_keep_every_promise(
    build: type[MaskedOfCompressAI], check: Check
) -> None:
    check(ContextModelUnderTest("compressai", build, filled_from=2))


class SecondLayer(MaskedOfCompressAI):
    """The mask of type B in the first layer."""

    def layer(self, channels: int) -> MaskedConv2d:
        return MaskedConv2d(channels, 2 * channels, 5, padding=2, mask_type="B")


class SecondLayerCheckerboard(CheckerboardOfCompressAI):
    """The same of a checkerboard."""

    def layer(self, channels: int) -> MaskedConv2d:
        return CheckerboardMaskedConv2d(channels, 2 * channels, 5, padding=2, mask_type="B")


@pytest.mark.parametrize("build", [SecondLayer, SecondLayerCheckerboard])
def test_compressai_s_mask_b_in_the_first_layer_is_caught(build: type[MaskedOfCompressAI]) -> None:
    with pytest.raises(PropertyError, match="the same whatever stands at"):
        properties.causality(ContextModelUnderTest("mask-b", build))


def test_channels_are_those_that_the_model_takes() -> None:
    """One that is built for six channels is asked for no other number."""
    asked: set[int] = set()

    def build(channels: int) -> mutants.Raster:
        asked.add(channels)
        return mutants.Raster(channels)

    subject = ContextModelUnderTest("six", build, channels=[6])
    for check in CHECKS:
        check(subject)
    assert asked == {6}


def test_an_exception_is_told_with_the_latent() -> None:
    class Breaks(mutants.Raster):
        def predict(self, decoded: Tensor, number: int) -> Tensor:
            raise RuntimeError("no kernel")

    subject = ContextModelUnderTest("mutant", Breaks, channels=EVEN)
    with pytest.raises(PropertyError) as caught:
        properties.prediction_each(subject)
    assert_told(str(caught.value), ONCE, "2 × 1 × 1", "no exception", "RuntimeError: no kernel")


def test_empty_passes_are_allowed_in_small_latents_where_that_is_said() -> None:
    subject = ContextModelUnderTest("mutant", mutants.Checkerboard)
    with pytest.raises(PropertyError) as caught:
        properties.declared_passes(subject)
    assert_told(str(caught.value), DECLARED, "1 × 1 × 1", "passes 0 to 1, as 2", "passes [0]")
    properties.declared_passes(replace(subject, filled_from=2))
