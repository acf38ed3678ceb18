"""Linear and non-linear transform codes, trained by gradient descent.

x ─► analysis ─► y ─► rounded, each coordinate on its own ─► ŷ ─► synthesis ─► x̂

Ballé et al., "Nonlinear transform coding", 2021, https://arxiv.org/abs/2007.03034.
"""

from __future__ import annotations

import math

import torch
from codes import Code, Coded
from source import draw
from torch import Tensor, nn

from lic_models.components import Factorized, MixedQuantizer, QuantisedCoding
from lic_models.components.entropy_models.base import Rated
from pytest_lic.errors import UsageError


class TransformCode(Code):
    """Two transforms of the plane, and between them the latent coding of image codecs here.

    Args:
        analysis: (n, 2) → (n, 2).
        synthesis: the way back.

    Attributes:
        step: of the rounding. `train` sets the one that suits its λ, so that the transforms need
            not find their scale.
    """

    def __init__(self, analysis: nn.Module, synthesis: nn.Module) -> None:
        super().__init__()
        self.step = 1.0
        self.analysis, self.synthesis = analysis, synthesis
        self.coding = QuantisedCoding(MixedQuantizer(), Factorized())
        self.coding.build(2, "TransformCode")
        self.quantizer, self.entropy_model = self.coding.parts.values()

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Decoded points and the bits of each, with noise for rounding while it trains."""
        rated = self._rated(points)
        return self.synthesised(rated.values), _bits(rated)

    def coded(self, points: Tensor) -> Coded:
        """See `Code`."""
        rated = self._rated(points)
        cells = rated.values[0, :, 0].T.unique(dim=0, return_inverse=True)[1]
        return Coded(self.synthesised(rated.values), _bits(rated), cells)

    @torch.no_grad()
    def encode(self, points: Tensor) -> bytes:
        """See `Code`."""
        (string,) = self.coding.compress(self.analysed(points)[0])
        return string

    @torch.no_grad()
    def decode(self, string: bytes, count: int) -> Tensor:
        """See `Code`."""
        return self.synthesised(self.coding.decompress([string], (1, count))[None])

    def analysed(self, points: Tensor) -> Tensor:
        """Points (n, 2) as a latent of two channels and n positions: (1, 2, 1, n)."""
        return self.analysis(points).T[None, :, None] / self.step

    def synthesised(self, latents: Tensor) -> Tensor:
        """The way back."""
        return self.synthesis(latents[0, :, 0].T * self.step)

    def _rated(self, points: Tensor) -> Rated:
        return self.coding.forward(self.analysed(points))


def linear() -> TransformCode:
    """A matrix and another, which begin as the identity: cells are parallelograms, all alike."""
    transforms = nn.Linear(2, 2), nn.Linear(2, 2)
    for transform in transforms:
        nn.init.eye_(transform.weight)
    return TransformCode(*transforms)


def nonlinear(width: int = 64) -> TransformCode:
    """Two small networks: cells take any shape."""

    def network() -> nn.Module:
        layers = [nn.Linear(2, width), nn.Softplus(), nn.Linear(width, width), nn.Softplus()]
        return nn.Sequential(*layers, nn.Linear(width, 2))

    return TransformCode(network(), network())


def train(code: TransformCode, lmbda: float, steps: int, batch: int = 512) -> None:
    """Make bits + λ · squared error small, and then the tables to code with.

    A code that was trained at another λ goes on from there.
    """
    code.step = 3 / math.sqrt(lmbda)
    points = draw(batch * 64, seed=1)
    code.entropy_model.build(2)  # expects nothing that another λ has taught it
    with torch.no_grad():
        code.coding.fit(code.analysed(points))
    slow = list(code.entropy_model.parameters())
    fast = [*code.analysis.parameters(), *code.synthesis.parameters()]
    optimizer = torch.optim.Adam([{"params": fast, "lr": 4e-3}, {"params": slow, "lr": 1e-2}])
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [group["lr"] for group in optimizer.param_groups], total_steps=steps
    )
    code.train()
    for step in range(steps):
        x = points[torch.arange(step * batch, (step + 1) * batch) % len(points)]
        decoded, bits = code(x)
        loss = (bits + lmbda * (decoded - x).square().sum(1)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    if not bool(torch.isfinite(loss)):
        raise UsageError(f"train: the loss is {float(loss)} at λ = {lmbda}; take a smaller one")
    code.eval()
    code.coding.update()


def _bits(rated: Rated) -> Tensor:
    """(n,)."""
    (likelihoods,) = rated.likelihoods.values()
    return -likelihoods.log2()[0].sum((0, 1))
