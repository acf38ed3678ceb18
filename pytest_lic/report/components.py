"""What kinds of component there are, for the terminal and as JSON: papers, weights and families."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_lic.component import ComponentKind
from pytest_lic.system.words import listed

FORMAT = 1
_SHOWN = 8  # families of a kind; JSON has all
_INDENT = " " * 4


@dataclass(frozen=True)
class KindHere:
    """A kind of component, and the codec families that have it here.

    Args:
        kind: what it is.
        trained: names of the families with trained weights.
        untrained: names of those with random ones, which are only timed.
    """

    kind: ComponentKind
    trained: tuple[str, ...] = ()
    untrained: tuple[str, ...] = ()


def components_text(kinds: Sequence[KindHere], *, width: int) -> str:
    """A paragraph for each seat, a few lines for each kind; unwrapped where ``width`` is 0."""
    seats = dict.fromkeys(here.kind.seat for here in kinds)
    paragraphs = (
        [line for here in kinds if here.kind.seat == seat for line in _lines(here, width)]
        for seat in seats
    )
    return "\n\n".join("\n".join(lines) for lines in paragraphs) + "\n"


def components_json(kinds: Sequence[KindHere]) -> dict[str, Any]:
    """The same, with every family."""
    return {"format": FORMAT, "kinds": [_json(here) for here in kinds]}


def _lines(here: KindHere, width: int) -> Iterator[str]:
    kind = here.kind
    yield from _wrapped(f"{kind.name}  {kind.summary}", "", width)
    told = [kind.paper, kind.url, kind.class_path]
    told += [_families("weights here", here.trained) or "no weights here"]
    told += [_families("random weights, to be timed", here.untrained)]
    first = ", ".join(text for text in told[:2] if text)
    for text in (first, *told[2:]):
        if text:
            yield from _wrapped(text, _INDENT, width)


def _families(what: str, names: Sequence[str]) -> str:
    return f"{what}: {listed(names, _SHOWN)}" if names else ""


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    if not width:
        return [indent + text]
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent or _INDENT,
        break_long_words=False,  # which URLs are
        break_on_hyphens=False,
    )


def _json(here: KindHere) -> dict[str, Any]:
    kind = here.kind
    return {
        "seat": kind.seat,
        "tag": kind.tag,
        "summary": kind.summary,
        "paper": kind.paper,
        "url": kind.url,
        "class_path": kind.class_path,
        "weights_here": bool(here.trained),
        "families": list(here.trained),
        "untrained_families": list(here.untrained),
    }
