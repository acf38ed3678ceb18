"""A page of Markdown of limited length, which says what it had no room for.

GitHub refuses a comment of more than 65,536 characters. Bytes are counted here, of which no text
has fewer than characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_lic.report.markdown.text import table

LIMIT = 60_000
"""Bytes of a page that is to be a comment, with room for what others add to it."""

_CLOSING = 1500  # bytes kept free for the folds to come, and for saying what each left out


class Page:
    """Lines, as many as there is room for.

    Args:
        room: in bytes.
    """

    def __init__(self, room: int = LIMIT) -> None:
        self._lines: list[str] = []
        self._room = room

    @property
    def text(self) -> str:
        """The page so far."""
        return "\n".join(self._lines) + "\n"

    def add(self, *lines: str) -> None:
        """Add short lines that no page may lack; a list or table begins after an empty one."""
        for line in lines:
            self._lines.append(line)
            self._room -= _size(line)

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        what: str,
        *,
        numbers: Iterable[int] = (),
        above: Sequence[str] = (),
        title: str | None = None,
        most: int | None = None,
    ) -> None:
        """Add the rows of a table as `blocks`, with these lines ``above``; the rest as `table`."""
        first, second, *lines = table(columns, rows, numbers)
        head = [*above, first, second]
        self.blocks([[line] for line in lines], what, head=head, title=title, most=most)

    def blocks(
        self,
        blocks: Iterable[Sequence[str]],
        what: str,
        *,
        head: Sequence[str] = (),
        title: str | None = None,
        most: int | None = None,
    ) -> None:
        """Add blocks of lines, up to where the room ends.

        Args:
            blocks: the lines of each, shown whole or not at all; without any, nothing is added.
            what: they are, in the plural, for the line on those that were left out.
            head: lines above the first.
            title: hides them, Markdown of one line that opens them on a click.
            most: bytes that they may take, so that something is left for what follows.
        """
        blocks = list(blocks)
        if not blocks:
            return
        if title is not None:
            self.add("<details>", f"<summary>{title}</summary>", "")
        room = self._room - _CLOSING if most is None else min(most, self._room - _CLOSING)
        room -= sum(map(_size, head))
        kept = [*head]
        shown = 0
        for block in blocks:
            room -= sum(map(_size, block))
            if room < 0:
                break
            kept += block
            shown += 1
        if shown:
            self.add(*kept)
        if shown < len(blocks):
            self.add("", f"… and {len(blocks) - shown:,} more {what}, left out for want of room.")
        self.add("")
        if title is not None:
            self.add("</details>", "")


def _size(line: str) -> int:
    return len(line.encode()) + 1
