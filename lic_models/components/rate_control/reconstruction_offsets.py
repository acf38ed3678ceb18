"""Values that lie nearer to their mean than the middle of their bin does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lic_models.components.bounds import within
from lic_models.components.quantizers import MixedQuantizer, StraightThroughQuantizer
from lic_models.components.rate_control.qvrf import QVRF, RegulatedBins
from lic_models.components.transforms.base import Transform
from pytest_lic.errors import UsageError

_MOST = 0.5  # of a bin: beyond lies the next one


class ReconstructionOffsets(QVRF):
    """Bins as `QVRF` has them, each reconstructed nearer to the mean; the bin of zero stays.

    Kamisli, Racapé and Choi, "Variable-rate learned image compression with multi-objective
    optimization and quantization-reconstruction offsets", DCC 2024,
    https://arxiv.org/abs/2402.18930. A residual of k bins becomes sign(k) (|k| − δ) / a, since more
    of a bin's mass lies towards the mean. δ, from 0 to ½, is what three small layers make of a
    symbol's scale in bins and of a, as there, and an offset of each channel and λ. It begins as 0.

    Args:
        lambdas: λ of each anchor, rising.
        regulators: as those of `QVRF`.
        learned: whether the regulators are trained; offsets are.
        hidden: numbers between the layers.

    Raises:
        UsageError: as `QVRF`; when the codec is put together, a quantizer that trains with values
            between the symbols, which no offset is for.
    """

    def __init__(
        self,
        lambdas: Sequence[float],
        regulators: Sequence[float] | None = None,
        learned: bool = True,
        hidden: int = 12,
    ) -> None:
        super().__init__(lambdas, regulators, learned)
        if hidden < 1:
            raise UsageError(f"hidden: {hidden}; expected at least 1")
        self.hidden = hidden

    def build(self, transform: Transform) -> None:
        """Make the regulators, offsets (K, M), and the layers."""
        super().build(transform)
        self.offsets = nn.Parameter(torch.zeros(len(self.lambdas), transform.latent_channels))
        self.layers = nn.Sequential(
            nn.Linear(2, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, 1),
        )
        for parameter in self.layers[-1].parameters():
            nn.init.zeros_(parameter)

    def join(self, codec: nn.Module) -> None:
        """Give the codec's entropy model these bins.

        Raises:
            UsageError: an entropy model that is no hyperprior, or a quantizer of other values than
                symbols.
        """
        super().join(codec)
        quantizer = getattr(codec, "quantizer", None)
        if not isinstance(quantizer, MixedQuantizer | StraightThroughQuantizer):
            raise UsageError(
                "rate_control: ReconstructionOffsets moves what was rounded, in training too; "
                "needs the quantizer MixedQuantizer or StraightThroughQuantizer, given "
                f"{type(quantizer).__name__}"
            )
        codec.entropy_model.bins = _OffsetBins(self)  # type: ignore[union-attr]

    def offset(self, log_scales: Tensor) -> Tensor:
        """δ, (B, M, h, w), where scales in bins have these logarithms; float32."""
        finer = self.log_fineness(torch.float32).expand_as(log_scales)
        told = torch.stack([log_scales.float(), finer], -1)
        of_channel = self.between(self.offsets)[:, :, None, None]
        return within(of_channel + self.layers(told)[..., 0], 0.0, _MOST)


class _OffsetBins(RegulatedBins):
    control: ReconstructionOffsets

    def restored(self, values: Tensor, log_scales: Tensor) -> Tensor:
        moved = values - values.sign() * self.control.offset(log_scales).to(values.dtype)
        return super().restored(moved, log_scales)
