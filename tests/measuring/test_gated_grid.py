"""What is asked for becomes cells, in an order that loads each network once."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pytest

from pytest_lic.errors import UnknownNameError
from pytest_lic.measuring.gated_grid import make_grid
from pytest_lic.measuring.selection import Selection
from tests.helpers.grids import FAMILIES, LAMBDAS, family, grid


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


def test_a_complete_grid_has_no_notes() -> None:
    assert grid().notes == ()


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
