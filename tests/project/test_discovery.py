"""Where codec families come from: conftest.py, plugins, installed packages; the same everywhere."""

from __future__ import annotations

import pytest

from tests.helpers.registered import HOOK, collected


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
