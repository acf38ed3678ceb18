"""Every context's passes are a partition, and no prediction sees what is not decoded yet."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from lic_models.components import Context, CosineSlicesContext, MultistageContext
from lic_models.components.entropy_models.contexts import grouped
from lic_models.components.entropy_models.contexts.base import positions
from lic_models.components.entropy_models.contexts.patterns import Periodic
from pytest_lic.errors import UsageError
from tests.lic_models.components.entropy_models.joint_parts import (
    CHANNELS,
    CONTEXTS,
    PASSES,
    stir,
)

each_context = pytest.mark.parametrize("name", CONTEXTS)
sizes = st.tuples(st.integers(1, 7), st.integers(1, 7))


def made(name: str, parameters: int = 2) -> Context:
    torch.manual_seed(2)
    context = CONTEXTS[name]()
    context.build(CHANNELS, [0.0] * parameters)
    stir(context)
    return context.double().eval()


def check_partition(context: Context, height: int, width: int) -> None:
    schedule = context.schedule(height, width)
    passes = context.passes(height, width)
    assert schedule.shape == (CHANNELS, height, width)
    assert 0 <= int(schedule.min()) <= int(schedule.max()) < passes
    listed = positions(schedule, passes)
    assert len(listed) == passes
    assert torch.cat(listed).sort().values.tolist() == list(range(schedule.numel()))
    for number, places in enumerate(listed):
        assert (schedule.reshape(-1)[places] == number).all()
        assert places.tolist() == sorted(places.tolist())


def check_causal(context: Context, height: int, width: int, place: int) -> None:
    """What is predicted of any pass up to a place's own is the same whatever stands there."""
    generator = torch.Generator().manual_seed(height * 31 + width)
    latents = torch.randn(1, CHANNELS, height, width, generator=generator).double()
    features = torch.randn(1, 2 * CHANNELS, height, width, generator=generator).double()
    place %= latents.numel()
    moved = latents.clone()
    moved.view(-1)[place] += 5.0
    own = int(context.schedule(height, width).reshape(-1)[place])
    before, after = context.predictor(features), context.predictor(features)
    for number in range(own + 1):
        assert torch.equal(before.predict(number, latents), after.predict(number, moved)), number
    everywhere, again = (context(seen, features).flatten(2) for seen in (latents, moved))
    earlier = torch.cat(positions(context.schedule(height, width), own + 1)[: own + 1])
    assert torch.equal(everywhere[:, :, earlier], again[:, :, earlier])


@each_context
@settings(max_examples=15, deadline=None)
@given(size=sizes)
def test_the_passes_are_a_partition_as_many_as_said(name: str, size: tuple[int, int]) -> None:
    context = made(name)
    check_partition(context, *size)
    assert context.passes(*size) == PASSES[name](*size)


@each_context
@settings(max_examples=25, deadline=None)
@given(size=sizes, place=st.integers(0, 2**20))
def test_what_is_not_decoded_moves_no_prediction(
    name: str, size: tuple[int, int], place: int
) -> None:
    check_causal(made(name), *size, place)


@each_context
@settings(max_examples=10, deadline=None)
@given(size=sizes)
def test_passes_one_by_one_are_all_at_once(name: str, size: tuple[int, int]) -> None:
    context = made(name)
    latents = torch.randn(1, CHANNELS, *size).double()
    features = torch.randn(1, 2 * CHANNELS, *size).double()
    everywhere = context(latents, features).flatten(2)
    predictor = context.predictor(features)
    listed = positions(context.schedule(*size), context.passes(*size))
    for number, places in enumerate(listed):
        pass_alone = predictor.predict(number, latents)
        assert torch.allclose(pass_alone, everywhere[:, :, places], rtol=1e-11, atol=1e-12)


@each_context
def test_images_of_a_batch_do_not_move_each_other(name: str) -> None:
    context = made(name)
    latents = torch.randn(3, CHANNELS, 5, 6).double()
    features = torch.randn(3, 2 * CHANNELS, 5, 6).double()
    together = context(latents, features)
    alone = torch.cat([context(latents[n : n + 1], features[n : n + 1]) for n in range(3)])
    assert torch.allclose(together, alone, rtol=1e-11, atol=1e-12)


@each_context
def test_all_but_none_see_what_is_decoded(name: str) -> None:
    context = made(name)
    features = torch.randn(1, 2 * CHANNELS, 5, 6).double()
    one, other = torch.randn(2, 1, CHANNELS, 5, 6).double()
    assert torch.equal(context(one, features), context(other, features)) == (name == "none")


def mask_b(weight: Tensor) -> Tensor:
    """A mask that lets a position see itself."""
    side = weight.size(-1)
    return (torch.arange(side * side).reshape(side, side) <= side * side // 2).to(weight.dtype)


def check_causal_everywhere(context: Context, height: int, width: int) -> None:
    for place in range(CHANNELS * height * width):
        check_causal(context, height, width, place)


def test_a_mask_of_the_other_type_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouped._Group, "_seen", staticmethod(mask_b))
    with pytest.raises(AssertionError):
        check_causal(made("autoregressive"), 3, 3, 4)


masked = grouped._Group._around


def unmasked(self: grouped._Group, own: Tensor) -> Tensor:
    assert self.from_space is not None
    return F.conv2d(own, self.from_space.weight, padding=self.from_space.kernel_size[0] // 2)


def decoding_unmasked(self: grouped._Group, own: Tensor, stage: int | None = None) -> Tensor:
    return masked(self, own) if stage is None else unmasked(self, own)


def encoding_unmasked(self: grouped._Group, own: Tensor, stage: int | None = None) -> Tensor:
    return unmasked(self, own) if stage is None else masked(self, own, stage)


@pytest.mark.parametrize("wrong", [decoding_unmasked, encoding_unmasked])
@pytest.mark.parametrize("name", ["checkerboard", "multistage-2", "multistage-4", "uneven-groups"])
def test_one_side_that_sees_all_stages_is_caught(
    name: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouped._Group, "_around", wrong)
    with pytest.raises(AssertionError):
        check_causal_everywhere(made(name), 3, 3)


def test_groups_that_overlap_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    known = grouped._Group.known

    def one_too_far(self: grouped._Group, latents: Tensor, features: Tensor) -> Tensor:
        shifted = torch.roll(latents, -1, 1)
        return known(self, shifted, features)

    monkeypatch.setattr(grouped._Group, "known", one_too_far)
    context = made("channel-wise")
    with pytest.raises(AssertionError):
        check_causal_everywhere(context, 1, 1)


def test_a_schedule_that_skips_the_last_column_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = Periodic.stages

    def skipping(self: Periodic, height: int, width: int) -> Tensor:
        found = stages(self, height, width).clone()
        found[:, -1] = -1 if width % 2 else found[:, -1]
        return found

    monkeypatch.setattr(Periodic, "stages", skipping)
    check_partition(made("checkerboard"), 3, 4)
    with pytest.raises((AssertionError, RuntimeError)):
        check_partition(made("checkerboard"), 3, 5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CONTEXTS["uneven-groups"]().build(5, [0.0, 0.0]), "3 groups of 2, 4, -1 channels"),
        (lambda: CONTEXTS["channel-wise"]().build(3, [0.0, 0.0]), "expected 3 together, and at"),
        (lambda: MultistageContext(3), "side: 3; expected 2 or 4"),
        (lambda: CosineSlicesContext(0), "slices: 0; expected at least 1"),
        (lambda: CosineSlicesContext(2, 0), "hidden: 0, kernel_size: 5"),
        (lambda: MultistageContext(2, 8, 4), "kernel_size: 4; expected at least 1, and an odd"),
        (lambda: Periodic([[0, 2]]), "expected a square of the numbers from 0"),
    ],
)
def test_contexts_that_can_not_be(build: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build()  # type: ignore[operator]
