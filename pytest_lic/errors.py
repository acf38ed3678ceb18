"""Every error that pytest-lic raises on purpose.

A message says what was wrong, where, what was expected and what to do next, on one or two
lines: the plugin prints it as it stands, without a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class LicError(Exception):
    """Base of every error raised on purpose; its text is meant for the user."""


class Unwinding(BaseException):
    """Base of what ends a step of a codec's own code on purpose.

    No `Exception`, so that code which catches those lets it pass; whoever raised it catches it.
    """


def is_crash(error: BaseException) -> bool:
    """Whether somebody else's code broke; not so where a run or a test is ended on purpose.

    A panic of a library written in Rust is no ``Exception``, as PyO3 raises it, and neither is
    ``SystemExit``.
    """
    from _pytest.outcomes import Exit, OutcomeException  # of pytest.exit, of pytest.skip

    on_purpose = KeyboardInterrupt | GeneratorExit | Exit | OutcomeException | Unwinding
    return not isinstance(error, on_purpose)


class UsageError(LicError):
    """An option, an ini value or a marker that can't be honoured."""


class UnknownNameError(UsageError):
    """A name that nothing answers to; the message lists the nearest known ones.

    Args:
        kind: what was looked up, such as ``"codec"`` or ``"anchor"``.
        name: the name nobody knows.
        known: the names that exist.
        where: where the name was given, such as ``"--lic-codec"``.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str) -> None:
        names = sorted(set(known))
        nearest = difflib.get_close_matches(name, names, n=5, cutoff=0.4)
        if nearest:
            advice = f"did you mean {', '.join(nearest)}?"
        elif names:
            shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
            advice = f"known: {shown}"
        else:
            advice = "none is registered here"
        super().__init__(f"{where}: no {kind} is named {name!r}; {advice}")


class PropertyError(LicError):
    """What is under test broke a promise; the text shows the smallest example."""


class UnavailableError(LicError):
    """Something that exists but can't run here: a missing program, GPU or weights file."""


@dataclass(frozen=True)
class Unavailable:
    """Stands where a value would stand that could not be had, and says why.

    `UnavailableError` is the same where nobody can go on without the value.
    """

    reason: str

    def __str__(self) -> str:
        return self.reason


class CodecError(LicError):
    """A codec broke the `Codec` protocol: wrong size, wrong type, not finite, or it crashed."""


class DeterminismError(LicError):
    """The same input gave another bitstream or another reconstruction."""


class OutOfStepError(DeterminismError):
    """The decoder's latents are not the encoder's: the bitstream is broken, whatever its PSNR."""


class WeightsError(LicError):
    """A weights file that is missing, damaged, a pickle, or of another architecture."""


class MetricError(LicError):
    """A metric that fails, gives no finite number, or contradicts the direction it claims."""


class CorpusError(LicError):
    """A corpus that is missing, empty, or holds a file that is not a usable image."""


class BaselineError(LicError):
    """A baseline file that is damaged or of a newer format."""


class ResultsError(LicError):
    """A results file that is damaged, cut, or of a newer format."""


class PassportError(LicError):
    """A pack or stamp of a passport that is damaged, forged, too large, or of a newer format."""


class BitstreamError(LicError):
    """A bitstream that can't be decoded."""


class TruncatedBitstreamError(BitstreamError):
    """The bitstream ends before its own header says it should."""


class CorruptBitstreamError(BitstreamError):
    """The checksum or the layout does not hold: bytes were changed on the way."""


class ForeignBitstreamError(BitstreamError):
    """Not a pytest-lic bitstream, or one written by another codec or other weights."""


class NewerBitstreamError(BitstreamError):
    """Written by a newer version of the container format than this one reads."""


class FormatVersionError(BitstreamError):
    """Written in another version of the codec's own format than the decoder reads.

    Args:
        written: the version that the bitstream is of.
        read: the version that the decoder reads.
    """

    def __init__(self, written: int, read: int) -> None:
        way_out = (
            "decode it with the release that wrote it"
            if written < read
            else "decode it with that release or a newer one"
        )
        super().__init__(
            f"bitstream was written by version {written} of this codec's format; this decoder "
            f"reads version {read}: {way_out}, or encode again"
        )


class AbsurdSizeError(BitstreamError):
    """The header claims an image, or a section, larger than the decoder agreed to allocate."""
