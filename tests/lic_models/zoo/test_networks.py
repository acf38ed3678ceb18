"""The networks that some configs stand for, and how long each is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from lic_models.zoo.networks import find_networks
from pytest_lic.errors import UnknownNameError, UsageError
from tests.helpers.tiny_run import TINY, write


def test_a_glob_means_every_quality_of_every_family_that_it_matches(tmp_path: Path) -> None:
    networks = find_networks(["msh-?dn", "msh-gsdn", "msh-relu"], tmp_path, 0.5, [])
    assert len(networks) == 16
    assert {network.family for network in networks} == {
        f"msh-{name}" for name in ("1dn", "gdn", "gsdn", "relu")
    }
    assert [network.quality for network in networks[:4]] == ["1", "2", "3", "4"]
    for network in networks:
        assert network.goal == 500_000_000
        assert network.last_step() * network.step_pixels == pytest.approx(0.5e9, rel=1e-3)
        assert network.trained() == {"steps": 0, "pixels": 0, "minutes": 0.0}


def test_a_path_and_options_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("tiny.yaml", TINY)
    (network,) = find_networks(["tiny.yaml"], Path("runs"), None, ["--data.init_args.batch_size=4"])
    assert (network.name, network.last_step()) == ("tiny-1", 18)
    assert (network.goal, network.step_pixels) == (18 * 4 * 32 * 32, 4 * 32 * 32)
    assert network.checkpoint == Path("runs/tiny-1/checkpoints/last.ckpt")


def test_a_name_that_no_config_has_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="msh-gdn"):
        find_networks(["msh-gnd"], Path("runs"), None, [])


def test_what_the_families_extend_is_none_of_them() -> None:
    with pytest.raises(UnknownNameError):
        find_networks(["zoo"], Path("runs"), None, [])


def test_a_config_that_does_not_say_how_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write("tiny.yaml", TINY, {"trainer.max_steps": -1})
    with pytest.raises(
        UsageError, match=r"tiny\.yaml: trainer\.max_steps is not given.*--gigapixels"
    ):
        find_networks(["tiny.yaml"], Path("runs"), None, [])
