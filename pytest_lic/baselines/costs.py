"""What coding costs, as it is recorded of each quality in a family's file, beside its entries.

    "complexity": {
     "1": {"encoder": {"analysis": 2.788}, "decoder": {"synthesis": 2.788}, "parameters": 180480,
           "weight_bytes": 721920}
    },

The key is optional, so that what was recorded before there were costs is read as before. They are
written by `entries.save`, since the file is written as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from pytest_lic.baselines.layered import FamilyFile, Layered, load_family

WHOLE = "whole"
"""The only stage of a codec that names none."""
REST = "rest"
"""What a codec computes in no stage that it names."""

Operations = Annotated[float, Meta(ge=0, description="kMAC/pixel")]
Size = Annotated[int, Meta(ge=0)]


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
class Costs:
    """What is recorded of a family besides its entries, by quality."""

    complexity: Mapping[str, Complexity] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.complexity)


class CostsFile(FamilyFile, frozen=True, kw_only=True):
    """The keys of a family's file that hold costs."""

    complexity: dict[str, Complexity] | UnsetType = UNSET

    @property
    def costs(self) -> Costs:
        """What they hold."""
        return Costs(self.complexity or {})


def cost_keys(costs: Costs) -> dict[str, dict[str, Complexity] | UnsetType]:
    """What stands in a family's file of its costs, sorted."""
    return {"complexity": dict(sorted(costs.complexity.items())) or UNSET}


def load(folder: Path, family: str) -> Costs:
    """The costs in one family's file; a file that is not there holds none.

    Raises:
        BaselineError: the file is damaged, of another family or of a newer format.
    """
    file = load_family(folder / f"{family}.json", family, CostsFile)
    return Costs() if file is None else file.costs


@dataclass(frozen=True)
class RecordedComplexity(Layered[str, Complexity]):
    """The complexity of each quality in the folders of baselines."""

    listed_under = "complexity"

    @staticmethod
    def load(folder: Path, family: str) -> dict[str, Complexity]:
        """Quality → complexity."""
        return dict(load(folder, family).complexity)

    def find(self, family: str, quality: str) -> Complexity | None:
        """What counts of one quality, or None where nothing is recorded.

        Raises:
            BaselineError: a file is damaged or of a newer format.
        """
        place = self.counting(family).get(quality)
        return None if place is None else place[1]
