"""The test of a module is found by its name: ``tests/`` mirrors the packages and the benchmarks."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.places import ROOT

TESTS = ROOT / "tests"
WITHOUT_MODULE = ("whole_runs", "repository")


def modules_of(test: Path) -> list[Path]:
    """The modules that a test may be of: a file, or the first page of a folder."""
    room = test.parent.relative_to("contract") if test.parts[0] == "contract" else test.parent
    root = Path() if test.parts[0] in ("lic_models", "benchmarks") else Path("pytest_lic")
    name = test.stem.removeprefix("test_")
    name = "__main__" if name == "main" else name
    return [root / room / f"{name}.py", root / room / name / "__init__.py"]


def test_every_test_has_its_module_or_is_of_a_whole() -> None:
    """Else name it after its module, or move it to ``whole_runs/`` or ``repository/``."""
    tests = sorted(path.relative_to(TESTS) for path in TESTS.rglob("test_*.py"))
    assert tests
    of_nothing = [
        str(test)
        for test in tests
        if test.parts[0] not in WITHOUT_MODULE
        and not any((ROOT / module).is_file() for module in modules_of(test))
    ]
    assert of_nothing == []
