"""What coding costs, as it is recorded of each quality in a family's file, beside its entries.

    "complexity": {
     "1": {"encoder": {"analysis": 2.788}, "decoder": {"synthesis": 2.788}, "parameters": 180480,
           "weight_bytes": 721920}
    },
    "memory": {
     "1": {
      "cpu": {
       "environment": "<digest>",
       "encoder": {"peaks": {"256": 17600000, "512": 70300000}, "growth": 0},
       "decoder": {"peaks": {"256": 17500000, "512": 69600000}, "growth": 0}
      }
     }
    },

Both keys are optional, so that what was recorded before there were costs is read as before. They
are written by `entries.save`, since the file is written as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pytest_lic.baselines.layered import FILE, FamilyFile, Keyed, load_family, named_in
from pytest_lic.system.environment import Environment

WHOLE = "whole"
"""The only stage of a codec that names none."""
REST = "rest"
"""What a codec computes in no stage that it names."""

Operations = Annotated[float, Meta(ge=0, lt=2**48, description="kMAC/pixel")]
Size = Annotated[int, Meta(ge=0)]
Pixels = Annotated[str, Meta(pattern=r"\A[1-9][0-9]{0,5}\Z")]


@dataclass(frozen=True)
class Complexity:
    """What coding takes on any machine: thousand multiply-accumulates a pixel, and weights.

    Of convolutions and matrix products, stage by stage in the order of coding; what is in none of
    the stages that the codec names is `REST`, and `WHOLE` all where it names none. The numbers of
    weights are None where the codec does not show any (see `pytest_lic.SupportsWeights`).
    """

    encoder: Mapping[str, Operations]
    decoder: Mapping[str, Operations]
    parameters: Size | None = None
    weight_bytes: Size | None = None

    def sides(self) -> Mapping[str, Mapping[str, float]]:
        """``encoder`` and ``decoder`` → its stages."""
        return {"encoder": self.encoder, "decoder": self.decoder}

    def total(self, side: str) -> float:
        """kMAC/pixel of one side, all stages together."""
        return round(sum(self.sides()[side].values()), 6)


@dataclass(frozen=True)
class SideMemory:
    """What one side takes, in bytes.

    ``peaks`` maps the side of a square image, in pixels, to the most that is held while it is coded
    above what is held before; ``growth`` is what is kept of each image.
    """

    peaks: Annotated[Mapping[Pixels, Size], Meta(min_length=2)]
    growth: int

    @property
    def per_megapixel(self) -> float:
        """By how many bytes the peak rises with each 10⁶ pixels, from the smallest to the largest.

        What does not depend on the image is not in it.
        """
        small, large = min(self.peaks, key=int), max(self.peaks, key=int)
        return (self.peaks[large] - self.peaks[small]) / self.megapixels

    @property
    def megapixels(self) -> float:
        """By how many the largest image has more than the smallest."""
        sides = [int(side) for side in self.peaks]
        return (max(sides) ** 2 - min(sides) ** 2) / 1e6


@dataclass(frozen=True)
class Memory:
    """The memory that coding takes on one device."""

    encoder: SideMemory
    decoder: SideMemory

    def sides(self) -> Mapping[str, SideMemory]:
        """``encoder`` and ``decoder`` → what it takes."""
        return {"encoder": self.encoder, "decoder": self.decoder}


class MemoryKey(NamedTuple):
    """What memory is found by, within a family; the device is ``cpu`` or ``cuda``, whichever."""

    quality: str
    device: str


@dataclass(frozen=True)
class MemoryBaseline:
    """What is recorded of memory, and the environment it came from."""

    memory: Memory
    environment: Environment


@dataclass(frozen=True)
class Costs:
    """What is recorded of a family besides its entries."""

    complexity: Mapping[str, Complexity] = field(default_factory=dict)
    memory: Mapping[MemoryKey, MemoryBaseline] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.complexity or self.memory)

    def environments(self) -> Iterator[Environment]:
        """Those that stand in the file by their digests."""
        return (baseline.environment for baseline in self.memory.values())


class MemoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """`MemoryBaseline`, with its environment's digest."""

    environment: str
    encoder: SideMemory
    decoder: SideMemory


class CostsFile(FamilyFile, frozen=True, kw_only=True):
    """The keys of a family's file that hold costs."""

    complexity: dict[str, Complexity] | UnsetType = UNSET
    memory: dict[str, dict[str, MemoryEntry]] | UnsetType = UNSET


def cost_keys(costs: Costs) -> dict[str, Any]:
    """What stands in a family's file of its costs, sorted."""
    memory: dict[str, dict[str, MemoryEntry]] = {}
    for key, baseline in sorted(costs.memory.items()):
        memory.setdefault(key.quality, {})[key.device] = MemoryEntry(
            environment=baseline.environment.digest,
            encoder=baseline.memory.encoder,
            decoder=baseline.memory.decoder,
        )
    return {
        "complexity": dict(sorted(costs.complexity.items())) or UNSET,
        "memory": memory or UNSET,
    }


def load(folder: Path, family: str) -> Costs:
    """The costs in one family's file; a file that is not there holds none.

    Raises:
        BaselineError: the file is damaged, of another family or of a newer format.
    """
    path = folder / f"{family}.json"
    file = load_family(path, family, CostsFile)
    if file is None:
        return Costs()
    memory: dict[MemoryKey, MemoryBaseline] = {}
    with FILE.parsing(path):
        for quality, devices in (file.memory or {}).items():
            for device, entry in devices.items():
                memory[MemoryKey(quality, device)] = MemoryBaseline(
                    Memory(entry.encoder, entry.decoder),
                    named_in(file.environments, entry.environment),
                )
    return Costs(file.complexity or {}, memory)


@dataclass(frozen=True)
class RecordedComplexity(Keyed[str, Complexity]):
    """The complexity of each quality in the folders of baselines."""

    listed_under = "complexity"

    @staticmethod
    def load(folder: Path, family: str) -> dict[str, Complexity]:
        """Quality → complexity."""
        return dict(load(folder, family).complexity)


@dataclass(frozen=True)
class RecordedMemory(Keyed[MemoryKey, MemoryBaseline]):
    """The memory of each quality and device in the folders of baselines."""

    listed_under = "memory"

    @staticmethod
    def load(folder: Path, family: str) -> dict[MemoryKey, MemoryBaseline]:
        """Quality and device → memory."""
        return dict(load(folder, family).memory)
