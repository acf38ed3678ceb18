"""A project with kept bitstreams, and what lies in its folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.toy_project import Project

# One sample of each image a level off.
SHIFTED = """
    class Shifted(Toy):
        def decode(self, bitstreams):
            images = super().decode(bitstreams)
            images[:, 1, 2, 3] = (images[:, 1, 2, 3] - LEVELS / 255).abs()
            return images
"""


def conformance(project: Project, *arguments: str) -> pytest.RunResult:
    """A run of the conformance suite alone."""
    return project.run("-m", "conformance", *arguments)


def folder(project: Project) -> Path:
    """Where the bitstreams are kept."""
    return project.path / "baselines" / "conformance"


def manifest(project: Project, family: str = "toy") -> Path:
    """What is known of them."""
    return folder(project) / f"{family}.json"


def files(project: Project) -> dict[str, bytes]:
    """Everything that is kept."""
    return {
        str(path.relative_to(folder(project))): path.read_bytes()
        for path in sorted(folder(project).rglob("*"))
        if path.is_file()
    }


def streams(project: Project) -> list[dict[str, Any]]:
    """The streams of the manifest."""
    found: list[dict[str, Any]] = json.loads(manifest(project).read_text())["streams"]
    return found


def failure(result: pytest.RunResult, quality: int = 1) -> str:
    """What one quality's failed test says."""
    assert result.ret == 1, result.stdout.str()
    text = result.stdout.str()
    assert "Traceback" not in text
    subject = f"toy-q{quality}-conformance-native-b1-cpu"
    found = re.search(rf"^{subject}: .*(\n  .*)*", text, re.MULTILINE)
    assert found is not None, text
    return found[0]
