"""The bins that residuals are rounded in: one wide, unless rate control has others.

residual ─► counted ─► quantizer ─► restored ─► residual
scale ────► log_scales ─► probability table
"""

from __future__ import annotations

from torch import Tensor


class Bins:
    """Bins one wide, each of which stands for its middle. All tensors are (B, M, h, w).

    While coding they come in float64, of one image. What `log_scales` gives must then be the same
    on every machine up to the last digits, since it chooses tables.
    """

    def counted(self, residual: Tensor) -> Tensor:
        """What is left of a latent once its mean is taken off, in bins."""
        return residual

    def log_scales(self, log_scales: Tensor) -> Tensor:
        """The logarithms of the scales of residuals, in bins."""
        return log_scales

    def restored(self, values: Tensor, log_scales: Tensor) -> Tensor:
        """Quantised residuals in the units of the latent.

        Args:
            values: in bins.
            log_scales: of the residuals, in bins.
        """
        return values
