"""Saved times in the order in which they are looked at: latency by size, throughput by batch.

A view is all times on the same images and device, of every run. Within it a series belongs to a
codec in one direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_lic.timing.saved_runs import SavedRun, Timing

DIRECTIONS = ("encode", "decode")


@dataclass(frozen=True)
class View:
    """The times on one corpus and device.

    Args:
        corpus: name of the images.
        device: that they were taken on.
        runs: of each run, its times in this view, in the order in which the runs were given.
    """

    corpus: str
    device: str
    runs: tuple[tuple[Timing, ...], ...]

    @property
    def title(self) -> str:
        """Such as ``rand images on cpu``."""
        return f"{self.corpus} images on {self.device}"

    @property
    def series(self) -> list[tuple[str, str]]:
        """Codec and direction of each series, codecs in the order of the runs."""
        codecs = dict.fromkeys(timing.codec for run in self.runs for timing in run)
        found = {(timing.codec, timing.direction) for run in self.runs for timing in run}
        pairs = ((codec, direction) for codec in codecs for direction in DIRECTIONS)
        return [pair for pair in pairs if pair in found]

    @property
    def resolutions(self) -> list[int]:
        """Sides in pixels, ascending."""
        return sorted({timing.resolution for run in self.runs for timing in run})

    @property
    def batches(self) -> list[int]:
        """Batch sizes, ascending; latency is that of the first."""
        return sorted({timing.batch for run in self.runs for timing in run})

    def find(
        self, series: tuple[str, str], resolution: int, batch: int
    ) -> tuple[Timing | None, ...]:
        """The time of one cell and direction in each run, None where a run lacks it."""
        wanted = (*series, resolution, batch)
        return tuple(
            next((each for each in run if _place(each) == wanted), None) for run in self.runs
        )


def views(runs: Sequence[SavedRun]) -> list[View]:
    """The views of some runs, in the order in which the runs show them."""
    places = dict.fromkeys((each.corpus, each.device) for run in runs for each in run.timings)
    return [
        View(
            corpus,
            device,
            tuple(
                tuple(each for each in run.timings if (each.corpus, each.device) == place)
                for run in runs
            ),
        )
        for place in places
        for corpus, device in (place,)
    ]


def _place(timing: Timing) -> tuple[str, str, int, int]:
    return (timing.codec, timing.direction, timing.resolution, timing.batch)
