"""DISTS against piq's; which weights it takes, and what it says where there are none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
import torchvision
from skimage import data

from pytest_lic.errors import UnavailableError, WeightsError
from pytest_lic.measuring.backbones import VGG16, keep
from pytest_lic.measuring.metrics import METRICS, dists, metric_fingerprint, quality_metrics
from pytest_lic.measuring.metrics.dists import DISTS
from tests.helpers.backbones import power
from tests.helpers.pixels import noisy, random_image


@cache
def features() -> dict[str, torch.Tensor]:
    """Seeded weights that keep the scale of what goes through them."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=generator) * math.sqrt(2 / max(1, math.prod(shape[1:])))
        if name.endswith("weight")
        else torch.zeros(shape)
        for name, shape in VGG16.shapes().items()
    }


@pytest.fixture(autouse=True)
def cache_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    dists._network.cache_clear()


@pytest.fixture
def metric(monkeypatch: pytest.MonkeyPatch) -> DISTS:
    """As if torchvision had published the seeded weights."""
    found = DISTS()
    try:
        found.package()
    except UnavailableError as reason:
        pytest.skip(str(reason))
    monkeypatch.setattr(dists, "VGG16", replace(VGG16, power=power(features())))
    keep(VGG16, features())
    return found


def test_is_what_piq_gives_with_the_same_weights(metric: DISTS) -> None:
    piq = pytest.importorskip("piq", reason="pip install 'pytest-lic[perceptual]'")
    original = np.ascontiguousarray(data.astronaut()[100:190, 200:320])
    changed = noisy(original, 30)
    value = metric.compute(original, changed)
    network = dists._network(
        metric.package(), dists.kept(VGG16), dists.file_state(dists.kept(VGG16))
    )
    with torch.device("meta"):
        vgg = torchvision.models.vgg16(weights=None)
    vgg.features.load_state_dict(
        {name.removeprefix("features."): weight for name, weight in features().items()}, assign=True
    )
    own = {"alpha": network.alpha.data, "beta": network.beta.data}
    with (
        patch.object(piq.perceptual, "vgg16", lambda **_: vgg),
        patch.object(torch.hub, "load_state_dict_from_url", lambda *_, **__: own),
    ):
        other = piq.DISTS()
    images = (
        torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255 for pixels in (original, changed)
    )
    with torch.inference_mode():
        assert value == pytest.approx(other(*images).item(), abs=1e-5)
    assert value > 0.01


def test_equal_images_are_at_0_and_more_noise_is_worse(metric: DISTS) -> None:
    image = random_image(48, 40)
    assert quality_metrics(image, image, [metric])[0] == {"dists": 0.0}
    values = [metric.compute(image, noisy(image, strength)) for strength in (2, 8, 24, 60)]
    assert all(one < other for one, other in pairwise(values))


def test_the_smallest_image_has_a_number(metric: DISTS) -> None:
    pixel = np.zeros((1, 1, 3), np.uint8)
    assert 0 < metric.compute(pixel, pixel + 90) <= 1


def test_leaves_the_random_state_alone(metric: DISTS) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    metric.compute(random_image(20, 20), random_image(20, 20))
    assert torch.equal(torch.rand(4), expected)


def test_its_fingerprint_changes_with_the_weights(metric: DISTS) -> None:
    before = metric_fingerprint([metric])
    keep(VGG16, {name: weight + 1 for name, weight in features().items()})
    assert metric_fingerprint([metric]) != before


def test_other_weights_are_refused(metric: DISTS) -> None:
    keep(VGG16, {name: weight + 1 for name, weight in features().items()})
    image = random_image(20, 20)
    with pytest.raises(WeightsError, match="vgg16, but not with torchvision's weights"):
        metric.compute(image, image)


def test_without_weights_says_what_brings_them() -> None:
    image = random_image(20, 20)
    try:
        DISTS().package()
    except UnavailableError as reason:
        pytest.skip(str(reason))
    assert quality_metrics(image, image, [METRICS["dists"]])[1] == {
        "dists": "no weights of vgg16: `pytest-lic weights dists` brings them"
    }
