"""Some regions of an image at other levels than the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lic_models.codec import LearnedCodec
from lic_models.components import ConvolutionalTransform, MeanScaleHyperprior, QualityMap
from lic_models.components.rate_control.conditioned import ConditionedConvolution
from lic_models.components.rate_control.quality_map import Regions
from pytest_lic.adapters.compressai import RateArgument, compressai_family
from pytest_lic.errors import BitstreamError, CorruptBitstreamError, UsageError
from pytest_lic.levels import Levels

LAMBDAS = [0.002, 0.008, 0.032]
pytestmark = pytest.mark.usefixtures("one_thread")


def made(regions: Regions | None = "carried", drawn: bool = True) -> LearnedCodec:
    """A codec, whose conditions are drawn or as they begin; without any for None."""
    torch.manual_seed(0)
    transform = ConvolutionalTransform(channels=4, latent_channels=6)
    control = None if regions is None else QualityMap(LAMBDAS, regions, hidden=4)
    codec = LearnedCodec(
        transform, None, MeanScaleHyperprior(hyper_channels=4), rate_control=control
    ).eval()
    with torch.no_grad():
        for layer in (transform.analysis[0], transform.analysis[-1]):
            layer.weight.mul_(20.0)  # latents that are not all rounded to zero
        for name, parameter in transform.named_parameters():
            if drawn and ".condition.second" in name:
                parameter.copy_(0.01 * torch.randn_like(parameter))
    codec.update()
    return codec


@pytest.fixture(scope="module")
def codec() -> LearnedCodec:
    return made()


IMAGES = torch.rand(2, 3, 80, 144, generator=torch.Generator().manual_seed(1))
HALVES = torch.zeros(2, 1, 80, 144)
HALVES[0, :, :, :64] = 0.75
HALVES[1, :, 64:] = -0.5


def test_it_begins_as_the_network_without_it_to_the_bit() -> None:
    plain, mapped = made(None), made(drawn=False)
    mapped.load_state_dict(plain.state_dict(), strict=False)  # the entropy model's
    mapped.update()
    coded, expected = mapped.compress(IMAGES), plain.compress(IMAGES)  # at the highest level
    assert coded["strings"][1:] == expected["strings"]
    decoded = mapped.decompress(**coded)["x_hat"]
    assert torch.equal(decoded, plain.decompress(**expected)["x_hat"])


def test_below_the_highest_level_it_begins_with_longer_steps_of_the_same_latents() -> None:
    plain, mapped = made(None), made(drawn=False)
    latents = plain.transform.analysis(IMAGES)
    levels = torch.ones(2, 1, 5, 9)
    levels[..., 4:] = 2.0
    with mapped.rate_control.at(levels):
        assert torch.equal(mapped.transform.analysis(IMAGES), latents)
        scaled = mapped.rate_control.scaled(latents)
        torch.testing.assert_close(mapped.rate_control.restored(scaled), latents)
    torch.testing.assert_close(scaled[..., :4], latents[..., :4] / 2.0)  # of a quarter of λ
    assert torch.equal(scaled[..., 4:], latents[..., 4:])


@torch.no_grad()
def test_features_are_scaled_and_shifted_by_what_two_layers_make_of_the_map() -> None:
    layer = made().transform.analysis[2]
    assert isinstance(layer, ConditionedConvolution)
    levels = 2.0 * torch.rand(1, 1, 2, 3)
    features = torch.randn(1, 4, 16, 24)
    with layer.condition.levels.at(levels):
        given = layer(features)
    plain = F.conv2d(features, layer.weight, layer.bias, stride=2, padding=2)
    first, second = layer.condition.first, layer.condition.second
    for row in range(plain.size(2)):
        for column in range(plain.size(3)):
            hidden = first.bias.clone()
            for i in range(3):
                for j in range(3):
                    # Four features to a latent, and the map goes on as it ends.
                    at = min(max(row // 4 + i - 1, 0), 1), min(max(column // 4 + j - 1, 0), 2)
                    hidden += first.weight[:, 0, i, j] * levels[0, 0][at] / 2.0
            made_of_it = 10.0 * (second.weight[:, :, 0, 0] @ hidden.clamp(min=0.0) + second.bias)
            expected = plain[0, :, row, column] * made_of_it[:4].exp() + made_of_it[4:]
            torch.testing.assert_close(given[0, :, row, column], expected, rtol=1e-4, atol=1e-5)


def test_one_level_everywhere_is_that_level_to_the_bit(codec: LearnedCodec) -> None:
    everywhere = torch.full((2, 1, 80, 144), 0.75)
    mapped, level = codec.compress(IMAGES, 0.5, everywhere), codec.compress(IMAGES, 1.25)
    assert mapped["strings"][1:] == level["strings"][1:]
    assert mapped["strings"][1:] != codec.compress(IMAGES, 0.5)["strings"][1:]
    assert torch.equal(codec.decompress(**mapped)["x_hat"], codec.decompress(**level)["x_hat"])
    assert torch.equal(codec(IMAGES, 1.25)["x_hat"], codec(IMAGES, torch.tensor([1.25]))["x_hat"])


def test_what_is_beyond_the_range_is_its_end(codec: LearnedCodec) -> None:
    mapped = codec.compress(IMAGES, 1.5, torch.full((2, 1, 80, 144), 2.0))
    assert mapped["strings"][1:] == codec.compress(IMAGES, 2.0)["strings"][1:]


def test_a_carried_map_is_decoded_from_its_bytes_alone(codec: LearnedCodec) -> None:
    coded = codec.compress(IMAGES, 1.0, HALVES)
    added = torch.zeros(2, 1, 5, 9)
    added[0, :, :, :4] = 0.75
    added[1, :, 4:] = -0.5
    expected = codec(IMAGES, 1.0 + added)["x_hat"]
    torch.testing.assert_close(codec.decompress(**coded)["x_hat"], expected, rtol=1e-4, atol=1e-5)
    for image in range(2):
        alone = [[strings[image]] for strings in coded["strings"]]
        decoded = codec.decompress(alone, coded["shape"], coded["level"])["x_hat"]
        torch.testing.assert_close(decoded, expected[image : image + 1], rtol=1e-4, atol=1e-5)
    other = codec.compress(IMAGES, 1.0)["strings"][:1] + coded["strings"][1:]
    decoded = codec.decompress(other, coded["shape"], 1.0)["x_hat"]
    assert not torch.allclose(decoded, expected, atol=1e-3)


def test_a_region_is_the_mean_of_its_pixels(codec: LearnedCodec) -> None:
    fine = torch.zeros(2, 1, 80, 144)
    fine[:, :, :64:2, :64] = 1.5  # half of the pixels of one region
    fine[:, :, 64:72, 128:] = 1.0  # and of a small one in the corner
    fine[:, :, :64, 64:128] = 0.04  # nearer to a step of 1/16 than to none
    coarse = torch.zeros(2, 1, 80, 144)
    coarse[:, :, :64, :64] = 0.75
    coarse[:, :, 64:, 128:] = 0.5
    coarse[:, :, :64, 64:128] = 0.0625
    assert codec.compress(IMAGES, 1.0, fine) == codec.compress(IMAGES, 1.0, coarse)


@torch.no_grad()
def test_where_the_map_is_higher_there_are_more_bits_and_less_error() -> None:
    codec = made(drawn=False)
    analysis, synthesis = codec.transform.analysis, codec.transform.synthesis
    for layer, sign in ((analysis[-1], 1.0), (synthesis[0], -1.0)):
        condition, channels = layer.condition, layer.out_channels
        condition.first.weight.zero_()[:, :, 1, 1] = 1.0
        condition.first.bias.zero_()
        condition.second.weight[:channels] = sign / 10.0  # a scale of exp(± 4 · level / 2)
        layer.bias.zero_()
    levels = torch.zeros(1, 1, 4, 16)
    levels[..., :8] = 2.0
    image = torch.rand(1, 3, 64, 256)
    outputs = codec(image, levels)
    bits = -outputs["likelihoods"]["latents"].log2().sum(1)
    assert bits[..., :8].sum() > 1.5 * bits[..., 8:].sum()
    with codec.rate_control.at(levels):
        unrounded = codec.transform.synthesis(codec.transform.analysis(image))
    errors = (outputs["x_hat"] - unrounded).square()
    assert errors[..., :96].mean() < 0.1 * errors[..., -96:].mean()  # away from the border


def test_a_centred_map_costs_nothing_and_follows_from_the_size() -> None:
    codec = made("centre")
    uniform = made("uniform").compress(IMAGES, 1.0)
    coded = codec.compress(IMAGES, 1.0)
    assert len(coded["strings"]) == len(uniform["strings"]) == 2
    assert coded["strings"] != uniform["strings"]
    levels = codec.rate_control.spread(torch.tensor([1.0]), (5, 9))
    assert torch.equal(levels, levels.flip(2))
    assert torch.equal(levels, levels.flip(3))
    assert float(levels[0, 0, 2, 4]) == 1.5
    # The corner's middle is at 4/5 of the way down and 8/9 of that across; in sixteenths.
    assert float(levels.min()) == float(levels[0, 0, 0, 0]) == 0.8125
    expected = codec(IMAGES, levels)["x_hat"]
    torch.testing.assert_close(codec.decompress(**coded)["x_hat"], expected, rtol=1e-4, atol=1e-5)


def test_half_of_the_images_are_trained_with_a_map() -> None:
    torch.manual_seed(0)
    control = QualityMap(LAMBDAS, "carried")
    maps = control.drawn(400, (10, 12), torch.device("cpu"))
    assert maps.shape == (400, 1, 10, 12)
    assert 0.0 <= float(maps.min()) < 0.1
    assert 1.9 < float(maps.max()) <= 2.0
    uniform = (maps == maps[:, :, :1, :1]).flatten(1).all(1)
    assert 150 < int(uniform.sum()) < 250
    regions = maps[..., :4, 4:8]
    assert torch.equal(regions, regions[..., :1, :1].expand_as(regions))
    assert control.lmbda(maps).shape == maps.shape
    assert QualityMap(LAMBDAS).drawn(4, (10, 12), torch.device("cpu")).shape == (4,)


def coded_by_family(mapped: bool) -> tuple[Any, Any]:
    """Two codecs of one family, whose encoder may raise each image's left half."""

    def arguments(quality: str, images: Tensor) -> Mapping[str, Any]:
        quality_map = torch.zeros(len(images), 1, *images.shape[-2:])
        quality_map[..., : images.shape[-1] // 2] = 0.5 if mapped else 0.0
        return {"level": 1.0, "quality_map": quality_map}

    family = compressai_family(
        "mapped",
        made,
        ["1"],
        compress_arguments=arguments,
        rate_control=RateArgument(Levels(0.0, 2.0, 1 / 1024)),
        synthesis="transform.synthesis",
    )
    return family.build("1", "cpu"), family.build("1", "cpu")


def test_a_family_pays_for_the_map_in_its_bitstreams() -> None:
    encoder, decoder = coded_by_family(mapped=True)
    images = IMAGES[..., :128]
    streams, network = encoder.encode(images), made()
    quality_map = torch.zeros(2, 1, 80, 128)
    quality_map[..., :64] = 0.5
    coded = network.compress(images, 1.0, quality_map)
    for image, stream in enumerate(streams):
        of_map, *rest = (strings[image] for strings in coded["strings"])
        assert len(of_map) > 2
        assert of_map in stream
        assert len(stream) > len(of_map) + sum(map(len, rest))
    expected = network.decompress(**coded)["x_hat"].clamp(0.0, 1.0)
    torch.testing.assert_close(decoder.decode(streams), expected, rtol=1e-4, atol=1e-4)
    damaged = streams[0].replace(coded["strings"][0][0], b"\xff" * len(coded["strings"][0][0]))
    with pytest.raises(BitstreamError):
        decoder.decode([damaged])
    plain, _ = coded_by_family(mapped=False)
    (at_rate,) = encoder.encode_at(images[:1], bpp=1.05 * 8 * len(streams[0]) / (80 * 128))
    assert at_rate.level != 1.0
    assert at_rate.bitstream != plain.encode(images[:1], level=at_rate.level)[0]


@pytest.mark.parametrize(
    ("quality_map", "told"),
    [
        (torch.zeros(2, 1, 80, 143), r"of shape \(2, 1, 80, 143\); expected \(2, 1, 80, 144\)"),
        (torch.zeros(1, 1, 80, 144), r"of shape \(1, 1, 80, 144\); expected \(2, 1, 80, 144\)"),
        (torch.full((2, 1, 80, 144), float("nan")), "from nan to nan; expected .* from -2 to 2"),
        (HALVES / 0.0, "expected levels to add, from -2 to 2"),
        (4.0 * HALVES, "from -2 to 3; expected levels to add, from -2 to 2"),
    ],
    ids=["size", "batch", "nan", "infinite", "range"],
)
def test_what_is_no_map_of_the_images_is_refused(
    codec: LearnedCodec, quality_map: Tensor, told: str
) -> None:
    with pytest.raises(UsageError, match=f"quality_map: .*{told}"):
        codec.compress(IMAGES, quality_map=quality_map)


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ("uniform", "regions are uniform; only those that are carried"),
        ("centre", "regions are centre; only those that are carried"),
        (None, "NoRateControl takes none; give a level alone"),
    ],
)
def test_a_map_that_nothing_would_carry_is_refused(regions: Regions | None, told: str) -> None:
    with pytest.raises(UsageError, match=f"quality_map: .*{told}"):
        made(regions).compress(IMAGES, quality_map=HALVES)


def test_a_string_that_is_no_map_is_refused(codec: LearnedCodec) -> None:
    coded = codec.compress(IMAGES, 1.0, HALVES)
    damaged = [[b"\xff" * 9] * 2, *coded["strings"][1:]]
    with pytest.raises(CorruptBitstreamError, match="no quality map of 3×2 regions"):
        codec.decompress(damaged, coded["shape"], 1.0)
    with pytest.raises(CorruptBitstreamError):
        codec.decompress(coded["strings"][1:], coded["shape"], 1.0)


def test_other_regions_are_refused() -> None:
    with pytest.raises(UsageError, match="regions: 'faces'; expected one of uniform, centre, carr"):
        QualityMap(LAMBDAS, "faces")  # type: ignore[arg-type]
