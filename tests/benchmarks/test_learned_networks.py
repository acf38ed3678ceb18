"""Which networks the benchmarks choose."""

from __future__ import annotations

from pathlib import Path

import compressai  # noqa: F401, before anything that imports parts of it
import pytest

from pytest_lic.errors import UnavailableError, UnknownNameError
from tests.helpers.benchmark_runs import learned_networks


class TestChoosingNetworks:
    def test_qualities_rise_within_a_family(self, weights: Path) -> None:
        found = learned_networks.find_networks(weights)
        labels = {name: [header.quality for header in each] for name, each in found.items()}
        assert labels == {"fp-relu": ["1", "2"], "msh-relu": ["1", "2"]}

    def test_names_that_nothing_answers_to(self, weights: Path, tmp_path: Path) -> None:
        with pytest.raises(UnknownNameError, match="did you mean msh-relu"):
            learned_networks.find_networks(weights, ["msh-relo"])
        with pytest.raises(UnknownNameError, match="no quality is named '7'"):
            learned_networks.find_networks(weights, [], ["7"])
        with pytest.raises(UnavailableError, match="no trained weights here"):
            learned_networks.find_networks(tmp_path)
