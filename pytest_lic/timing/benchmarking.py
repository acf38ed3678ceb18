"""One cell timed in one direction, through pytest-benchmark's fixture.

    check ─► warm up ─► benchmark ─► stages ─► peak memory

Only what decodes rightly is timed. Stages and memory have rounds of their own, since looking costs
time. All circumstances go into the benchmark's ``extra_info``, so that a stored time says what it
is of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from pytest_lic.codec import Codec, CodecFamily, SupportsStages
from pytest_lic.errors import Unavailable
from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.timed_grid import TimingChoice
from pytest_lic.project import family_calls
from pytest_lic.system.environment import environment
from pytest_lic.timing.batches import SEED, TimedBatch
from pytest_lic.timing.clock import Clock, EventTimes, device_named
from pytest_lic.timing.peak_memory import PeakMemory, peak_memory
from pytest_lic.timing.stages import StageTimes, take_stages
from pytest_lic.timing.warm_up import WarmUp, warm_up

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

FORMAT = 1
"""Of what ``extra_info`` holds; under the key ``lic_format``."""

Direction = Literal["encode", "decode"]
STAGE_ROUNDS = 5
WIDE = 0.2
"""Rounds whose interquartile range is a larger share of their median are called uneven."""


@dataclass(frozen=True)
class Benchmarked:
    """What is to be said of one benchmark besides its times.

    ``spread`` is the rounds' interquartile range as a share of their median.
    """

    warm_up: WarmUp
    spread: float
    stages: StageTimes | Unavailable
    memory: PeakMemory | Unavailable


def take(
    codec: Codec,
    timed: TimedBatch,
    cell: Cell,
    direction: Direction,
    benchmark: BenchmarkFixture,
    choice: TimingChoice,
    facts: Callable[[], Mapping[str, object]],
) -> Benchmarked | None:
    """Time one direction of a cell; None where pytest-benchmark is switched off by the user.

    Args:
        codec: the cell's.
        timed: what is coded.
        cell: what is timed.
        direction: "encode" or "decode".
        benchmark: pytest-benchmark's fixture.
        choice: how many rounds.
        facts: what a time is of (see `circumstances`); asked once there is one.

    Raises:
        LicError: the codec does not code rightly.
    """
    name_benchmark(benchmark, cell, direction)
    work = _work(codec, timed, direction)
    if benchmark.disabled:
        with family_calls.blamed(f"{direction} again"):
            benchmark.pedantic(work)
        return None
    device = device_named(cell.setting.device)
    clock, events = Clock(device), EventTimes(device)
    with family_calls.blamed(f"{direction} again"):
        warmed = warm_up(lambda: clock.seconds(work))
        rounds = rounds_for(warmed.seconds, choice)
        benchmark.pedantic(events.around(work), rounds=rounds)
        device_seconds = events.seconds()[:rounds]  # profiling adds a call after the rounds
        stages = _stages(codec, work, clock)
        memory = peak_memory(cell.setting.device, work)
    stats = benchmark.stats.stats
    benchmarked = Benchmarked(warmed, stats.iqr / stats.median, stages, memory)
    benchmark.extra_info.update(
        dict(facts())
        | _speeds(cell, stats.median)
        | _findings(benchmarked, device_seconds)
        | {"device_name": device.description}
    )
    return benchmarked


def benchmark_name(cell: Cell, direction: Direction) -> str:
    """Such as ``fp-gdn-q3-rand-256px-b4-cpu-encode``."""
    return f"{cell.id}-{direction}"


def name_benchmark(benchmark: BenchmarkFixture, cell: Cell, direction: Direction) -> None:
    """Name it by what is timed, whatever folder the test lies in: comparisons match by name."""
    benchmark.name = benchmark.fullname = benchmark_name(cell, direction)
    benchmark.group = direction
    benchmark.param = cell.id
    benchmark.params = {
        "family": cell.family,
        "quality": cell.quality,
        **asdict(cell.setting),
        "direction": direction,
    }


def rounds_for(seconds: float, choice: TimingChoice) -> int:
    """How many rounds to take, each of about ``seconds`` when warm.

    The preset's number, or so many that they take ``least_seconds`` together; never fewer than
    ``least_rounds``.
    """
    if choice.rounds is not None:
        return max(choice.rounds, choice.least_rounds)
    return max(choice.least_rounds, math.ceil(choice.least_seconds / max(seconds, 1e-6)))


def circumstances(
    cell: Cell,
    direction: Direction,
    timed: TimedBatch,
    family: CodecFamily,
    corpus_digest: str | None,
    fingerprint: str | None,
    threads: int,
    preset: str,
) -> dict[str, object]:
    """What a time is of: codec, images, setting and environment.

    Args:
        cell: what is timed.
        direction: "encode" or "decode".
        timed: what is coded.
        family: the cell's.
        corpus_digest: of the images; None for random ones.
        fingerprint: of the codec, where it can tell.
        threads: of the process.
        preset: of the timing options.
    """
    setting = cell.setting
    of = {"seed": SEED} if corpus_digest is None else {"corpus_digest": corpus_digest}
    return {
        "lic_format": FORMAT,
        "cell": cell.id,
        "direction": direction,
        "family": cell.family,
        "quality": cell.quality,
        "lambda": family.qualities[cell.quality],
        "tags": dict(family.tags),
        "fingerprint": fingerprint,
        "corpus": setting.corpus,
        **of,
        "images": [image.name for image in timed.images],
        "resolution": int(setting.resolution),
        "batch": setting.batch,
        "device": setting.device,
        "threads": threads,
        "preset": preset,
        "bytes": [len(bitstream) for bitstream in timed.bitstreams],
        "environment": asdict(environment(setting.device, threads)),
    }


def _work(codec: Codec, timed: TimedBatch, direction: Direction) -> Callable[[], object]:
    if direction == "encode":
        return lambda: codec.encode(timed.batch)
    bitstreams = list(timed.bitstreams)
    return lambda: codec.decode(bitstreams)


def _speeds(cell: Cell, seconds: float) -> dict[str, object]:
    """Images and megapixels (10⁶ pixels) per second, by the median round."""
    images = cell.setting.batch / seconds
    return {
        "images_per_second": images,
        "megapixels_per_second": images * int(cell.setting.resolution) ** 2 / 1e6,
    }


def _findings(benchmarked: Benchmarked, device_seconds: Sequence[float]) -> dict[str, object]:
    findings: dict[str, Any] = {
        "warm_up": {"rounds": benchmarked.warm_up.rounds, "settled": benchmarked.warm_up.settled},
        "stages": asdict(benchmarked.stages),
        "memory": asdict(benchmarked.memory),
    }
    if device_seconds:
        findings["device_seconds"] = list(device_seconds)
    return findings


def _stages(codec: Codec, work: Callable[[], object], clock: Clock) -> StageTimes | Unavailable:
    parts = codec.stages() if isinstance(codec, SupportsStages) else {}
    if not parts:
        return Unavailable("the codec names no parts (see pytest_lic.SupportsStages)")
    return take_stages(parts, work, clock, STAGE_ROUNDS)
