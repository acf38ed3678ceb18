"""The benchmarks, made importable, and run from their command lines."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import compressai  # noqa: F401, before anything that imports parts of it
import pytest

from tests.helpers.places import BENCHMARKS

sys.path.append(str(BENCHMARKS))
learned_networks = importlib.import_module("learned_networks")


def run_main(monkeypatch: pytest.MonkeyPatch, module: Any, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", [module.__name__, *arguments])
    status: int = module.main()
    return status
