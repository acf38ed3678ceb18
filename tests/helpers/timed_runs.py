"""Timing runs of the toy codec, and what they stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.helpers.toy_project import Project

# Reading the processor's name takes pytest-benchmark a second, in each run that saves something.
NO_MACHINE = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_benchmark_generate_machine_info(config):
    return {"cpu": {}}
"""


QUICK = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--lic-no-cache")
SHORT = ("--benchmark-max-time=0.001", "--benchmark-min-rounds=3")
SMALL = ("--lic-resolution=16", "--lic-batch=1,2")


def write(project: Project, change: str = "", codec: str = "Toy", more: str = "") -> None:
    project.write_codec(change, codec=codec)
    conftest = project.path / "conftest.py"
    conftest.write_text(conftest.read_text() + NO_MACHINE + more)


def take(project: Project, *arguments: str, marker: str | None = "timing") -> pytest.RunResult:
    chosen = (
        [] if any(each.startswith("--lic-codec") for each in arguments) else ["--lic-codec=toy"]
    )
    marked = ["-m", marker] if marker is not None else []
    command = ["--pyargs", "pytest_lic.suites", *QUICK, *SHORT, *chosen, *marked, *arguments]
    if any(each.startswith("-n") for each in arguments):
        return project.pytester.runpytest_subprocess(*command, timeout=120)
    return project.pytester.runpytest_inprocess(*command)


def stored(project: Project, *arguments: str) -> dict[str, Any]:
    """Name → benchmark of a run that passed."""
    path = project.path / "times.json"
    result = take(project, f"--benchmark-json={path}", *arguments)
    assert result.ret == 0, result.stdout.str()
    benchmarks = json.loads(path.read_text())["benchmarks"]
    return {benchmark["fullname"]: benchmark for benchmark in benchmarks}
