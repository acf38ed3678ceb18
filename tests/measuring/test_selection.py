"""What is asked for selects families, qualities and settings, or is a clear error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.measuring.gated_grid import make_grid
from pytest_lic.measuring.selection import Selection, absolute_corpora, select_families
from tests.helpers.grids import FAMILIES, grid


def chosen(**selection: tuple[str, ...]) -> list[str]:
    """The names of the families that a selection leaves."""
    return [found.name for found in select_families(FAMILIES, Selection(**selection))]


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


def test_a_family_without_the_quality_asked_for_is_left_out_and_named() -> None:
    narrowed = grid(qualities=("90",))
    assert [cell.family for cell in narrowed.of("rate")] == ["jpeg"]
    for name in ("fp-gdn", "msh-gdn", "msh-gsdn"):
        assert f"{name} has none of the qualities asked for: left out" in narrowed.notes


def test_quality_and_lambda_that_leave_nothing_are_an_error() -> None:
    with pytest.raises(UsageError, match="together leave no quality of any codec"):
        grid(FAMILIES[0], qualities=("1",), lambdas=(0.0067,))


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


class TestDefaultQualities:
    """What a family takes part with where nothing is asked for."""

    FAMILIES = (
        *FAMILIES,
        replace(FAMILIES[1], name="some", default_qualities=["2"]),
        replace(FAMILIES[1], name="no", default_qualities=[]),
    )

    def taken(self, **selection: tuple[str, ...]) -> dict[str, int]:
        found = make_grid(self.FAMILIES, Selection(**selection)).of("rate")
        return {name: sum(cell.family == name for cell in found) for name in ("some", "no")}

    def test_they_alone_run_unasked_and_make_no_curve(self) -> None:
        assert self.taken() == {"some": 1, "no": 0}
        unasked = make_grid(self.FAMILIES, Selection())
        assert {"some", "no"} & {curve.family for curve in unasked.curves} == set()
        (note,) = (text for text in unasked.notes if "take" in text)
        assert note == (
            "7 networks of no, some run only where codecs are named; --lic-codec '*' takes all"
        )

    @pytest.mark.parametrize(
        "selection",
        [{"codecs": ("*",)}, {"components": ("nonlinearity=gdn",)}, {"codecs": ("some", "no")}],
    )
    def test_all_run_where_anything_is_asked_for(self, selection: dict[str, tuple[str]]) -> None:
        assert self.taken(**selection) == {"some": 4, "no": 4}

    def test_all_codecs_narrow_nothing(self) -> None:
        assert not Selection(codecs=("*",)).narrows
        assert Selection(codecs=("fp-*",)).narrows

    def test_others_than_the_family_has_are_refused(self) -> None:
        message = "default_qualities has '9'; expected some of 1, 2, 3, 4"
        with pytest.raises(UsageError, match=message):
            replace(FAMILIES[1], default_qualities=["9"])
