"""What README.md and the pages of docs/ show works as it stands there."""

from __future__ import annotations

import argparse
import re
import shlex
import tomllib
from pathlib import Path

import compressai.models  # noqa: F401, before pytester looks at sys.modules: it loads only once
import hypothesis.strategies  # noqa: F401, likewise
import pytest
import yaml
from walkthrough import Apart, Block, NotAsShownError, Walk, blocks

from conftest import write_photographs
from pytest_lic.cli import command_parser
from pytest_lic.discovery import Origin, pytest_config
from pytest_lic.options import read_options

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md"))]


def nothing(text: str) -> None:
    """What can't be checked without doing it."""


def parsed(line: str) -> None:
    """Every option of a command of ours is one, and takes what it is given."""
    program, *words = shlex.split(line)
    if program == "pytest-lic":
        command_parser().parse_args(words)
        return
    with pytest_config(Origin(str(Path.cwd()), tuple(words), ())) as config:
        read_options(config)


def tox_environment(line: str) -> None:
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert f"[testenv:{shlex.split(line)[3]}]" in tox


def script(line: str) -> None:
    """The script is there, and so is each of its options."""
    _, path, *words = shlex.split(line)
    text = (ROOT / path).read_text(encoding="utf-8")
    assert all(f'"{word}"' in text for word in words if word.startswith("--"))


def workflow(text: str) -> None:
    """Steps of a workflow: our action's inputs are inputs."""
    action = yaml.safe_load((ROOT / ".github/actions/rd-gate/action.yml").read_text())
    (step,) = (each for each in yaml.safe_load(text)["steps"] if "rd-gate" in each["uses"])
    assert step["with"].keys() <= action["inputs"].keys()


APARTS = (
    Apart(r"pip install", "installs from an index", nothing),
    Apart(r"tox run -e", "builds an environment; CI runs it", tox_environment),
    Apart(r"python benchmarks/", "runs for minutes to hours, or needs Kodak", script),
    Apart(r"(pytest|pytest-lic) .*path/to/kodak", "needs Kodak", parsed),
    Apart(r"(pytest|pytest-lic) .*(device[ =]cuda|cuda-tf32)", "needs a GPU", parsed),
    Apart(r"pytest-lic ab (HEAD~1|v1.2) ", "needs a history", parsed),
    Apart(r"pytest .*--lic-prune", "needs a run of every codec", parsed),
    Apart(r"cd examples/|pytest-lic timing before large.json", "goes on from one of these", nothing),
    Apart(r"steps:\n", "runs on GitHub", workflow),
)


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / ".cache"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    monkeypatch.setattr("pytest_lic.ab.timing._START", 0.3)
    monkeypatch.setattr("pytest_lic.ab.timing._BUILDS", 2)
    monkeypatch.setattr("pytest_lic.ab.estimate.FIRST_LOOK", 3)
    text = (ROOT / page).read_text(encoding="utf-8")
    walk = Walk(pytester, APARTS)
    start = re.search("<!-- test: start with (.+) -->", text)
    if start is not None and start[1] == "the tutorial":
        begin_with_tutorial(walk)
    elif start is not None:
        write_photographs(pytester.path / "photographs", count=2, side=64)
        pytester.makeini("[pytest]\nlic_corpus = photographs\n")
    walk.follow(text)


def begin_with_tutorial(walk: Walk) -> None:
    """The tutorial's files and images, and the baselines that it records."""
    for block in blocks((ROOT / "docs/tutorial.md").read_text(encoding="utf-8")):
        if block.title is not None:
            walk.take(block)
        elif "$ sed" in block.body:
            break
    record = "pytest --pyargs pytest_lic.suites --lic-codec mine -m rd --lic-update"
    walk.take(Block("console", None, f"$ python crops.py\n$ {record}\n", ()))
