"""Lines and tables as text for a terminal, drawn by rich."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rich.console import Console, RenderableType
from rich.table import Table


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
