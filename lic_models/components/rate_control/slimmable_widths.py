"""Rate control by width: the narrower a network runs, the fewer bits it spends."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lic_models.components.entropy_models import SlimmableEntropyModel
from lic_models.components.rate_control.base import CurrentLevels, RateControl
from lic_models.components.slimmable import at_width
from lic_models.components.transforms import SlimmableTransform
from pytest_lic.errors import UsageError


class SlimmableWidths(RateControl):
    """A level is a width of a slimmable transform and of its entropy model; there is none between.

    Yang, Herranz, Cheng and Mozerov, "Slimmable compressive autoencoders for practical neural image
    compression", CVPR 2021, https://arxiv.org/abs/2103.15726. All widths are trained in each step.
    Their λ may begin as one: λ scheduling then moves them, and they are stored with the weights.

    Args:
        lambdas: λ of each width, the narrowest first; none less than the last.

    Raises:
        UsageError: fewer than two λ, or λ that fall or are not above 0; when the codec is put
            together, one that is not slimmable, or of other widths.
    """

    one_at_a_time = True
    width_lambdas: Tensor

    def __init__(self, lambdas: Sequence[float]) -> None:
        nn.Module.__init__(self)
        self.levels = CurrentLevels()
        finite = all(0.0 < value < math.inf for value in lambdas)
        if len(lambdas) < 2 or list(lambdas) != sorted(lambdas) or not finite:
            raise UsageError(
                f"lambdas: {list(lambdas)}; expected a positive number for each of at least two "
                "widths, the narrowest first, and none less than the last"
            )
        self.register_buffer("width_lambdas", torch.tensor(lambdas, dtype=torch.float64))
        self._codec: tuple[nn.Module, ...] = ()  # in a tuple, so that it is no part of this one

    @property
    def lambdas(self) -> tuple[float, ...]:  # type: ignore[override]
        """λ of each width, as they are now."""
        return tuple(self.width_lambdas.tolist())

    def move(self, lambdas: Sequence[float]) -> None:
        """Go on with these λ."""
        self.width_lambdas.copy_(torch.tensor(lambdas, dtype=torch.float64))

    def join(self, codec: nn.Module) -> None:
        """Control the widths of a codec.

        Raises:
            UsageError: one that is not slimmable, or whose parts are of other widths.
        """
        transform, model = getattr(codec, "transform", None), getattr(codec, "entropy_model", None)
        slimmable = isinstance(transform, SlimmableTransform)
        if not slimmable or not isinstance(model, SlimmableEntropyModel):
            raise UsageError(
                "rate_control: SlimmableWidths needs a SlimmableTransform and a "
                f"SlimmableEntropyModel; given {type(transform).__name__} and "
                f"{type(model).__name__}"
            )
        given = [channels for _, channels in transform.widths]
        taken = [one.latent_channels for one in model.models]
        if len(self.lambdas) != len(given) or given != taken:
            raise UsageError(
                f"rate_control: SlimmableWidths has λ of {len(self.lambdas)} widths, the transform "
                f"gives latents of {given} channels, and the entropy model takes {taken}; expected "
                "as many of each, and equal channels"
            )
        self._codec = (codec,)

    def check_level(self, level: float) -> float:
        """The level, if it is a width.

        Raises:
            UsageError: it is not.
        """
        if level not in range(len(self.lambdas)):
            raise UsageError(
                f"level: {level:g}; expected a whole number from 0 to {self.highest:g}, one for "
                "each width: there is none between"
            )
        return float(level)

    @contextmanager
    def at(self, levels: Tensor) -> Iterator[None]:
        """Within the block, images and latents are those of one level for all, (B,) or (1,).

        Raises:
            UsageError: several levels, or one that is no width.
        """
        asked = set(levels.tolist())
        if len(asked) != 1:
            raise UsageError(f"levels: {sorted(asked)}; all images of a batch run at one width")
        with super().at(levels), at_width(self._codec[0], self.check_level(asked.pop())):
            yield
