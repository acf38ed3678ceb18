"""What is asked for becomes cells: by name, in an order that loads each network once."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.measuring.grid import (
    Cell,
    Curve,
    Grid,
    Selection,
    Setting,
    absolute_corpora,
    make_grid,
    select_families,
)

LAMBDAS = {"1": 0.0018, "2": 0.0067, "3": 0.025, "4": 0.0932}


def family(name: str, **more: object) -> CodecFamily:
    """A family whose network must not be built: a grid is only names."""

    def build(quality: str, device: str) -> Codec:
        raise AssertionError("a grid builds no network")

    given: dict = {"qualities": LAMBDAS, **more}
    return CodecFamily(name, build=build, **given)


FAMILIES = [
    family("fp-gdn", tags={"architecture": "fp", "nonlinearity": "gdn"}),
    family("msh-gdn", tags={"architecture": "msh", "nonlinearity": "gdn"}),
    family("msh-gsdn", tags={"architecture": "msh", "nonlinearity": "gsdn"}),
    family("jpeg", qualities=["30", "60", "90"]),
]


def chosen(**selection: tuple[str, ...]) -> list[str]:
    """The names of the families that a selection leaves."""
    return [found.name for found in select_families(FAMILIES, Selection(**selection))]


def grid(*families: CodecFamily, **selection: object) -> Grid:
    """The grid of these families, or of all."""
    return make_grid(families or FAMILIES, Selection(**selection))


def test_nothing_asked_for_selects_everything() -> None:
    assert chosen() == ["fp-gdn", "msh-gdn", "msh-gsdn", "jpeg"]
    assert len(grid().of("rate")) == 4 + 4 + 4 + 3
    assert len(grid().curves) == 4


def test_codecs_are_selected_by_glob_in_the_order_of_the_families() -> None:
    assert chosen(codecs=("msh-*",)) == ["msh-gdn", "msh-gsdn"]
    assert chosen(codecs=("jpeg", "fp-*")) == ["fp-gdn", "jpeg"]
    assert chosen(codecs=("*-g?dn", "msh-gdn")) == ["msh-gdn", "msh-gsdn"]


def test_components_must_all_hold() -> None:
    assert chosen(components=("nonlinearity=gdn",)) == ["fp-gdn", "msh-gdn"]
    assert chosen(components=("nonlinearity=g*",)) == ["fp-gdn", "msh-gdn", "msh-gsdn"]
    assert chosen(components=("nonlinearity=gdn", "architecture=msh")) == ["msh-gdn"]
    assert chosen(codecs=("*-gdn",), components=("architecture=fp",)) == ["fp-gdn"]


def test_any_choice_of_a_component_excludes_who_lacks_the_component() -> None:
    assert chosen(components=("nonlinearity=*",)) == ["fp-gdn", "msh-gdn", "msh-gsdn"]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (
            {"codecs": ("msh-gdm",)},
            "--lic-codec: no codec is named 'msh-gdm'; did you mean msh-gdn",
        ),
        ({"codecs": ("msh-*", "vtm-*")}, "--lic-codec: no codec is named 'vtm-.'; known: fp-gdn"),
        (
            {"components": ("nonlinearity=gdm",)},
            "--lic-component: no component is named 'nonlinearity=gdm'; did you mean "
            "nonlinearity=gdn, nonlinearity=gsdn",
        ),
        (
            {"codecs": ("fp-*",), "components": ("nonlinearity=gsdn",)},
            "no component is named 'nonlinearity=gsdn'; did you mean nonlinearity=gdn",
        ),
        ({"qualities": ("91",)}, "--lic-quality: no quality is named '91'; did you mean 1, 90"),
        ({"qualities": ("1", "nine")}, "no quality is named 'nine'; known: 1, 2, 3, 30"),
        ({"lambdas": (0.0019,)}, "--lic-lambda: no λ is named '0.0019'; did you mean 0.0018"),
        ({"lambdas": (float("nan"),)}, "--lic-lambda: no λ is named 'nan'"),
    ],
)
def test_an_unknown_name_is_an_error_that_lists_the_nearest(
    selection: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(UnknownNameError, match=message):
        grid(**selection)


@pytest.mark.parametrize("component", ["gdn", "=gdn", "nonlinearity=", "="])
def test_a_component_without_tag_or_choice_is_an_error(component: str) -> None:
    with pytest.raises(UsageError, match=r"expected TAG=CHOICE, such as nonlinearity=gdn"):
        grid(components=(component,))


def test_without_any_codec_the_grid_is_empty_and_a_name_is_still_an_error() -> None:
    assert make_grid([], Selection()).of("rate") == ()
    with pytest.raises(UnknownNameError, match="none is registered here"):
        make_grid([], Selection(codecs=("fp-gdn",)))


def test_qualities_and_lambdas_select_points_and_leave_no_curve() -> None:
    narrowed = grid(FAMILIES[0], qualities=("3", "1"))
    assert [cell.quality for cell in narrowed.of("rate")] == ["1", "3"]
    assert narrowed.curves == ()
    assert "the qualities are narrowed: points are gated, curves are not" in narrowed.notes
    by_lambda = grid(FAMILIES[0], lambdas=(0.0067, 0.0932))
    assert [cell.quality for cell in by_lambda.of("rate")] == ["2", "4"]
    assert grid(FAMILIES[0], qualities=("1", "2"), lambdas=(0.0067,)).of("rate")[0].quality == "2"


def test_a_family_without_the_quality_asked_for_is_left_out_and_named() -> None:
    narrowed = grid(qualities=("90",))
    assert [cell.family for cell in narrowed.of("rate")] == ["jpeg"]
    for name in ("fp-gdn", "msh-gdn", "msh-gsdn"):
        assert f"{name} has none of the qualities asked for: left out" in narrowed.notes


def test_quality_and_lambda_that_leave_nothing_are_an_error() -> None:
    with pytest.raises(UsageError, match="together leave no quality of any codec"):
        grid(FAMILIES[0], qualities=("1",), lambdas=(0.0067,))


def test_a_complete_grid_has_no_notes() -> None:
    assert grid().notes == ()


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (Setting("photos"), "photos-native-b1-cpu"),
        (Setting("photos", "256", 4, "cpu"), "photos-256px-b4-cpu"),
        (Setting("kodak", "native", 1, "cuda:1"), "kodak-native-b1-cuda1"),
    ],
)
def test_ids_are_readable_and_stay_as_they_are(setting: Setting, expected: str) -> None:
    assert Cell("msh-gsdn", "3", setting).id == f"msh-gsdn-q3-{expected}"
    assert Curve("msh-gsdn", setting).id == f"msh-gsdn-{expected}"


def test_cells_are_values() -> None:
    cell = Cell("msh-gsdn", "3", Setting("photos", "256"))
    assert cell == Cell("msh-gsdn", "3", Setting("photos", "256"))
    assert len({cell, Cell("msh-gsdn", "3", Setting("photos", "256"))}) == 1


def test_ids_are_unique_over_a_whole_grid() -> None:
    whole = grid(
        corpora=("photos", "edge", "/data/kodak"),
        resolutions=("native", "64", "256"),
        batches=(1, 4),
        devices=("cpu", "cuda", "cuda:0"),
    )
    ids = [subject.id for subject in (*whole.every_cell, *whole.curves)]
    assert len(set(ids)) == len(ids)


def test_names_that_would_give_two_cells_one_id_are_an_error() -> None:
    with pytest.raises(
        UsageError, match=r"quality 1-q2 of a and quality 2 of a-q1 are both called a-q1-q2-photos"
    ):
        grid(family("a", qualities=["1-q2"]), family("a-q1", qualities=["2"]))
    with pytest.raises(UsageError, match=r"quality 1 of a and the curve of a-q1 are both called"):
        grid(family("a", qualities=["1"]), family("a-q1", qualities=["x"]))


@pytest.mark.parametrize("one_network", [False, True])
def test_all_cells_of_a_network_are_neighbours(one_network: bool) -> None:
    families = [replace(known, one_network=one_network) for known in FAMILIES]
    whole = grid(*families, corpora=("photos", "/data/kodak"), resolutions=("native", "256"))
    networks = [whole.network(cell) for cell in whole.of("rate")]
    assert len(networks) == 15 * 4
    runs = [network for network, _ in groupby(networks)]
    assert len(runs) == len(set(runs)) == (4 if one_network else 15)


def test_a_variable_rate_family_is_one_network_for_all_its_qualities() -> None:
    whole = grid(family("variable", one_network=True), family("fixed"))
    served = {cell.family: set() for cell in whole.of("rate")}
    for cell in whole.of("rate"):
        served[cell.family].add(whole.network(cell))
    assert {name: len(networks) for name, networks in served.items()} == {"variable": 1, "fixed": 4}


def test_every_cell_belongs_to_a_network() -> None:
    whole = grid(devices=("cpu", "cuda"))
    assert all(whole.network(cell).startswith(cell.family) for cell in whole.every_cell)
    assert len(set(map(whole.network, whole.every_cell))) == len(whole.networks) == 15


def test_edge_images_come_once_per_network_and_device_whatever_corpus_is_asked_for() -> None:
    whole = grid(
        FAMILIES[0], corpora=("photos", "/data/kodak"), batches=(1, 4), devices=("cpu", "cuda")
    )
    assert [cell.id for cell in whole.of("edge")] == [
        f"fp-gdn-q{quality}-edge-native-b1-{device}"
        for quality in LAMBDAS
        for device in ("cpu", "cuda")
    ]
    asked_for = grid(FAMILIES[0], corpora=("edge",))
    assert asked_for.of("rate") == asked_for.of("edge") == asked_for.of("rate", "edge")
    assert len(asked_for.of("rate")) == 4


def test_kept_bitstreams_come_once_per_quality_and_device_whatever_is_asked_for() -> None:
    folder = "/data/conformance"
    whole = grid(
        FAMILIES[0],
        corpora=(folder, "photos"),
        resolutions=("native", "256"),
        batches=(1, 4),
        devices=("cpu", "cuda"),
    )
    assert [cell.id for cell in whole.of("conformance")] == [
        f"fp-gdn-q{quality}-conformance-native-b1-{device}"
        for quality in LAMBDAS
        for device in ("cpu", "cuda")
    ]
    assert whole.corpora["folder.conformance"] == folder
    assert not set(whole.of("conformance")) & set(whole.of("rate"))


def test_a_setting_named_twice_is_measured_once() -> None:
    whole = grid(FAMILIES[0], corpora=("photos", "photos"), resolutions=("256", "256"))
    assert len(whole.of("rate")) == 4


def test_two_corpora_of_one_name_are_an_error() -> None:
    with pytest.raises(
        UsageError, match=r"/a/kodak and /b/kodak are both called 'kodak'; rename one folder"
    ):
        grid(corpora=("/a/kodak", "/b/kodak"))


def test_a_folder_called_like_a_corpus_of_ours_is_told_apart(tmp_path: Path) -> None:
    whole = grid(FAMILIES[0], corpora=("photos", str(tmp_path / "photos"), str(tmp_path / "edge")))
    named = {"photos", "edge", "conformance", "folder.photos", "folder.edge"}
    assert set(whole.corpora) == named


def test_corpora_are_relative_to_where_pytest_was_started(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    found = absolute_corpora(("photos", "edge", "kodak", "../here"), tmp_path / "there")
    assert found == ("photos", "edge", str(tmp_path / "there/kodak"), str(tmp_path / "here"))


@pytest.mark.parametrize("resolution", ["0", "-1", "256px", "", "2.5", "0256", "²", "1000000"])
def test_a_resolution_that_is_no_number_of_pixels_is_an_error(resolution: str) -> None:
    with pytest.raises(UsageError, match="expected 'native' or a number of pixels"):
        grid(resolutions=(resolution,))


@pytest.mark.parametrize("batch", [0, -1])
def test_a_batch_of_nothing_is_an_error(batch: int) -> None:
    with pytest.raises(UsageError, match=rf"--lic-batch {batch}: expected 1 or more"):
        grid(batches=(batch,))


def test_what_narrows_a_run_is_known() -> None:
    assert not Selection(corpora=("kodak",), devices=("cuda",)).narrows
    assert Selection(codecs=("jpeg",)).narrows
    assert Selection(components=("a=b",)).narrows
    assert Selection(lambdas=(1.0,)).narrows_qualities
    assert not Selection(codecs=("jpeg",)).narrows_qualities


def test_a_hundred_thousand_cells_take_seconds() -> None:
    families = [
        family(f"codec{number}", qualities=[str(q) for q in range(50)]) for number in range(1000)
    ]
    start = time.process_time()
    whole = grid(*families, resolutions=("native", "256"))
    assert len(whole.of("rate")) == 100_000
    assert time.process_time() - start < 10


def test_making_a_grid_loads_no_torch() -> None:
    code = "import sys, pytest_lic.measuring.grid; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
