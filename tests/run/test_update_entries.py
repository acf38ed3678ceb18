"""A run records the entries that were asked for, and names those that nothing uses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lic.baselines.comparison import Comparison, Verdict, compare
from pytest_lic.baselines.entries import BaselineKey, Baselines, load, save
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES
from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.errors import BaselineError
from pytest_lic.levels import Levels
from pytest_lic.measuring.measure import Measurement
from pytest_lic.project.discovery import Families
from pytest_lic.results.records import PointRecord
from pytest_lic.results.results import PointResult
from pytest_lic.run.stale import Stale
from pytest_lic.run.update_entries import Point, points, prune, record, stale
from tests.helpers.measurements import ELSEWHERE, as_stored, image, measurement


def no_build(quality: str, device: str) -> Codec:
    raise AssertionError("recording builds no network")


class Project:
    """A baselines folder, and runs that end with these measurements."""

    def __init__(self, folder: Path) -> None:
        self.baselines = Baselines(folder / "own", folder / "shipped", frozenset({"toy"}))
        families = (CodecFamily("toy", ["1", "2"], no_build), CodecFamily("mine", ["1"], no_build))
        self.families = Families({family.name: family for family in families}, frozenset({"toy"}))

    def points(self, measured: Sequence[Measurement]) -> list[Point]:
        """The measurements with the verdict that a gate gives them in a run that records."""
        return [Point(found, self.verdict(found), self.baseline(found)) for found in measured]

    def baseline(self, found: Measurement) -> Measurement | None:
        """What the gate compares with, be it the user's or a shipped one."""
        return self.baselines.find(found.cell.family, BaselineKey.of(found))

    def verdict(self, found: Measurement) -> Comparison:
        """As `Gate.point`."""
        before = self.baseline(found)
        if before is None:
            return Comparison(found.cell.id, Verdict.NEW, "no baseline until now")
        return compare(found, before, DEFAULT_TOLERANCES)

    def record(
        self,
        grid: Sequence[Measurement],
        measured: Sequence[Point],
        *,
        update: bool = True,
        broken: set[tuple[str, str]] = frozenset(),
    ) -> list[str]:
        """A run whose grid has these cells ends with these points."""
        cells = [found.cell for found in grid]
        return record(self.baselines, cells, measured, set(broken), update=update)

    def update(self, *measured: Measurement, broken: set[tuple[str, str]] = frozenset()) -> Any:
        """A run with --lic-update."""
        return self.record(measured, self.points(measured), broken=broken)

    def update_missing(self, *measured: Measurement) -> Any:
        """A run with --lic-update-missing."""
        return self.record(measured, self.points(measured), update=False)

    def stale(self, *measured: Measurement) -> list[Stale[BaselineKey]]:
        """What a complete run names as stale."""
        return stale(self.baselines, self.families, self.points(measured))

    def recorded(self, family: str = "toy") -> dict[BaselineKey, Measurement]:
        """What the user's folder holds."""
        return load(self.baselines.folder, family)

    def bytes(self, family: str = "toy") -> bytes:
        """The file itself."""
        return (self.baselines.folder / f"{family}.json").read_bytes()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


FIRST = measurement()
SECOND = measurement(quality="2")
WORSE = measurement({"one.png": image(bits="w", size=11_000), "two.png": image(bits="w")})
BETTER = measurement({"one.png": image(bits="b", size=9_000), "two.png": image(bits="b", psnr=36)})


def test_the_first_update_records_everything_and_says_so(project: Project) -> None:
    lines = project.update(FIRST, SECOND)
    assert set(project.recorded()) == {BaselineKey.of(FIRST), BaselineKey.of(SECOND)}
    assert lines == [
        "toy, quality 1, photos native: first recorded: 8.8000 bpp, 34.000 dB",
        "toy, quality 2, photos native: first recorded: 8.8000 bpp, 34.000 dB",
    ]


def test_updating_again_with_nothing_changed_writes_nothing(project: Project) -> None:
    project.update(FIRST, SECOND)
    before = (project.baselines.folder / "toy.json").stat().st_mtime_ns, project.bytes()
    assert project.update(FIRST, SECOND) == []
    assert project.update(replace(FIRST, environment=ELSEWHERE)) == []
    assert ((project.baselines.folder / "toy.json").stat().st_mtime_ns, project.bytes()) == before


@pytest.mark.parametrize(("changed", "verdict"), [(WORSE, "regressed"), (BETTER, "improved")])
def test_an_update_records_a_change_either_way_and_prints_it(
    project: Project, changed: Measurement, verdict: str
) -> None:
    project.update(FIRST, SECOND)
    (line,) = project.update(changed, SECOND)
    assert line.startswith(f"toy, quality 1, photos native: {verdict}: 8.8000 → ")
    assert project.recorded()[BaselineKey.of(FIRST)].images["one.png"].bytes != 10_000
    assert project.recorded()[BaselineKey.of(SECOND)].images["one.png"].bytes == 10_000


def test_an_update_leaves_what_it_did_not_measure(project: Project) -> None:
    kodak = measurement(corpus="kodak", digest="d2")
    project.update(FIRST, SECOND, kodak)
    project.update(WORSE)
    assert set(project.recorded()) == {
        BaselineKey.of(FIRST),
        BaselineKey.of(SECOND),
        BaselineKey.of(kodak),
    }


def test_update_missing_records_only_what_has_no_baseline(project: Project) -> None:
    project.update(FIRST)
    (line,) = project.update_missing(WORSE, SECOND)
    assert line.startswith("toy, quality 2, photos native: first recorded")
    recorded = project.recorded()
    assert recorded[BaselineKey.of(FIRST)].images["one.png"].bytes == 10_000
    assert BaselineKey.of(SECOND) in recorded


def test_without_being_asked_nothing_is_missing(project: Project) -> None:
    missing = Comparison(FIRST.cell.id, Verdict.MISSING, "no baseline")
    assert project.record([FIRST], [Point(FIRST, missing)], update=False) == []


def test_what_failed_a_check_is_never_recorded_and_named(project: Project) -> None:
    lines = project.update(FIRST, SECOND, broken={("toy", "2")})
    assert set(project.recorded()) == {BaselineKey.of(FIRST)}
    assert lines[-1] == "toy, quality 2: not recorded, its round trip or another check failed"


def test_what_failed_a_check_keeps_its_old_baseline(project: Project) -> None:
    project.update(FIRST)
    before = project.bytes()
    project.update(WORSE, broken={("toy", "1")})
    assert project.bytes() == before


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_batches_and_devices_the_first_on_the_grid_is_recorded(
    project: Project, order: int
) -> None:
    batches = [measurement(batch=batch) for batch in (1, 4)] + [measurement(device="cuda")]
    project.record(batches, project.points(batches)[::order])
    (found,) = project.recorded().values()
    assert (found.cell.setting.batch, found.cell.setting.device) == (1, "cpu")


def test_the_files_do_not_depend_on_the_order_in_which_workers_reported(tmp_path: Path) -> None:
    measured = [
        measurement(quality=quality, digest=digest, corpus=corpus, environment=environment)
        for quality, environment in (("1", FIRST.environment), ("2", ELSEWHERE))
        for corpus, digest in (("photos", "d1"), ("kodak", "d2"))
    ]
    texts, printed = set(), set()
    for name, order in (("a", 1), ("b", -1)):
        project = Project(tmp_path / name)
        printed.add(tuple(project.record(measured, project.points(measured[::order]))))
        texts.add(project.bytes())
    assert len(texts) == len(printed) == 1


def test_each_family_has_its_own_file(project: Project) -> None:
    project.update(FIRST, measurement(family="mine"))
    assert project.baselines.families() == ["mine", "toy"]
    assert len(project.recorded("mine")) == 1


def test_a_shipped_baseline_that_holds_is_not_copied(project: Project) -> None:
    save(project.baselines.shipped, "toy", {}, [FIRST])
    assert project.update(FIRST) == []
    changed = measurement({"one.png": image(bits="x"), "two.png": image(size=12_000, psnr=33.0)})
    assert project.update(changed) == []
    assert project.update_missing(FIRST) == []
    assert project.baselines.families() == []


def test_a_shipped_baseline_that_no_longer_holds_is_overruled_in_the_users_folder(
    project: Project,
) -> None:
    save(project.baselines.shipped, "toy", {}, [FIRST])
    before = (project.baselines.shipped / "toy.json").read_bytes()
    assert len(project.update(WORSE)) == 1
    assert project.recorded()[BaselineKey.of(WORSE)].images["one.png"].bytes == 11_000
    assert (project.baselines.shipped / "toy.json").read_bytes() == before


def test_a_metric_that_a_shipped_baseline_lacks_is_recorded_in_the_users_folder(
    project: Project,
) -> None:
    save(project.baselines.shipped, "toy", {}, [without_lpips()])
    for run in (project.update_missing, project.update):
        (line,) = run(with_lpips())
        assert line.startswith("toy, quality 1, photos native: first recorded: ")
        assert project.recorded()[BaselineKey.of(FIRST)].images["one.png"].metrics["lpips"] == 0.1
        (project.baselines.folder / "toy.json").unlink()
    assert project.update(without_lpips()) == []


def with_lpips(bits: str = "a") -> Measurement:
    """As measured on a machine that has the weights."""
    return measurement({"one.png": image(lpips=0.1, bits=bits)})


def without_lpips(bits: str = "a") -> Measurement:
    """The same on one that has not."""
    return measurement({"one.png": image(bits=bits)})


def test_an_update_where_a_metric_can_not_be_computed_keeps_it_while_the_bits_are_the_same(
    project: Project,
) -> None:
    project.update(with_lpips())
    before = project.bytes()
    assert project.update(without_lpips()) == []
    assert project.bytes() == before


def test_an_update_with_other_bits_drops_what_can_not_be_computed_and_says_why(
    project: Project,
) -> None:
    project.update(with_lpips())
    (line,) = project.update(without_lpips(bits="b"))
    assert "lpips no longer recorded (one.png: no weights)" in line
    assert project.recorded()[BaselineKey.of(FIRST)].mean("lpips") is None


def test_a_metric_that_the_baseline_lacks_is_recorded_by_an_update(project: Project) -> None:
    project.update(without_lpips())
    assert len(project.update(with_lpips())) == 1
    assert project.recorded()[BaselineKey.of(FIRST)].mean("lpips") == 0.1


def test_update_missing_fills_in_a_metric_that_the_baseline_lacks_and_nothing_else(
    project: Project,
) -> None:
    project.update(without_lpips())
    elsewhere = replace(with_lpips(bits="b"), variants={"lpips": "alex"}, environment=ELSEWHERE)
    nearly = replace(elsewhere.images["one.png"], metrics={"psnr": 34.999, "lpips": 0.1})
    (line,) = project.update_missing(replace(elsewhere, images={"one.png": nearly}))
    assert line.endswith("within tolerance: 8.0000 → 8.0000 bpp, 35.000 → 35.000 dB, lpips is new")
    (found,) = project.recorded().values()
    assert found == as_stored(replace(with_lpips(), variants={"lpips": "alex"}))
    assert project.update_missing(with_lpips()) == []


def test_update_missing_fills_in_nothing_where_another_metric_got_worse(project: Project) -> None:
    project.update(without_lpips())
    before = project.bytes()
    worse = {"one.png": image(psnr=30.0, lpips=0.1)}
    assert project.update_missing(measurement(worse)) == []
    assert project.bytes() == before


def test_update_missing_leaves_what_is_of_another_backbone(project: Project) -> None:
    project.update(replace(with_lpips(), variants={"lpips": "vgg"}))
    before = project.bytes()
    assert project.update_missing(replace(with_lpips(), variants={"lpips": "alex"})) == []
    assert project.bytes() == before


def test_a_folder_that_can_not_be_written_is_one_clear_error(project: Project) -> None:
    project.baselines.folder.write_text("a file where the folder should be")
    with pytest.raises(BaselineError, match=r"toy\.json can't be"):
        project.update(FIRST)


def test_a_complete_run_that_uses_everything_names_nothing(project: Project) -> None:
    project.update(FIRST, SECOND)
    assert project.stale(FIRST, SECOND) == []


def test_a_quality_that_is_gone_is_stale(project: Project) -> None:
    gone = measurement(quality="3")
    project.update(FIRST, SECOND, gone)
    assert project.stale(FIRST, SECOND) == [
        Stale("toy", BaselineKey.of(gone), "quality 3, native", "quality 3 is gone")
    ]


def test_an_entry_at_a_target_rate_is_stale_only_without_rate_control(project: Project) -> None:
    at_rate = measurement(quality="bpp0.5")
    project.update(FIRST, SECOND, at_rate)
    (found,) = project.stale(FIRST, SECOND)
    assert found.why == "quality bpp0.5 is gone"
    toy = replace(project.families["toy"], levels=Levels(0, 3, 1))
    project.families = Families({"toy": toy}, frozenset({"toy"}))
    assert project.stale(FIRST, SECOND) == []


def test_an_entry_of_a_corpus_that_has_other_images_now_is_stale(project: Project) -> None:
    project.update(FIRST)
    now = measurement(digest="d2")
    project.update(now)
    (found,) = project.stale(now)
    assert found.key == BaselineKey.of(FIRST)
    assert found.text.startswith("toy, quality 1, native: corpus photos had other images")
    assert found.why == "corpus photos had other images then (digest d1)"


@pytest.mark.parametrize(
    "other",
    [measurement(corpus="kodak", digest="d2"), measurement(resolution="256")],
    ids=["corpus", "resolution"],
)
def test_what_the_run_did_not_cover_is_not_stale(project: Project, other: Measurement) -> None:
    project.update(FIRST, other)
    assert project.stale(FIRST) == []
    assert project.stale(other) == []


def test_a_family_that_the_run_did_not_cover_is_not_stale(project: Project) -> None:
    project.update(FIRST, measurement(family="mine"))
    assert project.stale(FIRST) == []


def test_a_corpus_under_another_name_is_still_used(project: Project) -> None:
    project.update(FIRST)
    assert project.stale(measurement(corpus="renamed")) == []


def test_of_a_codec_that_is_gone_what_the_run_covered_is_stale(project: Project) -> None:
    project.update(FIRST)
    kodak = measurement(corpus="kodak", digest="d2")
    save(project.baselines.folder, "gone", {}, [FIRST, kodak])
    assert project.stale(FIRST) == [
        Stale("gone", BaselineKey.of(FIRST), "quality 1, native", "no codec has this name")
    ]


def test_pruning_removes_what_is_stale_and_nothing_else(project: Project) -> None:
    gone, kodak = measurement(quality="3"), measurement(corpus="kodak", digest="d2")
    project.update(FIRST, SECOND, gone, kodak)
    prune(project.baselines, project.stale(FIRST, SECOND))
    assert set(project.recorded()) == {
        BaselineKey.of(FIRST),
        BaselineKey.of(SECOND),
        BaselineKey.of(kodak),
    }
    assert project.stale(FIRST, SECOND) == []


def test_pruning_removes_the_files_of_codecs_that_are_gone_but_no_json_that_is_not_ours(
    project: Project,
) -> None:
    project.update(FIRST)
    folder = project.baselines.folder
    save(folder, "gone", {}, [FIRST])
    for name in ("package.json", "gone2.json"):
        (folder / name).write_text(json.dumps({"name": "mine", "family": "neither"}))
    prune(project.baselines, project.stale(FIRST))
    assert sorted(file.name for file in folder.iterdir()) == [
        "gone2.json",
        "package.json",
        "toy.json",
    ]


def test_pruning_the_last_entry_removes_the_file(project: Project) -> None:
    gone = measurement(quality="3")
    project.update(gone)
    prune(
        project.baselines,
        [Stale("toy", BaselineKey.of(gone), "quality 3, native", "quality 3 is gone")],
    )
    assert not (project.baselines.folder / "toy.json").exists()


def test_only_what_was_measured_is_a_point() -> None:
    verdict = Comparison(FIRST.cell.id, Verdict.NEW, "")
    records = [
        PointRecord(SECOND.cell, PointResult(verdict, SECOND)),
        PointRecord(FIRST.cell, PointResult(verdict)),  # unavailable
        PointRecord(FIRST.cell, PointResult(verdict, FIRST)),
    ]
    assert [point.measurement for point in points(records)] == [FIRST, SECOND]


def test_kept_lpips_keeps_the_name_of_its_backbone(project: Project) -> None:
    project.update(replace(with_lpips(), variants={"lpips": "vgg"}))
    darker = {"one.png": replace(image(), metrics={"psnr": 34.0, "ms_ssim": 0.98})}
    project.update(measurement(darker))
    kept = project.recorded()[BaselineKey.of(FIRST)]
    assert kept.mean("lpips") == 0.1
    assert kept.variants == {"lpips": "vgg"}


def test_an_image_without_a_number_of_the_new_backbone_keeps_none_of_the_old(
    project: Project,
) -> None:
    both = {"one.png": image(lpips=0.1), "two.png": image(lpips=0.3)}
    project.update(replace(measurement(both), variants={"lpips": "vgg"}))
    one = {"one.png": image(lpips=0.2), "two.png": image()}
    project.update(replace(measurement(one), variants={"lpips": "alex"}))
    kept = project.recorded()[BaselineKey.of(FIRST)]
    assert kept.variants == {"lpips": "alex"}
    assert [image.value("lpips") for image in kept.images.values()] == [0.2, None]
