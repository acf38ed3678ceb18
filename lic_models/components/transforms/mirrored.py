"""Convolutions that see an image's content mirrored beyond its edges, in place of zeros."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def mirrored(values: Tensor, width: int) -> Tensor:
    """(B, C, h, w) with ``width`` more positions on each side, mirrored about the outermost.

    Where there are no more positions than that, the outermost is repeated.
    """
    enough = min(values.shape[-2:]) > width
    return F.pad(values, (width,) * 4, "reflect" if enough else "replicate")


class MirroredConv2d(nn.Conv2d):
    """A convolution of a mirrored input: (in, out, kernel, stride, padding), each one number."""

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, h, w) → (B, D, h', w'), sizes as without mirroring."""
        (padding, _) = self.padding
        padded = mirrored(values, int(padding)) if padding else values
        return F.conv2d(padded, self.weight, self.bias, self.stride)


class MirroredConvTranspose2d(nn.ConvTranspose2d):
    """A transposed one: (in, out, kernel, stride, padding, output_padding), each one number."""

    def forward(self, values: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, h, w) → (B, D, h', w'), sizes as without mirroring."""
        (side, _), (stride, _), (padding, _) = self.kernel_size, self.stride, self.padding
        more = -(-(side // 2) // stride)  # inputs beyond an edge that reach over it
        return F.conv_transpose2d(
            mirrored(values, more),
            self.weight,
            self.bias,
            self.stride,
            (int(padding) + more * stride,) * 2,
            self.output_padding,
        )
