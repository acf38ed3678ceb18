"""What a context model under test must do, and what it may promise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pytest_lic.codec import check_name
from pytest_lic.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

MOST_SIDE = 7
"""The largest height and width of the latents that context models are tested with."""


class ContextModel(Protocol):
    """Predicts a latent (C, h, w) pass by pass, each pass from those that are decoded.

    Side information is the model's own affair: where it needs any, it has the same for every image
    of one size. One whose encoder predicts all passes at once has one more method::

        predict_all(latents) -> predictions    # float64, (B, C, h, w) -> (B, P, C, h, w)
    """

    def schedule(self, height: int, width: int, /) -> Tensor:
        """The pass of each position, whole numbers (C, h, w), from 0."""
        ...

    def passes(self, height: int, width: int, /) -> int:
        """How many passes there are."""
        ...

    def predict(self, decoded: Tensor, number: int, /) -> Tensor:
        """What is predicted of the n positions of a pass.

        Passes are asked for in their order, and pass 0 begins other latents.

        Args:
            decoded: (B, C, h, w), float64. What is not of an earlier pass must have no influence:
                a decoder does not have it yet.
            number: of the pass, from 0.

        Returns:
            (B, P, n), P numbers for each position, such as a mean and a scale; positions in the
            order of (C, h, w).
        """
        ...


@dataclass(frozen=True)
class ContextModelUnderTest:
    """A context model with what it promises; the suite ``properties`` tests that.

    Every one must give each position to one pass, predict nothing from what is not decoded yet,
    predict alike in encoder and decoder, and alike for an image alone and in a batch::

        class Mine:
            def __init__(self, channels): ...            # the same weights each time, in float64
            def schedule(self, height, width): ...       # -> int64 (C, h, w)
            def passes(self, height, width): ...         # -> int
            def predict(self, decoded, number): ...      # -> float64 (B, P, n)

        def pytest_lic_context_models():
            yield ContextModelUnderTest("mine", Mine)

    Args:
        name: letters, digits and ``. _ + -``.
        build: makes a `ContextModel` of C channels, called several times: encoder and decoder are
            built apart. Weights must be such that predictions depend on all that is seen, which
            those of many an untrained model do not.
        channels: the numbers of channels C that it is tested with.
        filled_from: no pass is empty in a latent whose height and width are at least this.
        sees_decoded: what is decoded moves predictions; False for a model without a context.

    Raises:
        UsageError: a name or a number that is out of range.
    """

    name: str
    build: Callable[[int], ContextModel]
    channels: Sequence[int] = (1, 2, 4)
    filled_from: int = 1
    sees_decoded: bool = True

    def __post_init__(self) -> None:
        check_name("context model", self.name)
        if not self.channels or min(self.channels) < 1:
            raise self._wrong(f"channels={self.channels!r}", "numbers of channels, each 1 or more")
        if not 1 <= self.filled_from <= MOST_SIDE:
            raise self._wrong(
                f"filled_from={self.filled_from!r}", f"1 to {MOST_SIDE}, the largest side tested"
            )

    def _wrong(self, wrong: str, expected: str) -> UsageError:
        return UsageError(f"context model {self.name!r}: {wrong}; expected {expected}")
