"""Contexts that recall see all that is decoded, however far away, and nothing that is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lic_models.components import Context, NonLocalContext
from lic_models.components.entropy_models.contexts.attending import recalling
from lic_models.components.entropy_models.contexts.attending.recalling import RecallingContext
from lic_models.under_test import context_models
from pytest_lic import properties
from pytest_lic.errors import PropertyError, UsageError
from tests.lic_models.components.entropy_models.joint_parts import CHANNELS, CONTEXTS, stir

RECALLING = ("non-local", "global-reference")
each = pytest.mark.parametrize("name", RECALLING)


def made(name: str) -> Context:
    torch.manual_seed(2)
    context = CONTEXTS[name]()
    context.build(CHANNELS, [0.0, 0.0])
    stir(context)
    return context.double().eval()


def drawn(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Latents and features."""
    generator = torch.Generator().manual_seed(3)
    drawn = torch.randn(1, 3 * CHANNELS, height, width, generator=generator).double()
    return drawn[:, :CHANNELS], drawn[:, CHANNELS:]


@each
def test_a_position_far_away_is_recalled(name: str) -> None:
    """What stood in the first row moves the last one, which a neighbourhood does not reach."""
    context = made(name)
    latents, features = drawn(9, 4)
    moved = latents.clone()
    moved[..., 0, :] *= -1
    one, other = (context(seen, features)[..., -1, :] for seen in (latents, moved))
    assert not torch.allclose(one, other, atol=1e-4)


@each
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (6, 1), (3, 5)])
def test_the_first_position_recalls_nothing_and_is_finite(name: str, size: tuple[int, int]) -> None:
    context = made(name)
    latents, features = drawn(*size)
    everywhere = context(latents.requires_grad_(), features)
    assert everywhere.isfinite().all()
    everywhere.square().sum().backward()
    gradients = [latents.grad, *(parameter.grad for parameter in context.parameters())]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


@each
def test_how_many_positions_are_recalled_for_at_once_does_not_matter(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = made(name)
    latents, features = drawn(5, 7)
    together = context(latents, features)
    monkeypatch.setattr(recalling, "_AT_ONCE", 4)
    assert torch.allclose(context(latents, features), together, rtol=1e-11, atol=1e-12)


@each
def test_the_decoder_needs_the_position_before_alone(name: str) -> None:
    """The others are kept, so that a pass does not look at the whole latent again."""
    context = made(name)
    latents, features = drawn(3, 4)
    everywhere = context(latents, features)
    predictor = context.predictor(features)
    for number in range(12):
        decoded = torch.full_like(latents, torch.nan)
        if number:
            row, column = divmod(number - 1, 4)
            decoded[..., row, column] = latents[..., row, column]
        row, column = divmod(number, 4)
        predicted = predictor.predict(number, decoded)
        assert torch.allclose(predicted, everywhere[..., row, column], rtol=1e-11, atol=1e-12)


pad = F.pad
Mutant = tuple[object, str, Callable[..., Tensor]]


def sees_every_slot(kind: type[RecallingContext]) -> Mutant:
    recalled = kind._recalled

    def unmasked(
        self: RecallingContext, queries: Tensor, keys: Tensor, values: Tensor, seen: Tensor
    ) -> Tensor:
        return recalled(self, queries, keys, values, torch.ones_like(seen))

    return kind, "_recalled", unmasked


def sees_its_own_slot(kind: type[RecallingContext]) -> Mutant:
    def unshifted(tensor: Tensor, by: tuple[int, ...]) -> Tensor:
        return tensor if by == (0, 0, 1, -1) else pad(tensor, by)

    return F, "pad", unshifted


def has_itself_in_its_neighbourhood(kind: type[RecallingContext]) -> Mutant:
    def one_later(self: RecallingContext, near: Tensor) -> Tensor:
        return near[:, :, 1 : self.kernel_size**2 // 2 + 1].flatten(1, 2)

    return RecallingContext, "_earlier", one_later


def centres_over_all_positions(kind: type[RecallingContext]) -> Mutant:
    def centred(self: RecallingContext, told: Tensor, near: Tensor) -> Tensor:
        return self._keys(told - told.mean(1, keepdim=True), near - near.mean(1, keepdim=True))

    return kind, "_queries", centred


@each
@pytest.mark.parametrize(
    "mutant",
    [
        sees_every_slot,
        sees_its_own_slot,
        has_itself_in_its_neighbourhood,
        centres_over_all_positions,
    ],
)
def test_memory_of_what_is_not_decoded_is_caught(
    name: str,
    mutant: Callable[[type[RecallingContext]], Mutant],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tested,) = (every for every in context_models() if every.name == name)
    monkeypatch.setattr(*mutant(type(CONTEXTS[name]())))
    with pytest.raises(PropertyError, match="the same whatever stands at"):
        properties.context_models.causality(tested)


@each
def test_a_decoder_that_forgets_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    predict = recalling._RecallingPredictor.predict

    def forgetting(self: Any, number: int, decoded: Tensor) -> Tensor:
        self._values[:, :number] = 0
        return predict(self, number, decoded)

    (tested,) = (every for every in context_models() if every.name == name)
    monkeypatch.setattr(recalling._RecallingPredictor, "predict", forgetting)
    with pytest.raises(PropertyError, match="encoder and decoder predict alike"):
        properties.context_models.in_step(tested)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: NonLocalContext(3), "heads: 3; expected a divisor of 64, the hidden channels"),
        (lambda: NonLocalContext(0), "heads: 0; expected a divisor"),
        (lambda: NonLocalContext(hidden=0), "hidden: 0, kernel_size: 5; expected at least 1"),
        (lambda: NonLocalContext(kernel_size=4), "kernel_size: 4; expected at least 1, and an odd"),
    ],
)
def test_contexts_that_can_not_be(build: Callable[[], Context], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build()
