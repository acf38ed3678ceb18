"""The JSON Schema of results is the one of the classes, and as strict as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_lic.results.schema import PATH, schema, schema_text
from tests.helpers.places import ROOT


def test_the_schema_that_is_shipped_is_the_one_of_the_classes() -> None:
    again = "the classes changed: python -m pytest_lic.results.schema"
    assert PATH.read_text(encoding="utf-8") == schema_text(), again


@pytest.mark.parametrize(
    "change",
    [
        lambda stored: stored.update(more=1),
        lambda stored: stored.pop("remarks"),
        lambda stored: stored["tests"][0].pop("text"),
        lambda stored: stored["tests"][0].update(outcome="odd"),
        lambda stored: stored["curves"][0]["setting"].update(batch=0),
        lambda stored: stored["curves"][0]["anchors"][0].pop("points"),
        lambda stored: stored["points"][0]["measured"].pop("family"),
        lambda stored: stored["points"][0]["measured"].pop("mean"),
        lambda stored: stored["points"][0]["measured"].update(images={}),
        lambda stored: stored["run"]["tolerances"].pop("bd_rate"),
        lambda stored: stored["crops"][0].update(baseline=None),
        lambda stored: stored["crops"][0].update(width=257),
        lambda stored: stored["times"][0].pop("facts"),
    ],
)
def test_the_schema_refuses_what_no_run_writes(change: Callable[[dict[str, Any]], object]) -> None:
    stored = json.loads((ROOT / "tests/data/files/results.json").read_text(encoding="utf-8"))
    change(stored)
    assert not Draft202012Validator(schema()).is_valid(stored)
