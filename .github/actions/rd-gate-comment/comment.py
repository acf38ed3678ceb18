"""Write what gates found into one comment of the pull request, and update it from then on.

    comment.py NAME=FOLDER=RESULT...

Each FOLDER holds what gate.sh left, and RESULT is how GitHub says that its run ended, such as
cpu=parts/cpu=success: a folder that an earlier attempt left passes nothing.

The pages were made by code of the pull request, so nothing in them is trusted: whatever is not the
plain tables and folds that pytest-lic draws is shown as text. Which pull request it is, is asked of
GitHub. Nothing but the standard library and `gh` is used.

    HEAD_SHA, HEAD_OWNER, HEAD_BRANCH  of the run that made the pages
    GITHUB_REPOSITORY, GH_TOKEN        where the pull request is
    RUN_URL                            shown, to look closer
    GITHUB_OUTPUT                      gets number= and base= of the pull request
"""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

MARKER = "<!-- rd-gate -->"
AUTHOR = "github-actions[bot]"
LIMIT = 60_000  # bytes; GitHub refuses 65,536 characters
LONGEST = 1_000_000  # bytes of a file that is read at all
PAGES = 10  # of a part; gate.sh leaves three

_VERDICTS = {"0": "passed", "1": "failed", "2": "failed: it could not be carried out"}
_PLAIN_TAG = re.compile(r"</?details>")
_SUMMARY = re.compile(r"<summary>(.*)</summary>")
_FENCE = re.compile(r"(`{3,})text")
_NO_WIDTH = "\u200b"
# A backslash before punctuation is gone when GitHub looks for these.
_PINGS = re.compile(r"@(?=\w)|#(?=\d)|:(?=\\?/)|\b[Gg][Hh](?=\\?-\d)|\bwww(?=\\?\.)")
_MARKUP = re.compile(r"(\\*)([`~\[$])")
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt);)")  # any other one may stand for an @
_CUT_OFF = ("", "… and more, left out for want of room.", "")


def main(arguments: Sequence[str]) -> int:
    """Compose the comment, and post it; the exit status."""
    parts = [argument.split("=") for argument in arguments]
    if not parts or any(len(part) != 3 for part in parts):
        print("usage: comment.py NAME=FOLDER=RESULT...", file=sys.stderr)
        return 2
    head = os.environ["HEAD_SHA"]
    pull = pull_request(head)
    if pull is None:
        print(f"no open pull request ends at {head}: it was closed, or went on")
        return 0
    with Path(os.environ.get("GITHUB_OUTPUT", os.devnull)).open("a", encoding="utf-8") as output:
        output.write(f"number={int(pull['number'])}\nbase={commit(pull['base']['sha'])}\n")
    found = [(name, Path(folder), result) for name, folder, result in parts]
    body = composed(found, head, os.environ["RUN_URL"])
    post(int(pull["number"]), body)
    return 0


def composed(parts: Sequence[tuple[str, Path, str]], head: str, url: str) -> str:
    """The comment's text: a verdict for each part, then their pages, cut to fit."""
    lines = [MARKER, f"## Rate-distortion gate of {commit(head)[:10]}", ""]
    pages = []
    for name, folder, result in parts:
        lines.append(f"- **{name}**: {_verdict(folder, result)}")
        found = sorted(folder.glob("*.md"))[:PAGES] if folder.is_dir() else []
        pages += [(name, text) for path in found if (text := _read(path)) is not None]
    lines += ["", f"[All that was measured]({url})", ""]
    for index, (name, text) in enumerate(pages):
        title = f"\n#### {name}\n" if len(parts) > 1 else ""
        room = LIMIT - _size([*lines, title])
        lines += [title, *_cut(list(plain(text)), room // (len(pages) - index))]
    return "\n".join(lines) + "\n"


def _verdict(folder: Path, result: str) -> str:
    status = (_read(folder / "status") or "").strip()
    if status == "0" and result != "success":
        return f"failed: its run ended with {result or 'no result'}"
    return _VERDICTS.get(status) or "it left no results"


def plain(text: str) -> Iterator[str]:
    """The lines of a page, without any effect but tables, lists, headings and folds.

    Code blocks become ``pre`` elements, whose text can't end them.
    """
    fence = None
    for line in text.splitlines():
        if fence is not None:
            if line == fence:
                fence = None
                yield from ("</pre>", "")
            else:
                yield html.escape(_printable(line), quote=False).replace("[", "&#91;")
        elif (opened := _FENCE.fullmatch(line)) is not None:
            fence = opened[1]
            yield from ("", "<pre>")
        elif _PLAIN_TAG.fullmatch(line):
            yield from ("", line, "")
        elif (found := _SUMMARY.fullmatch(line)) is not None:
            yield from (f"<summary>{_inert(found[1])}</summary>", "")
        else:
            yield _inert(line)
    if fence is not None:
        yield "</pre>"


def pull_request(head: str) -> dict | None:
    """The open pull request whose last commit is ``head``, as GitHub describes it."""
    where = f"repos/{os.environ['GITHUB_REPOSITORY']}/pulls"
    branch = f"{os.environ['HEAD_OWNER']}:{os.environ['HEAD_BRANCH']}"
    listed = gh("--method", "GET", where, "-f", "state=open", "-f", f"head={branch}")
    return next((pull for pull in json.loads(listed) if pull["head"]["sha"] == head), None)


def post(number: int, body: str) -> None:
    """Update our comment on a pull request, or write the first."""
    repository = f"repos/{os.environ['GITHUB_REPOSITORY']}"
    wanted = ".[] | {id, login: .user.login, start: .body[0:40]}"
    comments = f"{repository}/issues/{number}/comments"
    listed = gh("--paginate", f"{comments}?per_page=100", "--jq", wanted)
    ours = [
        comment["id"]
        for comment in map(json.loads, listed.splitlines())
        if comment["login"] == AUTHOR and comment["start"].startswith(MARKER)
    ]
    target = ("PATCH", f"{repository}/issues/comments/{ours[0]}") if ours else ("POST", comments)
    gh("--method", *target, "--input", "-", given=json.dumps({"body": body}))
    print(f"{'updated' if ours else 'wrote'} the comment of pull request {number}")


def gh(*arguments: str, given: str = "") -> str:
    """What ``gh api`` prints; its own error where it fails."""
    command = ["gh", "api", *arguments]
    done = subprocess.run(command, input=given, text=True, stdout=subprocess.PIPE, check=True)
    return done.stdout


def commit(text: str) -> str:
    """``text``, if it is a full commit id."""
    if not re.fullmatch(r"[0-9a-f]{40,64}", text):
        raise SystemExit(f"{text!r} is no commit id")
    return text


def _read(path: Path) -> str | None:
    """A file's text; None for what is no plain file of a sensible size."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST:
        return None
    return path.read_text(encoding="utf-8", errors="replace")


def _inert(line: str) -> str:
    line = _ENTITY.sub("&amp;", _printable(line)).replace("<", "&lt;").replace(">", "&gt;")
    line = _MARKUP.sub(
        lambda found: found[0] if len(found[1]) % 2 else rf"{found[1]}\{found[2]}", line
    )
    return _PINGS.sub(lambda found: found[0][0] + _NO_WIDTH + found[0][1:], line)


def _printable(line: str) -> str:
    return "".join(each if each.isprintable() or each == _NO_WIDTH else " " for each in line)


def _cut(lines: Sequence[str], room: int) -> list[str]:
    """As many lines as fit, with what they open closed again."""
    kept: list[str] = []
    folds = 0
    room -= _size(["</pre>", "", *_CUT_OFF])
    for line in lines:
        room -= _size([line]) + (_size(["</details>"]) if line == "<details>" else 0)
        if room < 0:
            break
        kept.append(line)
        folds = max(0, folds + (line == "<details>") - (line == "</details>"))
    in_code = kept.count("<pre>") > kept.count("</pre>")
    ends = ["</pre>"] * in_code + ["", *["</details>"] * folds]
    return [*kept, *ends, *(_CUT_OFF if len(kept) < len(lines) else ())]


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
