"""Which cells are timed: presets, one quality of each codec, untrained ones where asked for."""

from __future__ import annotations

import pytest

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.measuring.grid import Cell, Grid, Setting
from pytest_lic.measuring.selection import Selection
from pytest_lic.measuring.timed_grid import PRESETS, TimingChoice, whole_grid


def family(name: str, *labels: str, trained: bool = True, **tags: str) -> CodecFamily:
    return CodecFamily(name, labels, lambda quality, device: None, tags=tags, trained=trained)  # type: ignore[arg-type,return-value]


FAMILIES = [
    family("fp-gdn", "1", "2", "3", "4", nonlinearity="gdn"),
    family("fp-relu", "1", "2", "3", nonlinearity="relu"),
    family("fp-gdn-small", "0", trained=False, nonlinearity="gdn"),
    family("fp-relu-small", "0", trained=False, nonlinearity="relu"),
]


def grid(choice: TimingChoice | None = TimingChoice(), **selection: tuple[str, ...]) -> Grid:  # noqa: B008
    return whole_grid(FAMILIES, Selection(**selection), choice)  # type: ignore[arg-type]


def timed(**selection: tuple[str, ...]) -> dict[str, set[str]]:
    """Family → qualities that are timed."""
    found: dict[str, set[str]] = {}
    for cell in grid(**selection).of("time"):
        found.setdefault(cell.family, set()).add(cell.quality)
    return found


def sizes(choice: TimingChoice) -> list[tuple[str, int]]:
    cells = grid(choice, codecs=("fp-gdn",)).of("time")
    return [(cell.setting.resolution, cell.setting.batch) for cell in cells]


def test_quick_is_two_sizes_and_two_batches_of_random_images() -> None:
    assert grid(codecs=("fp-gdn",)).of("time") == tuple(
        Cell("fp-gdn", "3", Setting("rand", side, batch))
        for side in ("256", "512")
        for batch in (1, 4)
    )
    assert grid(codecs=("fp-gdn",)).of("time")[1].id == "fp-gdn-q3-rand-256px-b4-cpu"


def test_full_goes_up_to_1024_pixels_and_16_images_with_50_rounds() -> None:
    found = sizes(TimingChoice("full"))
    assert {side for side, _ in found} == {"256", "384", "512", "640", "768", "896", "1024"}
    assert {batch for _, batch in found} == {1, 2, 4, 8, 10, 12, 14, 16}
    assert len(found) == 7 * 8
    assert PRESETS["full"].rounds == 50


def test_what_is_given_overrides_the_preset_one_by_one() -> None:
    assert sizes(TimingChoice(resolutions=("64",))) == [("64", 1), ("64", 4)]
    assert sizes(TimingChoice(batches=(3,))) == [("256", 3), ("512", 3)]


def test_a_preset_that_does_not_exist() -> None:
    with pytest.raises(UnknownNameError, match=r"--lic-preset: no preset .*'quik'.*quick"):
        TimingChoice("quik")


def test_native_resolution_is_refused() -> None:
    with pytest.raises(UsageError, match="--lic-resolution native: times are taken on squares"):
        grid(TimingChoice(resolutions=("native",)))


def test_one_quality_the_upper_of_two_in_the_middle_and_the_run_says_so() -> None:
    assert timed() == {"fp-gdn": {"3"}, "fp-relu": {"2"}}
    (note,) = grid().notes
    assert note.startswith("one quality of each codec is timed, its middle one: fp-gdn q3, fp-relu")


def test_qualities_that_are_asked_for_are_timed_and_no_others() -> None:
    assert timed(qualities=("1", "4")) == {"fp-gdn": {"1", "4"}, "fp-relu": {"1"}}
    assert not any("middle" in note for note in grid(qualities=("1",)).notes)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"codecs": ("fp-gdn-small",)}, {"fp-gdn-small"}),
        ({"codecs": ("*-small",)}, {"fp-gdn-small", "fp-relu-small"}),
        ({"components": ("weights=untrained",)}, {"fp-gdn-small", "fp-relu-small"}),
        ({"codecs": ("fp-gdn*",)}, {"fp-gdn"}),
        ({"codecs": ("fp-gdn", "fp-gdn-small")}, {"fp-gdn", "fp-gdn-small"}),
        ({"codecs": ("fp-g*",), "components": ("weights=*d",)}, {"fp-gdn-small"}),
        ({"components": ("nonlinearity=gdn",)}, {"fp-gdn"}),
    ],
)
def test_untrained_networks_are_timed_where_asked_for(
    selection: dict[str, tuple[str, ...]], expected: set[str]
) -> None:
    assert set(timed(**selection)) == expected
    assert not {cell.family for cell in grid(**selection).of("rate")} & {"fp-gdn-small"}


def test_a_glob_that_fits_both_times_the_trained_ones_and_says_how_to_get_the_others() -> None:
    notes = "\n".join(grid(codecs=("fp-gdn*",)).notes)
    assert "untrained and not timed: fp-gdn-small; name them alone" in notes


def test_nothing_is_timed_in_a_run_that_takes_no_times() -> None:
    assert grid(None).of("time") == ()
    assert {cell.family for cell in grid(None).of("rate")} == {"fp-gdn", "fp-relu"}


def test_untrained_networks_alone_are_refused_where_no_times_are_taken() -> None:
    with pytest.raises(
        UsageError, match=r"only untrained codecs are chosen \(fp-gdn-small\).*-m t"
    ):
        grid(None, codecs=("fp-gdn-small",))


def test_untrained_networks_beside_others_are_left_out_and_the_run_says_so() -> None:
    found = grid(None, codecs=("fp-gdn", "fp-gdn-small"))
    assert {cell.family for cell in found.of("rate")} == {"fp-gdn"}
    assert found.notes == ("untrained, so left out but for -m timing: fp-gdn-small",)
    assert grid(None, codecs=("fp-*",)).notes == (), "a glob that fits both means the trained ones"


def test_each_timed_cell_has_its_network() -> None:
    found = grid(codecs=("fp-gdn", "fp-gdn-small"))
    assert {found.network(cell) for cell in found.of("time")} == {
        "fp-gdn-q3",
        "fp-gdn-small-q0",
    }


def test_corpora_take_the_place_of_random_images() -> None:
    choice = TimingChoice(corpora=("photos",), resolutions=("64",), batches=(1,))
    found = grid(choice, codecs=("fp-gdn",))
    assert [cell.id for cell in found.of("time")] == ["fp-gdn-q3-photos-64px-b1-cpu"]
