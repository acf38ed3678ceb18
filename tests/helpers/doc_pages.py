"""Which pages the documentation has, what of them can't be run, and how one is followed."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import compressai.models  # noqa: F401, before pytester looks at sys.modules: it loads only once
import hypothesis.strategies  # noqa: F401, likewise
import pytest
import yaml

from pytest_lic.cli import command_parser
from pytest_lic.project.discovery import Origin, pytest_config
from pytest_lic.project.options import read_options
from tests.helpers.places import ROOT
from tests.helpers.toy_project import write_photographs
from tests.helpers.walkthrough import Apart, Block, Walk, blocks

PAGES = ("README.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")))


def text_of(page: str) -> str:
    """Its Markdown."""
    return (ROOT / page).read_text(encoding="utf-8")


def follow(page: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Walk:
    """Take every block of a page, in a folder of its own that begins as the page says."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # these tests may be spread themselves
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / ".cache"))
    # An edit within a second that keeps a file's size would go unseen.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    walk = Walk(pytester, APARTS)
    start = re.search("<!-- test: start with (.+) -->", text_of(page))
    if start is not None and start[1] == "the tutorial":
        _begin_with_tutorial(walk)
    elif start is not None and start[1].startswith("examples/"):
        shutil.copytree(ROOT / start[1], pytester.path, dirs_exist_ok=True, ignore=_MADE)
    elif start is not None:
        write_photographs(pytester.path / "photographs", count=2, side=64)
        pytester.makeini("[pytest]\nlic_corpus = photographs\n")
    walk.follow(text_of(page))
    return walk


# What a reader may have made in the folder of an example.
_MADE = shutil.ignore_patterns("baselines", "images", "pictures", "weights", "__pycache__", ".*")


def _begin_with_tutorial(walk: Walk) -> None:
    """The tutorial's files and images, and the baselines that it records."""
    for block in blocks(text_of("docs/tutorial.md")):
        if block.title is not None:
            walk.take(block)
        elif "$ sed" in block.body:
            break
    suites = "rd or conformance or complexity"  # what else the tutorial runs records nothing
    record = f"pytest --pyargs pytest_lic.suites --lic-codec mine -m '{suites}' --lic-update"
    walk.take(Block("console", None, f"$ python crops.py\n$ {record}\n", ()))


def _nothing(text: str) -> None:
    """There is nothing to check but by doing it."""


def _parsed(line: str) -> None:
    """Every option of a command of ours is one, and takes what it is given."""
    program, *words = shlex.split(line)
    if program == "pytest-lic":
        command_parser().parse_args(words)
        return
    with pytest_config(Origin(str(Path.cwd()), tuple(words), ())) as config:
        read_options(config)


def _folder(line: str) -> None:
    assert (ROOT / shlex.split(line)[1]).is_dir()


def _tox_environment(line: str) -> None:
    assert f"[testenv:{shlex.split(line)[3]}]" in text_of("tox.ini")


def _script(line: str) -> None:
    """The script is there, and so is each of its options."""
    _, path, *words = shlex.split(line)
    assert all(f'"{word}"' in text_of(path) for word in words if word.startswith("--"))


def _excerpt(text: str) -> None:
    """The lines stand in the file that the first one names, one below the other."""
    first, *lines = (line.strip() for line in text.strip().splitlines())
    there = [line.strip() for line in text_of(first.removeprefix("# from ")).splitlines()]
    assert "\n".join(lines) in "\n".join(there), text


def _workflow(text: str) -> None:
    """What our action is given are inputs of it."""
    action = yaml.safe_load(text_of(".github/actions/rd-gate/action.yml"))
    (step,) = (each for each in yaml.safe_load(text)["steps"] if "rd-gate" in each["uses"])
    assert step["with"].keys() <= action["inputs"].keys()


def _jobs(text: str) -> None:
    """What our action is given in each job are inputs of it, and the jobs agree on the shards."""
    action = yaml.safe_load(text_of(".github/actions/rd-gate/action.yml"))
    jobs = yaml.safe_load(text)["jobs"]
    given = {name: job["steps"][-1]["with"] for name, job in jobs.items()}
    assert all(inputs.keys() <= action["inputs"].keys() for inputs in given.values())
    count = given["rd-gate"]["shards"]
    assert given["shard"]["shard"].endswith(f"/{count}")
    assert jobs["shard"]["strategy"]["matrix"]["number"] == list(range(1, count + 1))


def _gitlab(text: str) -> None:
    """The template is there, with the variables and the job that are set."""
    including = yaml.safe_load(text)
    (included,) = including.pop("include")
    template = yaml.safe_load(text_of(included["remote"].rpartition("/raw/COMMIT/")[2]))
    assert including.pop("variables").keys() <= template["variables"].keys()
    for job, settings in including.items():
        assert settings.keys() <= template[job].keys()


APARTS = (
    Apart(r"pip install ", "installs from an index", _nothing),
    Apart(r"tox run -e ", "builds an environment; CI runs each", _tox_environment),
    Apart(r"python benchmarks/", "runs for minutes to hours, or needs Kodak", _script),
    Apart(r"(pytest|pytest-lic) .*path/to/kodak", "needs Kodak", _parsed),
    Apart(r"(pytest|pytest-lic) .*(device[ =]|environments )cuda", "needs a GPU", _parsed),
    Apart(r"pytest .*environments all", "takes minutes, and a GPU", _parsed),
    Apart(r"pytest .* -n \d", "starts more processes; test_xdist.py does", _parsed),
    Apart(r"pytest .*--lic-prune", "needs every codec; test_update_entries.py prunes", _parsed),
    Apart(r"pytest-lic ab (HEAD~1 |v1.2 |main$)", "needs a history; the guide runs one", _parsed),
    Apart(r"pytest-lic baselines main --", "needs a history; a guide runs one", _parsed),
    Apart(r"pytest-lic timing before large.json", "needs what a GPU wrote", _parsed),
    Apart(r"pytest-lic weights ", "downloads; test_weights.py does without", _parsed),
    Apart(r"cd examples/", "is of a clone", _folder),
    Apart(r"# from examples/", "is of a script that the page runs", _excerpt),
    Apart(r"steps:\n", "runs on GitHub", _workflow),
    Apart(r"jobs:\n", "runs on GitHub", _jobs),
    Apart(r"include:\n", "runs on GitLab", _gitlab),
)
"""What no test runs, with the reason and what is checked in its place."""
