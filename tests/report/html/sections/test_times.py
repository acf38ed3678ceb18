"""The times of an HTML report: drawn by device, with where they were taken, or as rows alone."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from pytest_lic.results.results import Results, TimeResult
from pytest_lic.timing.stages import REST
from tests.helpers.html_page import page_of
from tests.helpers.made_results import passing
from tests.helpers.made_times import timings


def test_times_are_told_with_their_stages() -> None:
    page = page_of(replace(passing(), times=timings("toy", resolutions=(64,), batches=(1,))))
    assert "toy-q3-rand-64px-b1-cpu-encode 1.00 0.05 7" in page.text
    assert f"analysis 75 %, {REST} 25 %" in page.text


def test_times_that_do_not_tell_of_what_they_are_stand_in_the_table_alone() -> None:
    page = page_of(replace(passing(), times=(TimeResult("mine", 0.1, 0.004, 7, {}),)))
    assert "mine 100.00 4.00 7 – –" in page.text
    assert len(page.scripts) == 2, "nothing to draw"


def test_times_that_are_no_numbers_are_not_drawn() -> None:
    (first, *_) = timings("toy")
    odd = [replace(first, median=value) for value in (math.nan, math.inf, 0.0)]
    stages = first.facts | {"stages": {"seconds": {"analysis": math.inf, REST: math.nan}}}
    times = (first, *odd, replace(first, iqr=math.nan), replace(first, facts=stages))
    (group,) = times_drawn(replace(passing(), times=times))
    assert [bool(time["stages"]) for time in group["times"]] == [True, False]


def test_where_times_were_taken_is_told_and_a_place_that_is_no_such_is_not() -> None:
    (time, *_) = timings("toy")
    alone = replace(passing(), points=(), times=(time,))
    assert "environment a processor, cpu, 1 thread; Linux, Python 3.11.7" in page_of(alone).text
    for odd in ({"python": "3"}, "here", {**time.facts["environment"], "packages": 1}):
        strange = replace(time, facts=time.facts | {"environment": odd})
        assert "Python 3.11.7" not in page_of(replace(alone, times=(strange,))).text


def times_drawn(*results: Results) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(page_of(*results).scripts[1])
    return found


def test_devices_and_threads_stand_apart_and_runs_of_one_device_side_by_side() -> None:
    here = replace(passing(), times=timings("toy"))
    gpu = timings("toy", device="cuda", device_name="a GPU")
    groups = times_drawn(replace(here, times=(*here.times, *gpu)), here)
    assert [group["title"] for group in groups] == [
        "cpu: a processor, 1 CPU thread, rand images",
        "cuda: a GPU with a processor, 1 CPU thread, rand images",
    ]
    names = [[series["name"] for series in group["series"]] for group in groups]
    assert names == [["toy q3 · run 0", "toy q3 · run 1"], ["toy q3 · run 0"]]


def test_times_are_drawn_in_milliseconds_with_what_makes_them_doubtful() -> None:
    (first, *_) = timings("toy", resolutions=(64,))
    restless = first.facts | {"warm_up": {"settled": False}, "stages": {"reason": "it has none"}}
    times = (first, replace(first, iqr=1.0), replace(first, facts=restless))
    (group,) = times_drawn(replace(passing(), times=times))
    steady, uneven, unsettled = group["times"]
    assert (steady["ms"], steady["resolution"], steady["batch"]) == (pytest.approx(1.0), 64, 1)
    assert steady["stages"] == {"analysis": pytest.approx(0.75), REST: pytest.approx(0.25)}
    assert steady["doubtful"] == ""
    assert uneven["doubtful"].startswith("uneven: half of the rounds differ by more than 20%")
    assert unsettled["doubtful"] == "not settled when it was timed"
    assert (unsettled["stages"], unsettled["reason"]) == ({}, "it has none")
