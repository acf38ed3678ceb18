"""The child's side of `process`: changes bitstreams, and decodes them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_lic.checks.hostile.memory_limit import limited_memory
from pytest_lic.checks.hostile.mutations import Mutated, mutated
from pytest_lic.checks.hostile.outcome import Failure, Outcome, Tally, outcome_of
from pytest_lic.project.codec_child import CodecServer
from pytest_lic.system.child_process import Answer
from pytest_lic.system.latest import Latest
from pytest_lic.system.process_memory import memory_bytes
from pytest_lic.system.words import plural

if TYPE_CHECKING:
    from pytest_lic.codec import Codec

MEMORY = 2 * 2**30
"""Bytes that decoding one bitstream may allocate, beside what the process held before it; and that
what decoders keep of many may add up to."""
SIZES = ((64, 64), (64, 64), (48, 80))
"""Height and width, in pixels, of the images whose bitstreams are changed."""


class HostileServer(CodecServer):
    """Holds the codec that was asked for last, and its intact bitstreams."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._subject: Latest[tuple[str, str, str], _Subject] = Latest()

    def decode(self, family: str, quality: str, device: str, first: int, last: int) -> Answer:
        """Decode a changed bitstream for each number; a `Tally` as JSON."""

        def build() -> _Subject:
            codec = self.families[family].build(quality, device)
            return _Subject(codec, device, f"{family}/{quality}")

        subject = self._subject.of((family, quality, device), build)
        return subject.decode(range(first, last + 1), self.exchange).to_json()


class _Subject:
    """A codec in the child, and the intact bitstreams that are changed."""

    def __init__(self, codec: Codec, device: str, seed: str) -> None:
        import torch

        torch.set_num_threads(1)
        self._codec = codec
        self._seed = seed
        images = [_image(number, height, width) for number, (height, width) in enumerate(SIZES)]
        self._streams = [codec.encode(image.to(device))[0] for image in images]
        for stream in self._streams:
            codec.decode([stream])  # what an intact one takes is not counted

        # A GPU's driver reserves far more than it uses.
        self._is_limited = device == "cpu"
        self._held = self._memory()

    def decode(self, numbers: range, folder: Path) -> Tally:
        """One changed bitstream for each number; ``folder`` is where each is noted first."""
        tally = Tally()
        for count, number in enumerate(numbers, 1):
            changed = self._changed(number)
            ways = ", ".join(changed.ways)
            noted = {"number": number, "ways": ways, "before": tally.to_json()}
            (folder / "noted.bin").write_bytes(changed.bitstream)
            (folder / "noted.json").write_text(json.dumps(noted))
            before = self._memory()
            with limited_memory(None if before is None else before + MEMORY):
                outcome, words = outcome_of(self._codec, changed.bitstream)
            kept = self._kept()
            if kept > MEMORY and not outcome.fails:
                outcome = Outcome.LEAKED
                words = f"{kept / 2**30:.1f} GiB are held after {plural(count, 'bitstream')}"
                self._held = self._memory()
            tally.counts[outcome] += 1
            if outcome.fails:
                tally.failures.append(Failure(number, outcome, ways, words, changed.bitstream))
        return tally

    def _memory(self) -> int | None:
        """Bytes that this process holds; None where no limit is to be set, or none can be."""
        return memory_bytes("VmData") if self._is_limited else None

    def _kept(self) -> int:
        """How many more bytes are held than before the first damaged bitstream."""
        now = self._memory()
        return 0 if now is None or self._held is None else now - self._held

    def _changed(self, number: int) -> Mutated:
        choose = random.Random(f"{self._seed}/{number}")
        stream = self._streams[choose.randint(0, len(self._streams) - 1)]
        return mutated(stream, self._streams, choose)


def _image(seed: int, height: int, width: int) -> Any:
    """A smooth image with some noise, (1, 3, H, W) in [0, 1]."""
    import torch

    numbers = torch.Generator().manual_seed(seed)
    coarse = torch.rand((1, 3, 5, 5), generator=numbers)
    smooth = torch.nn.functional.interpolate(
        coarse, (height, width), mode="bilinear", align_corners=True
    )
    noise = torch.rand((1, 3, height, width), generator=numbers)
    return (0.9 * smooth + 0.1 * noise).clamp(0, 1)
