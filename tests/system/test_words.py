"""Counts and long lists in words."""

from __future__ import annotations

from pytest_lic.system.words import listed, plural, shortened, spanned


def test_one_is_singular_and_any_other_number_is_not() -> None:
    assert [plural(count, "image") for count in (0, 1, 2)] == ["0 images", "1 image", "2 images"]


def test_a_long_list_says_how_many_more_there_are() -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"


def test_lines_beyond_the_most_are_counted() -> None:
    assert shortened(["a", "b"], 2) == ["a", "b"]
    assert shortened(["a", "b", "c"], 2) == ["a", "b", "… and 1 more"]
    assert shortened(["a", "b", "c"], 1, "more pairs") == ["a", "… and 2 more pairs"]


def test_a_span_of_one_number_is_that_number() -> None:
    assert spanned([5, 5]) == "5"
    assert spanned([7, 5, 6]) == "5 to 7"
