"""What a metric is: its facts, how two of its values compare, and how they are shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pytest_lic.errors import UnavailableError
from pytest_lic.system.environment import package_version

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_lic.measuring.backbones import Backbone

NONE = "–"
"""What stands in a table where there is no number."""


@dataclass(frozen=True)
class MetricOption:
    """An option ``--lic-NAME`` that says how a metric is computed.

    A ``flag`` takes no value; a ``file`` is found from where pytest was started.
    """

    name: str
    help: str
    default: str = ""
    metavar: str = ""
    flag: bool = False
    file: bool = False


class Metric:
    """A metric of one image: a subclass states the facts and computes the value.

    A number without its definition is a rumour: ``definition`` says of which pixels it is and how
    its mean is taken, ``implementation`` whose code it is, ``reference`` by which published or
    recomputed value that code was checked.

    Values are stored as `compute` gives them, since that is what may be averaged; `shown` turns
    one into what tables, differences and tolerances are in.
    """

    name: str
    """In options, baselines and results."""
    label: str
    """For people."""
    unit: str = ""
    """Of what is shown, and of the tolerance unless that is `relative`."""
    higher_is_better: bool
    decimals: int = 4
    """In tables."""
    stored_decimals: int = 6
    """Of an image's value in a file: far below any tolerance, and short enough to read."""
    mean_decimals: int = 6
    """Of the mean in a baseline, which is there for the reader of a diff."""
    tolerance: tuple[float, float]
    """By how much it may get worse before a gate fails: in the mean, and on a single image."""
    relative: bool = False
    """Whether the tolerance is in percent of the value."""
    in_headlines: bool = False
    """Whether one line about a measurement names it."""
    lossless: float | None = None
    """What the gate takes for a lossless image, where `compute` has no number for one."""
    definition: str = ""
    """Of which colour space and range it is, and by which paper."""
    implementation: str = ""
    """The distribution whose code computes it; "" for the project's own."""
    revision: int = 1
    """Changes when the same pixels would give another value."""
    reference: str = ""
    """What the implementation was checked against."""
    needs: str = ""
    """What it needs that pytest-lic does not install, and the command that brings it."""
    best: float | None = None
    """The value of an image against itself, where it has one."""
    by_default: bool = False
    """Whether it is computed where a run does not choose."""
    variant_field: str = ""
    """Where a baseline entry holds the `variant`."""
    options: tuple[MetricOption, ...] = ()
    backbones: Mapping[str, Backbone] = {}
    """Net → the network it looks through, whose weights ``pytest-lic weights`` brings; the first
    is the one by default."""

    @classmethod
    def described(cls, name: str, facts: Mapping[str, Any]) -> Metric:
        """One that can be shown and compared but not computed, of the facts that a file has."""
        metric = cls()
        for fact, value in {"name": name, "tolerance": (0.0, 0.0), **facts}.items():
            setattr(metric, fact, value)
        return metric

    def configured(self, values: Mapping[str, Any]) -> Self:
        """The metric as the values of its options have it; that of an empty file is None."""
        return self

    def compute(
        self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]
    ) -> float | None:
        """The value of two 8-bit images (H, W, 3), RGB; None of a metric that pixels don't tell.

        Raises:
            UnavailableError: it can't be computed here, or of these images; the text says why.
            ValueError: images of different shapes.
        """
        return None

    def of_stream(self, size: int, pixels: int) -> float | None:
        """The value of a bitstream of ``size`` bytes for so many pixels, where that tells it."""
        return None

    @property
    def of_pixels(self) -> bool:
        """Whether it is computed from pixels, and stored, not told by the bitstream."""
        return self.of_stream(1, 1) is None

    def average(self, values: Sequence[float]) -> float:
        """The mean over a corpus as the field defines it: over the images, whatever their size.

        Raises:
            ValueError: no values.
        """
        if not values:
            raise ValueError(f"no values of {self.name} to average")
        return math.fsum(values) / len(values)

    def fingerprint(self) -> str:
        """A text that changes whenever the same pixels could give another value."""
        return f"{self.name}:{self.revision}"

    def shown(self, value: float) -> float:
        """A value as tables, differences and tolerances have it; may be infinite."""
        return value

    def worse_by(self, before: float, after: float) -> float:
        """By how much ``after`` is worse, in the unit of the tolerance; negative where better."""
        before, after = self.shown(before), self.shown(after)
        if before == after:  # two lossless images: infinity minus itself is not a number
            return 0.0
        change = after - before
        if self.relative:
            change = 100.0 * change / abs(before) if before else math.copysign(math.inf, change)
        return -change if self.higher_is_better else change

    @property
    def variant(self) -> str | None:
        """What two numbers must share to be compared, such as the network behind them."""
        return None

    @property
    def computed_by(self) -> str:
        """Whose code it is, with its version where it is installed."""
        if not self.implementation:
            return "this project"
        return f"{self.implementation} {package_version(self.implementation) or 'not installed'}"

    @property
    def tolerance_unit(self) -> str:
        """Of the tolerance and of changes; "" where they are plain numbers."""
        return "%" if self.relative else self.unit

    @property
    def heading(self) -> str:
        """Of its column, such as ``PSNR dB``."""
        return self.label if self.unit in ("", self.label) else f"{self.label} {self.unit}"

    @property
    def averaged(self) -> str:
        """What its mean is of, such as ``per-image PSNR in dB``."""
        unit = "" if self.unit in ("", self.label) else f" in {self.unit}"
        return f"per-image {self.label}{unit}"

    def text(self, value: float | None) -> str:
        """A value as tables show it; a dash where there is none, or no finite one."""
        shown = math.inf if value is None else self.shown(value)
        return f"{shown:.{self.decimals}f}" if math.isfinite(shown) else NONE

    def columns(self, value: float | None) -> dict[str, str]:
        """Heading → text, for a table that has room for all there is to say of it."""
        return {self.heading: self.text(value)}


def require_side(pixels: NDArray[np.uint8], least: int, label: str) -> None:
    """UnavailableError where a side of the image, (H, W, 3), is below ``least`` pixels."""
    height, width = pixels.shape[:2]
    if min(height, width) < least:
        raise UnavailableError(
            f"image of {width}×{height} pixels; {label} needs {least} on each side"
        )
