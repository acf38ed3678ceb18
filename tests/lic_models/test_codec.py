"""A codec put together from components: it codes what it estimates, and says what does not fit."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lic_models.codec import LearnedCodec
from lic_models.components import (
    AnsCoder,
    ConvolutionalTransform,
    EntropyModel,
    Factorized,
    LeakyReLU,
    MeanScaleHyperprior,
    NoiseQuantizer,
    Quantizer,
    RansCoder,
    Transform,
    UniversalQuantizer,
)
from lic_models.components.latent_coding import QuantisedCoding
from lic_models.config.builder import build_codec
from lic_models.training.loss import rate_distortion_loss
from lic_models.training.principal_components import start_from_principal_components
from pytest_lic.errors import CodecError, CorruptBitstreamError, UsageError, WeightsError
from tests.helpers.entropy_cases import MODELS, QUANTIZERS

HERE = "lic_models.components."
each_model = pytest.mark.parametrize("kind", MODELS)


pytestmark = pytest.mark.usefixtures("one_thread")


def photographs(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Smooth random images with a little noise, in [0, 1]."""
    torch.manual_seed(seed)
    coarse = torch.rand(count, 3, height // 8, width // 8)
    smooth = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    return (smooth + torch.randn(smooth.shape) / 30).clamp(0, 1)


def started(
    kind: type[EntropyModel] = Factorized, make: type[Quantizer] = NoiseQuantizer
) -> LearnedCodec:
    torch.manual_seed(0)
    transform = ConvolutionalTransform(channels=12, latent_channels=16, kernel_sizes=(5, 5, 3, 3))
    model = Factorized() if kind is Factorized else kind(hyper_channels=4)
    codec = LearnedCodec(transform, make(), model, AnsCoder())
    start_from_principal_components(codec, photographs(4, 64, 64), 0.01)
    return codec.eval()


def updated(codec: LearnedCodec) -> LearnedCodec:
    codec.update()
    return codec


# Coding.


@each_model
@pytest.mark.parametrize("make", QUANTIZERS)
def test_images_decode_to_what_evaluation_estimates(
    kind: type[EntropyModel], make: type[Quantizer]
) -> None:
    # 48 × 80 is no multiple of 64: z then stands for more than there is.
    codec, images = updated(started(kind, make)), photographs(2, 48, 80, seed=1)
    coded = codec.compress(images)
    assert coded["shape"] == (3, 5)
    assert [len(each) for each in coded["strings"]] == [2] * (1 if kind is Factorized else 2)
    decoded = codec.decompress(coded["strings"], coded["shape"])["x_hat"]
    with torch.no_grad():
        said = codec(images)
    torch.testing.assert_close(decoded, said["x_hat"], rtol=1e-4, atol=1e-4)
    assert not decoded.requires_grad
    for index in range(2):
        alone = codec.compress(images[index : index + 1])
        assert alone["strings"] == [[each[index]] for each in coded["strings"]]
    mse = float((decoded - images).square().mean())
    assert mse < 0.01


@each_model
def test_a_copy_with_its_own_tables_decodes(kind: type[EntropyModel]) -> None:
    codec, images = updated(started(kind)), photographs(1, 32, 32)
    coded = codec.compress(images)
    expected = codec.decompress(**coded)["x_hat"]
    assert torch.equal(copy.deepcopy(codec).decompress(**coded)["x_hat"], expected)
    other = started(kind)
    other.load_state_dict(codec.state_dict())
    with pytest.raises(CodecError, match="no tables"):
        other.decompress(**coded)
    other.tables = codec.tables
    assert torch.equal(other.decompress(**coded)["x_hat"], expected)
    with pytest.raises(WeightsError, match="found no tables"):
        other.tables = {}
    fewer = LearnedCodec(ConvolutionalTransform(latent_channels=8), entropy_model=kind())
    with pytest.raises(
        WeightsError, match="found tables: .*16 of" if kind is Factorized else "4 of"
    ):
        fewer.tables = codec.tables


def test_dither_of_another_seed_decodes_something_else() -> None:
    codec, images = updated(started(make=UniversalQuantizer)), photographs(1, 32, 32)
    coded = codec.compress(images)
    expected = codec.decompress(**coded)["x_hat"]
    codec.quantizer = UniversalQuantizer(seed=1)
    try:
        found = codec.decompress(**coded)["x_hat"]
    except CorruptBitstreamError:
        return
    assert not torch.allclose(found, expected, atol=1e-3)


@each_model
@pytest.mark.parametrize("make", QUANTIZERS)
def test_training_reaches_every_parameter(kind: type[EntropyModel], make: type[Quantizer]) -> None:
    codec, images = started(kind, make).train(), photographs(2, 64, 64, seed=1)
    rate_distortion_loss(codec(images), images, 0.01).total.backward()
    for name, parameter in codec.named_parameters():
        if name.endswith("quantiles"):
            assert parameter.grad is None
        else:
            assert bool(torch.isfinite(parameter.grad).all()), name
            assert float(parameter.grad.abs().sum()) > 0, name


@each_model
def test_rates_are_computed_in_single_precision_under_bfloat16(kind: type[EntropyModel]) -> None:
    torch.manual_seed(0)
    exact = Transform(nn.PixelUnshuffle(2), nn.PixelShuffle(2), 12, 2)  # which autocast leaves
    codec, images = LearnedCodec(exact, entropy_model=kind()), 300 * photographs(1, 16, 16)
    codec.entropy_model.fit(exact.analysis(images))
    torch.manual_seed(1)
    full = codec(images)
    torch.manual_seed(1)
    with torch.autocast("cpu", torch.bfloat16):
        half = codec(images)
    assert torch.equal(half["x_hat"], full["x_hat"])
    for name, likelihoods in full["likelihoods"].items():
        assert torch.equal(half["likelihoods"][name], likelihoods)


# What does not fit.


@each_model
def test_images_that_can_not_be_coded_are_refused(kind: type[EntropyModel]) -> None:
    codec = updated(started(kind))
    for call in (codec, codec.compress):
        with pytest.raises(CodecError, match="images of 40×32 pixels; this codec takes multiples"):
            call(torch.zeros(1, 3, 32, 40))
        with pytest.raises(CodecError, match=r"images of shape \(1, 1, 32, 32\); expected"):
            call(torch.zeros(1, 1, 32, 32))
        with pytest.raises(CodecError, match=r"images of shape \(0, 3, 32, 32\)"):
            call(torch.zeros(0, 3, 32, 32))
        with pytest.raises(CodecError, match="not finite"):
            call(torch.full((1, 3, 32, 32), float("nan")))


def test_strings_of_no_image_are_refused() -> None:
    codec = updated(started(MeanScaleHyperprior))
    coded = codec.compress(photographs(2, 32, 32))
    y, z = coded["strings"]
    for strings in ([], [[], []], [y, z[:1]]):
        with pytest.raises(CorruptBitstreamError, match="expected of one number of images"):
            codec.decompress(strings, (2, 2))
    with pytest.raises(CorruptBitstreamError, match="1 strings of a latent; expected 2"):
        codec.decompress([y], (2, 2))
    for shape in ((0, 2), (2, -1), (2,)):
        with pytest.raises(CorruptBitstreamError, match=r"latent of shape .* expected \(h, w\)"):
            codec.decompress(coded["strings"], shape)


def test_components_of_other_channels_are_refused_by_their_key() -> None:
    with pytest.raises(UsageError, match=r"^entropy_model\.init_args\.latent_channels is 5, but"):
        LearnedCodec(ConvolutionalTransform(latent_channels=6), entropy_model=Factorized(5))
    own = Transform(nn.Conv2d(3, 7, 8, 8), nn.ConvTranspose2d(7, 3, 8, 8), 7, 8)
    codec = LearnedCodec(own)
    assert codec.entropy_model.latent_channels == 7
    assert codec.downsampling_factor == 8


def test_parts_of_a_latent_coding_are_the_codecs() -> None:
    codec = LearnedCodec()
    assert codec.latent_coding.parts["quantizer"] is codec.quantizer
    codec.quantizer = UniversalQuantizer()
    codec.entropy_coder = RansCoder()
    coding = codec.latent_coding
    assert isinstance(coding, QuantisedCoding)
    assert coding.quantizer is codec.quantizer
    assert isinstance(coding.entropy_coder, RansCoder)
    copied = copy.deepcopy(codec)
    assert copied.latent_coding.parts["entropy_model"] is copied.entropy_model
    assert copied.entropy_model is not codec.entropy_model
    with pytest.raises(UsageError, match="can't be exchanged; make a new LearnedCodec"):
        codec.latent_coding = QuantisedCoding()


def test_a_latent_coding_is_given_whole_or_in_parts() -> None:
    coding = QuantisedCoding()
    assert LearnedCodec(latent_coding=coding).entropy_model is coding.entropy_model
    with pytest.raises(UsageError, match="takes the place of quantizer; expected null there"):
        LearnedCodec(quantizer=NoiseQuantizer(), latent_coding=QuantisedCoding())


# Built from a description.


def described(component: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {component: {"class_path": HERE + name, "init_args": arguments}}


def test_a_description_becomes_a_codec_with_defaults_for_what_it_leaves_out() -> None:
    codec = build_codec({"quantizer": None}, "mine.yaml")
    assert isinstance(codec.transform, ConvolutionalTransform)
    assert isinstance(codec.quantizer, NoiseQuantizer)
    assert isinstance(codec.entropy_model, Factorized)
    assert isinstance(codec.entropy_coder, AnsCoder)
    components = {
        **described("entropy_model", "MeanScaleHyperprior", hyper_channels=4),
        **described("quantizer", "UniversalQuantizer", levels=3),
        **described(
            "transform",
            "ConvolutionalTransform",
            channels=4,
            nonlinearity={"class_path": HERE + "LeakyReLU", "init_args": {"slope": 0.2}},
        ),
        "entropy_coder": HERE + "RansCoder",
    }
    codec = build_codec(components, "mine.yaml")
    assert codec.quantizer.variants == 3
    assert isinstance(codec.entropy_coder, RansCoder)
    assert isinstance(codec.transform.analysis[1], LeakyReLU)
    assert codec.transform.analysis[1].slope == 0.2
    assert codec.entropy_model.hyper_channels == 4


@pytest.mark.parametrize(
    ("components", "told"),
    [
        ({"transfrm": HERE + "GDN"}, "no component is named 'transfrm'; did you mean transform"),
        (described("transform", "Nope"), "transform: .*'lic_models.components' has no attribute"),
        ({"quantizer": "nowhere.Q"}, "quantizer: .*No module named 'nowhere'"),
        (described("transform", "GDN"), "transform: .*not correspond to a subclass of Transform"),
        (described("transform", "ConvolutionalTransform", chanels=3), "transform: .*'chanels'"),
        (
            described("transform", "ConvolutionalTransform", width="tiny"),
            "transform: .*width.*tiny",
        ),
        (
            described("transform", "ConvolutionalTransform", nonlinearity=HERE + "AnsCoder"),
            "transform: .*nonlinearity.*subclass of <class 'Nonlinearity'>",
        ),
        (
            described("transform", "ConvolutionalTransform", kernel_sizes=[4, 5, 5, 5]),
            r"transform: kernel_sizes: \[4, 5, 5, 5\]; expected four odd numbers from 3 on$",
        ),
        (described("quantizer", "UniversalQuantizer", levels=0), "quantizer: .*levels=0 is out of"),
        (described("entropy_model", "EntropyModel"), "entropy_model: .*EntropyModel is abstract"),
        (
            described("entropy_model", "Factorized", latent_channels=5),
            r"entropy_model\.init_args\.latent_channels is 5, .* gives 48 latent channels",
        ),
    ],
)
def test_a_description_that_fits_nothing_is_one_line_with_place_and_key(
    components: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=f"^mine.yaml: {told}") as refused:
        build_codec(components, "mine.yaml")
    assert "\n" not in str(refused.value)
    assert "Union" not in str(refused.value)
