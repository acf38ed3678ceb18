"""The floors of the house: import-linter's contract holds, and fires where one is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.places import ROOT

pytest.importorskip("importlinter", reason="import-linter is not installed")


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    command = (
        "import sys; from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"
    )
    return subprocess.run(
        [sys.executable, "-c", command], cwd=tree, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, to break on purpose."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name in ("pytest_lic", "lic_models", "tools"):
        only_sources = shutil.ignore_patterns("*.safetensors", "__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=only_sources)
    return copy


def test_contract_is_kept(house: Path) -> None:
    done = lint(house)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        (
            "pytest_lic/results/results.py",
            "from pytest_lic.report import words",
            "pytest_lic.results is not allowed to import pytest_lic.report",
        ),
        (
            "pytest_lic/measuring/grid.py",
            "import torch",
            "pytest_lic.measuring.grid -> torch",
        ),
        (
            "lic_models/untrained.py",
            "from compressai.layers import GDN",
            "lic_models.untrained -> compressai",
        ),
        (
            "lic_models/components/transforms/base.py",
            "import compressai",
            "lic_models.components.transforms.base -> compressai",
        ),
        (
            "pytest_lic/checks/determinism.py",
            "def late():\n    from lic_models import codec",
            "pytest_lic is not allowed to import lic_models",
        ),
        (
            "lic_models/components/transforms/base.py",
            "from lic_models.training import module",
            "lic_models.components is not allowed to import lic_models.training",
        ),
    ],
)
def test_planted_import_is_caught(house: Path, file: str, line: str, said: str) -> None:
    source = house / file
    intact = source.read_text()
    source.write_text(f"{intact}\n{line}\n")
    try:
        done = lint(house)
    finally:
        source.write_text(intact)
    assert done.returncode == 1, done.stdout
    assert said in done.stdout


def test_import_within_a_function_loads_nothing(house: Path) -> None:
    source = house / "pytest_lic/measuring/grid.py"
    intact = source.read_text()
    source.write_text(f"{intact}\n\ndef late() -> None:\n    import torch  # noqa: F401\n")
    try:
        assert lint(house).returncode == 0
    finally:
        source.write_text(intact)
