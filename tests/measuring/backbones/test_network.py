"""Which network weights are of, and whether they are torchvision's."""

from __future__ import annotations

import pytest
import torch
from torchvision.models import get_model_weights

from pytest_lic.errors import WeightsError
from pytest_lic.measuring.backbones.network import ALEXNET, BACKBONES, SQUEEZENET, VGG16, Backbone
from tests.helpers.backbones import random_features


@pytest.mark.parametrize("backbone", BACKBONES, ids=lambda backbone: backbone.name)
def test_urls_are_torchvisions(backbone: Backbone) -> None:
    weights = get_model_weights(backbone.name)
    assert backbone.url == weights.IMAGENET1K_V1.url
    assert len(backbone.file_hash) == 8
    assert int(backbone.file_hash, 16)


def test_only_the_convolutions_are_taken_and_in_float32() -> None:
    features = random_features(ALEXNET)
    whole = {name: weight.half() for name, weight in features.items()}
    whole["classifier.6.bias"] = torch.zeros(1000)
    taken = ALEXNET.features(whole, "a file")
    assert taken.keys() == features.keys()
    assert {weight.dtype for weight in taken.values()} == {torch.float32}


@pytest.mark.parametrize("other", [VGG16, SQUEEZENET], ids=lambda backbone: backbone.name)
def test_weights_of_another_backbone_are_refused_by_its_name(other: Backbone) -> None:
    with pytest.raises(
        WeightsError,
        match=rf"^a file: the weights of {other.name}, not the weights of torchvision's alexnet$",
    ):
        ALEXNET.features(random_features(other), "a file")


def test_weights_of_no_backbone_are_refused_by_what_does_not_fit() -> None:
    with pytest.raises(WeightsError, match=r"^a file: features.0.weight is missing; these are not"):
        VGG16.features({"conv1.weight": torch.zeros(3)}, "a file")
    wider = random_features(ALEXNET) | {"features.3.bias": torch.zeros(193)}
    with pytest.raises(WeightsError, match=r"features.3.bias is of shape \(193,\), expected"):
        ALEXNET.features(wider, "a file")


def test_other_weights_of_the_same_network_are_refused() -> None:
    backbone = Backbone("alexnet", ALEXNET.url, power=4.0)
    backbone.check_trained({"features.0.bias": torch.ones(4)}, "a file")
    with pytest.raises(WeightsError, match=r"^a file: alexnet, but not with .* to 5, expected 4"):
        backbone.check_trained({"features.0.bias": torch.ones(5)}, "a file")
