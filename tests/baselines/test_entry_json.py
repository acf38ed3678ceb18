"""Which results of an entry count as the same."""

from __future__ import annotations

from dataclasses import replace

from pytest_lic.baselines.entry_json import same_results
from tests.helpers.measurements import ELSEWHERE, as_stored, image, measurement


def test_results_are_the_same_whatever_was_unavailable_and_wherever_they_were_made() -> None:
    here = measurement({"one.png": image(lpips=None)})
    stored = as_stored(replace(here, environment=ELSEWHERE))
    assert same_results(here, stored)
    assert not same_results(measurement({"one.png": image(bits="b")}), here)
    assert not same_results(measurement({"one.png": image(lpips=0.1)}), here)
