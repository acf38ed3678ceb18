"""Crops of what regressed: where the error is largest, of the worst images, after the run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as PillowImage

from pytest_lic.baselines.comparison import compare
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES
from pytest_lic.errors import CodecError
from pytest_lic.images.corpus import Image
from pytest_lic.measuring import coding
from pytest_lic.measuring.measure import Measurement
from pytest_lic.results.json_file import load
from pytest_lic.results.results import PointResult, Results
from pytest_lic.results.worst_images import MOST
from pytest_lic.session import crops
from pytest_lic.session.crops import with_crops
from tests.helpers.crops import pixels
from tests.helpers.made_results import passing
from tests.helpers.measurements import image, measurement
from tests.helpers.toy_project import Project
from tests.results.test_results import BROKEN


def run_of(project: Project, *arguments: str, cached: bool = False) -> Results:
    result = project.run("-m", "rd", "--lic-json=results.json", *arguments, cached=cached)
    assert result.ret == 1
    return load(project.path / "results.json")


def broken(recorded: Project) -> Project:
    recorded.write_codec(BROKEN, codec="Broken", fingerprint="lambda quality: 'broken'")
    return recorded


def test_a_run_keeps_the_crop_of_the_image_that_regressed(recorded: Project) -> None:
    for _ in ("measured", "from the cache"):
        results = run_of(broken(recorded), cached=True)
        (found,) = results.crops
        assert found.subject == "toy-q3-images-native-b1-cpu"
        assert found.image == "photo3.png"
        with PillowImage.open(recorded.images / "photo3.png") as original:
            assert np.array_equal(pixels(found.original), np.asarray(original))
        measured = results.points[2].measured
        assert measured is not None
        digest = coding.digest(pixels(found.reconstruction))
        assert digest == measured.images["photo3.png"].reconstruction
        assert not any("crop" in remark for remark in results.remarks)


def test_what_the_baseline_decoded_to_stands_beside_it_if_it_was_decoded_here(
    recorded: Project,
) -> None:
    assert recorded.run("-m", "rd", cached=True).ret == 0
    (found,) = run_of(broken(recorded), cached=True).crops
    assert found.baseline is not None
    (point,) = (
        each
        for each in load(recorded.path / "results.json").points
        if each.comparison.subject == found.subject
    )
    assert point.baseline is not None
    stored = point.baseline.images[found.image].reconstruction
    assert coding.digest(pixels(found.baseline)) == stored
    (elsewhere,) = run_of(recorded).crops
    assert elsewhere.baseline is None


def test_a_crop_is_coded_beside_the_same_images_as_when_measured(recorded: Project) -> None:
    """A codec whose pixels depend on their place in the batch."""
    recorded.write_codec(
        """
        class Placed(Toy):
            def decode(self, bitstreams):
                decoded = super().decode(bitstreams)
                for place in range(len(decoded)):
                    decoded[place] *= 1 - 0.05 * place
                return decoded
        """,
        codec="Placed",
        fingerprint="lambda quality: 'placed'",
    )
    results = run_of(recorded, "--lic-batch=4")
    assert len(results.crops) == MOST
    assert not any("crop" in remark for remark in results.remarks)


def test_a_run_that_passes_cuts_nothing(recorded: Project) -> None:
    assert recorded.run("-m", "rd", "--lic-json=results.json").ret == 0
    assert load(recorded.path / "results.json").crops == ()


def test_images_that_are_asked_for_are_cut_at_one_place_of_every_codec(recorded: Project) -> None:
    asked = ("--lic-crops=photo3,none", "--lic-json=results.json", "--lic-html=report.html")
    assert recorded.run("-m", "rd", *asked).ret == 0
    results = load(recorded.path / "results.json")
    qualities = [point.measured.cell.id for point in results.points if point.measured]
    assert len(qualities) > 1
    assert [crop.subject for crop in results.crops] == qualities
    assert all(crop.asked and crop.image == "photo3.png" for crop in results.crops)
    assert len({(crop.left, crop.top, crop.original) for crop in results.crops}) == 1
    assert len({crop.reconstruction for crop in results.crops}) == len(qualities)
    assert "--lic-crops none: no image of this name was measured" in results.remarks
    page = (recorded.path / "report.html").read_text(encoding="utf-8")
    assert "<h2>Side by side</h2>" in page
    assert "<h2>What got worse</h2>" not in page


def test_an_image_at_two_resolutions_is_cut_at_a_place_of_each(recorded: Project) -> None:
    asked = ("--lic-crops=photo3", "--lic-json=results.json", "--lic-quality=1")
    sizes = ("--lic-resolution=native", "--lic-resolution=16")
    recorded.run("-m", "rd", *asked, *sizes)
    results = load(recorded.path / "results.json")
    native, small = sorted(
        (crop for crop in results.crops if crop.asked), key=lambda crop: -pixels(crop.original).size
    )
    assert pixels(small.original).shape == (16, 16, 3) == pixels(small.reconstruction).shape
    assert pixels(native.original).shape == pixels(native.reconstruction).shape != (16, 16, 3)


def test_no_more_are_cut_than_a_page_can_hold(
    recorded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crops, "ASKED", 2)
    asked = ("--lic-crops=photo3.png", "--lic-json=results.json")
    assert recorded.run("-m", "rd", *asked).ret == 0
    results = load(recorded.path / "results.json")
    assert len(results.crops) == 2
    left = len(results.points) - 2
    assert f"--lic-crops: {left} not cut, 2 are the most" in results.remarks


def test_crops_that_are_asked_for_are_none_of_the_regressions(recorded: Project) -> None:
    results = run_of(broken(recorded), "--lic-crops=photo3")
    regressed, *others = results.crops
    assert regressed.asked is None
    assert others
    assert all(crop.asked for crop in others)


def test_a_shard_is_refused_that_could_not_show_all_codecs(recorded: Project) -> None:
    result = recorded.run("-m", "rd", "--lic-crops=photo3", "--lic-shard=1/2")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--lic-crops: a shard lacks some of the codecs*"])


def test_a_codec_that_gives_other_pixels_each_time_is_told(recorded: Project) -> None:
    recorded.write_codec(
        """
        import itertools
        counter = itertools.count()

        class Drifting(Toy):
            def decode(self, bitstreams):
                return super().decode(bitstreams) * (1 - 0.01 * next(counter))
        """,
        codec="Drifting",
        fingerprint="lambda quality: None",
    )
    results = run_of(recorded, "--lic-quality=3")
    assert len(results.crops) == 3
    for found in results.crops:
        assert (
            f"toy-q3-images-native-b1-cpu: crop of {found.image}: coded once more, it gave other "
            "pixels than were measured"
        ) in results.remarks


def test_a_codec_that_fails_the_second_time_costs_the_crop_and_not_the_file(
    recorded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> tuple[Image, Image]:
        raise CodecError("decoder crashed")

    monkeypatch.setattr(crops, "_coded", fail)
    results = run_of(broken(recorded))
    assert results.crops == ()
    assert (
        "toy-q3-images-native-b1-cpu: crop of photo3.png: not cut: decoder crashed"
        in results.remarks
    )


def regressed(quality: str, losses: dict[str, float]) -> PointResult:
    def at(loss: dict[str, float]) -> Measurement:
        return measurement(
            {name: image(psnr=35.0 - loss.get(name, 0.0)) for name in "abcdef"}, quality=quality
        )

    before, after = at({}), at(losses)
    return PointResult(compare(after, before, DEFAULT_TOLERANCES), after, before)


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every image comes back as another one, at once."""
    black, white = (Image("x", np.full((4, 4, 3), level, np.uint8)) for level in (0, 255))
    monkeypatch.setattr(crops, "_coded", lambda *arguments: (black, white))
    monkeypatch.setattr(crops, "_before", lambda *arguments: None)


def cropped(*points: PointResult) -> Results:
    return with_crops(None, None, None, replace(passing(), points=points))  # type: ignore[arg-type]


@pytest.mark.usefixtures("instant")
def test_the_worst_image_of_each_cell_comes_before_the_second_of_any() -> None:
    mild = regressed("1", {"a": 0.2, "b": 0.3, "c": 0.1, "d": 0.4})
    grave = regressed("2", {"e": 5.0, "f": 2.0})
    found = [(crop.subject[5], crop.image) for crop in cropped(mild, grave).crops]
    assert found == [("2", "e"), ("1", "d"), ("2", "f"), ("1", "b"), ("1", "a")]


@pytest.mark.usefixtures("instant")
def test_where_the_mean_alone_regressed_the_image_that_lost_most_is_shown() -> None:
    point = regressed("1", dict.fromkeys("abcdef", 0.03) | {"c": 0.04})
    assert {each.image for each in point.comparison.differences} == {None}
    assert [crop.image for crop in cropped(point).crops] == ["c"]


@pytest.mark.usefixtures("instant")
def test_there_are_never_more_crops_than_a_page_can_hold() -> None:
    points = [regressed(str(number), dict.fromkeys("abcdef", 1.0)) for number in range(40)]
    found = cropped(*points).crops
    assert len(found) == MOST
    assert len({crop.subject for crop in found}) == MOST


@pytest.mark.usefixtures("instant")
def test_slow_codecs_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crops, "SECONDS", -1.0)
    results = cropped(regressed("1", {"a": 1.0, "b": 1.0}))
    assert results.crops == ()
    assert results.remarks == ("crops: 2 not cut, the time for them (-1 s) was up",)
