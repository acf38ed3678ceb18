"""What the README tells a newcomer works as it stands there."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import compressai.models  # noqa: F401, before pytester looks at sys.modules: it loads only once
import pytest

from conftest import write_photographs
from pytest_lic import Codec, CodecFamily
from pytest_lic.comparison import DEFAULT_TOLERANCES, parse_tolerances
from pytest_lic.option_table import OPTIONS

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def commands(block: str) -> list[str]:
    """The command lines of a console block, without comments."""
    joined = block.replace("\\\n", " ")
    return [line[2:].split("  #")[0] for line in joined.splitlines() if line.startswith("$ ")]


def test_own_codec_goes_from_conftest_to_gate(pytester: pytest.Pytester) -> None:
    write_photographs(pytester.path / "images", count=2)
    pytester.makeini("[pytest]\nlic_corpus = images\nlic_no_cache = true\n")
    (pytester.path / "conftest.py").write_text(blocks("python")[0])
    check, record, gate = (shlex.split(line)[1:] for line in commands(blocks("console")[1]))
    assert pytester.runpytest_inprocess(*check).ret == 0
    assert pytester.runpytest_inprocess(*gate).ret == 1, "nothing is recorded yet"
    assert pytester.runpytest_inprocess(*record).ret == 0
    assert pytester.runpytest_inprocess(*gate).ret == 0
    assert (pytester.path / "baselines" / "mine.json").exists()


def test_class_of_two_methods_is_a_codec() -> None:
    names: dict[str, object] = {}
    exec(blocks("python")[1].replace("MyCodec(...)", "MyCodec()"), names)
    (family,) = names["pytest_lic_codecs"]()  # type: ignore[operator]
    assert isinstance(family, CodecFamily)
    assert isinstance(family.build("low", "cpu"), Codec)


def test_tolerances_shown_are_the_defaults() -> None:
    table = tomllib.loads(blocks("toml")[0])["tool"]["pytest_lic"]["tolerance"]
    assert parse_tolerances(table, "README", base=DEFAULT_TOLERANCES) == DEFAULT_TOLERANCES
    assert set(table) == set(DEFAULT_TOLERANCES)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_named(option: object) -> None:
    assert option.flag_name in TEXT  # type: ignore[attr-defined]


def test_set_up_commands_are_environments_of_tox() -> None:
    tox = (README.parent / "tox.ini").read_text(encoding="utf-8")
    named = re.findall(r"tox run -e (\w+)", TEXT)
    assert set(named) >= {"rd", "tests"}
    assert all(f"[testenv:{name}]" in tox for name in named)


def test_linked_files_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (README.parent / target).exists(), target
