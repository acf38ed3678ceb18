"""``pytest-lic note``, against a GitLab that listens on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pytest_lic.cli import main
from pytest_lic.commands.note import LIMIT, MARKER, note


class GitLab:
    """The notes of merge request 7, and who may write them."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []
        self.token = "secret"
        gitlab = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                where = urlsplit(self.path)
                if where.path.endswith("/user"):
                    self._answer({"id": 5})
                    return
                wanted = {name: int(values[0]) for name, values in parse_qs(where.query).items()}
                first = (wanted["page"] - 1) * wanted["per_page"]
                self._answer(gitlab.notes[first : first + wanted["per_page"]])

            def do_POST(self) -> None:
                gitlab.add(5, self._content()["body"])
                self._answer({})

            def do_PUT(self) -> None:
                number = int(self.path.rpartition("/")[2])
                gitlab.notes[number]["body"] = self._content()["body"]
                self._answer({})

            def _content(self) -> dict[str, str]:
                content: dict[str, str] = json.loads(
                    self.rfile.read(int(self.headers["Content-Length"]))
                )
                return content

            def _answer(self, content: object) -> None:
                allowed = self.headers["PRIVATE-TOKEN"] == gitlab.token
                self.send_response(200 if allowed else 401)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Answers)

    def add(self, author: int, body: str) -> None:
        self.notes.append({"id": len(self.notes), "author": {"id": author}, "body": body})


@pytest.fixture
def gitlab(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLab]:
    made = GitLab()
    thread = Thread(target=made.server.serve_forever)
    thread.start()
    monkeypatch.setenv("CI_API_V4_URL", f"http://127.0.0.1:{made.server.server_port}/api/v4")
    monkeypatch.setenv("CI_PROJECT_ID", "3")
    monkeypatch.setenv("CI_MERGE_REQUEST_IID", "7")
    monkeypatch.setenv("CI_COMMIT_SHA", "0123456789abcdef")
    monkeypatch.setenv("RD_GATE_TOKEN", made.token)
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def page(tmp_path: Path) -> str:
    file = tmp_path / "suites.md"
    file.write_text("### passed\n")
    return str(file)


def test_the_first_note_is_written_and_updated_from_then_on(gitlab: GitLab, page: str) -> None:
    for number in range(150):  # more than a page of GitLab's
        gitlab.add(9, f"{MARKER} of someone else, {number}")
    assert main(["note", page]) == 0
    assert len(gitlab.notes) == 151
    assert gitlab.notes[-1]["body"].startswith(f"{MARKER}\n## Rate-distortion gate of 0123456789\n")
    assert "### passed" in gitlab.notes[-1]["body"]

    Path(page).write_text("### failed\n")
    assert main(["note", page]) == 0
    assert len(gitlab.notes) == 151
    assert "### failed" in gitlab.notes[-1]["body"]


def test_without_a_token_nothing_is_written_and_that_is_said(
    gitlab: GitLab,
    page: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("RD_GATE_TOKEN")
    assert main(["note", page]) == 0
    assert "no note is written, for RD_GATE_TOKEN is not set" in capsys.readouterr().err
    assert gitlab.notes == []


def test_a_token_that_is_refused_is_said(
    gitlab: GitLab, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gitlab.token = "another"
    assert main(["note", page]) == 2
    told = capsys.readouterr().err
    assert "GitLab refused GET" in told
    assert "is RD_GATE_TOKEN one with the scope api?" in told
    assert "secret" not in told


@pytest.mark.parametrize("missing", ["CI_API_V4_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID"])
def test_elsewhere_it_says_what_is_missing(
    gitlab: GitLab,
    page: str,
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(missing)
    assert main(["note", page]) == 2
    assert f"{missing} is not set: this is no job of a merge request" in capsys.readouterr().err


def test_no_gitlab_and_no_page_are_said(
    gitlab: GitLab,
    page: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["note", "nowhere.md"]) == 2
    assert "nowhere.md: can't be read: No such file" in capsys.readouterr().err
    monkeypatch.setenv("CI_API_V4_URL", "http://127.0.0.1:9")
    assert main(["note", page]) == 2
    assert "GitLab did not answer GET http://127.0.0.1:9/user" in capsys.readouterr().err


def test_what_is_too_long_ends_at_a_line() -> None:
    text = note(["ä" * 99 + "\n"] * (LIMIT // 100), {})
    assert len(text.encode()) < LIMIT + 100
    assert text.endswith("ä\n\n… and more, left out for want of room.\n")
