"""A package that reads toy codecs from .toy files, as an installed one would."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.helpers.toy_project import TOY

READER = '''
import json
from pytest_lic.errors import WeightsError


class Stepped(Toy):
    """The toy codec with other steps."""

    def __init__(self, quality, factor):
        super().__init__(quality)
        self.step = STEPS[quality] * factor


def read(path):
    """One codec from a .toy file: {"name": ..., "factor": ...}; it may ask for trouble."""
    if path.suffix != ".toy":
        return None
    described = json.loads(path.read_text())
    if "weights" in described:
        raise WeightsError(described["weights"].format(path=path))
    if "exit" in described:
        raise SystemExit(2)
    if "gives" in described:
        return described["gives"]
    name, factor = described["name"], described["factor"]
    return [
        CodecFamily(
            name,
            dict.fromkeys("12345"),
            lambda quality, device: Stepped(quality, factor),
            {"quantizer": "uniform", "steps": str(factor), "coder": "zlib"},
            lambda quality: f"stepped {factor}",
        )
    ]
'''


def install_reader(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the reader in ``site``, for this process and those that it starts."""
    info = site / "toy_reader_package-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: toy-reader-package\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text("[pytest_lic.configs]\ntoys = toy_package:read\n")
    (site / "toy_package.py").write_text(TOY + READER)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))


def describe(path: Path, **described: object) -> Path:
    """A .toy file."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(described))
    return path
