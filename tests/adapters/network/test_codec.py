"""A network's codec in torch's other memory format, and pixels and latents from one decoding."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lic_models.families import families
from pytest_lic import SupportsMemoryFormat
from pytest_lic.codec import SupportsDecodingWithLatents, SupportsLatents
from pytest_lic.errors import BitstreamError, CodecError, UnavailableError
from tests.helpers import toy_hyperpriors as hyperpriors
from tests.helpers import toy_networks as toys
from tests.helpers.toy_networks import photographs, toy_family

pytestmark = pytest.mark.usefixtures("one_thread_throughout")


def shipped(name: str) -> Any:
    return {family.name: family for family in families()}[name].build("2", "cpu")


def test_a_network_is_laid_out_in_the_other_memory_format_and_back() -> None:
    codec = shipped("msh-gdn")
    assert isinstance(codec, SupportsMemoryFormat)
    images = photographs(1, 64, 96)
    seen: list[tuple[bool, bool]] = []
    analysis = codec.stages()["analysis"]

    def look(module: nn.Module, inputs: Any) -> None:
        last = [
            each.is_contiguous(memory_format=torch.channels_last)
            for each in (inputs[0], analysis[2].weight)
        ]
        seen.append((last[0], last[1]))

    analysis.register_forward_pre_hook(look)
    bitstreams = codec.encode(images)
    before = codec.decode(bitstreams)
    for _ in range(2):
        codec.swap_memory_format()
        codec.encode(images)
        assert torch.allclose(codec.decode(bitstreams), before, atol=1 / 255)
    formats = [each for i, each in enumerate(seen) if i == 0 or each != seen[i - 1]]
    assert formats == [(True, True), (False, False), (True, True)]


class Flat(toys.ViewNetwork):
    """Looks at an image as one row, which `channels_last` memory does not allow."""

    def compress(self, x: Tensor) -> dict[str, Any]:
        return super().compress(x.view(-1).view_as(x))


def test_a_network_that_takes_one_memory_format_only_says_so_and_stays_as_it_was() -> None:
    codec: Any = toy_family(Flat).build("1", "cpu")
    images = photographs(1, 64, 64)
    before = codec.decode(codec.encode(images))
    with pytest.raises(UnavailableError, match=r"toy q1 takes no channels_last memory: .*view"):
        codec.swap_memory_format()
    assert torch.equal(codec.decode(codec.encode(images)), before)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", ["fp-gdn", "msh-gdn"])
def test_one_decoding_gives_the_pixels_and_latents_of_two(name: str, count: int) -> None:
    codec = shipped(name)
    assert isinstance(codec, SupportsDecodingWithLatents)
    bitstreams = codec.encode(photographs(count, 50, 70))
    decodings = 0

    def counted(module: nn.Module, inputs: Any) -> None:
        nonlocal decodings
        decodings += len(inputs[0])

    codec.stages()["synthesis"].register_forward_pre_hook(counted)
    pixels, latents = codec.decode_with_latents(bitstreams)
    assert decodings == count
    assert torch.equal(pixels, codec.decode(bitstreams))
    assert len(latents) == count
    for latent, same in zip(latents, codec.decode_latents(bitstreams), strict=True):
        assert torch.equal(latent, same)
        assert not latent.is_inference()


@pytest.mark.parametrize("network", [hyperpriors.LayerByLayer, hyperpriors.ListOfDecoders])
def test_a_synthesis_that_is_not_called_as_a_whole_shows_no_latents(network: type) -> None:
    codec: Any = toy_family(network).build("1", "cpu")
    assert not isinstance(codec, SupportsLatents)
    assert list(codec.stages()) == ["analysis"]
    images = photographs(1, 64, 64)
    assert codec.decode(codec.encode(images)).shape == images.shape


def test_a_decoder_that_leaves_its_synthesis_out_now_and_then_says_so() -> None:
    class Idle(hyperpriors.Prior):
        def decompress(self, strings: Any, shape: Any) -> dict[str, Tensor]:
            if shape[1] != 4:
                return super().decompress(strings, shape)
            return {"x_hat": torch.zeros(1, 3, 64, 64)}

    codec: Any = toy_family(Idle).build("1", "cpu")
    with pytest.raises(CodecError, match="decompress did not call its synthesis transform"):
        codec.decode_with_latents(codec.encode(photographs(1, 64, 64)))


def test_a_decoder_of_other_scales_is_out_of_step() -> None:
    """Round trip and determinism alone would let it pass: it is wrong in the same way each time."""
    message = r"toy q1: out of step: .*tables, indices or shape"
    with pytest.raises(CodecError, match=message):
        toy_family(hyperpriors.OtherScales).build("1", "cpu")
    codec = toy_family(hyperpriors.InStep).build("1", "cpu")
    images = photographs(1, 192, 256)
    assert codec.decode(codec.encode(images)).shape == images.shape


def test_a_decoder_that_falls_out_of_step_later_names_the_bytes_it_read() -> None:
    class Later(hyperpriors.InStep):
        def decompress(self, strings: Any, shape: Any) -> dict[str, Tensor]:
            self.gain = 1e3 if shape[0] == 3 else 1.0
            return super().decompress(strings, shape)

    codec = toy_family(Later).build("1", "cpu")
    images = photographs(1, 192, 256)
    (bitstream,) = codec.encode(images)
    for _ in range(2):
        with pytest.raises(
            BitstreamError, match=r"out of step: the decoder read [\d,]+ of [\d,]+ bytes"
        ):
            codec.decode([bitstream])
