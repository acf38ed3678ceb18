"""The loss with LPIPS and a conditional discriminator: its formulas written anew, and refusals."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import lpips
import pytest
import torch
from torch import Tensor, nn

from lic_models.codec import LearnedCodec
from lic_models.command_line.training_images import training_images
from lic_models.components.transforms import (
    ConvolutionalTransform,
    DeformableResidualTransform,
    GeneralisedOctaveTransform,
    NeighbourhoodAttentionTransform,
    ResidualAttentionTransform,
    SwinTransform,
    TCMTransform,
    Transform,
    WindowAttentionTransform,
)
from lic_models.training import generative
from lic_models.training.adaptation import Schedule, adapt
from lic_models.training.generative import (
    Discriminator,
    GenerativeLoss,
    GenerativeWeights,
    check_crop_size,
    given_to_synthesis,
)
from pytest_lic.errors import UsageError
from tests.helpers.grouped_codec import grouped_codec
from tests.helpers.image_folders import write_image

pytestmark = pytest.mark.usefixtures("one_thread")

CHANNELS = 9


@pytest.fixture(scope="module")
def random_features() -> torch.nn.Module:
    """Random features for LPIPS: the arithmetic is the same, the numbers mean nothing."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        network: torch.nn.Module = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    return network.requires_grad_(False)


@pytest.fixture(autouse=True)
def backbone(random_features: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    monkeypatch.setattr(generative.LPIPS, "network", lambda _: random_features)
    return random_features


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def batch(latents: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """x̂, x and ŷ of two images."""
    images = torch.rand(2, 3, 48, 48)
    return (images + 0.1 * torch.randn_like(images)), images, torch.randn(2, CHANNELS, latents, 3)


def generative_loss(**weights: float) -> GenerativeLoss:
    return GenerativeLoss(CHANNELS, GenerativeWeights(**weights), 1e-3)


def test_the_terms_are_the_papers(backbone: torch.nn.Module) -> None:
    loss = generative_loss(lpips=3.0, adversarial=5.0)
    loss.discriminator.eval()  # the power iteration of training changes it between two looks
    decoded, images, latents = batch()
    terms = loss(decoded, images, latents)
    seen_as_real = torch.sigmoid(loss.discriminator(decoded, latents))
    distances = {
        (left, top): backbone(images[..., top:, left:], decoded[..., top:, left:], normalize=True)
        for left in range(4)
        for top in range(4)
    }
    gaps = {place: abs(each.mean() - terms.lpips).item() for place, each in distances.items()}
    place = min(gaps, key=gaps.__getitem__)
    distance = distances[place].mean()
    torch.testing.assert_close(terms.adversarial, -seen_as_real.log().mean())
    torch.testing.assert_close(terms.lpips, distance)
    torch.testing.assert_close(terms.total, 3 * distance - 5 * seen_as_real.log().mean())
    usual = GenerativeWeights()
    assert usual.lpips == pytest.approx(1 / (0.075 / 32))
    assert usual.adversarial == pytest.approx(0.15 / (0.075 / 32))


def test_lpips_sees_images_from_places_that_are_drawn() -> None:
    loss, (decoded, images, latents) = generative_loss(), batch()
    seen = {loss(decoded, images, latents).lpips.item() for _ in range(20)}
    assert len(seen) > 5


def test_a_step_of_the_discriminator_is_on_the_papers_loss() -> None:
    loss = generative_loss()
    loss.discriminator.eval()
    decoded, images, latents = batch()
    real, fake = (torch.sigmoid(loss.discriminator(x, latents)) for x in (images, decoded))
    expected = (-real.log().mean() - (1 - fake).log().mean()).item()
    assert loss.train_discriminator(decoded, images, latents) == pytest.approx(expected, rel=1e-5)


def test_each_is_trained_without_the_other() -> None:
    loss = generative_loss()
    decoded, images, latents = (value.requires_grad_() for value in batch())
    before = {name: value.clone() for name, value in loss.discriminator.named_parameters()}
    loss(decoded, images, latents).total.backward()
    assert decoded.grad is not None
    assert latents.grad is None
    parameters = dict(loss.discriminator.named_parameters())
    assert all(value.grad is None for value in parameters.values())
    decoded.grad = None
    loss.train_discriminator(decoded, images, latents)
    assert decoded.grad is latents.grad is None
    assert not any(torch.equal(before[name], value) for name, value in parameters.items())


def test_a_discriminator_sees_the_latent_of_whatever_size() -> None:
    judge = Discriminator(CHANNELS).eval()
    images = torch.rand(2, 3, 64, 48)
    for size in ((4, 3), (8, 6), (64, 48)):
        first, second = torch.randn(2, 2, CHANNELS, *size)
        score = judge(images, first)
        assert score.shape == (2, 1, 4, 3)
        assert not torch.allclose(score, judge(images, second))
        assert not torch.allclose(score, judge(1 - images, first))


def test_no_layer_of_a_discriminator_gains() -> None:
    judge = Discriminator(CHANNELS)
    decoded, _, latents = batch()
    for _ in range(100):
        judge(decoded, latents)
    for layer in (judge.projection, *judge.halving, judge.last):
        gain = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert gain == pytest.approx(1, rel=0.05)


def test_a_discriminator_learns_to_tell_smooth_pictures_from_noise() -> None:
    loss = generative_loss()
    _, images, latents = batch()
    losses = [
        loss.train_discriminator(torch.full_like(images, 0.5), images, latents) for _ in range(60)
    ]
    assert losses[0] == pytest.approx(2 * math.log(2), rel=0.2)
    assert losses[-1] < 0.7 * losses[0]


class ChosenTransform(ConvolutionalTransform):
    """A kind whose latents are at another fraction of the sides."""

    def __init__(self) -> None:
        super().__init__(kernel_sizes=[3, 3, 3, 3])
        self.analysis = nn.Conv2d(3, 12, 8, stride=8)
        self.synthesis = nn.ConvTranspose2d(12, 3, 8, stride=8)
        self.latent_channels, self.downsampling_factor = 12, 8


KINDS = [
    ConvolutionalTransform,
    ResidualAttentionTransform,
    DeformableResidualTransform,
    GeneralisedOctaveTransform,
    WindowAttentionTransform,
    NeighbourhoodAttentionTransform,
    SwinTransform,
    TCMTransform,
    ChosenTransform,
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_synthesis_of_any_transform_is_trained_and_nothing_else(
    kind: type[Transform], tmp_path: Path
) -> None:
    write_image(tmp_path / "photos" / "a.png", height=60)
    images = training_images(str(tmp_path / "photos"), 48)
    codec = LearnedCodec(kind())
    before = {name: value.clone() for name, value in codec.state_dict().items()}
    told: list[set[str]] = []
    schedule = Schedule(0.01, steps=1, crop_size=48, generative=GenerativeWeights())
    trained = adapt(codec, images, "synthesis", schedule, lambda _, parts: told.append(set(parts)))
    changed = {name for name, value in codec.state_dict().items() if not value.equal(before[name])}
    assert changed
    assert trained.keys() >= changed
    assert all(name.startswith("transform.synthesis.") for name in trained)
    assert told == [{"loss", "bpp", "mse", "lpips", "adversarial", "discriminator"}]


def test_what_the_synthesis_was_given_is_seen_within_the_block_alone() -> None:
    codec: LearnedCodec = grouped_codec()
    images = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        with given_to_synthesis(codec) as seen:
            decoded = codec(images)["x_hat"]
        (latents,) = seen
        assert torch.equal(codec.transform.synthesis(latents), decoded)
        codec(1 - images)
    assert seen[0] is latents


def test_a_missing_backbone_is_one_line_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UsageError) as refused:
        generative_loss()
    assert (
        str(refused.value)
        == "LPIPS has no weights for alex: `pytest-lic weights lpips` brings them"
    )


def test_crops_that_lpips_does_not_take() -> None:
    check_crop_size(34)
    with pytest.raises(UsageError, match="crops of 33 pixels; LPIPS needs 34 on each side"):
        check_crop_size(33)
