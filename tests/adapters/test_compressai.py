"""CompressAI's networks as codecs: coding, building, and what is said of bad bitstreams."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from compressai.models import FactorizedPrior
from torch import Tensor, nn

from pytest_lic import Codec, CodecFamily
from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.codec import SupportsLatents
from pytest_lic.container import Bitstream, pack, payload_size, unpack
from pytest_lic.errors import (
    AbsurdSizeError,
    BitstreamError,
    CodecError,
    CorruptBitstreamError,
    ForeignBitstreamError,
    TruncatedBitstreamError,
    UnavailableError,
    UsageError,
)
from tests.helpers import toy_networks as toys
from tests.helpers.toy_hyperpriors import HoldsCoder, loud
from tests.helpers.toy_networks import photographs, round_trip, toy_family

VARIABLE_RATE: dict[str, Any] = {
    "one_network": True,
    "compress_arguments": lambda quality: {"s": int(quality)},
}
QUARTERS = [4, 4, 8, 16, 16]


pytestmark = pytest.mark.usefixtures("one_thread_throughout")


def models(quality: str, name: str) -> Any:
    from compressai import models

    built = {
        "bmshj2018-factorized": lambda: models.FactorizedPrior(8, 12),
        "bmshj2018-factorized-relu": lambda: models.FactorizedPriorReLU(8, 12),
        "bmshj2018-hyperprior": lambda: models.ScaleHyperprior(8, 12),
        "mbt2018-mean": lambda: models.MeanScaleHyperprior(8, 12),
        "mbt2018": lambda: models.JointAutoregressiveHierarchicalPriors(8, 12),
        "cheng2020-anchor": lambda: models.Cheng2020Anchor(8),
        "cheng2020-attn": lambda: models.Cheng2020Attention(8),
        "cheng2020-anchor-checkerboard": lambda: models.Cheng2020AnchorCheckerboard(8),
        "elic2022-official": lambda: models.Elic2022Official(8, 48, groups=QUARTERS),
        "elic2022-chandelier": lambda: models.Elic2022Chandelier(8, 48, groups=QUARTERS),
        "bmshj2018-hyperprior-vbr": lambda: models.ScaleHyperpriorVbr(8, 12, True),
        "mbt2018-mean-vbr": lambda: models.MeanScaleHyperpriorVbr(8, 12, True),
        "mbt2018-vbr": lambda: models.JointAutoregressiveHierarchicalPriorsVbr(8, 12),
    }
    return loud(built[name]())


# name → strings per image, padding multiple
ARCHITECTURES = {
    "bmshj2018-factorized": (1, 16),
    "bmshj2018-factorized-relu": (1, 16),
    "bmshj2018-hyperprior": (2, 64),
    "mbt2018-mean": (2, 64),
    "mbt2018": (2, 64),
    "cheng2020-anchor": (2, 64),
    "cheng2020-attn": (2, 64),
    "cheng2020-anchor-checkerboard": (3, 64),
    "elic2022-official": (11, 64),
    "elic2022-chandelier": (11, 64),
    "bmshj2018-hyperprior-vbr": (2, 64),
    "mbt2018-mean-vbr": (2, 64),
    "mbt2018-vbr": (2, 64),
}


def model_family(name: str) -> CodecFamily:
    if name.endswith("-vbr"):
        return compressai_family(name, lambda q: models(q, name), ["0", "7"], **VARIABLE_RATE)
    return compressai_family(name, lambda quality: models(quality, name), ["1"])


# --- CompressAI's own networks -------------------------------------------------------------


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_image_architecture_of_compressai_goes_through(name: str) -> None:
    strings, multiple = ARCHITECTURES[name]
    images = photographs(2, 33, 51)
    family = model_family(name)
    quality = list(family.qualities)[-1]
    codec = family.build(quality, "cpu")
    fresh = model_family(name).build(quality, "cpu")
    assert isinstance(codec, Codec)

    bitstreams = codec.encode(images)
    decoded = fresh.decode(bitstreams)
    assert decoded.shape == images.shape
    assert 0 <= decoded.min() <= decoded.max() <= 1
    for bitstream in bitstreams:
        sections = unpack(bitstream).sections
        assert len(sections) == strings
        assert max(map(len, sections)) > 40  # not just zeros
    assert bitstreams[0] != bitstreams[1]

    alone = codec.encode(images[:1])
    assert torch.allclose(fresh.decode(alone), decoded[:1], atol=0.02)

    assert isinstance(fresh, SupportsLatents)
    latents = fresh.decode_latents(bitstreams)
    padded = [-(-side // multiple) * multiple for side in images.shape[2:]]
    assert len(latents) == 2
    for latent, same in zip(latents, codec.decode_latents(bitstreams), strict=True):
        assert latent.shape[1:] == tuple(side // 16 for side in padded)
        assert latent.abs().max() > 0.5
        assert torch.equal(latent, same)
        assert not latent.is_inference()
    assert not decoded.is_inference()


@pytest.mark.parametrize("name", ["bmshj2018-factorized", "cheng2020-anchor-checkerboard"])
@pytest.mark.parametrize("size", [(1, 1), (3, 129), (64, 64), (67, 64)])
def test_any_image_size_goes_through(name: str, size: tuple[int, int]) -> None:
    round_trip(lambda: model_family(name), photographs(1, *size))


@pytest.mark.parametrize("name", ["bmshj2018-hyperprior-vbr", "mbt2018-mean-vbr", "mbt2018-vbr"])
def test_qualities_of_a_variable_rate_network_differ_and_share_its_weights(name: str) -> None:
    built = []

    def build(quality: str) -> Any:
        built.append(quality)
        return models(quality, name)

    family = compressai_family(name, build, ["0", "7"], **VARIABLE_RATE)
    low, high = family.build("0", "cpu"), family.build("7", "cpu")
    images = photographs(1, 64, 64)
    coarse, fine = low.encode(images), high.encode(images)
    assert len(coarse[0]) < len(fine[0])
    assert torch.equal(low.decode(coarse), low.decode(low.encode(images)))  # own tables
    assert built == ["0"]
    with pytest.raises(ForeignBitstreamError):
        low.decode(fine)
    assert family.fingerprint is not None
    assert family.fingerprint("0") != family.fingerprint("7")


def test_the_payload_is_what_compressai_writes() -> None:
    """On sizes that need no padding; channels_last may only tip rounding ties."""
    images = photographs(1, 128, 192)
    bitstreams = model_family("mbt2018-mean").build("1", "cpu").encode(images)
    torch.manual_seed(0)
    network = models("1", "mbt2018-mean").eval()
    network.update()
    with torch.no_grad():
        plain = network.compress(images)
        expected = network.decompress(plain["strings"], plain["shape"])["x_hat"]
    written = sum(len(strings[0]) for strings in plain["strings"])
    assert payload_size(bitstreams[0]) == pytest.approx(written, rel=0.002)
    decoded = model_family("mbt2018-mean").build("1", "cpu").decode(bitstreams)
    assert (decoded - expected).abs().mean() < 1e-3


def test_a_hyperprior_costs_at_most_24_bytes_beside_its_strings() -> None:
    for name, strings in (("mbt2018-mean", 2), ("elic2022-official", 11)):
        (bitstream,) = model_family(name).build("1", "cpu").encode(photographs(1, 70, 90))
        overhead = len(bitstream) - payload_size(bitstream)
        assert overhead <= 16 + 2 * strings <= 24 + 2 * (strings - 2)


def test_channels_last_is_used_where_the_network_takes_it() -> None:
    layouts = []

    class Noting(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            layouts.append(x.is_contiguous(memory_format=torch.channels_last))
            return super().forward(x)

    def build() -> Any:
        network = models("1", "bmshj2018-factorized")
        network.g_a[0] = Noting(3, 8, 5, stride=2, padding=2)
        return network

    for options, expected in (({}, True), ({"channels_last": False}, False)):
        toy_family(build, **options).build("1", "cpu").encode(photographs(1, 64, 64))
        assert layouts[-1] is expected


# --- Building ------------------------------------------------------------------------------


def test_importing_loads_neither_torch_nor_compressai() -> None:
    code = (
        "import sys, pytest_lic.adapters.compressai as adapter\n"
        "adapter.compressai_family('mine', lambda quality: None, ['1'])\n"
        "sys.exit(sum(name in sys.modules for name in ('torch', 'compressai', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_random_weights_are_the_same_in_every_build_and_leave_no_trace() -> None:
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    family = model_family("bmshj2018-factorized")
    (bitstream,) = family.build("1", "cpu").encode(photographs(1, 32, 32))
    random.random()
    random.setstate(states[0])
    assert np.random.get_state()[1].tolist() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])
    torch.rand(3)
    model_family("bmshj2018-factorized").build("1", "cpu").decode([bitstream])


def test_tables_that_came_with_the_weights_stay() -> None:
    networks = []

    def build() -> Any:
        network = models("1", "bmshj2018-hyperprior")
        network.update()
        network.entropy_bottleneck._offset += 1  # as tables from another machine might differ
        networks.append(network)
        return network

    toy_family(build).build("1", "cpu")
    offsets = networks[0].entropy_bottleneck._offset.clone()
    networks[0].update(force=True)
    assert torch.equal(networks[0].entropy_bottleneck._offset + 1, offsets)


def test_fingerprints_follow_weights_settings_and_arguments() -> None:
    def fingerprint(change: Callable[[Any], object] = lambda network: None, **options: Any) -> Any:
        def build() -> Any:
            network = models("1", "bmshj2018-hyperprior-vbr")
            change(network)
            return network

        family = toy_family(build, **options)
        assert family.fingerprint is not None
        return family.fingerprint("1")

    def nudge(network: Any) -> None:
        network.g_s[0].bias.data[0] += 1e-6

    same = fingerprint()
    assert same == fingerprint()
    assert same == fingerprint(lambda network: network.to(memory_format=torch.channels_last))
    assert same != fingerprint(nudge)
    assert same != fingerprint(lambda network: setattr(network, "no_quantoffset", True))
    assert same != fingerprint(compress_arguments=lambda quality: {"s": 3})


def test_a_fingerprint_is_not_guessed() -> None:
    family = toy_family(toys.Blocks)
    assert family.fingerprint is not None
    assert family.fingerprint("1") is None
    family = toy_family(toys.Blocks, fingerprint=lambda quality: f"weights-{quality}")
    assert family.fingerprint is not None
    assert family.fingerprint("1") == "weights-1"


def test_asking_for_a_fingerprint_first_builds_the_network_once() -> None:
    built = []

    def build(quality: str) -> Any:
        built.append(quality)
        return models(quality, "bmshj2018-factorized")

    family = compressai_family("mine", build, ["1", "2"])
    assert family.fingerprint is not None
    for quality in family.qualities:
        family.fingerprint(quality)
        codec = family.build(quality, "cpu")
        family.fingerprint(quality)
        assert codec is not family.build(quality, "cpu")
    assert built == ["1", "1", "2", "2"]


def test_what_is_no_network_is_said_at_once() -> None:
    with pytest.raises(UsageError, match="Conv2d without compress and decompress"):
        toy_family(lambda: nn.Conv2d(3, 3, 1)).build("1", "cpu")
    with pytest.raises(CodecError, match="building the network failed: KeyError: 'q9'"):
        toy_family(lambda: {}["q9"]).build("1", "cpu")


def test_latents_are_offered_only_where_the_synthesis_transform_is_known() -> None:
    assert not isinstance(toy_family(toys.Blocks).build("1", "cpu"), SupportsLatents)
    family = toy_family(lambda: models("1", "bmshj2018-factorized"), synthesis="g_s.0")
    assert isinstance(family.build("1", "cpu"), SupportsLatents)
    family = toy_family(lambda: models("1", "bmshj2018-factorized"), synthesis="decoder")
    assert not isinstance(family.build("1", "cpu"), SupportsLatents)


def test_a_network_that_holds_coder_objects_serves_several_qualities() -> None:
    family = compressai_family(
        "toy",
        HoldsCoder,
        ["1", "4"],
        one_network=True,
        prepare=lambda network, quality: setattr(network, "gain", float(quality)),
    )
    low, high = family.build("1", "cpu"), family.build("4", "cpu")
    images = photographs(1, 64, 64)
    assert len(low.encode(images)[0]) < len(high.encode(images)[0])
    assert low.decode(low.encode(images)).shape == images.shape


def test_a_failure_to_build_is_told_once_and_not_tried_again() -> None:
    built = []

    def build(quality: str) -> Any:
        built.append(quality)
        raise ValueError("no weights here")

    family = compressai_family("mine", build, ["1", "2"])
    assert family.fingerprint is not None
    with pytest.raises(
        CodecError, match=r"^mine q1: .* ValueError: no weights here \(at .*build\)"
    ):
        family.fingerprint("1")
    for _ in range(2):
        with pytest.raises(CodecError, match="not built again, since that failed before: mine q1"):
            family.build("1", "cpu")
    assert built == ["1"]
    with pytest.raises(CodecError, match=r"^mine q2: building"):
        family.build("2", "cpu")


def test_what_is_not_available_is_asked_for_again() -> None:
    def build(quality: str) -> Any:
        raise UnavailableError("no weights yet")

    family = compressai_family("mine", build, ["1"])
    for _ in range(2):
        with pytest.raises(UnavailableError, match="no weights yet"):
            family.build("1", "cpu")


def test_the_quality_is_passed_only_where_it_is_asked_for() -> None:
    given = []

    def optional(channels: int = 8) -> Any:
        given.append(channels)
        return toys.Blocks()

    def named(quality: str = "9") -> Any:
        given.append(quality)
        return toys.Blocks()

    def needed(level: str, channels: int = 8) -> Any:
        given.append(level)
        return toys.Blocks()

    for build in (optional, named, needed, lambda *rest: needed(*rest), toys.Blocks):
        toy_family(build).build("1", "cpu")
    assert given == [8, "1", "1", "1"]

    def two(channels: int, layers: int) -> Any:
        return toys.Blocks()

    with pytest.raises(CodecError, match=r"TypeError: .*'layers'; it was called as two\('1'\)"):
        toy_family(two).build("1", "cpu")


def test_a_fingerprint_codes_nothing() -> None:
    class Watched(FactorizedPrior):
        def compress(self, x: Tensor) -> dict[str, Any]:
            raise AssertionError

        def update(self, force: bool = False) -> bool:
            raise AssertionError

    family = toy_family(lambda: Watched(8, 12))
    assert family.fingerprint is not None
    assert family.fingerprint("1") is not None


# --- Bad bitstreams and bad calls ----------------------------------------------------------


@pytest.fixture(scope="module")
def hyperprior() -> Codec:
    return model_family("mbt2018-mean").build("1", "cpu")


def test_bitstreams_of_other_codecs_and_damaged_ones_are_typed_errors(hyperprior: Codec) -> None:
    images = photographs(1, 64, 64)
    (bitstream,) = hyperprior.encode(images)
    (foreign,) = model_family("bmshj2018-hyperprior").build("1", "cpu").encode(images)
    with pytest.raises(ForeignBitstreamError):
        hyperprior.decode([foreign])
    with pytest.raises(ForeignBitstreamError):
        hyperprior.decode([b"\xff\xd8 a JPEG"])
    for length in range(0, len(bitstream), 7):
        with pytest.raises(TruncatedBitstreamError):
            hyperprior.decode([bitstream[:length]])
    damaged = bytearray(bitstream)
    damaged[len(damaged) // 2] ^= 4
    with pytest.raises(CorruptBitstreamError):
        hyperprior.decode([bytes(damaged)])


@pytest.mark.parametrize(
    ("sections", "error"),
    [
        ((), CorruptBitstreamError),
        ((b"only one",), CorruptBitstreamError),
        ((b"", b""), TruncatedBitstreamError),
        ((b"more", b"than", b"two"), CorruptBitstreamError),
        ((b"d\x01i\x01\x00l\x01N", b"one", b"two", b"three"), CorruptBitstreamError),
        ((b"d\x01i\x01\x00T", b"one", b"two"), CorruptBitstreamError),
        ((b"d\x01i\x01\x01t\x02i\x03\x00\x00\x01i\x03\x00\x00\x01", b"y", b"z"), AbsurdSizeError),
        ((b"d\x01i\x01\x02d\x01s\x04gainN", b"y", b"z"), CorruptBitstreamError),
        ((b"d\x01i\x01\x02N", b"y", b"z"), CorruptBitstreamError),
    ],
)
def test_forged_sections_never_reach_the_entropy_decoder(
    hyperprior: Codec, sections: tuple[bytes, ...], error: type[BitstreamError]
) -> None:
    stamp = unpack(hyperprior.encode(photographs(1, 64, 64))[0]).fingerprint
    with pytest.raises(error):
        hyperprior.decode([pack(Bitstream(stamp, 64, 64, sections))])


def test_images_of_several_sizes_are_not_decoded_together(hyperprior: Codec) -> None:
    streams = hyperprior.encode(photographs(1, 64, 64)) + hyperprior.encode(photographs(1, 9, 64))
    with pytest.raises(CodecError, match="64×9, 64×64"):
        hyperprior.decode(streams)


def test_what_is_no_image_batch_is_refused(hyperprior: Codec) -> None:
    with pytest.raises(CodecError, match=r"\(1, 1, 64, 64\)"):
        hyperprior.encode(torch.zeros(1, 1, 64, 64))
    with pytest.raises(CodecError, match="no bitstream"):
        hyperprior.decode([])
    assert hyperprior.encode(torch.zeros(0, 3, 64, 64)) == []


def test_a_crash_names_the_codec_and_what_it_was_given() -> None:
    class OddOnly(toys.Blocks):
        def compress(self, x: Tensor) -> dict[str, Any]:
            if x.shape[2] == 128:
                raise IndexError("odd number of rows")
            return super().compress(x)

    codec = toy_family(OddOnly).build("1", "cpu")
    with pytest.raises(CodecError, match=r"toy q1: compress on 1 image of 192×128 failed: Index"):
        codec.encode(photographs(2, 65, 150))
