"""All widths of a slimmable codec in one step, each with its own λ."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lic_models.codec import LearnedCodec
from lic_models.components.slimmable import at_width
from lic_models.components.transforms import SlimmableTransform

if TYPE_CHECKING:
    from lic_models.training.module import CodecTraining


def widths_of(codec: LearnedCodec) -> int:
    """How many widths a codec has; 0 where it is not slimmable."""
    transform = codec.transform
    return len(transform.widths) if isinstance(transform, SlimmableTransform) else 0


def mean_over_widths(
    training: CodecTraining, rated: Callable[[float], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """What ``rated`` gives for λ, as the mean over all widths with theirs, if there are any.

    The paper's sum of losses, but for a factor that makes no difference to Adam, and which keeps
    the loss of as many widths as one likes comparable.
    """
    if not training.width_lambdas:
        return rated(training.lmbda)
    rows = []
    for index, lmbda in enumerate(training.width_lambdas):
        with at_width(training.codec, index):
            rows.append(rated(lmbda))
    return {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0]}
