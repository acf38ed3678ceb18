"""A kind of component, which may take one seat of a codec: what it is, and whose paper it is of."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

from pytest_lic.codec import check_name
from pytest_lic.errors import UsageError

_NAME = r"(?:van den |van de |van |von |de )?[^\W\d_a-zß-ÿ][\w'-]*"
_OTHER = rf"{_NAME}(?: [^\W\d_a-zß-ÿ][\w'-]*)?"  # a name of two words, such as Iglesias Guitián
_AUTHORS = rf"(?P<first>{_NAME})(?P<others>(?:, {_OTHER})*(?: and {_OTHER}| et al\.)?)"
_CITATION = re.compile(
    # With a title, what the paper is known as, and where it appeared; or without.
    rf'{_AUTHORS},? (?:"[^"]+"(?: \([^)]*\))?, (?:[^\d",:;]+ )?)?'
    r'(?P<year>(?:19|20)\d\d), (?:[^",:;]+, )?'  # and the section that is meant
    r"(?P<url>https?://[^\s,;]*[^\s,;:.)])"
)


@dataclass(frozen=True)
class ComponentKind:
    """A kind of component, for ``pytest-lic components``.

    A codec family has it where the family's tags say so, such as ``{"transform": "swin"}``.

    Args:
        seat: what the tag is called, such as ``transform``.
        tag: what the tag is of this kind, such as ``swin``.
        summary: what it is, in a line.
        paper: authors and year, such as ``"Minnen et al. 2018"``; "" where there is none.
        url: of the paper.
        class_path: by which a config names it; "" where it is none.

    Raises:
        UsageError: a seat or a tag that could not stand in ``--lic-component``, or no summary.
    """

    seat: str
    tag: str
    summary: str
    paper: str = ""
    url: str = ""
    class_path: str = ""

    def __post_init__(self) -> None:
        check_name("seat", self.seat)
        check_name(f"{self.seat} tag", self.tag)
        if not self.summary.strip() or "\n" in self.summary:
            raise UsageError(
                f"component kind {self.name}: summary is {self.summary!r:.60}; expected a line "
                "that says what it is"
            )

    @property
    def name(self) -> str:
        """As ``--lic-component`` takes it, such as ``transform=swin``."""
        return f"{self.seat}={self.tag}"

    @classmethod
    def of(
        cls, component: type, seat: str, tag: str, class_path: str | None = None
    ) -> ComponentKind:
        """The kind that a class is, as its docstring tells: its first line, and the first paper.

        A paper is cited with its URL, ``Swift, Ames and Bell, "A title", DCC 2019, https://…``,
        or ``Swift et al. 2019, https://…``.

        Args:
            component: the class.
            seat: as `ComponentKind` has it.
            tag: as `ComponentKind` has it.
            class_path: by default that of the module where the class is defined.

        Raises:
            UsageError: a class without a docstring.
        """
        docstring = inspect.cleandoc(component.__doc__ or "")
        summary = docstring.partition("\n")[0].replace("`", "")
        paper, url = _citation(" ".join(docstring.split()))
        own = f"{component.__module__}.{component.__qualname__}"
        return cls(seat, tag, summary, paper, url, own if class_path is None else class_path)


def _citation(text: str) -> tuple[str, str]:
    """Authors and year of the first paper with a URL, and that; texts that are empty for none."""
    found = _CITATION.search(text)
    if found is None:
        return "", ""
    first, others = found["first"], found["others"]
    authors = f"{first} et al." if "," in others or others == " et al." else f"{first}{others}"
    return f"{authors} {found['year']}", found["url"]
