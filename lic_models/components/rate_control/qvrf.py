"""One number for each λ, by which residuals are multiplied before they are rounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from lic_models.components.entropy_models import ScaleHyperprior
from lic_models.components.entropy_models.bins import Bins
from lic_models.components.rate_control.base import RateControl
from lic_models.components.rate_control.gains import D_TO_STEP
from lic_models.components.transforms.base import Transform
from pytest_lic.errors import UsageError


class QVRF(RateControl):
    """A quantization regulator a for each λ, the same for all channels: bins of 1 / a.

    Tong, Wu, Li, Zhang, Zhang and Jin, "QVRF: a quantization-error-aware variable rate framework
    for learned image compression", ICIP 2023, https://arxiv.org/abs/2303.05744. A residual
    r = y − μ becomes round(a r) / a. The hyperprior tells mean and scale of y as it is, whatever
    a is, and the tables are those of a σ: they follow the bins, where `BottleneckScaling` shows
    the hyperprior another latent for each λ. Training sees r + e / a with e = round(a r) − a r,
    whose gradient to a is −e / a².

    The paper trains in three stages: a network for one λ (``model.start``); then all of it with the
    regulators and noise; then with rounding (`MixedQuantizer`), the regulators held
    (``learned: false``).

    Args:
        lambdas: λ of each anchor, rising.
        regulators: a of each, where they begin; by default as λ has it, λ^(1/2), and 1 at the
            highest.
        learned: whether they are trained.

    Raises:
        UsageError: as `RateControl`; other than a positive regulator, rising, for each λ; when the
            codec is put together, an entropy model that is no hyperprior.
    """

    def __init__(
        self,
        lambdas: Sequence[float],
        regulators: Sequence[float] | None = None,
        learned: bool = True,
    ) -> None:
        super().__init__(lambdas)
        if regulators is None:
            regulators = [(value / self.lambdas[-1]) ** D_TO_STEP for value in self.lambdas]
        rising = all(low < high for low, high in pairwise(regulators))
        positive = all(0.0 < value < math.inf for value in regulators)
        if len(regulators) != len(self.lambdas) or not (rising and positive):
            raise UsageError(
                f"regulators: {list(regulators)}; expected a positive number for each of "
                f"{len(self.lambdas)} λ, rising with them"
            )
        self._start = tuple(regulators)
        self.learned = learned

    def build(self, transform: Transform) -> None:
        """Make the regulators, logarithms of (K,)."""
        logs = torch.tensor(self._start, dtype=torch.float64).log().float()
        self.log_regulators = nn.Parameter(logs, requires_grad=self.learned)

    def join(self, codec: nn.Module) -> None:
        """Give the codec's entropy model the bins of its level.

        Raises:
            UsageError: an entropy model that is no hyperprior.
        """
        model = getattr(codec, "entropy_model", None)
        if not isinstance(model, ScaleHyperprior):
            raise UsageError(
                f"rate_control: {type(self).__name__} needs an entropy model whose scales follow "
                "the bins, MeanScaleHyperprior or ScaleHyperprior; given "
                f"{type(model).__name__}"
            )
        model.bins = RegulatedBins(self)

    def log_fineness(self, dtype: torch.dtype) -> Tensor:
        """The logarithm of a at the levels of the block, (B, 1, 1, 1)."""
        return self.between(self.log_regulators.to(dtype)).reshape(-1, 1, 1, 1)


class RegulatedBins(Bins):
    """Bins of 1 / a."""

    def __init__(self, control: QVRF) -> None:
        self.control = control

    def counted(self, residual: Tensor) -> Tensor:
        """What is left of a latent, (B, M, h, w), in bins."""
        return residual * self.control.log_fineness(residual.dtype).exp()

    def log_scales(self, log_scales: Tensor) -> Tensor:
        """The logarithms of scales, (B, M, h, w), in bins."""
        return log_scales + self.control.log_fineness(log_scales.dtype)

    def restored(self, values: Tensor, log_scales: Tensor) -> Tensor:
        """Quantised residuals (B, M, h, w) in the units of the latent."""
        return values * (-self.control.log_fineness(values.dtype)).exp()
