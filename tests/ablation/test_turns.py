"""Times are taken turn by turn, and compared with their spread."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from pytest_lic.ablation.turns import TimeRatio, Times, take_turns, total
from pytest_lic.errors import Unavailable
from pytest_lic.images.corpus import Image

IMAGES = [Image(name, np.zeros((8, 8, 3), np.uint8)) for name in ("one.png", "two.png")]


class Logged:
    """Writes down each call; its ``pause`` makes it slow, its ``last`` call crashes."""

    def __init__(self, name: str, log: list[str], pause: float = 0.0, last: int = 0) -> None:
        self.name, self.log, self.pause, self.last = name, log, pause, last

    def encode(self, images: torch.Tensor) -> list[bytes]:
        self.log.append(f"{self.name} encodes")
        if self.last and self.log.count(f"{self.name} encodes") == self.last:
            raise RuntimeError("out of memory")
        time.sleep(self.pause)
        return [b"stream"] * len(images)

    def decode(self, bitstreams: list[bytes]) -> torch.Tensor:
        self.log.append(f"{self.name} decodes")
        return torch.zeros(len(bitstreams), 3, 8, 8)


def taken(*codecs: Logged, repetitions: int = 3) -> dict[str, Times | Unavailable]:
    named = {codec.name: codec for codec in codecs}
    return take_turns(named, IMAGES, device="cpu", threads=1, repetitions=repetitions)


def test_a_ratio_compares_sums_of_medians_and_keeps_the_extremes_of_single_repetitions() -> None:
    reference = ((1.0, 1.0, 9.0), (2.0, 2.0, 2.0))  # medians 1 and 2; repetitions 3, 3 and 11
    test = ((2.0, 5.0, 2.0), (4.0, 4.0, 4.0))  # medians 2 and 4; repetitions 6, 9 and 6
    assert total(reference) == 3.0
    assert TimeRatio.of(test, reference) == TimeRatio(2.0, low=6 / 11, high=3.0)
    assert TimeRatio.of(reference, reference) == TimeRatio(1.0, 1.0, 1.0)


def test_every_codec_has_its_turn_in_every_repetition_and_begins_in_one() -> None:
    log: list[str] = []
    found = taken(Logged("a", log), Logged("b", log))
    encoded = "".join(entry[0] for entry in log if entry.endswith("encodes"))
    warm_up, repetitions = "ab", "ab" + "ba" + "ab"
    assert encoded == (warm_up + repetitions) * len(IMAGES)
    assert all(entry.endswith("encodes") for entry in log[::2]), "each stream is decoded at once"
    for times in found.values():
        assert isinstance(times, Times)
        assert [len(image) for image in times.encode] == [3, 3], "the warm-up does not count"
        assert [len(image) for image in times.decode] == [3, 3]


def test_a_slow_encoder_shows_in_the_encoding_time_alone() -> None:
    log: list[str] = []
    found = taken(Logged("slow", log, pause=0.02), Logged("quick", log))
    slow, quick = found["slow"], found["quick"]
    assert isinstance(slow, Times)
    assert isinstance(quick, Times)
    assert min(map(min, slow.encode)) >= 0.02
    # The least, since any single one may be held up on a busy machine.
    assert min(map(min, quick.encode)) < 0.02
    assert min(map(min, slow.decode)) < 0.02


@pytest.mark.parametrize(("last", "where"), [(1, "one.png"), (3, "one.png"), (6, "two.png")])
def test_a_codec_that_crashes_is_left_out_and_the_others_go_on(last: int, where: str) -> None:
    log: list[str] = []
    found = taken(Logged("broken", log, last=last), Logged("sound", log))
    assert isinstance(found["sound"], Times)
    assert len(found["sound"].decode) == 2
    reason = found["broken"]
    assert isinstance(reason, Unavailable)
    assert where in str(reason)
    assert "RuntimeError: out of memory" in str(reason)
    assert log.count("broken encodes") == last


def test_threads_are_as_before_afterwards() -> None:
    before = torch.get_num_threads()
    seen = []

    class Asking(Logged):
        def encode(self, images: torch.Tensor) -> list[bytes]:
            seen.append(torch.get_num_threads())
            return super().encode(images)

    taken(Asking("a", []))
    assert set(seen) == {1}
    assert torch.get_num_threads() == before


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA GPU here")
def test_a_gpu_is_waited_for() -> None:
    """Work that is only queued when the codec returns counts all the same."""
    busy = 200_000_000  # GPU clock ticks, about 0.1 s

    class Queued(Logged):
        def decode(self, bitstreams: list[bytes]) -> torch.Tensor:
            torch.cuda._sleep(busy)
            return torch.zeros(len(bitstreams), 3, 8, 8, device="cuda")

    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    torch.cuda._sleep(busy)
    end.record()
    torch.cuda.synchronize()
    expected = start.elapsed_time(end) / 1000
    found = take_turns(
        {"queued": Queued("queued", [])}, IMAGES, device="cuda", threads=1, repetitions=2
    )["queued"]
    assert isinstance(found, Times)
    assert min(min(image) for image in found.decode) > 0.5 * expected
    assert total(found.encode) < 0.5 * expected, "the decoder's work is not the encoder's"
