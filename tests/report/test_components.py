"""The list of kinds: what is said of each, and that it can be read on a narrow terminal."""

from __future__ import annotations

from pytest_lic import ComponentKind
from pytest_lic.report.components import KindHere, components_json, components_text

SWIN = ComponentKind(
    "transform",
    "swin",
    "Four strided convolutions down, four transposed ones up, Swin blocks between them.",
    "Lu et al. 2022",
    "https://arxiv.org/abs/2111.06707-of-more-than-forty-characters",
    "lic_models.components.SwinTransform",
)
NONE = ComponentKind("context", "none", "Nothing.")
MANY = tuple(f"codec-{number}" for number in range(20))


def test_a_kind_tells_whose_it_is_and_who_has_it() -> None:
    text = components_text([KindHere(SWIN, MANY, ("large",)), KindHere(NONE)], width=0)
    assert text == (
        f"transform=swin  {SWIN.summary}\n"
        f"    Lu et al. 2022, {SWIN.url}\n"
        "    lic_models.components.SwinTransform\n"
        f"    weights here: {', '.join(MANY[:8])} and 12 more\n"
        "    random weights, to be timed: large\n"
        "\n"
        "context=none  Nothing.\n"
        "    no weights here\n"
    )


def test_random_weights_are_not_weights_here() -> None:
    text = components_text([KindHere(SWIN, (), ("large",))], width=0)
    assert text.endswith("    no weights here\n    random weights, to be timed: large\n")
    (told,) = components_json([KindHere(SWIN, (), ("large",))])["kinds"]
    assert told["weights_here"] is False


def test_kinds_of_one_seat_stand_together() -> None:
    other = ComponentKind("transform", "mine", "Mine.")
    kinds = [KindHere(SWIN), KindHere(NONE), KindHere(other)]
    heads = [line for line in components_text(kinds, width=0).splitlines() if "=" in line]
    assert [head.split()[0] for head in heads] == [
        "transform=swin",
        "transform=mine",
        "context=none",
    ]


def test_a_narrow_terminal_breaks_lines_between_words_alone() -> None:
    lines = components_text([KindHere(SWIN, MANY)], width=40).splitlines()
    url = f"    {SWIN.url}"
    assert url in lines, "whole, to be clicked on"
    assert all(len(line) <= 40 for line in lines if line != url)
    assert all(line.startswith("    ") for line in lines[1:])
    assert lines[0] == "transform=swin  Four strided"


def test_json_names_every_family() -> None:
    (told,) = components_json([KindHere(SWIN, MANY)])["kinds"]
    assert told["families"] == list(MANY)
    assert (told["seat"], told["tag"], told["weights_here"]) == ("transform", "swin", True)
