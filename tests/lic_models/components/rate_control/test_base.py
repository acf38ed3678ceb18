"""What every kind of rate control keeps to."""

from __future__ import annotations

import pytest
import torch

from lic_models.codec import LearnedCodec
from lic_models.components import (
    QVRF,
    BottleneckScaling,
    ConditionalConvolutions,
    ConvolutionalTransform,
    GainUnits,
    MeanScaleHyperprior,
    MixedQuantizer,
    ModulatedAutoencoder,
    NoRateControl,
    QualityMap,
    RateControl,
    ReconstructionOffsets,
    ResidualTransform,
    SwinTransform,
)
from lic_models.components.thumbnails import ThumbnailSynthesis
from pytest_lic.errors import UsageError

LAMBDAS = [0.002, 0.008, 0.032]
KINDS = [
    BottleneckScaling,
    GainUnits,
    ConditionalConvolutions,
    ModulatedAutoencoder,
    QVRF,
    ReconstructionOffsets,
    QualityMap,
]
pytestmark = pytest.mark.usefixtures("one_thread")


def made(control: RateControl | None) -> LearnedCodec:
    torch.manual_seed(0)
    transform = ConvolutionalTransform(channels=4, latent_channels=6)
    quantizer = MixedQuantizer() if isinstance(control, ReconstructionOffsets) else None
    codec = LearnedCodec(
        transform, quantizer, MeanScaleHyperprior(hyper_channels=4), rate_control=control
    ).eval()
    with torch.no_grad():  # latents that are not all rounded to zero
        for layer in (transform.analysis[0], transform.analysis[-1]):
            layer.weight.mul_(20.0)
    codec.update()
    return codec


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def codec(request: pytest.FixtureRequest) -> LearnedCodec:
    return made(request.param(LAMBDAS))


@pytest.fixture
def images() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.rand(2, 3, 48, 32)


@pytest.mark.parametrize("level", [0.0, 0.37, 1.0, 1.5, 2.0])
def test_any_level_is_decoded_from_its_bytes_alone(
    codec: LearnedCodec, images: torch.Tensor, level: float
) -> None:
    coded = codec.compress(images, level=level)
    assert coded["level"] == level
    decoded = codec.decompress(**coded)["x_hat"]
    expected = codec(images, level)["x_hat"]
    torch.testing.assert_close(decoded, expected, rtol=1e-4, atol=1e-5)


def test_each_image_of_a_batch_may_have_a_level_of_its_own(
    codec: LearnedCodec, images: torch.Tensor
) -> None:
    together = codec(images, torch.tensor([0.25, 2.0]))["x_hat"]
    for image, level in enumerate((0.25, 2.0)):
        alone = codec(images[image : image + 1], torch.tensor([level]))["x_hat"]
        torch.testing.assert_close(together[image : image + 1], alone, rtol=1e-4, atol=1e-5)


def test_levels_are_lambdas_between_the_anchors(codec: LearnedCodec) -> None:
    lambdas = codec.rate_control.lmbda(torch.tensor([0.0, 0.5, 1.0, 2.0]))
    torch.testing.assert_close(lambdas, torch.tensor([0.002, 0.004, 0.008, 0.032]))


@pytest.mark.parametrize("level", [-0.1, 2.01, float("nan")])
def test_a_level_outside_of_the_range_is_refused(
    codec: LearnedCodec, images: torch.Tensor, level: float
) -> None:
    with pytest.raises(UsageError, match=r"level: .*; expected from 0 to 2, λ from 0\.002 to"):
        codec.compress(images, level=level)


@pytest.mark.parametrize("level", [-1.0, 2.001, 2.0**80])
def test_there_is_no_decoding_at_a_level_outside_of_the_range(
    codec: LearnedCodec, images: torch.Tensor, level: float
) -> None:
    with pytest.raises(UsageError, match=r"level: .*; expected from 0 to 2"):
        codec.decompress(**{**codec.compress(images), "level": level})


def test_there_is_no_decoding_without_a_level(codec: LearnedCodec, images: torch.Tensor) -> None:
    coded = codec.compress(images)
    with pytest.raises(UsageError, match="level: none given; decode at the one that compress"):
        codec.decompress(coded["strings"], coded["shape"])


def test_without_rate_control_there_is_one_level_and_nothing_of_it_in_the_bytes(
    images: torch.Tensor,
) -> None:
    plain = made(None)
    assert isinstance(plain.rate_control, NoRateControl)
    assert "level" not in plain.compress(images)
    with pytest.raises(UsageError, match="level: 1; this network has no rate control"):
        plain.compress(images, level=1.0)


@pytest.mark.parametrize(
    "kind", [ConditionalConvolutions, ModulatedAutoencoder, QualityMap, GainUnits]
)
def test_it_begins_as_the_network_without_it_to_the_bit(
    kind: type[RateControl], images: torch.Tensor
) -> None:
    plain, controlled = made(None), made(kind(LAMBDAS))
    assert torch.equal(
        plain.transform.analysis(images), _analysed(controlled, images, level=2.0)
    ), "at the highest anchor, where a gain is one"


def _analysed(codec: LearnedCodec, images: torch.Tensor, level: float) -> torch.Tensor:
    with codec.rate_control.at(torch.tensor([level])):
        return codec.rate_control.scaled(codec.transform.analysis(images))


def test_gradients_reach_every_parameter_of_it(codec: LearnedCodec, images: torch.Tensor) -> None:
    codec.train()
    with torch.no_grad():
        for parameter in codec.rate_control.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for name, parameter in codec.transform.named_parameters():
            if ".condition." in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
    outputs = [codec(images, torch.tensor(pair)) for pair in ([0.0, 1.0], [1.2, 2.0])]
    sum(output["x_hat"].square().sum() for output in outputs).backward()
    of_it = {
        name: parameter
        for name, parameter in codec.named_parameters()
        if name.startswith("rate_control.") or ".condition." in name
    }
    assert of_it
    assert [name for name, parameter in of_it.items() if not parameter.grad.any()] == []


@pytest.mark.parametrize(
    "lambdas", [[0.1], [0.1, 0.1], [0.2, 0.1], [0.0, 0.1], [0.1, float("inf")]]
)
def test_anchors_that_do_not_rise_are_refused(lambdas: list[float]) -> None:
    with pytest.raises(UsageError, match="expected at least two positive numbers that rise"):
        GainUnits(lambdas)


def test_a_transform_without_convolutions_in_a_row_is_refused() -> None:
    class Whole(ConvolutionalTransform):
        def __init__(self) -> None:
            super().__init__(channels=4, latent_channels=4)
            self.analysis = torch.nn.Sequential(self.analysis)
            self.synthesis = torch.nn.Sequential(self.synthesis)

    with pytest.raises(UsageError, match="Whole has no convolutions in a row"):
        ModulatedAutoencoder(LAMBDAS).build(Whole())
    ModulatedAutoencoder(LAMBDAS).build(SwinTransform(channels=8, latent_channels=8))


@pytest.mark.parametrize("kind", [ConditionalConvolutions, ModulatedAutoencoder, QualityMap])
def test_conditions_are_refused_where_one_side_has_no_convolution_for_them(kind):
    with pytest.raises(UsageError, match=f"{kind.__name__}: ResidualTransform has no convolution"):
        LearnedCodec(ResidualTransform(), rate_control=kind(LAMBDAS))


@pytest.mark.parametrize("kind", [ModulatedAutoencoder, QualityMap])
@pytest.mark.parametrize("hidden", [0, -1])
def test_a_network_of_no_hidden_numbers_is_refused(kind, hidden):
    with pytest.raises(UsageError, match=f"hidden: {hidden}; expected at least 1"):
        kind(LAMBDAS, hidden=hidden)


def test_a_part_of_a_bitstream_is_not_decoded_at_a_level_that_nothing_tells():
    codec = made(GainUnits(LAMBDAS))
    with pytest.raises(UsageError, match="decompress_part: GainUnits has levels"):
        codec.decompress_part([[b""], [b""]], (4, 4), 1, 0)
    with pytest.raises(UsageError, match="thumbnail: GainUnits has levels"):
        codec.attach_thumbnail(ThumbnailSynthesis())
