"""Calibration: whole numbers near the trained network, and the share of clamps is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lic_models.codec import LearnedCodec
from lic_models.command_line.training_images import training_images
from lic_models.components import MeanScaleHyperprior
from lic_models.config.builder import build_codec
from lic_models.data.image_set import ImageSet
from lic_models.storage.weights_file import load_weights
from lic_models.storage.weights_header import WEIGHTS, read_header
from lic_models.training import calibration
from lic_models.training.calibration import Agreement, calibrated
from pytest_lic.errors import UsageError, WeightsError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def photos(tmp_path: Path) -> ImageSet:
    """Eight small pictures, the fourth and the last of many edges."""
    draw = np.random.default_rng(5)
    for number in range(8):
        side = 24 if number % 4 == 3 else 4
        coarse = draw.integers(0, 256, (side, side, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((72, 70), Image.Resampling.BICUBIC)
        picture.save(tmp_path / f"{number}.png")
    return training_images(str(tmp_path), 16)


@pytest.fixture(scope="module")
def codec() -> LearnedCodec:
    path = WEIGHTS / "msh-gdn-1.safetensors"
    network = build_codec(read_header(path).components, "test")
    load_weights(network, path)
    return network


def whole(
    codec: LearnedCodec, photos: ImageSet, *bits: int
) -> tuple[MeanScaleHyperprior, Agreement]:
    channels = codec.transform.latent_channels
    sizes = {"hyper_channels": 32, "kernel_sizes": (1, 3, 3)}
    model = MeanScaleHyperprior(channels, **sizes, arithmetic="integer")
    integer = LearnedCodec(codec.transform, codec.quantizer, model)
    done: list[int] = []
    found = calibrated(codec, integer, photos, *(bits or (8, 12)), done.append)
    assert done == list(range(1, 9))
    return model, found


def test_a_trained_network_is_met_and_nothing_is_clamped(
    codec: LearnedCodec, photos: ImageSet
) -> None:
    model, found = whole(codec, photos)
    assert found.images == 2
    assert found.clamped == (0.0, 0.0, 0.0)
    assert found.same > 0.95
    assert abs(found.rate) < 1.0
    assert int(model.hyper_synthesis.limit) == 2047
    others = codec.entropy_model.state_dict()
    kept = model.state_dict()
    shared = others.keys() & kept.keys()
    assert "log_unit" in shared
    assert "hyper_analysis.0.weight" in shared
    assert all(torch.equal(others[key], kept[key]) for key in shared)


def test_fewer_bits_agree_less(codec: LearnedCodec, photos: ImageSet) -> None:
    _, coarse = whole(codec, photos, 4, 6)
    _, fine = whole(codec, photos, 8, 16)
    assert coarse.same < fine.same - 0.05
    assert coarse.rate > fine.rate


def test_clamps_are_counted_on_images_that_did_not_calibrate(
    codec: LearnedCodec, photos: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "_HEADROOM", 0.2)
    _, found = whole(codec, photos)
    assert all(0.0 < share < 0.9 for share in found.clamped[1:])
    assert found.rate > 0.5


def test_the_same_images_make_the_same_numbers(codec: LearnedCodec, photos: ImageSet) -> None:
    (one, found), (other, again) = whole(codec, photos), whole(codec, photos)
    assert found == again
    states = one.state_dict(), other.state_dict()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_channel_of_weights_all_zero_keeps_its_bias(
    codec: LearnedCodec, photos: ImageSet
) -> None:
    layer = codec.entropy_model.hyper_synthesis[-1]
    kept = layer.weight[3].clone(), layer.bias[3].clone()
    with torch.no_grad():
        layer.weight[3], layer.bias[3] = 0.0, 2.5
        model, _ = whole(codec, photos)
        means, _ = model._predicted(torch.zeros(1, 32, 2, 2), (8, 8), torch.float64)
        expected = 2.5 * codec.entropy_model.log_unit[3].exp()
        layer.weight[3], layer.bias[3] = kept
    assert means[0, 3].unique() == pytest.approx(float(expected), abs=2**-8)


def test_numbers_that_do_not_fit_are_refused(codec: LearnedCodec, photos: ImageSet) -> None:
    unit = codec.entropy_model.log_unit
    kept = unit[0].clone()
    with torch.no_grad():
        unit[0] = 60.0
        with pytest.raises(WeightsError, match=r"layer 2 may reach 2\^\d+; .*with fewer bits"):
            whole(codec, photos)
        unit[0] = kept
    with pytest.raises(UsageError, match="--bits 9: expected 2 to 8"):
        whole(codec, photos, 9, 12)
    with pytest.raises(UsageError, match="--activation-bits 1: expected 2 to 20"):
        whole(codec, photos, 8, 1)
