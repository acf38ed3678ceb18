"""A page of the documentation, followed as a reader follows it: every fenced block, in order.

    console            each ``$ `` line is run; the lines below it must be in what it prints
    text               must be in what the command before printed
    any, with a title  is written to the file of that name
    python             is executed, in one namespace for the page
    json, with a file  has the shape of that file, which a command of the page wrote
    toml, yaml         is parsed

A line ``...`` stands for any lines, and three dots within one for any text. Numbers with a decimal
point or three digits may be off by 2 %: another processor rounds otherwise, another zlib packs
otherwise. Comments before a block are for the test alone:

    <!-- test: exit 1 -->             of the block's last command
    <!-- test: replace `A` by `B` --> in the block, to shorten it
    <!-- test: add ARGUMENTS -->      to its commands of pytest and pytest-lic
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

_FENCE = re.compile(
    r"(?P<notes>(?:^ *<!-- test: [^\n]* -->\n+)*)"
    r"^(?P<indent> *)```(?P<language>\w*)(?P<more>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_NOTE = re.compile(r"<!-- test: (.*) -->")
# This process has imported the plugin before pytest could rewrite its assertions: no news.
_IMPORTED = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
_NUMBER = r"[-+−]?\d+\.\d+|\b\d{3,}\b"


@dataclass(frozen=True)
class Block:
    """One fenced block; ``notes`` are the comments before it."""

    language: str
    title: str | None
    body: str
    notes: tuple[str, ...]

    @property
    def status(self) -> int:
        """The exit status of the last command."""
        (status,) = [note[5:] for note in self.notes if note.startswith("exit ")] or ["0"]
        return int(status)

    @property
    def added(self) -> list[str]:
        """Arguments for commands of pytest and pytest-lic."""
        return [word for note in self.notes if note[:4] == "add " for word in shlex.split(note[4:])]


@dataclass(frozen=True)
class Apart:
    """Commands, or other blocks, that a test can't run: why, and what is checked of them instead.

    ``pattern`` must match the beginning of a command line, or of a block's body.
    """

    pattern: str
    reason: str
    check: Callable[[str], None]

    def takes(self, text: str) -> bool:
        """Check ``text`` if it is one of these."""
        if re.match(self.pattern, text) is None:
            return False
        self.check(text)
        return True


class NotAsShownError(AssertionError):
    """The page is wrong."""


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page's text, shortened as their notes say."""
    for found in _FENCE.finditer(page):
        body = textwrap.dedent(found["body"])
        notes = tuple(_NOTE.findall(found["notes"]))
        for note in notes:
            kind = re.fullmatch(r"replace `(.+)` by `(.*)`|(exit \d+|add .+)", note)
            if kind is None or (kind[1] and kind[1] not in body):
                raise NotAsShownError(f"a note that does nothing: {note}")
            if kind[1]:
                body = body.replace(kind[1], kind[2])
        title = re.search(r'title="([^"]+)"', found["more"])
        yield Block(found["language"], title and title[1], body, notes)


def commands(body: str) -> list[tuple[str, str]]:
    """The command lines of a console block without comments, each with the output below it."""
    parts = re.split(r"^\$ ", body.replace("\\\n", " "), flags=re.MULTILINE)
    if parts[0].strip():
        raise NotAsShownError(f"output before a command: {parts[0]}")
    pairs = (part.partition("\n") for part in parts[1:])
    return [(" ".join(line.split("  #")[0].split()), output) for line, _, output in pairs]


def shows(printed: str, expected: str) -> bool:
    """Whether lines of a page are in what was printed."""

    def spaced(text: str) -> str:
        lines = (" ".join(line.split()) for line in text.strip("\n").splitlines())
        return "".join(f"{line}\n" for line in lines)

    pattern = ""
    for line in spaced(expected).splitlines():
        if line == "...":
            pattern += r"(?:.*\n)*?"
            continue
        for part in re.split(rf"({_NUMBER}|\.\.\.)", line):
            if re.fullmatch(_NUMBER, part):
                pattern += f"({_NUMBER})"
            else:
                pattern += ".*" if part == "..." else re.escape(part)
        pattern += r"\n"
    numbers = [float(text.replace("−", "-")) for text in re.findall(_NUMBER, expected)]
    return any(
        all(
            math.isclose(float(now.replace("−", "-")), then, rel_tol=0.02, abs_tol=0.02)
            for now, then in zip(found.groups(), numbers, strict=True)
        )
        for found in re.finditer(f"(?m)^{pattern}", spaced(printed))
    )


def same_shape(shown: Any, actual: Any, where: str = "") -> None:
    """Refuse JSON that has other keys, or other types, than the page shows."""
    if shown == "...":
        return
    if isinstance(shown, dict) and isinstance(actual, dict):
        for key in shown.keys() - {"..."}:
            if key not in actual:
                raise NotAsShownError(f"{where}/{key} is shown, and not there")
            same_shape(shown[key], actual[key], f"{where}/{key}")
        if "..." not in shown and actual.keys() - shown.keys():
            raise NotAsShownError(f"{where} is shown without {actual.keys() - shown.keys()}")
    elif isinstance(shown, list) and isinstance(actual, list):
        for each in shown if actual else ():
            same_shape(each, actual[0], f"{where}[]")
    elif type(shown) is not type(actual):
        raise NotAsShownError(f"{where} is shown as {shown!r}, and is {actual!r:.60}")


class Walk:
    """Follows a page in the folder of ``pytester``; what ``aparts`` take is not run."""

    def __init__(self, pytester: pytest.Pytester, aparts: Sequence[Apart]) -> None:
        self.pytester = pytester
        self.aparts = aparts
        self.names: dict[str, Any] = {}
        self.printed = ""
        self.outputs: dict[str, str] = {}  # command line → what it printed last
        self.environment = {
            **os.environ,
            "PATH": f"{sys.exec_prefix}/bin{os.pathsep}{os.environ['PATH']}",
            **{
                f"GIT_{who}_{what}": "some@one"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }

    def follow(self, page: str) -> None:
        """Take every block of a page's text."""
        for block in blocks(page):
            self.take(block)

    def take(self, block: Block) -> None:
        """Use one block; raises where it is wrong, or where nothing is known to do with it."""
        body, path = block.body, self.pytester.path / (block.title or "")
        match block.language, block.title:
            case "console", None:
                self._console(block)
            case "text", None:
                self._expect(body)
            case _, None if any(apart.takes(body) for apart in self.aparts):
                pass
            case "json", str():
                same_shape(json.loads(body), json.loads(path.read_text(encoding="utf-8")))
            case (("python" | "toml" | "yaml" | "ini"), str()):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(body, encoding="utf-8")
            case "python", None:
                exec(compile(body, "<page>", "exec"), self.names)
            case "toml", None:
                tomllib.loads(body)
            case "yaml", None:
                yaml.safe_load(body)
            case _:
                raise NotAsShownError(f"nothing is known to do with this block: {block}")

    def _console(self, block: Block) -> None:
        lines = commands(block.body)
        if not lines:
            raise NotAsShownError(f"a console block without a command: {block.body}")
        for number, (line, output) in enumerate(lines, start=1):
            if any(apart.takes(line) for apart in self.aparts):
                if output.strip():
                    raise NotAsShownError(f"output of what no test runs: {line}")
                continue
            status, self.printed = self._run(line, block.added)
            self.outputs[line] = self.printed
            expected = block.status if number == len(lines) else 0
            if status != expected:
                raise NotAsShownError(f"$ {line}\nexit status {status}\n{self.printed}")
            self._expect(output)

    def _expect(self, output: str) -> None:
        if output.strip() and not shows(self.printed, output):
            raise NotAsShownError(f"not printed:\n{output}\nbut:\n{self.printed}")

    def _run(self, line: str, added: Sequence[str]) -> tuple[int, str]:
        """Run a command line: in this process what is ours, so that torch is loaded once."""
        match shlex.split(line):
            case ["pytest", *words] if "-n" not in words:
                result = self.pytester.runpytest_inprocess(*words, *added, *_IMPORTED)
                return int(result.ret), f"{result.stdout}\n{result.stderr}"
            case ["pytest-lic", *words]:
                from pytest_lic.cli import main
            case ["python", "-m", "lic_models", *words]:
                from lic_models.__main__ import main
            case ["pytest", *words]:
                return self._in_own_process(sys.executable, "-m", "pytest", *words, *added)
            case _:
                return self._in_own_process("bash", "-c", line)
        before, path = sys.modules.get("conftest"), list(sys.path)
        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
            try:
                status = main([*words, *added])
            except SystemExit as error:  # such as after --help
                status = int(error.code or 0)
        sys.path[:] = path
        if before is not None:
            sys.modules["conftest"] = before  # the page's own was loaded in its place
        return status, said.getvalue()

    def _in_own_process(self, *command: str) -> tuple[int, str]:
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment)
        return done.returncode, done.stdout + done.stderr
