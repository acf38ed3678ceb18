"""What a decoder computes on its way: CompressAI's, ours, and one that fails half way."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lic_models.families import families
from pytest_lic import SupportsDecoderStages
from pytest_lic.errors import CorruptBitstreamError
from tests.helpers import toy_hyperpriors as toys
from tests.helpers.toy_networks import photographs, toy_family

pytestmark = pytest.mark.usefixtures("one_thread_throughout")

ALL = ["hyper-latents", "hyper-synthesis", "table indices", "symbols", "latents", "synthesis"]


def shipped(name: str) -> Any:
    return {family.name: family for family in families()}[name].build("2", "cpu")


def test_a_mean_scale_hyperprior_shows_every_stage_in_order() -> None:
    codec = shipped("msh-gdn")
    assert isinstance(codec, SupportsDecoderStages)
    (bitstream,) = codec.encode(photographs(1, 64, 96))
    stages = dict(codec.decode_stages(bitstream))
    assert list(stages) == ALL
    (latents,) = codec.decode_latents([bitstream])
    assert torch.equal(stages["latents"][0], latents)
    assert stages["hyper-synthesis"].dtype == torch.float64
    assert stages["symbols"].shape == stages["table indices"].shape == (latents.numel(),)
    with torch.no_grad():
        unit = codec._calls.network.entropy_model.log_unit[:, None, None].double().exp()
    means = stages["hyper-synthesis"].chunk(2, 1)[0] * unit
    _, height, width = latents.shape
    added = stages["symbols"].reshape(latents.shape) + means[0, :, :height, :width]
    assert torch.equal(added.float(), latents)
    image = stages["synthesis"].clamp(0, 1)
    assert torch.equal(image, codec.decode([bitstream]))


def test_a_factorized_prior_shows_what_it_has() -> None:
    codec = shipped("fp-gdn")
    (bitstream,) = codec.encode(photographs(1, 64, 64))
    assert [stage for stage, _ in codec.decode_stages(bitstream)] == ALL[2:]


def test_a_network_of_compressai_shows_every_stage_without_a_change() -> None:
    codec: Any = toy_family(toys.InStep).build("1", "cpu")
    network = codec._calls.network
    coder = network.gaussian_conditional.entropy_coder
    (bitstream,) = codec.encode(photographs(1, 64, 64))
    stages = dict(codec.decode_stages(bitstream))
    assert list(stages) == ALL
    assert stages["symbols"].numel() == stages["latents"].numel()
    assert torch.equal(stages["symbols"], stages["latents"].flatten().int())
    assert network.gaussian_conditional.entropy_coder is coder, "left as it was"


def test_a_decoder_that_fails_shows_the_stages_before() -> None:
    codec = shipped("msh-gdn")
    (bitstream,) = codec.encode(photographs(1, 64, 64))

    def shift(module: Any, inputs: Any, output: Tensor) -> Tensor:
        return output + 1

    handle = codec.stages()["hyper-synthesis"].register_forward_hook(shift)
    stages = codec.decode_stages(bitstream)
    assert [next(stages)[0] for _ in range(3)] == ALL[:3]
    with pytest.raises(CorruptBitstreamError):
        next(stages)
    handle.remove()
    assert [stage for stage, _ in codec.decode_stages(bitstream)] == ALL
