"""``pytest-lic list``: the codecs that the plugin finds, or why it can not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.helpers.registered import HOOK, collected

COMMAND = Path(sys.executable).with_name("pytest-lic")


def test_the_command_lists_the_same_codecs(pytester: pytest.Pytester) -> None:
    (pytester.path / "conftest.py").write_text(HOOK.format(name="mine"))
    result = pytester.run(COMMAND, "list", timeout=120)
    assert result.ret == 0, result.stderr.str()
    lines = {line.split()[0]: line for line in result.stdout.lines if line}
    assert lines["mine"] == "mine  qualities low(λ=0.001) high  quantizer=uniform"
    unasked = ("weights=untrained", "runs only where it is named")
    gated = {name for name, line in lines.items() if not any(text in line for text in unasked)}
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
