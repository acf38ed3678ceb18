"""Networks that deviate from CompressAI's manner: found out, not told."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.container import unpack
from pytest_lic.errors import CodecError, UsageError
from tests.helpers import toy_hyperpriors as hyperpriors
from tests.helpers import toy_networks as toys
from tests.helpers.toy_networks import photographs, round_trip, toy_family

DEVIATING = [
    toys.Blocks,
    toys.Coarse,
    toys.CoarseSilently,
    toys.OneStringForTheBatch,
    toys.FlatStrings,
    toys.NestedStrings,
    toys.FailsOnBatch,
    toys.SecondNeedsFirst,
    toys.ExtraResults,
    toys.Gain,
    toys.OptionalGain,
    toys.QualityMap,
    toys.NoShape,
    toys.SometimesEmpty,
    toys.SometimesOneString,
    toys.ViewNetwork,
    toys.DoubleNetwork,
]


@pytest.mark.parametrize("network", DEVIATING, ids=lambda network: network.__name__)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_deviating_networks_go_through_without_being_told(network: type, count: int) -> None:
    images = photographs(count, 100, 150)
    bitstreams, decoded = round_trip(lambda: toy_family(network), images)
    assert len(bitstreams) == count
    assert (decoded - images).abs().mean() < 0.1
    codec = toy_family(network).build("1", "cpu")
    for bitstream, expected in zip(bitstreams, decoded, strict=True):
        assert torch.equal(codec.decode([bitstream])[0], expected)


@pytest.mark.parametrize("network", DEVIATING, ids=lambda network: network.__name__)
def test_flat_and_dark_images_go_through_with_others(network: type) -> None:
    flat = torch.full((1, 3, 100, 150), 0.5)
    images = torch.cat([flat, 0.2 * photographs(1, 100, 150), photographs(1, 100, 150)])
    _, decoded = round_trip(lambda: toy_family(network), images)
    assert (decoded - images).abs().mean() < 0.1


@pytest.mark.parametrize(
    ("network", "calls"), [(toys.Blocks, 1), (toys.OneStringForTheBatch, 3), (toys.FailsOnBatch, 3)]
)
def test_a_batch_is_one_call_where_the_network_can(network: type, calls: int) -> None:
    class Counting(network):
        def compress(self, x: Tensor) -> dict[str, Any]:
            result = super().compress(x)
            counted.append(len(x))
            return result

    counted: list[int] = []
    codec = toy_family(Counting).build("1", "cpu")
    images = photographs(3, 64, 64)
    codec.encode(images)
    counted.clear()
    codec.encode(images)
    assert len(counted) == calls
    assert sum(counted) == 3


@pytest.mark.parametrize(
    ("network", "multiple"), [(toys.Blocks, 64), (toys.Coarse, 128), (toys.CoarseSilently, 256)]
)
def test_the_padding_multiple_is_found(network: type, multiple: int) -> None:
    sizes = []

    class Noting(network):
        def compress(self, x: Tensor) -> dict[str, Any]:
            sizes.append(tuple(x.shape[2:]))
            return super().compress(x)

    toy_family(Noting).build("1", "cpu").encode(photographs(1, 10, multiple + 1))
    assert sizes[-1] == (multiple, 2 * multiple)


def test_a_multiple_that_is_given_wins() -> None:
    sizes = []

    class Noting(toys.Blocks):
        def compress(self, x: Tensor) -> dict[str, Any]:
            sizes.append(tuple(x.shape[2:]))
            return super().compress(x)

    toy_family(Noting, multiple=192).build("1", "cpu").encode(photographs(1, 10, 10))
    assert sizes[-1] == (192, 192)


def test_no_multiple_that_works_is_one_clear_error() -> None:
    class Hopeless(toys.Blocks):
        def compress(self, x: Tensor) -> dict[str, Any]:
            raise RuntimeError("no kernel for this")

    with pytest.raises(CodecError, match=r"toy q1: .*no kernel for this.*768×256.*multiple="):
        toy_family(Hopeless).build("1", "cpu")


def test_padding_repeats_the_edges() -> None:
    seen = []

    class Noting(toys.Blocks):
        def compress(self, x: Tensor) -> dict[str, Any]:
            seen.append(x.clone())
            return super().compress(x)

    images = torch.zeros(1, 3, 2, 2)
    images[..., 1] = 1.0
    toy_family(Noting).build("1", "cpu").encode(images)
    assert seen[-1].shape == (1, 3, 64, 64)
    assert not seen[-1][..., :32].any()
    assert seen[-1][..., 32:].all()


def test_outputs_are_clamped_and_not_a_number_is_an_error() -> None:
    images = photographs(1, 64, 64)
    _, decoded = round_trip(lambda: toy_family(toys.Unclamped), images)
    assert decoded.min() == 0
    assert decoded.max() == 1
    with pytest.raises(CodecError, match=r"not finite, first at channel \d, row \d+, column \d+"):
        round_trip(lambda: toy_family(toys.NotFinite), images)


def test_times_and_tensors_do_not_become_rate() -> None:
    images = photographs(2, 100, 150)
    plain, _ = round_trip(lambda: toy_family(toys.Blocks), images)
    extra, _ = round_trip(lambda: toy_family(toys.ExtraResults), images)
    assert list(map(len, plain)) == list(map(len, extra))


def test_a_gain_travels_exactly_and_costs_its_bytes() -> None:
    images = 0.3 * photographs(1, 100, 150)
    for network in (toys.Gain, toys.OptionalGain):
        bitstreams, decoded = round_trip(lambda kind=network: toy_family(kind), images)
        family = toy_family(toys.HiddenGain, parameters=["gain"])
        same, expected = family.build("1", "cpu"), decoded
        assert torch.equal(same.decode(same.encode(images)), expected)
        sections = unpack(bitstreams[0]).sections
        assert len(sections) == 2
        assert len(sections[0]) < 30


def test_a_parameter_that_the_decoder_can_do_without_can_be_left_out() -> None:
    family = toy_family(toys.OptionalGain, parameters=[])
    (bitstream,) = family.build("1", "cpu").encode(photographs(1, 64, 64))
    assert len(unpack(bitstream).sections) == 1


def test_a_parameter_that_nothing_provides_is_named() -> None:
    class Forgetful(toys.Gain):
        def compress(self, x: Tensor) -> dict[str, Any]:
            return toys.Blocks.compress(self, x)

    with pytest.raises(UsageError, match=r"toy q1: decompress wants 'gain'.*_arguments"):
        toy_family(Forgetful).build("1", "cpu")


def test_fixed_arguments_reach_both_sides_and_cost_nothing() -> None:
    images = 0.5 * photographs(1, 64, 64)
    steps = {"1": 2.0, "2": 0.5}
    family = compressai_family(
        "toy",
        toys.Steps,
        ["1", "2"],
        one_network=True,
        compress_arguments=lambda quality: {"step": torch.tensor(steps[quality])},
    )
    for quality in family.qualities:
        codec = family.build(quality, "cpu")
        (bitstream,) = codec.encode(images)
        assert len(unpack(bitstream).sections) == 1
        assert (codec.decode([bitstream]) - images).abs().mean() < 0.1
    assert len(family.build("1", "cpu").encode(images)[0]) < len(bitstream)


def test_a_network_can_be_prepared_for_each_quality() -> None:
    family = compressai_family(
        "toy",
        toys.AttributeStep,
        ["4", "1"],
        one_network=True,
        prepare=lambda network, quality: setattr(network, "step", float(quality)),
    )
    low, high = family.build("4", "cpu"), family.build("1", "cpu")
    images = photographs(1, 128, 128)
    assert len(low.encode(images)[0]) < len(high.encode(images)[0])
    assert (low.decode(low.encode(images)) - images).abs().mean() < 0.1


def test_one_network_needs_something_to_tell_the_qualities_apart() -> None:
    with pytest.raises(UsageError, match="nothing that tells them apart"):
        compressai_family("toy", toys.Blocks, ["1", "2"], one_network=True)


def test_a_decoder_that_remembers_the_encoder_gets_no_help() -> None:
    images = photographs(1, 64, 64)
    remembering = toy_family(toys.Remembers)
    bitstreams = remembering.build("1", "cpu").encode(images)
    with pytest.raises(CodecError):
        toy_family(toys.Remembers).build("1", "cpu").decode(bitstreams)


@pytest.mark.parametrize("multiple", [None, 128])
def test_a_network_of_large_images_keeps_its_multiple(multiple: int | None) -> None:
    sizes = []

    class Noting(hyperpriors.LargeImagesOnly):
        def compress(self, x: Tensor) -> dict[str, Any]:
            sizes.append(tuple(x.shape[2:]))
            return super().compress(x)

    codec: Any = toy_family(lambda: undeclared(Noting), multiple=multiple).build("1", "cpu")
    for height, width in ((300, 300), (10, 300)):
        codec.encode(photographs(1, height, width))
        assert sizes[-1] == (384 if height == 300 else 256, 384)
    remarks = codec.remarks()
    assert remarks[-1] == ("images are padded to 256 pixels at least; the network refused 384×128")
    refused = [
        "images are padded to multiples of 128 pixels, since the network refused 64; another is "
        "taken with compressai_family(..., multiple=…)"
    ]
    assert remarks[:-1] == ([] if multiple else refused)


def undeclared(network: type) -> Any:
    """One that does not say its multiple, as networks of CompressAI do."""

    class Undeclared(network):
        downsampling_factor = None

    return Undeclared()


def test_the_first_multiple_that_is_tried_needs_no_remark() -> None:
    assert toy_family(toys.Blocks).build("1", "cpu").remarks() == []


@pytest.mark.parametrize(
    ("error", "probes"),
    [(NameError("name 'mask' is not defined"), 1), (RuntimeError("a size of 12, not 16"), 12)],
)
def test_only_a_matter_of_shapes_is_tried_with_others(error: Exception, probes: int) -> None:
    tried = []

    class Broken(toys.Blocks):
        def compress(self, x: Tensor) -> dict[str, Any]:
            tried.append(x.shape)
            raise error

    family = toy_family(Broken)
    with pytest.raises(CodecError) as caught:
        family.build("1", "cpu")
    assert len(tried) == probes
    assert f"{type(error).__name__}: {error} (at " in str(caught.value)
    assert "test_layout.py:" in str(caught.value)
    assert ("multiple=" in str(caught.value)) == (probes > 1)


def test_a_map_of_the_image_goes_to_both_sides() -> None:
    family = compressai_family(
        "toy",
        hyperpriors.MaskedByImage,
        ["1", "2"],
        compress_arguments=hyperpriors.brighter_is_finer,
    )
    images = photographs(2, 100, 150)
    coded = {quality: family.build(quality, "cpu").encode(images) for quality in family.qualities}
    assert len(unpack(coded["1"][0]).sections) == 2
    assert len(coded["1"][0]) < len(coded["2"][0])
    fresh = family.build("1", "cpu")
    assert torch.equal(fresh.decode(coded["1"]), family.build("1", "cpu").decode(coded["1"]))
    assert family.fingerprint is not None
    assert family.fingerprint("1") is None  # who knows what the function reads


def test_an_argument_that_compress_lacks_is_named() -> None:
    with pytest.raises(UsageError, match=r"toy q1: compress wants 'gains'; .*compress_arguments="):
        toy_family(hyperpriors.MaskedByImage).build("1", "cpu")
