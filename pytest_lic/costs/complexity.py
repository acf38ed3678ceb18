"""The complexity of a codec, and the comparison with what is recorded of it: to the last digit.

The same layers on images of the same size take the same operations on every machine, so that a
change is one of the codec's, and a shared runner tells it as well as a quiet one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.costs import Complexity
from pytest_lic.codec import Codec, SupportsStages, SupportsWeights
from pytest_lic.costs.operations import multiply_accumulates
from pytest_lic.errors import CodecError, Unavailable
from pytest_lic.images.corpus import load_corpus
from pytest_lic.project import family_calls
from pytest_lic.timing.batches import checked_batch

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 256
"""Pixels on each side of the image that is coded, a crop of a photograph."""
_DECIMALS = 6
_NONE = Unavailable("it computes nothing in torch, and shows no weights")


@dataclass(frozen=True)
class CostChange:
    """One number that is not as it is recorded; ``what`` says of which side and stage."""

    what: str
    unit: str
    recorded: float
    measured: float

    def __str__(self) -> str:
        """Such as ``decoder, synthesis: 12.4 → 13.9 kMAC/pixel``."""
        old, new = (f"{number:.6g}" for number in (self.recorded, self.measured))
        if old == new or self.unit != "kMAC/pixel":  # whole numbers stand in full
            old, new = (f"{number:.12g}" for number in (self.recorded, self.measured))
        return f"{self.what}: {old} → {new} {self.unit}".rstrip()


def complexity_of(codec: Codec, device: str) -> Complexity | Unavailable:
    """What a codec computes, and what its weights are; why not, where it has neither.

    Args:
        codec: any codec; of one that does not compute in torch nothing is seen.
        device: ``cpu``, ``cuda`` or ``cuda:INDEX``.

    Raises:
        CodecError: it does not code rightly, or its ``stages`` or ``weights`` fail.
    """
    image = load_corpus("photos", str(SIDE)).images[0]
    coded = checked_batch(codec, [image], device)
    pixels = image.width * image.height
    with family_calls.blamed("counting operations"):
        parts = codec.stages() if isinstance(codec, SupportsStages) else {}
        encoder, decoder = (
            {stage: round(count / pixels / 1000, _DECIMALS) for stage, count in counted.items()}
            for counted in (
                multiply_accumulates(lambda: codec.encode(coded.batch), parts),
                multiply_accumulates(lambda: codec.decode(coded.bitstreams), parts),
            )
        )
        weights = _distinct(_weights(codec))
    if not (weights or any(encoder.values()) or any(decoder.values())):
        return _NONE
    if not weights:
        return Complexity(encoder, decoder)
    return Complexity(
        encoder,
        decoder,
        sum(weight.numel() for weight in weights),
        sum(weight.numel() * weight.element_size() for weight in weights),
    )


def compared(
    subject: str,
    measured: Complexity | Unavailable,
    recorded: Complexity | None,
    command: str = "",
    than: str = "than is recorded",
) -> Comparison:
    """The verdict on a codec's complexity, with a line for each number that is another.

    Args:
        subject: what is compared, such as the id of a cell.
        measured: now; or why there is none.
        recorded: None where nothing is.
        command: the command line that counts again; "" where nothing is to be recorded.
        than: what it is compared with.
    """
    if isinstance(measured, Unavailable):
        if recorded is None:
            reason = f"complexity is not applicable: {measured.reason}"
            return Comparison(subject, Verdict.UNAVAILABLE, reason)
        reason = f"its complexity is lost: {measured.reason}, but {told(recorded)} are recorded"
        return Comparison(subject, Verdict.REGRESSED, f"{reason}{_if_meant(command)}")
    if recorded is None:
        reason = f"no complexity is recorded; record it: {command} --lic-update-missing"
        return Comparison(subject, Verdict.NEW, reason)
    changes = cost_changes(measured, recorded)
    worse = [change for change in changes if change.measured > change.recorded]
    lines = "".join(f"\n  {change}" for change in changes)
    if worse:
        return Comparison(
            subject, Verdict.REGRESSED, f"it takes more {than}{_if_meant(command)}{lines}"
        )
    if changes:
        advice = "; record it with --lic-update" if command else ""
        return Comparison(subject, Verdict.IMPROVED, f"it takes less {than}{advice}{lines}")
    if measured != recorded:
        reason = f"it has other stages {than}, or shows other weights"
        return Comparison(subject, Verdict.CHANGED, f"{reason}{_if_meant(command)}")
    return Comparison(subject, Verdict.SAME, "")


def cost_changes(measured: Complexity, recorded: Complexity) -> list[CostChange]:
    """The numbers that both have and that differ: each stage, each side's total, weights."""
    return [change for change in _pairs(measured, recorded) if change.recorded != change.measured]


def told(complexity: Complexity) -> str:
    """Such as ``encoder 2.788 kMAC/pixel, decoder 2.788 kMAC/pixel, 180480 parameters``."""
    parts = [f"{side} {complexity.total(side):.6g} kMAC/pixel" for side in complexity.sides()]
    if complexity.parameters is not None:
        parts.append(f"{complexity.parameters} parameters of {complexity.weight_bytes} bytes")
    return ", ".join(parts)


def _pairs(measured: Complexity, recorded: Complexity) -> Iterator[CostChange]:
    unit = "kMAC/pixel"
    before = recorded.sides()
    for side, stages in measured.sides().items():
        for stage, operations in stages.items():
            if stage in before[side]:
                yield CostChange(f"{side}, {stage}", unit, before[side][stage], operations)
        yield CostChange(side, unit, recorded.total(side), measured.total(side))
    for what, unit, name in (
        ("weights", "parameters", "parameters"),
        ("weights", "bytes", "weight_bytes"),
    ):
        old, new = getattr(recorded, name), getattr(measured, name)
        if old is not None and new is not None:
            yield CostChange(what, unit, old, new)


def _if_meant(command: str) -> str:
    if not command:
        return ""
    return f"; if that is meant, record it: {command} --lic-update"


def _weights(codec: Codec) -> Iterable[Tensor]:
    """What training set of a codec: as it says, or of the modules that it is or holds."""
    from torch import nn

    if isinstance(codec, SupportsWeights):
        return codec.weights()
    held = [codec, *getattr(codec, "__dict__", {}).values()]
    modules = [part for part in held if isinstance(part, nn.Module)]
    return (weight for module in modules for weight in module.parameters())


def _distinct(weights: Iterable[Tensor]) -> list[Tensor]:
    """Each weight once, however many layers share it."""
    from torch import Tensor

    found: dict[int, Tensor] = {}
    for weight in weights:
        if not isinstance(weight, Tensor):
            raise CodecError(
                f"the codec's weights() gave a {type(weight).__name__}; expected tensors"
            )
        found.setdefault(id(weight), weight)
    return list(found.values())
