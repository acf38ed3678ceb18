"""Multiply-accumulates are those of a hand count, stage by stage."""

from __future__ import annotations

import torch
from compressai.layers import GDN
from compressai.zoo import bmshj2018_hyperprior
from torch import nn

from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.costs.complexity import complexity_of
from pytest_lic.costs.operations import multiply_accumulates
from pytest_lic.errors import Unavailable


def counted(layer: nn.Module, *shape: int) -> dict[str, int]:
    images = torch.rand(shape)
    with torch.inference_mode():
        return multiply_accumulates(lambda: layer(images), {"layer": layer})


def test_a_strided_convolution() -> None:
    layer = nn.Conv2d(3, 8, 5, stride=2, padding=2)
    assert counted(layer, 1, 3, 32, 48) == {"layer": 16 * 24 * 8 * 3 * 5 * 5}


def test_a_transposed_one_is_counted_where_it_reads_and_not_fourfold() -> None:
    layer = nn.ConvTranspose2d(8, 3, 5, stride=2, padding=2, output_padding=1)
    assert counted(layer, 1, 8, 16, 24) == {"layer": 16 * 24 * 8 * 3 * 5 * 5}


def test_gdn_is_a_convolution_of_one_pixel() -> None:
    assert counted(GDN(8), 1, 8, 16, 24) == {"layer": 16 * 24 * 8 * 8}


def test_attention_multiplies_matrices() -> None:
    layer = nn.Linear(6, 10)
    assert counted(layer, 4, 7, 6) == {"layer": 4 * 7 * 6 * 10}


def test_a_part_within_another_counts_for_itself_alone() -> None:
    inner, images = nn.Conv2d(4, 4, 1), torch.rand(1, 3, 8, 8)
    outer = nn.Sequential(nn.Conv2d(3, 4, 1), inner)
    parts = {"outer": outer, "inner": inner, "idle": nn.Conv2d(1, 1, 1)}
    found = multiply_accumulates(lambda: outer(images), parts)
    assert found == {"outer": 64 * 3 * 4, "inner": 64 * 4 * 4}


def test_what_is_in_no_part_is_the_rest_or_the_whole() -> None:
    first, second, images = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 5, 1), torch.rand(1, 3, 8, 8)
    both = {"first": 64 * 3 * 4, "rest": 64 * 4 * 5}
    assert multiply_accumulates(lambda: second(first(images)), {"first": first}) == both
    assert multiply_accumulates(lambda: second(first(images)), {}) == {"whole": sum(both.values())}
    assert multiply_accumulates(lambda: images + 1, {}) == {"whole": 0}


def test_around_real_coding_it_is_what_layers_come_to_by_hand() -> None:
    """The figures of issue and paper: 5×5 convolutions of 128 channels, GDN between them."""

    def network(quality: str) -> nn.Module:
        return bmshj2018_hyperprior(int(quality), pretrained=False)

    channels, latent = 128, 192
    g_a = sum(
        (25 * before * after + gdn * after * after) / 4**level
        for level, before, after, gdn in (
            (1, 3, channels, 1),
            (2, channels, channels, 1),
            (3, channels, channels, 1),
            (4, channels, latent, 0),
        )
    )
    found = complexity_of(compressai_family("hp", network, ["1"]).build("1", "cpu"), "cpu")
    assert not isinstance(found, Unavailable)
    assert found.encoder["analysis"] == round(g_a / 1000, 6) == 42.176
    assert found.decoder == {"hyper-synthesis": 1.364, "synthesis": 42.176}
    assert found.parameters == 5_075_843
    assert found.weight_bytes == 4 * 5_075_843
