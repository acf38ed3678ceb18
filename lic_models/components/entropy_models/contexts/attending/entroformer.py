"""Entroformers: each position attends to those of the whole latent that tell most."""

from __future__ import annotations

from lic_models.components.entropy_models.contexts.attending.transformer import TransformerContext
from lic_models.components.entropy_models.contexts.patterns import CHECKERBOARD, Pattern, Raster
from pytest_lic.errors import UsageError


class EntroformerContext(TransformerContext):
    """A transformer over all that is decoded, in raster order; h · w passes.

    Qian, Lin, Sun, Tan and Jin, "Entroformer: a transformer-based entropy model for learned image
    compression", ICLR 2022, https://arxiv.org/abs/2202.05492. Only the highest scores count, and
    where a position is from another is clipped to a diamond. Which scores are the highest is
    computed by encoder and decoder apart, and rounded apart: `attend` says why that does no harm.

    Args:
        most: k, how many positions count at most for each head.
        radius: of the diamond, in rows and columns together.
        hidden: channels of a token.
        heads: how many attend side by side; a divisor of ``hidden``.
        layers: how many.

    Raises:
        UsageError: values out of range.
    """

    pattern: Pattern = Raster()

    def __init__(
        self, most: int = 32, radius: int = 8, hidden: int = 64, heads: int = 4, layers: int = 2
    ) -> None:
        if not 1 <= most <= 64 or radius < 1:
            raise UsageError(
                f"most: {most}, radius: {radius}; expected 1 to 64 positions that count, and a "
                "radius of at least 1"
            )
        super().__init__(self.pattern, hidden, heads, layers, radius, most)

    def _window(self, height: int, width: int) -> tuple[int, int]:
        return height, width


class EntroformerTwoPassContext(EntroformerContext):
    """Every second position attends to the others, which see side information alone; two passes.

    The bidirectional variant of Qian et al. 2022, https://arxiv.org/abs/2202.05492; arguments as
    `EntroformerContext` has them.
    """

    pattern = CHECKERBOARD
