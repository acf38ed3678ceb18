"""Saved times in views of one corpus and device, and a place for what a run lacks."""

from __future__ import annotations

from dataclasses import replace

from pytest_lic.errors import Unavailable
from pytest_lic.timing.saved_runs import SavedRun, Timing
from pytest_lic.timing.series import views

FIRST = Timing(
    "toy", "1", "decode", "rand", 256, 1, "cpu", 0.1, 0.001, 9, True, Unavailable("no parts")
)


def run(*timings: Timing) -> SavedRun:
    return SavedRun("0001_run", "a processor", "abc", timings, 0)


def test_a_view_is_of_one_corpus_and_device_in_the_order_of_the_runs() -> None:
    elsewhere = [replace(FIRST, device="cuda"), replace(FIRST, corpus="photos")]
    shown = views([run(FIRST), run(*elsewhere, FIRST)])
    assert [view.title for view in shown] == [
        "rand images on cpu",
        "rand images on cuda",
        "photos images on cpu",
    ]
    assert shown[0].runs == ((FIRST,), (FIRST,))
    assert shown[1].runs == ((), (elsewhere[0],))


def test_encoding_comes_first_and_what_a_run_lacks_is_none() -> None:
    large = replace(FIRST, direction="encode", resolution=512, batch=4)
    (view,) = views([run(FIRST), run(large)])
    assert view.series == [("toy q1", "encode"), ("toy q1", "decode")]
    assert (view.resolutions, view.batches) == ([256, 512], [1, 4])
    assert view.find(("toy q1", "encode"), 512, 4) == (None, large)
    assert view.find(("toy q1", "decode"), 512, 4) == (None, None)
