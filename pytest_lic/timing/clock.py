"""A clock that waits for its device, and the device's own events beside it.

A GPU works on while Python goes on: a clock that does not wait for it reads how long it takes to
*ask* for the work. `Clock` waits before it reads, at the start of a round and at its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Device:
    """Where a codec runs; this one is the processor, done with its work when a call returns."""

    def synchronise(self) -> None:
        """Return when all work that was given to the device is done."""

    def event(self) -> Any | None:
        """A mark set after the work given so far, for `seconds_between`; None without events."""
        return None

    def seconds_between(self, start: Any, end: Any) -> float:
        """The seconds that the device took from one mark to the other, both passed."""
        raise NotImplementedError("a processor has no events")

    @property
    def description(self) -> str:
        """The device in words."""
        from pytest_lic.system.environment import environment

        return environment("cpu", 1).processor


@dataclass(frozen=True)
class Cuda(Device):
    """One CUDA GPU, by torch's name: ``cuda`` or ``cuda:INDEX``."""

    name: str

    def synchronise(self) -> None:
        """Wait for all streams of this GPU."""
        import torch

        torch.cuda.synchronize(self.name)

    def event(self) -> Any:
        """A CUDA event, recorded on the current stream of this GPU."""
        import torch

        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.name))
        return event

    def seconds_between(self, start: Any, end: Any) -> float:
        """What the GPU's own clock says, in seconds."""
        milliseconds: float = start.elapsed_time(end)
        return milliseconds / 1000

    @property
    def description(self) -> str:
        """The GPU's name."""
        import torch

        return str(torch.cuda.get_device_name(self.name))


def device_named(name: str) -> Device:
    """The device of a cell: ``cpu``, ``cuda`` or ``cuda:INDEX``."""
    return Cuda(name) if name.startswith("cuda") else Device()


@dataclass(frozen=True)
class Clock:
    """Seconds at which a device has done what it was given: pytest-benchmark's timer.

    Args:
        device: waited for before each reading.
        now: a monotonic clock, in seconds.
    """

    device: Device
    now: Callable[[], float] = time.perf_counter

    def __call__(self) -> float:
        """Wait for the device, then read the clock."""
        self.device.synchronise()
        return self.now()

    def seconds(self, work: Callable[[], object]) -> float:
        """What ``work`` takes, the device's part of it included."""
        start = self()
        work()
        return self() - start

    @property
    def __name__(self) -> str:
        """How pytest-benchmark's JSON calls its timer."""
        return f"{type(self).__name__}({self.device})"


class EventTimes:
    """The device's own times of the calls that it wraps, where it has events.

    An event is set before and after each call; what lies between is read when all are done, so
    that reading does not stand in any round's way.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._marks: list[tuple[Any, Any]] = []

    def around(self, work: Callable[[], object]) -> Callable[[], object]:
        """``work`` with an event before and after it; itself where the device has none."""
        if self._device.event() is None:
            return work

        def marked() -> object:
            start = self._device.event()
            result = work()
            self._marks.append((start, self._device.event()))
            return result

        return marked

    def seconds(self) -> Sequence[float]:
        """One time per call, in order; empty where the device has no events."""
        self._device.synchronise()
        return [self._device.seconds_between(start, end) for start, end in self._marks]
