"""Damaged bitstreams through a decoder, in a process that may die of them.

    parent                                      child (a fresh interpreter, memory limited)
    HostileProcess(origin) ───── starts ──────▶ finds the families again
    decode(family, quality, numbers) ─────────▶ codes a few images, and for each number: changes a
       ▲                                        bitstream, notes it in a file, decodes it
       └── how many came to what ◀──────────────┘

When the child dies or hangs, the file tells which bitstream it was, and a new child goes on behind
it.
"""

from __future__ import annotations

import json

from pytest_lic.checks.hostile.child import HostileServer
from pytest_lic.checks.hostile.outcome import Failure, Outcome, Tally
from pytest_lic.errors import CodecError
from pytest_lic.project.codec_child import CodecChild
from pytest_lic.project.discovery import Origin
from pytest_lic.system.child_process import ChildDiedError, ChildFailedError, ChildHungError

_PART = 100  # bitstreams that the child is asked for at once
_MOST_HUNG = 3  # more of them tell nothing new, and each takes all the time that it may


class HostileProcess(CodecChild):
    """Starts a child when it is first needed, and another when that one died.

    Args:
        origin: how the child finds the families.
        timeout: seconds that a hundred bitstreams may take.
    """

    def __init__(self, origin: Origin, timeout: float) -> None:
        super().__init__(HostileServer, origin)
        self._timeout = timeout
        self._noted = self.exchange / "noted.json"
        self._stream = self.exchange / "noted.bin"

    def decode(self, family: str, quality: str, device: str, numbers: range) -> Tally:
        """Change a bitstream for each of these numbers, and decode it.

        The same numbers give the same bitstreams, of a codec that is the same. What comes behind
        the third that hangs is not tried.

        Raises:
            CodecError: the codec can't be built, or can't code intact images.
        """
        tally = Tally()
        start = numbers.start
        while start < numbers.stop and tally.counts[Outcome.HUNG] < _MOST_HUNG:
            part = range(start, min(start + _PART, numbers.stop))
            part_tally, start = self._decoded(family, quality, device, part)
            tally.add(part_tally)
        tally.untried = numbers.stop - start
        return tally

    def _decoded(self, family: str, quality: str, device: str, part: range) -> tuple[Tally, int]:
        """What came of the part, up to where it ended, and where that was."""
        self._noted.unlink(missing_ok=True)
        try:
            codec = {"family": family, "quality": quality, "device": device}
            numbers = {"first": part.start, "last": part.stop - 1}
            answer = self.ask("decode", self._timeout, **codec, **numbers)
        except ChildHungError:
            return self._ended(Outcome.HUNG, f"over {self._timeout:g} s")
        except ChildDiedError as error:
            return self._ended(Outcome.CRASHED, str(error))
        except ChildFailedError as error:
            raise CodecError(f"in a fresh process: {error}") from None
        return Tally.from_json(answer), part.stop

    def _ended(self, outcome: Outcome, words: str) -> tuple[Tally, int]:
        """The child ended on the bitstream noted last."""
        try:
            noted = json.loads(self._noted.read_text())
            stream = self._stream.read_bytes()
        except (OSError, ValueError):
            raise CodecError(
                f"in a fresh process: {outcome.value} before any damaged bitstream: {words}"
            ) from None
        tally = Tally.from_json(noted["before"])
        tally.counts[outcome] += 1
        tally.failures.append(Failure(noted["number"], outcome, noted["ways"], words, stream))
        return tally, noted["number"] + 1
