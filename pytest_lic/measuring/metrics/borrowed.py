"""A metric that another package computes: what must be installed, and numbers told apart by it."""

from __future__ import annotations

import importlib
import logging
import warnings
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.metrics.base import Metric, require_side
from pytest_lic.system.environment import package_version

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class BorrowedMetric(Metric):
    """Its `implementation` is a distribution that an extra of pytest-lic installs.

    Numbers of two implementations, or of two versions of one, are not compared.
    """

    extra = "perceptual"
    """Of pytest-lic."""
    module: str
    """What is imported of the distribution."""
    smallest_side = 1
    """The shortest side, in pixels, of an image that has a value."""

    @property
    def variant(self) -> str | None:
        """The distribution and its version; None where it is not installed."""
        version = package_version(self.implementation)
        return None if version is None else f"{self.implementation} {version}"

    def fingerprint(self) -> str:
        """With the version that computes it."""
        return f"{super().fingerprint()}:{self.variant}"

    def compute(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """`value`, where the package is installed and the images are large enough."""
        if original.shape != reconstruction.shape:
            raise ValueError(f"images of shapes {original.shape} and {reconstruction.shape}")
        require_side(original, self.smallest_side, self.label)
        return self.value(original, reconstruction)

    def value(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """What the package makes of two 8-bit images (H, W, 3), RGB."""
        raise NotImplementedError

    def package(self) -> Any:
        """The module.

        Raises:
            UnavailableError: it is not installed; the text has the command that installs it.
        """
        if package_version(self.implementation) is None:
            raise UnavailableError(
                f"{self.implementation} is not installed: pip install 'pytest-lic[{self.extra}]'"
            )
        return _imported(self.module)


def as_tensor(planes: NDArray[Any], *, double: bool = False) -> Tensor:
    """(H, W) or (H, W, 3) → float32, or float64, (1, 1 or 3, H, W)."""
    import numpy as np
    import torch

    channels = planes[None] if planes.ndim == 2 else planes.transpose(2, 0, 1)
    kind = np.float64 if double else np.float32
    return torch.from_numpy(np.ascontiguousarray(channels[None], kind))


@cache
def _imported(name: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what packages say of themselves, which -W error forbids
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)  # such as that there is no GPU
        try:
            return importlib.import_module(name)
        finally:
            logging.disable(before)
