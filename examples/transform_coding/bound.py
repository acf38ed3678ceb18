"""Shannon's bound: the fewest bits a point that any code can spend at a squared error.

Blahut, "Computation of channel capacity and rate-distortion functions", 1972,
https://doi.org/10.1109/TIT.1972.1054855, and Arimoto, the same year.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from source import Grid


class BoundPoint(NamedTuple):
    """A point of the rate–distortion function.

    Attributes:
        rate: bits a point.
        distortion: squared error a point.
        slack: by how many bits, at most, rate + λ · distortion is above the least there is.
    """

    rate: float
    distortion: float
    slack: float


def blahut_arimoto(source: Grid, lmbda: float, slack: float = 0.01) -> BoundPoint:
    """Where the rate–distortion function of the source has the slope −λ.

    Args:
        source: its squares are also what may be decoded.
        lmbda: bits that a squared error is worth.
        slack: stop once rate + λ · distortion is at most so many bits above the least.
    """
    p = source.masses
    apart = (source.ticks[:, None] - source.ticks).square()
    # A squared error is a sum over both axes, so the m² × m² matrix 2^(−λ · error) is never made:
    # to multiply by it is to multiply by its factor for one axis from either side.
    kernel = torch.exp2(-lmbda * apart)
    q = torch.full_like(p, 1 / p.numel())  # of what is decoded
    while True:
        reached = (kernel @ q @ kernel).clamp(min=1e-300)  # 0 / 0 far from the banana
        growth = kernel @ (p / reached) @ kernel
        spared = float(torch.special.xlog1py(q * growth, growth - 1).sum()) / math.log(2)
        above = float(growth.max().log2()) - spared
        if above <= slack:
            break
        q = q * growth**1.9  # Blahut's exponent is 1; up to 2 it comes to the same, sooner
        q = q / q.sum()
    errors = (kernel * apart) @ q @ kernel + kernel @ q @ (kernel * apart)
    distortion = float((p * errors / reached).sum())
    spent = -float((p * reached.log2()).sum())
    return BoundPoint(spent - spared - lmbda * distortion, distortion, above)


def shannon_lower_bound(entropy: float, distortion: float) -> float:
    """Bits a point in the plane: what a bound can't be below, and comes near at a small error.

    Args:
        entropy: differential, in bits.
        distortion: squared error a point, over both coordinates.
    """
    return entropy - math.log2(math.pi * math.e * distortion)
