"""``pytest-lic note``: pages of the gate as one note of a GitLab merge request, kept up to date."""

from __future__ import annotations

import argparse
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_lic.commands.terminal import say
from pytest_lic.errors import UnavailableError, UsageError

MARKER = "<!-- rd-gate -->"
LIMIT = 900_000  # bytes; GitLab takes a million characters
TOKEN = "RD_GATE_TOKEN"
_OF_CI = ("CI_API_V4_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID")
_PAGE = 100
_PAGES = 50
_PATIENCE = 60.0  # seconds for an answer


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "note",
        help="write pages into the merge request on GitLab",
        description="In a job of a merge request's pipeline on GitLab: write Markdown pages, such "
        "as pytest-lic merge --markdown makes, into one note of the merge request, and update it "
        f"from then on. The variable {TOKEN} holds an access token with the scope api; without it "
        "nothing is written.",
        epilog="Exit status: 0 written, or there is no token; 2 it could not be.",
        allow_abbrev=False,
    )
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE", help="in their order")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the note; the exit status.

    Raises:
        UsageError: no page, or not a job of a merge request.
        UnavailableError: GitLab did not take it.
    """
    body = note(_texts(arguments.pages), os.environ)
    if not os.environ.get(TOKEN):
        say(f"no note is written, for {TOKEN} is not set; the pages are {_listed(arguments.pages)}")
        return 0
    missing = [name for name in _OF_CI if not os.environ.get(name)]
    if missing:
        raise UsageError(
            f"{missing[0]} is not set: this is no job of a merge request's pipeline on GitLab"
        )
    api, project, number = (os.environ[name] for name in _OF_CI)
    notes = f"{api}/projects/{project}/merge_requests/{number}/notes"
    own = _own(notes)
    address, method = (notes, "POST") if own is None else (f"{notes}/{own}", "PUT")
    _ask(address, method, {"body": body})
    say(f"{'wrote' if own is None else 'updated'} the note of merge request {number}")
    return 0


def note(pages: Sequence[str], variables: Mapping[str, str]) -> str:
    """The note's text: which commit and job it is of, and the pages, as much as there is room."""
    commit = variables.get("CI_COMMIT_SHA", "")[:10]
    job = variables.get("CI_JOB_URL", "")
    head = [MARKER, f"## Rate-distortion gate{f' of {commit}' if commit else ''}", ""]
    if job:
        head += [f"[All that was measured]({job})", ""]
    text = "\n".join([*head, *pages])
    if len(text.encode()) <= LIMIT:
        return text
    # At the end of a line: what follows is said to be left out, not cut in two.
    kept = text.encode()[:LIMIT].decode("utf-8", errors="ignore").rpartition("\n")[0]
    return f"{kept.rstrip()}\n\n… and more, left out for want of room.\n"


def _texts(pages: Sequence[Path]) -> list[str]:
    try:
        return [page.read_text(encoding="utf-8", errors="replace") for page in pages]
    except OSError as error:
        raise UsageError(f"{error.filename}: can't be read: {error.strerror}") from error


def _listed(pages: Sequence[Path]) -> str:
    return ", ".join(map(str, pages))


def _own(notes: str) -> int | None:
    """The id of the note that an earlier run wrote with this token."""
    me = _ask(f"{notes.partition('/projects/')[0]}/user", "GET")["id"]
    for page in range(1, _PAGES + 1):
        found = _ask(f"{notes}?per_page={_PAGE}&page={page}", "GET")
        for one in found:
            if one["author"]["id"] == me and one["body"].startswith(MARKER):
                return int(one["id"])
        if len(found) < _PAGE:
            return None
    return None


def _ask(address: str, method: str, content: Mapping[str, str] | None = None) -> Any:
    """What GitLab answers; UnavailableError where it refuses, or can't be reached."""
    if not address.startswith(("https://", "http://")):
        raise UsageError(f"CI_API_V4_URL {address!r}: expected an address of http or https")
    headers = {"PRIVATE-TOKEN": os.environ[TOKEN], "Content-Type": "application/json"}
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(address, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        advice = f"; is {TOKEN} one with the scope api?" if error.code in (401, 403) else ""
        raise UnavailableError(f"GitLab refused {method} {address}: {error}{advice}") from error
    except (OSError, ValueError) as error:
        raise UnavailableError(f"GitLab did not answer {method} {address}: {error}") from error
