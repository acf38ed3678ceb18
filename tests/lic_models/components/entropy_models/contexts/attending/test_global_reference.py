"""The global reference is the most similar position before, whatever a sum's last bits are."""

from __future__ import annotations

import torch
from torch import Tensor

from lic_models.components import GlobalReferenceContext
from lic_models.components.entropy_models.contexts.attending.global_reference import _highest

CHANNELS = 3


def references(latents: Tensor) -> tuple[Tensor, Tensor]:
    """The latent (M, h, w) and the confidence (h, w) that each position is given."""
    context = GlobalReferenceContext(4)
    context.build(CHANNELS, [0.0, 0.0])
    given = []
    context.double().from_reference.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    context(latents, torch.zeros(1, 2 * CHANNELS, *latents.shape[-2:]).double())
    (of_all,) = given
    told = of_all[0].T.unflatten(1, latents.shape[-2:])
    return told[:CHANNELS], told[CHANNELS]


def test_what_repeats_is_found_with_high_confidence() -> None:
    torch.manual_seed(4)
    latents = torch.randn(1, CHANNELS, 7, 9).double()
    latents[..., 4:, :] = latents[..., :3, :]
    found, confidence = references(latents)
    assert torch.equal(found[:, 6], latents[0, :, 2])
    assert (confidence[6] > 0.9).all()
    assert (confidence[:4] < confidence[6].min()).all()


def test_where_all_is_unlike_the_first_position_counts_without_confidence() -> None:
    """And nothing at all for that position itself."""
    latents = torch.ones(1, CHANNELS, 1, 3).double()
    latents[..., 1] = -1
    found, confidence = references(latents)
    assert found[0, 0].tolist() == [0.0, 1.0, 1.0]
    assert confidence[0].tolist() == [0.0, 0.0, 0.0]


def test_of_equals_the_last_one_counts() -> None:
    latents = torch.zeros(1, CHANNELS, 4, 4).double()
    found, confidence = references(latents)
    assert not found.any()
    assert not confidence.any()
    similarity = torch.tensor([[[0.0, 0.5, 0.5, 0.25, 0.9]]])
    seen = torch.tensor([[True, True, True, True, False]])
    assert _highest(similarity, seen).tolist() == [[2]]
    assert _highest(-similarity, seen).tolist() == [[0]]


def test_the_last_bits_of_a_similarity_choose_nothing() -> None:
    generator = torch.Generator().manual_seed(5)
    similarity = torch.rand(1, 200, 300, generator=generator).double()
    similarity[..., 1::2] = similarity[..., ::2]  # each has a rival, equal but for these bits
    seen = torch.ones(200, 300, dtype=torch.bool)
    chosen = _highest(similarity, seen)
    for _ in range(5):
        noise = torch.rand(similarity.shape, generator=generator).double() - 0.5
        moved = similarity + 1e-13 * noise
        assert torch.equal(_highest(moved, seen), chosen)
        assert not torch.equal(moved.argmax(-1), chosen)


def test_confidence_and_reference_have_gradients() -> None:
    """Of the reference's latent through both, so it moves the neighbourhoods it is part of too."""
    torch.manual_seed(6)
    latents = torch.randn(1, CHANNELS, 5, 6).double().requires_grad_()
    found, confidence = references(latents)
    for given in (found, confidence):
        (gradient,) = torch.autograd.grad(given[..., -1, -1].sum(), latents, retain_graph=True)
        assert gradient.isfinite().all()
        assert gradient.any()
        assert not gradient[..., -1, -1].any()
