"""What the user gives becomes the options of a run."""

from __future__ import annotations

from dataclasses import fields

from pytest_lic.project.option_table import OPTIONS
from pytest_lic.project.options import Options

TOGETHER = {
    *("codec", "quality", "lambda", "component", "corpus", "resolution", "batch", "device"),
    *("lpips-net", "lpips-weights", "lpips-download", "no-cache", "cache-dir", "preset"),
    *("anchor", "config", "target-bpp"),
}
"""The options that are no field of their own."""


def test_an_option_of_the_table_is_a_field_or_comes_to_something_with_others() -> None:
    single = {field.name.replace("_", "-") for field in fields(Options)}
    assert {option.name for option in OPTIONS} - single == TOGETHER
