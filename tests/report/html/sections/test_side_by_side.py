"""Crops that were asked for: side by side with the original once, captions told, and escaped."""

from __future__ import annotations

from dataclasses import replace

from tests.helpers.html_page import page_of
from tests.helpers.made_results import crop, passing, regressing


def test_one_place_is_shown_of_each_codec_with_what_the_whole_image_takes() -> None:
    results = passing()
    subjects = [point.comparison.subject for point in results.points]
    point = results.points[0].measured
    assert point is not None
    name = next(iter(point.images))
    asked = [replace(crop(subject), image=name, asked=True) for subject in subjects]
    page = page_of(replace(results, crops=tuple(asked)))
    text = page.text
    assert "Side by side" in text
    assert text.count("numbers are of the whole image") == 1
    assert all(f"{subject}: " in text for subject in subjects)
    assert text.count(" bpp, ") >= len(subjects)
    assert "What got worse" not in text


def test_a_crop_of_a_regression_is_not_among_them() -> None:
    text = page_of(regressing()).text
    assert "Side by side" not in text
    results = regressing()
    asked = replace(results.crops[0], asked=True)
    text = page_of(replace(results, crops=(asked,))).text
    assert "Side by side" in text
    assert "No crops: the results hold none" in text


def test_names_are_text() -> None:
    results = passing()
    hostile = replace(crop("<b>cell"), image="<script>x", asked=True)
    page = page_of(replace(results, crops=(hostile,)))
    assert "<script>x" in page.text
    assert "<b>cell" in page.text
