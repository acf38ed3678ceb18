"""What README.md and the documentation show works as it stands there, and what they claim is so.

The guides and transform-coding.md have files of their own, so that workers share the work.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Callable, Mapping

import pytest
import yaml

from pytest_lic import Codec, CodecFamily
from pytest_lic.baselines.comparison import Verdict
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES, parse_tolerances
from pytest_lic.cli import command_parser
from pytest_lic.project.option import Option
from pytest_lic.project.option_table import OPTIONS
from pytest_lic.system.simulated_environments import ENVIRONMENTS
from tests.helpers.doc_pages import APARTS, PAGES, ROOT, follow, text_of
from tests.helpers.walkthrough import NotAsShownError, Walk, blocks, commands, same_shape, shows

OPTIONS_PAGE = text_of("docs/reference/options.md")


ELSEWHERE = ("docs/guides/", "docs/transform-coding.md")


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith(ELSEWHERE)])
def test_page(page: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(page, pytester, monkeypatch)


@pytest.mark.parametrize(
    "wrong",
    [
        "```console\n$ echo one\ntwo\n```\n",
        "```console\n$ echo one\n```\n\n```text\ntwo\n```\n",
        "```console\n$ echo 1.5\n1.7\n```\n",
        "```console\n$ false\n```\n",
        "<!-- test: exit 1 -->\n```console\n$ true\n```\n",
        "```console\nno command\n```\n",
        "```console\n$ pip install pytest-lic\nSuccessfully installed\n```\n",
        "```python\nassert False\n```\n",
        "```toml\n= 1\n```\n",
        "```rust\nfn main() {}\n```\n",
        "```\nof no language\n```\n",
        '```json title="there.json"\n{"other": 1}\n```\n',
        "<!-- test: replace `a` by `b` -->\n```console\n$ true\n```\n",
        "<!-- test: ignore -->\n```console\n$ true\n```\n",
    ],
)
def test_wrong_page_is_noticed(wrong: str, pytester: pytest.Pytester) -> None:
    (pytester.path / "there.json").write_text('{"key": 1}')
    with pytest.raises((AssertionError, tomllib.TOMLDecodeError)):
        Walk(pytester, APARTS).follow(wrong)


def test_right_page_passes(pytester: pytest.Pytester) -> None:
    (pytester.path / "there.json").write_text('{"key": 1, "more": 2}')
    Walk(pytester, APARTS).follow(
        '```python title="one.py"\nprint("one")\nprint("gone")\nprint("pi is 3.142, nearly")\n```\n'
        "```console\n$ python one.py\none\n...\npi is 3.141, ...\n```\n"
        '```json title="there.json"\n{"key": 5, "...": {}}\n```\n'
    )


def test_every_fence_is_a_block() -> None:
    """A fence that the harness can't read would be left out in silence."""
    for page in PAGES:
        fences = re.findall(r"^ *```", text_of(page), flags=re.MULTILINE)
        assert len(fences) == 2 * len(list(blocks(text_of(page)))), page


def test_what_is_read_out_of_the_code_has_a_line_above() -> None:
    """Where the pages are read as files, a bare ``::: name`` tells nothing."""
    for page in PAGES:
        for above in re.findall(r"^(.+)\n+(?=:::)", text_of(page), re.MULTILINE):
            assert not re.match(r"#|:::|```|    ", above), f"{page}: {above}"


def test_what_is_not_run_is_there() -> None:
    texts = []
    for page in PAGES:
        for block in blocks(text_of(page)):
            lines = (
                [line for line, _ in commands(block.body)] if block.language == "console" else []
            )
            texts += lines or [block.body]
    for apart in APARTS:
        assert any(re.match(apart.pattern, text) for text in texts), apart.pattern


def test_links_of_the_readme_hold_on_github() -> None:
    """Those within docs/ mkdocs checks."""
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text_of("README.md")):
        assert (ROOT / target).exists(), target
        headings = re.findall(r"^#+ (.+)$", text_of(target or "README.md"), flags=re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
        assert not anchor or anchor in slugs, anchor


def test_class_of_two_methods_is_a_codec() -> None:
    shown = next(blocks(text_of("docs/reference/protocols.md")))
    names: dict[str, Callable[[], list[CodecFamily]]] = {}
    exec(shown.body, names)
    (family,) = names["pytest_lic_codecs"]()
    assert isinstance(family.build("low", "cpu"), Codec)


def test_tolerances_shown_are_the_defaults() -> None:
    (shown,) = (
        each for each in blocks(text_of("docs/guides/baselines.md")) if each.language == "toml"
    )
    table = tomllib.loads(shown.body)["tool"]["pytest_lic"]["tolerance"]
    assert parse_tolerances(table, "page", base=DEFAULT_TOLERANCES) == DEFAULT_TOLERANCES
    assert set(table) == set(DEFAULT_TOLERANCES)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_option_is_listed_with_its_default(option: Option) -> None:
    (row,) = re.findall(rf"^\| `{option.flag_name}[ `].*$", OPTIONS_PAGE, flags=re.MULTILINE)
    flag, ini, default = (cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:4])
    assert ini == f"`{option.ini_name}`"
    assert flag.endswith("*") == option.many
    assert (" " in flag.removesuffix(" *")) != option.flag
    if option.default:
        assert default == f"`{option.default}`"
    else:
        assert (
            default == "no"
            if option.flag
            else default in ("all", "none", "the user's cache folder")
        )


def subcommands() -> Mapping[str, argparse.ArgumentParser]:
    (found,) = (
        each for each in command_parser()._actions if isinstance(each, argparse._SubParsersAction)
    )
    return found.choices


def test_every_command_is_listed_with_its_options() -> None:
    part = OPTIONS_PAGE.split("\n## pytest-lic\n")[1].split("\n## ")[0]
    sections = dict(re.findall(r"\n### (\w+)\n(.*?)(?=\n### |\Z)", part, flags=re.DOTALL))
    assert sections.keys() == subcommands().keys()
    for name, parser in subcommands().items():
        told = {
            word for action in parser._actions for word in action.option_strings if word[1] == "-"
        }
        named = set(re.findall(r"--[a-z][a-z-]*", sections[name])) - {"--lic-"}
        missing = told - {"--help"} - named
        assert not missing, f"{name}: {missing}"
        assert "xit status" in sections[name], name


def test_numbers_shown_as_defaults_of_commands_are_theirs() -> None:
    parts = re.split(r"^### (\w+)$", OPTIONS_PAGE, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    found = 0
    for name, parser in subcommands().items():
        actions = parser._option_string_actions
        pattern = r"^\| `(--[a-z-]+) [^`]*` \| (\d+) \|"
        for option, default in re.findall(pattern, sections[name], flags=re.MULTILINE):
            told = str(actions[option].help) % {"default": actions[option].default}
            assert f"(default: {default})" in told, option
            found += 1
    assert found == 7
    guide = " ".join(text_of("docs/guides/timing.md").split())
    assert "by `--fail-slower` (3 %) or more" in guide
    assert "`photos` at 256 px" in guide


def test_every_verdict_and_environment_is_named() -> None:
    verdicts = re.findall(
        r"^\| \*\*([a-z ]+)\*\* \|", text_of("docs/guides/baselines.md"), re.MULTILINE
    )
    assert set(verdicts) == {verdict.value for verdict in Verdict}
    machines = text_of("docs/guides/machines.md")
    assert all(f"`{name}`" in machines for name in ENVIRONMENTS)


def test_inputs_of_the_action_are_listed_with_their_defaults() -> None:
    inputs = yaml.safe_load(text_of(".github/actions/rd-gate/action.yml"))["inputs"]
    page = text_of("docs/guides/gpu-runner.md")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+?) \|", page, flags=re.MULTILINE))
    assert rows.keys() == inputs.keys()
    for name, told in inputs.items():
        if told["default"] and "${{" not in told["default"]:
            assert rows[name] == f"`{told['default']}`"


def test_every_gate_is_told_with_what_it_misses() -> None:
    sections = text_of("docs/gates.md").split("\n## ")[1:]
    assert len(sections) == 14
    for section in sections:
        assert "**Catches**" in section or section.startswith("Times")
        assert "**Does not catch**" in section


def test_numbers_may_be_off_by_little() -> None:
    assert shows("a\nPSNR 30.12 dB\n", "PSNR 30.10 dB")
    assert not shows("a\nPSNR 33.12 dB\n", "PSNR 30.10 dB")
    with pytest.raises(NotAsShownError, match="is shown, and not there"):
        same_shape({"a": {"b": 1}}, {"a": {}})
