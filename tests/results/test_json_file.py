"""Results files: what earlier versions wrote is read, and what is none is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pytest_lic.errors import ResultsError
from pytest_lic.results.json_file import load, to_text
from pytest_lic.results.schema import schema
from tests.helpers.places import ROOT


@pytest.mark.parametrize("name", ["results.json", "results-bare.json"])
def test_what_earlier_versions_wrote_is_read_and_written_the_same(name: str) -> None:
    path = ROOT / "tests" / "data" / "files" / name
    Draft202012Validator(schema()).validate(json.loads(path.read_text(encoding="utf-8")))
    assert to_text(load(path)) == path.read_text(encoding="utf-8")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"results .*none\.json can't be read"):
        load(tmp_path / "none.json")
