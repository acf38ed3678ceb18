"""Context models that are right, and mutants that are wrong in one place, as is easily done."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor
from torch.nn import functional as F


class Raster:
    """Each position sees the rows above it and what is to its left, within 3 × 3."""

    def __init__(self, channels: int) -> None:
        generator = torch.Generator().manual_seed(self.seed())
        shape = (2 * channels, channels, 3, 3)
        self.weight = torch.randn(shape, generator=generator, dtype=torch.float64)

    def seed(self) -> int:
        return 4

    def schedule(self, height: int, width: int) -> Tensor:
        order = torch.arange(height * width).reshape(height, width)
        return order.expand(self.weight.size(1), height, width)

    def passes(self, height: int, width: int) -> int:
        return height * width

    def seen(self) -> Tensor:
        """Which of the kernel's nine weights count."""
        return torch.arange(9) < 4

    def everywhere(self, latents: Tensor) -> Tensor:
        weight = self.weight * self.seen().reshape(3, 3)
        return F.conv2d(latents, weight.to(latents), padding=1).unflatten(1, (2, -1))

    def predict(self, decoded: Tensor, number: int) -> Tensor:
        places = self.schedule(*decoded.shape[-2:]).reshape(-1) == number
        return self.everywhere(decoded).flatten(2)[:, :, places]


class AtOnce(Raster):
    """The encoder predicts all passes at once."""

    def predict_all(self, latents: Tensor) -> Tensor:
        return self.everywhere(latents)


class Checkerboard(AtOnce):
    """Every second position sees its neighbours above, below, left and right."""

    def schedule(self, height: int, width: int) -> Tensor:
        odd = (torch.arange(height)[:, None] + torch.arange(width)) % 2
        return odd.expand(self.weight.size(1), height, width)

    def passes(self, height: int, width: int) -> int:
        return 2

    def seen(self) -> Tensor:
        return torch.arange(9) % 2 == 1

    def everywhere(self, latents: Tensor) -> Tensor:
        return super().everywhere(latents) * self.schedule(*latents.shape[-2:])


class Halves(AtOnce):
    """The second half of the channels sees the first."""

    def schedule(self, height: int, width: int) -> Tensor:
        channels = self.weight.size(1)
        second = torch.arange(channels) >= channels // 2
        return second.long()[:, None, None].expand(channels, height, width)

    def passes(self, height: int, width: int) -> int:
        return 2

    def seen(self) -> Tensor:
        return torch.ones(9)

    def everywhere(self, latents: Tensor) -> Tensor:
        second = self.schedule(*latents.shape[-2:])
        return super().everywhere(latents * (1 - second)) * second


class RightNeighbour(Raster):
    """A mask that is off by one: it leaves the position out and sees the next."""

    def seen(self) -> Tensor:
        return super().seen() | (torch.arange(9) == 5)


class RowBelow(Raster):
    """A mask that is off by one row."""

    def seen(self) -> Tensor:
        return torch.arange(9) == 7


class MaskB(Raster):
    """The mask of layers after the first, which see the position itself."""

    def seen(self) -> Tensor:
        return torch.arange(9) <= 4


class CheckerboardB(Checkerboard):
    """The same of a checkerboard."""

    def seen(self) -> Tensor:
        return super().seen() | (torch.arange(9) == 4)


class MaskBAtOnce(Raster):
    """Right pass by pass; the encoder sees the position itself."""

    def predict_all(self, latents: Tensor) -> Tensor:
        own = self.weight[:, :, 1:2, 1:2]
        return self.everywhere(latents) + F.conv2d(latents, own).unflatten(1, (2, -1))


class ByColumns(Raster):
    """Decoded column by column, and seen row by row."""

    def schedule(self, height: int, width: int) -> Tensor:
        return super().schedule(width, height).transpose(1, 2)


class DividedByTheMean(Raster):
    """Normalised by the mean of the whole latent."""

    def everywhere(self, latents: Tensor) -> Tensor:
        mean = latents.abs().mean((1, 2, 3), keepdim=True)
        return super().everywhere(latents / (1 + mean))


class SecondHalfSeesItself(Halves):
    """Groups that see one channel too many."""

    def everywhere(self, latents: Tensor) -> Tensor:
        second = self.schedule(*latents.shape[-2:])
        known = torch.roll(1 - second, 1, 0) | (1 - second)
        return Raster.everywhere(self, latents * known) * second


class SkipsTheLastColumn(Checkerboard):
    """A schedule of pairs of columns."""

    def schedule(self, height: int, width: int) -> Tensor:
        schedule = super().schedule(height, width).clone()
        if width % 2:
            schedule[:, :, -1] = -1
        return schedule


class NotOfOnePosition(Checkerboard):
    """Begins with the second pass where there is one position."""

    def schedule(self, height: int, width: int) -> Tensor:
        first = 2 * (height * width == 1)
        return super().schedule(height, width) + first


class CutsTheLastColumn(Checkerboard):
    """A schedule without the last column."""

    def schedule(self, height: int, width: int) -> Tensor:
        return super().schedule(height, width)[:, :, : max(1, width - width % 2)]


class NumbersInFloat(Raster):
    """A schedule of floats."""

    def schedule(self, height: int, width: int) -> Tensor:
        return super().schedule(height, width).double()


class Overlapping(Halves):
    """The first half's pass predicts a channel of the second half too."""

    def predict(self, decoded: Tensor, number: int) -> Tensor:
        last = self.weight.size(1) // 2 + 1
        if number:
            return super().predict(decoded, number)
        return self.everywhere(decoded)[:, :, :last].flatten(2)


class NotFinite(Raster):
    """Divides by what is zero where nothing is decoded."""

    def everywhere(self, latents: Tensor) -> Tensor:
        seen = super().everywhere(latents)
        return seen / seen


class OneMorePass(Raster):
    """Declares a pass that has no position."""

    def passes(self, height: int, width: int) -> int:
        return super().passes(height, width) + 1


class OneFewerPass(Raster):
    """Declares too few passes."""

    def passes(self, height: int, width: int) -> int:
        return max(1, super().passes(height, width) - 1)


class OtherPadding(AtOnce):
    """The encoder pads with the opposite side, which is decoded before where it is above."""

    def predict_all(self, latents: Tensor) -> Tensor:
        weight = self.weight * (torch.arange(9) < 3).reshape(3, 3)
        left = self.weight * (torch.arange(9) == 3).reshape(3, 3)
        above = F.pad(F.pad(latents, [1, 1, 0, 0], "circular"), [0, 0, 1, 1])
        predicted = F.conv2d(above, weight) + F.conv2d(latents, left, padding=1)
        return predicted.unflatten(1, (2, -1))


class AtOnceInFloat32(AtOnce):
    """The encoder predicts with fewer digits."""

    def predict_all(self, latents: Tensor) -> Tensor:
        return self.everywhere(latents.float() / 3) * 3


class Knowing(Raster):
    """Keeps what it knew at pass 0, for all passes."""

    def predict(self, decoded: Tensor, number: int) -> Tensor:
        if number == 0:
            self.known = decoded.clone()
        return super().predict(self.known, number)


class DrawnAnew(Raster):
    """Weights that are others in each process."""

    drawn = itertools.count()

    def seed(self) -> int:
        return next(self.drawn)


class OrderDrawnAnew(Raster):
    """Right weights, and an order that is another one in each process."""

    drawn = itertools.count()

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.turned = next(self.drawn) % 2

    def schedule(self, height: int, width: int) -> Tensor:
        schedule = super().schedule(height, width)
        return height * width - 1 - schedule if self.turned else schedule

    def seen(self) -> Tensor:
        return torch.arange(9) > 4 if self.turned else super().seen()


class OverTheBatch(Raster):
    """Normalised by the variance over the batch."""

    def everywhere(self, latents: Tensor) -> Tensor:
        seen = super().everywhere(latents)
        return seen / (1 + seen.var(0, correction=0))


class OverTheBatchAtOnce(Raster):
    """The same where all is predicted at once."""

    def predict_all(self, latents: Tensor) -> Tensor:
        seen = self.everywhere(latents)
        return seen / (1 + seen.var(0, correction=0))


class Untrained(Raster):
    """Weights of zero."""

    def seen(self) -> Tensor:
        return torch.zeros(9)
