"""A kind of component: what a docstring tells of it, and what could not be listed."""

from __future__ import annotations

import pytest

from pytest_lic import ComponentKind
from pytest_lic.errors import UsageError


def cited(text: str) -> tuple[str, str]:
    kind = type("Kind", (), {"__doc__": f"A kind.\n\n    {text}\n"})
    told = ComponentKind.of(kind, "transform", "some")
    return told.paper, told.url


def test_a_docstring_tells_all_but_seat_and_tag() -> None:
    class Halving:
        """Every second `Sample` is dropped.

        Swift, Ames and Bell, "Dropping samples: a
        survey" (DROP), DCC Workshop 2019, appendix 2, https://arxiv.org/abs/1901.00001. Fast.
        """

    assert ComponentKind.of(Halving, "transform", "halving") == ComponentKind(
        "transform",
        "halving",
        "Every second Sample is dropped.",
        "Swift et al. 2019",
        "https://arxiv.org/abs/1901.00001",
        f"{__name__}.{Halving.__qualname__}",
    )


@pytest.mark.parametrize(
    ("text", "paper"),
    [
        ('After Ode, "On", ICLR 2018, https://a.org/b: but', "Ode 2018"),
        ('The one of Ballé and van den Oord, "On", 2018, https://a.org/b; or', "Ballé and van den "
         "Oord 2018"),
        ("At H/2 as Ode et al. 2018, https://a.org/b, has it", "Ode et al. 2018"),
        ("The variant of Ode 2018, https://a.org/b", "Ode 2018"),
        ('Before, Ek, "No", 1985; Ode, "On", IEEE Trans. 2018, https://a.org/b.', "Ode 2018"),
        ('Of Ö-Land, Ek and Ode, "On (the) 7 ways", CVPR 2018, https://a.org/b', "Ö-Land et al. "
         "2018"),
        ('Ek, van de Weijer, Ole Ude and Ode, "On", JPL 2018, https://a.org/b', "Ek et al. 2018"),
    ],
)  # fmt: skip
def test_a_paper_is_cited_briefly(text: str, paper: str) -> None:
    assert cited(text) == (paper, "https://a.org/b")


@pytest.mark.parametrize("text", ["No paper.", 'Ode, "On", ICLR 2018.', "See https://a.org/b."])
def test_without_authors_year_and_url_there_is_none(text: str) -> None:
    assert cited(text) == ("", "")


def test_what_could_not_be_listed_is_refused() -> None:
    with pytest.raises(UsageError, match=r"transform tag name 'a b': expected letters"):
        ComponentKind("transform", "a b", "What it is.")
    with pytest.raises(UsageError, match=r"seat name '': expected letters"):
        ComponentKind("", "a", "What it is.")
    with pytest.raises(UsageError, match=r"kind transform=a: summary is ''; expected a line"):
        ComponentKind.of(type("Bare", (), {}), "transform", "a")
