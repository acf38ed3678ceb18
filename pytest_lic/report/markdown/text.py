"""Text from outside in GitHub's Markdown: it shows as it stands, on one line, and pings nobody.

A name of a codec, of an image or of a branch, or an error's text may hold anything. What draws
Markdown puts such text through `escaped`, or `fenced` where it has lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tabulate import DataRow, TableFormat, tabulate

_SPECIAL = re.compile(r"([\\|*_`~$\[\]])")
# GitHub looks for these in what Markdown has become, so no backslash helps; a character of no
# width behind the first one does.
_PINGS = re.compile(r"@|#|://|\b[Gg][Hh](?=-)|\bwww(?=\.)")
_NO_WIDTH = "\u200b"


def escaped(text: str, most: int = 300) -> str:
    """``text`` on one line, without any effect, cut after ``most`` characters."""
    line = " ".join(_printable(text).split())
    if len(line) > most:
        line = f"{line[: most - 1]}…"
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", _PINGS.sub(_broken_up, line))


def fenced(text: str, most: int = 3000) -> list[str]:
    """The lines of a code block of ``text``, cut after ``most`` characters."""
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    lines = [_printable(line) for line in cut.splitlines()]
    longest = max((len(run) for run in re.findall("`+", cut)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *lines, fence]


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()
) -> list[str]:
    """The lines of a table, two for its head, of cells that are Markdown already.

    Cells are not padded: it would take bytes that a page lacks.

    Args:
        columns: their headings.
        rows: the cells of each.
        numbers: indices of the columns that are flush right.
    """
    right = set(numbers)
    rules = "|".join("--:" if index in right else "---" for index in range(len(columns)))
    line = DataRow("| ", " | ", " |")
    layout = TableFormat(
        None, lambda widths, alignments: f"|{rules}|", None, None, line, line, 0, None
    )
    drawn = tabulate(rows, columns, tablefmt=layout, stralign=None, disable_numparse=True)
    return drawn.split("\n")


def _broken_up(ping: re.Match[str]) -> str:
    return ping[0][0] + _NO_WIDTH + ping[0][1:] if ping[0] == "://" else ping[0] + _NO_WIDTH


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
