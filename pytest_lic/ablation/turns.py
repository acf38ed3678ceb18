"""Encoding and decoding times of several codecs, taken turn by turn on the same images.

A machine gets slower and faster as it likes, so only times taken side by side are compared: for
each image and repetition every codec has its turn, each time beginning with the next one. A first,
untimed turn warms up and checks what comes back. A GPU is waited for before and after. Times are
never stored for later: they would be of another hour, if not of another machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from pytest_lic.codec import Codec
from pytest_lic.errors import LicError, Unavailable
from pytest_lic.images.corpus import Image
from pytest_lic.measuring import coding
from pytest_lic.project.family_calls import blamed
from pytest_lic.timing.clock import Clock, device_named

Seconds = tuple[tuple[float, ...], ...]
"""One tuple per image, of one time per repetition."""


@dataclass(frozen=True)
class Times:
    """What one codec took, image by image, each image coded alone."""

    encode: Seconds
    decode: Seconds


@dataclass(frozen=True)
class TimeRatio:
    """How many times as long as the reference one codec takes over all images.

    ``value`` compares the sums of each image's median; ``low`` and ``high`` are the extremes of
    the single repetitions, ``value`` among them.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, test: Seconds, reference: Seconds) -> TimeRatio:
        """From the times of the same images, both taken turn by turn."""
        value = total(test) / total(reference)
        rounds = zip(zip(*test, strict=True), zip(*reference, strict=True), strict=True)
        single = [sum(tested) / sum(compared) for tested, compared in rounds]
        return cls(value, min(value, *single), max(value, *single))


def total(seconds: Seconds) -> float:
    """The sum over the images of the median over the repetitions, in seconds."""
    return sum(median(repetitions) for repetitions in seconds)


def take_turns(
    codecs: Mapping[str, Codec],
    images: Sequence[Image],
    *,
    device: str,
    threads: int,
    repetitions: int,
) -> dict[str, Times | Unavailable]:
    """The times of each codec, or the reason why it has none.

    Args:
        codecs: by name, all on ``device``.
        images: coded one by one.
        device: where the image batches are put: ``cpu``, ``cuda`` or ``cuda:INDEX``.
        threads: CPU threads of torch.
        repetitions: times taken of each codec and image.
    """
    encode: dict[str, list[list[float]]] = {name: [] for name in codecs}
    decode: dict[str, list[list[float]]] = {name: [] for name in codecs}
    failed: dict[str, Times | Unavailable] = {}

    def going() -> list[str]:
        return [name for name in codecs if name not in failed]

    clock = Clock(device_named(device))
    with coding.cpu_threads(threads):
        for image in images:
            batch = coding.image_batch([image], device)
            bitstreams: dict[str, list[bytes]] = {}
            for name in going():
                encode[name].append([])
                decode[name].append([])
                try:
                    bitstreams[name] = coding.encode(codecs[name], [image], device)
                    coding.decode(codecs[name], bitstreams[name], [image])
                except LicError as error:
                    failed[name] = Unavailable(str(error))
            for repetition in range(repetitions):
                for name in _turned(going(), repetition):
                    codec, stream = codecs[name], bitstreams[name]
                    try:
                        with blamed(f"coding {image.name} again"):
                            encode[name][-1].append(clock.seconds(partial(codec.encode, batch)))
                            decode[name][-1].append(clock.seconds(partial(codec.decode, stream)))
                    except LicError as error:
                        failed[name] = Unavailable(str(error))
    return {
        name: failed.get(name) or Times(_frozen(encode[name]), _frozen(decode[name]))
        for name in codecs
    }


def _turned(names: Sequence[str], by: int) -> Sequence[str]:
    """The same names, beginning further on, so that nobody always comes after the same one."""
    start = by % len(names) if names else 0
    return [*names[start:], *names[:start]]


def _frozen(times: Sequence[Sequence[float]]) -> Seconds:
    return tuple(tuple(repetitions) for repetitions in times)
