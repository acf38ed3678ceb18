"""Saved times grouped for tables and plots: by corpus and device, then codec and direction.

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
        present = {(timing.codec, timing.direction) for run in self.runs for timing in run}
        pairs = ((codec, direction) for codec in codecs for direction in DIRECTIONS)
        return [pair for pair in pairs if pair in present]

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
            next((timing for timing in run if _place(timing) == wanted), None) for run in self.runs
        )


def views(runs: Sequence[SavedRun]) -> list[View]:
    """The views of some runs, in the order in which the runs show them."""
    places = dict.fromkeys((timing.corpus, timing.device) for run in runs for timing in run.timings)
    return [View(*place, tuple(_timings_of(run, place) for run in runs)) for place in places]


def _timings_of(run: SavedRun, place: tuple[str, str]) -> tuple[Timing, ...]:
    return tuple(timing for timing in run.timings if (timing.corpus, timing.device) == place)


def _place(timing: Timing) -> tuple[str, str, int, int]:
    return (timing.codec, timing.direction, timing.resolution, timing.batch)
