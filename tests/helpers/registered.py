"""Projects that register a codec in one place or another."""

from __future__ import annotations

import pytest

HOOK = """
from pytest_lic import CodecFamily

def build(quality, device):
    raise RuntimeError("listing builds nothing")

def pytest_lic_codecs():
    yield CodecFamily({name!r}, {{"low": 0.001, "high": None}}, build, {{"quantizer": "uniform"}})
"""


def families(result: pytest.RunResult) -> set[str]:
    """The families of a run with ``--collect-only -q``, by the ids of their edge cells."""
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    found = (line.partition("test_round_trip[")[2] for line in result.stdout.lines)
    return {cell.partition("-q")[0] for cell in found if cell}


def collected(pytester: pytest.Pytester, *arguments: str) -> set[str]:
    """The families that a run started in the project's folder finds."""
    options = ("-p", "no:hypothesispytest", "--collect-only", "-q")
    return families(
        pytester.runpytest_inprocess("--pyargs", "pytest_lic.suites", *options, *arguments)
    )
