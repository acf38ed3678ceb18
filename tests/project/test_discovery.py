"""Where codec families come from: conftest.py, plugins, installed packages; the same everywhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("pytest-lic")
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


def install(folder: Path, value: str) -> None:
    """A distribution, as pip would leave it, that registers ``value`` as giving codecs."""
    metadata = folder / "lic_extra-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: lic-extra\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[pytest_lic.codecs]\nextra = {value}\n")
    (folder / "lic_extra.py").write_text(
        HOOK.format(name="packaged").replace("pytest_lic_codecs", "families")
    )


def test_a_conftest_in_the_invocation_folder_counts(pytester: pytest.Pytester) -> None:
    (pytester.path / "conftest.py").write_text(HOOK.format(name="mine"))
    assert {"mine", "jpeg"} <= collected(pytester)


def test_a_conftest_above_the_invocation_folder_counts_beside_its_own(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = pytester.mkdir("below")
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    (pytester.path / "conftest.py").write_text(HOOK.format(name="outer"))
    (below / "conftest.py").write_text(HOOK.format(name="inner"))
    monkeypatch.chdir(below)
    assert {"outer", "inner"} <= collected(pytester)


def test_a_plugin_counts(pytester: pytest.Pytester) -> None:
    (pytester.path / "codec_plugin.py").write_text(HOOK.format(name="plugged"))
    pytester.syspathinsert()
    assert "plugged" in collected(pytester, "-p", "codec_plugin")


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


def test_a_conftest_with_an_optional_hook_works_where_the_plugin_is_absent(
    pytester: pytest.Pytester,
) -> None:
    hook = HOOK.format(name="mine")
    imported, rest = hook.split("\n", 2)[1:]
    (pytester.path / "conftest.py").write_text(
        "import pytest\n"
        + rest.replace(
            "def pytest_lic_codecs():",
            f"@pytest.hookimpl(optionalhook=True)\ndef pytest_lic_codecs():\n    {imported}",
        )
    )
    assert "mine" in collected(pytester)
    pytester.makepyfile("def test_mine():\n    pass\n")
    absent = pytester.runpytest_inprocess("-p", "no:pytest_lic", "-p", "no:hypothesispytest")
    absent.assert_outcomes(passed=1)


def test_the_command_lists_the_same_codecs(pytester: pytest.Pytester) -> None:
    (pytester.path / "conftest.py").write_text(HOOK.format(name="mine"))
    result = pytester.run(COMMAND, "list", timeout=120)
    assert result.ret == 0, result.stderr.str()
    lines = {line.split()[0]: line for line in result.stdout.lines if line}
    assert lines["mine"] == "mine  qualities low(λ=0.001) high  quantizer=uniform"
    gated = {name for name, line in lines.items() if "weights=untrained" not in line}
    assert gated == collected(pytester), "the others are only timed"
    assert len(gated) < len(lines)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (HOOK.format(name="a b"), "*conftest.py: codec family name 'a b': expected letters*"),
        (
            "import nothing_of_this_name",
            "pytest could not start in *: *No module named *(from *conftest.py)",
        ),
    ],
)
def test_the_command_says_in_one_line_why_it_can_not_list(
    pytester: pytest.Pytester, body: str, expected: str
) -> None:
    (pytester.path / "conftest.py").write_text(body)
    result = pytester.run(COMMAND, "list", timeout=120)
    assert result.ret == 2
    assert result.stdout.lines == []
    assert len([line for line in result.stderr.lines if line]) == 1
    result.stderr.fnmatch_lines([f"pytest-lic: {expected}"])
