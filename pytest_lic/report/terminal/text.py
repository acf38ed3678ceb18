"""Lines and tables as text for a terminal, drawn by rich."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_GAP = 2  # between the columns of a `grid`


def terminal_text(
    parts: Iterable[RenderableType], width: int, *, color: bool = False, soft_wrap: bool = False
) -> str:
    """Lines, whose brackets are no markup, and tables; without blanks at the ends of lines.

    Args:
        parts: what is shown, from top to bottom.
        width: in characters.
        color: whether colours are shown.
        soft_wrap: whether lines may be longer than ``width``.
    """
    console = Console(width=width, force_terminal=color, highlight=False)
    with console.capture() as capture:
        for part in parts:
            is_line = isinstance(part, str)
            console.print(part, markup=not is_line, soft_wrap=is_line and soft_wrap)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def grid(
    columns: Sequence[str],
    numbers: Collection[int],
    *,
    title: str | None = None,
    unwrapped: Collection[int] = (),
) -> Table:
    """A table without lines, to add rows to.

    Args:
        columns: their headings.
        numbers: indices of the columns that are flush right.
        title: stands above it.
        unwrapped: indices of the columns whose cells stay on one line.
    """
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(
            column,
            justify="right" if index in numbers else "left",
            no_wrap=index in unwrapped,
        )
    return table


def folded(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, title: str | None
) -> Iterator[Table]:
    """Rows as tables below each other, none wider than ``width``, each with the first column.

    A row that would have nothing else stands only where it has.

    Args:
        columns: their headings; all but the first and the last are flush right.
        rows: as many cells each, with rich's markup.
        width: in characters; a single column may be wider.
        title: stands above the first table.
    """
    widths = [
        max(Text.from_markup(cell).cell_len for cell in cells)
        for cells in zip(columns, *rows, strict=True)
    ]
    rest = list(range(1, len(columns)))
    while rest:
        taken = [0]
        room = width - widths[0]
        while rest and (len(taken) == 1 or room >= widths[rest[0]] + _GAP):
            taken.append(rest.pop(0))
            room -= widths[taken[-1]] + _GAP
        last = len(columns) - 1
        numbers = [place for place, index in enumerate(taken) if index not in (0, last)]
        table = grid([columns[index] for index in taken], numbers, title=title)
        for row in rows:
            if any(row[index] for index in taken[1:]):
                table.add_row(*(row[index] for index in taken))
        yield table
        title = None
