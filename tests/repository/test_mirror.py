"""The test of a module is found by its name: ``tests/`` mirrors the packages and the benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.places import ROOT

TESTS = ROOT / "tests"
WITHOUT_MODULE = {"whole_runs", "repository"}
FILES = sorted(path.relative_to(TESTS) for path in TESTS.rglob("test_*.py"))


def modules_of(test: Path) -> list[Path]:
    """The modules that a test may be of: a file, or the first page of a folder."""
    room = test.parent.relative_to("contract") if test.parts[0] == "contract" else test.parent
    root = Path() if test.parts[0] in ("lic_models", "benchmarks") else Path("pytest_lic")
    name = test.stem.removeprefix("test_")
    name = "__main__" if name == "main" else name
    return [root / room / f"{name}.py", root / room / name / "__init__.py"]


@pytest.mark.parametrize("test", FILES, ids=str)
def test_test_has_its_module_or_is_of_a_whole(test: Path) -> None:
    if test.parts[0] in WITHOUT_MODULE:
        assert len(test.parts) == 2, "these folders have no folders"
    else:
        modules = modules_of(test)
        assert any((ROOT / module).is_file() for module in modules), (
            f"tests/{test}: neither {modules[0]} nor {modules[1]} is there; name it after its "
            "module, or move it to tests/whole_runs/ or tests/repository/"
        )
