"""The toy codec broken in one place, under every suite."""

from __future__ import annotations

import pytest

from tests.helpers.toy_project import Project

ALL = "rd or roundtrip or determinism"


def failing(result: pytest.RunResult) -> set[str]:
    """The names of the test functions that failed or errored."""
    lines = result.stdout.str().splitlines()
    return {
        line.split("::")[1].split("[")[0]
        for line in lines
        if line.startswith(("FAILED ", "ERROR ")) and "::" in line
    }


def broken(project: Project, change: str, *arguments: str) -> pytest.RunResult:
    """Run every suite on the toy codec with ``Broken`` in its place."""
    project.write_codec(change, codec="Broken", fingerprint="lambda quality: 'broken'")
    return project.run("-m", ALL, "-q", *arguments)
