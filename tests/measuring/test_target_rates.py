"""Families at target rates: qualities, codecs and what is said of images that miss."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pytest_lic import CodecFamily, Levels
from pytest_lic.codec import SupportsDecodingWithLatents
from pytest_lic.errors import UsageError
from pytest_lic.measuring.gated_grid import make_grid
from pytest_lic.measuring.selection import Selection
from pytest_lic.measuring.target_rates import at_target_rates, missed
from tests.helpers.grids import FAMILIES, family
from tests.helpers.measurements import image, measurement
from tests.helpers.rate_controlled import Steps, gained_family, smooth_images

STEPS = CodecFamily(
    "steps",
    ["1", "2"],
    lambda quality, device: Steps(),
    fingerprint=lambda quality: f"steps {quality}",
    levels=Steps.levels,
)


def at(*targets: float, of: CodecFamily = STEPS) -> CodecFamily:
    return at_target_rates({of.name: of}, targets)[of.name]


def test_the_targets_take_the_place_of_qualities_where_there_is_rate_control() -> None:
    assert dict(at(0.25, 1.0).qualities) == {"bpp0.25": None, "bpp1": None}
    assert at(0.25, of=FAMILIES[0]) is FAMILIES[0]
    assert at() is STEPS


def test_a_codec_at_a_rate_gives_bitstreams_of_that_rate() -> None:
    images = smooth_images(2)
    codec = at(5.0).build("bpp5", "cpu")
    bitstreams = codec.encode(images)
    for bitstream in bitstreams:
        assert 8 * len(bitstream) / 128**2 == pytest.approx(5.0, rel=0.01)
    assert torch.equal(codec.decode(bitstreams), Steps().decode(bitstreams))


def test_a_codec_that_shows_its_latents_does_so_at_a_rate() -> None:
    codec = at(0.5, of=gained_family()).build("bpp0.5", "cpu")
    assert isinstance(codec, SupportsDecodingWithLatents)
    bitstreams = codec.encode(smooth_images(2))
    decoded, latents = codec.decode_with_latents(bitstreams)
    assert torch.equal(decoded, codec.decode(bitstreams))
    assert all(map(torch.equal, latents, codec.decode_latents(bitstreams)))
    assert not isinstance(at(5.0).build("bpp5", "cpu"), SupportsDecodingWithLatents)


def test_the_fingerprint_hangs_on_the_target_and_on_the_weights() -> None:
    told = at(0.25, 0.5).fingerprint
    assert told is not None
    assert told("bpp0.25") != told("bpp0.5")
    other = replace(STEPS, fingerprint=lambda quality: "other weights")
    assert at(0.25, of=other).fingerprint("bpp0.25") != told("bpp0.25")  # type: ignore[misc]
    unknown = replace(STEPS, fingerprint=lambda quality: None)
    assert at(0.25, of=unknown).fingerprint("bpp0.25") is None  # type: ignore[misc]


def test_a_family_that_runs_only_where_it_is_named_stays_one() -> None:
    assert at(1.0, of=replace(STEPS, default_qualities=[])).default_qualities == ()
    assert at(1.0, of=replace(STEPS, default_qualities=["2"])).default_qualities is None


def test_the_grid_has_a_cell_for_each_target_and_nothing_for_who_has_no_rate_control() -> None:
    controlled = at(0.25, 1.0, of=family("gained", levels=Levels(0, 3, 1)))
    made = make_grid([controlled, *FAMILIES], Selection(targets=(0.25, 1.0)))
    assert [cell.id for cell in made.every_cell] == [
        "gained-bpp0.25-photos-native-b1-cpu",
        "gained-bpp1-photos-native-b1-cpu",
    ]
    assert made.curves == ()
    assert made.notes == (
        "each image is coded at the level whose bytes come nearest to 0.25, 1 bpp, within 1 % "
        "unless said otherwise; points are gated, curves are not",
        "left out, for they have no rate control: fp-gdn, msh-gdn, msh-gsdn, jpeg",
    )


def test_targets_for_families_without_rate_control_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^--lic-target-bpp 0\.5: jpeg has no rate control; "):
        make_grid(FAMILIES, Selection(codecs=("jpeg",), targets=(0.5,)))


def test_only_images_that_miss_the_target_are_named_the_furthest_first() -> None:
    met, near, far = image(size=1255), image(size=1300), image(size=500)
    images = {"met.png": met, "near.png": near, "far.png": far}
    assert missed(measurement(images, quality="bpp1")) == (
        "2 of 3 images not within 1 % of 1 bpp, but at the nearest rate that was found: "
        "far.png at 0.4 (-60.0%), near.png at 1.04 (+4.0%)"
    )
    assert missed(measurement({"met.png": met}, quality="bpp1")) is None
    assert missed(measurement(images, quality="1")) is None
