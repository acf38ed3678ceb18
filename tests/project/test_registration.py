"""Codecs that installed packages register."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.registered import HOOK, collected


def install(folder: Path, value: str) -> None:
    """A distribution, as pip would leave it, that registers ``value`` as giving codecs."""
    metadata = folder / "lic_extra-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: lic-extra\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[pytest_lic.codecs]\nextra = {value}\n")
    (folder / "lic_extra.py").write_text(
        HOOK.format(name="packaged").replace("pytest_lic_codecs", "families")
    )


def test_an_installed_package_counts(pytester: pytest.Pytester) -> None:
    folder = pytester.path / "site"
    install(folder, "lic_extra:families")
    pytester.syspathinsert(folder)
    assert "packaged" in collected(pytester)


def test_a_package_that_registers_what_is_not_there_is_named(pytester: pytest.Pytester) -> None:
    folder = pytester.path / "site"
    install(folder, "lic_extra:famillies")
    pytester.syspathinsert(folder)
    result = pytester.runpytest_inprocess("--pyargs", "pytest_lic.suites")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.stderr.lines if line]
    assert line.startswith("ERROR: entry point extra = lic_extra:famillies failed: AttributeError")
