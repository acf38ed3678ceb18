"""A device is waited for around every round, and its own events are kept beside the wall time."""

from __future__ import annotations

import pytest
import torch

from pytest_lic.timing.clock import Clock, Cuda, Device, EventTimes, device_named


class Queue:
    """A device of its own time: work is only queued, and done when it is waited for.

    ``now`` is the wall clock, in seconds; ``log`` says what was asked for, in order.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.busy = 0.0
        self.log: list[str] = []
        self.description = "a queue"

    def give(self, seconds: float) -> None:
        self.log.append("work")
        self.busy += seconds

    def synchronise(self) -> None:
        self.log.append("synchronise")
        self.now, self.busy = self.now + self.busy, 0.0

    def event(self) -> float:
        self.log.append("event")
        return self.now + self.busy

    def seconds_between(self, start: float, end: float) -> float:
        return end - start

    def read(self) -> float:
        self.log.append("read")
        return self.now


@pytest.fixture
def queue() -> Queue:
    return Queue()


def test_the_device_is_waited_for_before_each_reading(queue: Queue) -> None:
    clock = Clock(queue, queue.read)
    queue.give(5.0)  # of an earlier round: not this one's
    queue.log.clear()
    assert clock.seconds(lambda: queue.give(2.0)) == 2.0
    assert queue.log == ["synchronise", "read", "work", "synchronise", "read"]


def test_a_clock_that_does_not_wait_reads_another_time(queue: Queue) -> None:
    start = queue.read()
    queue.give(2.0)
    assert queue.read() - start == 0.0, "what the test above would find without synchronising"


def test_events_are_those_of_the_rounds_that_the_wall_clock_takes(queue: Queue) -> None:
    clock, events = Clock(queue, queue.read), EventTimes(queue)
    spans = iter([1.0, 3.0, 2.0])
    marked = events.around(lambda: queue.give(next(spans)))
    queue.log.clear()
    wall = [clock.seconds(marked) for _ in range(3)]
    one_round = ["synchronise", "read", "event", "work", "event", "synchronise", "read"]
    assert queue.log == 3 * one_round, "both marks lie between the two readings"
    assert list(events.seconds()) == wall == [1.0, 3.0, 2.0]


def test_what_the_wrapped_work_returns_comes_back(queue: Queue) -> None:
    assert EventTimes(queue).around(lambda: "stream")() == "stream"


def test_a_processor_has_no_events_and_its_work_is_left_as_it_is() -> None:
    events = EventTimes(Device())

    def work() -> None:
        return None

    assert events.around(work) is work
    assert list(events.seconds()) == []


def test_devices_by_name() -> None:
    assert device_named("cpu") == Device()
    assert device_named("cuda:1") == Cuda("cuda:1")


def test_the_timer_has_a_name_for_what_is_saved() -> None:
    assert Clock(Cuda("cuda")).__name__ == "Clock(Cuda(name='cuda'))"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA GPU here")
class TestGpu:
    busy = 200_000_000  # GPU clock ticks, about 0.1 s

    def work(self) -> None:
        torch.cuda._sleep(self.busy)

    def test_without_synchronising_the_time_is_wrong_and_with_it_right(self) -> None:
        import time

        clock, events = Clock(Cuda("cuda")), EventTimes(Cuda("cuda"))
        clock.seconds(self.work)  # the first call of a kernel loads it
        waited = clock.seconds(events.around(self.work))
        (on_device,) = events.seconds()
        start = time.perf_counter()
        self.work()
        asked = time.perf_counter() - start
        torch.cuda.synchronize()
        assert waited == pytest.approx(on_device, rel=0.1)
        assert asked < 0.1 * on_device, "asking for the work takes no time"
