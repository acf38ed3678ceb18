"""The ledger: a line a slice, added up over machines, and what a broken line says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lic_models.zoo import ledger
from lic_models.zoo.ledger import Slice
from pytest_lic.errors import UsageError

DONE = Slice("msh-gdn-2", 100, 3_000_000, 0.5, "cpu", "a CPU", 2, 1.25, "2026-01-01T00:00:00+00:00")


def test_slices_of_two_machines_add_up(tmp_path: Path) -> None:
    elsewhere = replace(DONE, steps=300, pixels=6_000_000, device="cuda", machine="a GPU")
    for done in (DONE, elsewhere, replace(DONE, network="fp-gdn-1", loss=None)):
        ledger.append(tmp_path, done)
    slices = ledger.read(tmp_path)
    assert slices[:2] == [DONE, elsewhere]
    assert ledger.gigapixels(slices) == pytest.approx({"msh-gdn-2": 0.009, "fp-gdn-1": 0.003})
    assert DONE.megapixels_per_second == pytest.approx(0.1)


def test_a_line_that_a_killed_process_left_is_left_out(tmp_path: Path) -> None:
    ledger.append(tmp_path, DONE)
    with (tmp_path / ledger.NAME).open("a") as file:
        file.write('{"network": "msh-g')
    assert ledger.read(tmp_path) == [DONE]
    assert ledger.read(tmp_path / "nowhere") == []


@pytest.mark.parametrize("line", ['{"network": "x"}', "[]", "nonsense"])
def test_a_line_that_is_no_slice_is_named(tmp_path: Path, line: str) -> None:
    ledger.append(tmp_path, DONE)
    with (tmp_path / ledger.NAME).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(UsageError, match=r"ledger\.jsonl, line 2: no slice"):
        ledger.read(tmp_path)
