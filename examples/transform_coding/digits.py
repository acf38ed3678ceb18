"""Three codes of handwritten digits: how they are built, trained, and written to files.

    python digits.py        trains them; weights go to weights/, held-out digits to images/

The digits are those of scikit-learn, 8 × 8 pixels; ``conftest.py`` makes codecs of the weights.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import vector_code
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from torch import Tensor, nn

from lic_models.codec import LearnedCodec
from lic_models.components import Factorized, MixedQuantizer
from lic_models.components.transforms import Transform
from lic_models.storage.weights_file import write_weights
from lic_models.training.loss import rate_distortion_loss

LAMBDAS = {"1": 0.00005, "2": 0.0002, "3": 0.0005, "4": 0.001}
"""Quality → λ: bits a pixel that a squared error of one of 255 levels is worth."""
STEPS = 400
LATENTS = 24
"""Of a block of 64 pixels."""
VECTORS = {"1": 32, "2": 64, "3": 128, "4": 256}
"""Quality → how many code vectors to begin with."""
WEIGHTS = Path(__file__).parent / "weights"
IMAGES = Path(__file__).parent / "images"
TRAINED_ON = 1297
"""Of the 1797 digits; the other 500 are only coded."""


def blocks() -> Tensor:
    """All digits, (1797, 64), in [0, 1], of 8 bits."""
    levels = np.round(load_digits().data * (255 / 16))
    return torch.from_numpy(levels.astype(np.float32) / 255)


def sheet(some: Tensor, columns: int) -> Tensor:
    """Digits (n, 64) side by side, as an image batch (1, 3, H, W)."""
    rows = some.reshape(-1, columns, 8, 8).transpose(1, 2)
    return rows.reshape(1, 1, -1, 8 * columns).expand(-1, 3, -1, -1)


class Grey(nn.Module):
    """(B, 3, H, W) → (B, 1, H, W), the mean of the three."""

    def forward(self, images: Tensor) -> Tensor:
        """The mean of red, green and blue."""
        return images.mean(1, keepdim=True)


class Colours(nn.Module):
    """(B, 1, H, W) → (B, 3, H, W), three times the same."""

    def forward(self, grey: Tensor) -> Tensor:
        """Grey as red, green and blue."""
        return grey.expand(-1, 3, -1, -1)


class Times(nn.Module):
    """What it gets, times a factor that is set, not trained."""

    factor: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("factor", torch.ones(()))

    def forward(self, values: Tensor) -> Tensor:
        """The product."""
        return values * self.factor


class Bent(nn.Module):
    """A linear layer and a correction by a small network, none at first."""

    def __init__(self, linear: nn.Module, network: nn.Sequential) -> None:
        super().__init__()
        self.linear, self.network = linear, network
        for parameter in network[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, values: Tensor) -> Tensor:
        """The sum of both."""
        return self.linear(values) + self.network(values)


def network(kind: str) -> LearnedCodec:
    """A transform code of 8 × 8 blocks.

    image → grey → block → 24 latents, in steps of 1 / factor → coded → block → grey → image
    """
    to_latents = nn.Conv2d(1, LATENTS, 8, stride=8)
    to_pixels = nn.ConvTranspose2d(LATENTS, 1, 8, stride=8)
    if kind == "non-linear":
        first, last = nn.Conv2d(1, 64, 8, stride=8), nn.Conv2d(64, LATENTS, 1)
        to_latents = Bent(to_latents, nn.Sequential(first, *_hidden(64), last))
        first, last = nn.Conv2d(LATENTS, 64, 1), nn.ConvTranspose2d(64, 1, 8, stride=8)
        to_pixels = Bent(to_pixels, nn.Sequential(first, *_hidden(64), last))
    analysis = nn.Sequential(Grey(), to_latents, Times())
    synthesis = nn.Sequential(Times(), to_pixels, Colours())
    return LearnedCodec(Transform(analysis, synthesis, LATENTS, 8), MixedQuantizer(), Factorized())


def _hidden(width: int) -> list[nn.Module]:
    return [nn.LeakyReLU(), nn.Conv2d(width, width, 1), nn.LeakyReLU()]


def start_from_principal_components(codec: LearnedCodec, digits: Tensor) -> None:
    """Let a code begin as the Karhunen–Loève transform of digits (n, 64)."""
    components = torch.linalg.eigh(digits.T.cov()).eigenvectors[:, -LATENTS:].T
    sides = codec.transform.analysis[1], codec.transform.synthesis[1]
    analysis, synthesis = (side.linear if isinstance(side, Bent) else side for side in sides)
    with torch.no_grad():
        analysis.weight.copy_(components.reshape(LATENTS, 1, 8, 8))
        synthesis.weight.copy_(components.reshape(LATENTS, 1, 8, 8))
        analysis.bias.copy_(-components @ digits.mean(0))
        synthesis.bias.fill_(digits.mean())


def train(codec: LearnedCodec, digits: Tensor, lmbda: float, steps: int) -> None:
    """Make bits a pixel + λ · 255² · MSE small over digits (n, 64), and then the tables.

    A codec that was trained at another λ goes on from there.
    """
    step = 3 / (math.sqrt(lmbda) * 255)
    codec.entropy_model.build(LATENTS)  # expects nothing that another λ has taught it
    with torch.no_grad():
        codec.transform.analysis[-1].factor.fill_(1 / step)
        codec.transform.synthesis[0].factor.fill_(step)
        codec.latent_coding.fit(codec.transform.analysis(sheet(digits, 1)))
    optimizer = torch.optim.Adam(codec.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    codec.train()
    for _ in range(steps):
        images = sheet(digits[torch.randint(len(digits), (256,))], columns=16)
        optimizer.zero_grad(set_to_none=True)
        rate_distortion_loss(codec(images), images, lmbda).total.backward()
        optimizer.step()
        schedule.step()
    codec.eval()
    codec.update()


def train_all(digits: Tensor) -> None:
    """Train each code at each λ on digits (n, 64), highest rate first; write the weights."""
    torch.manual_seed(0)
    for kind in ("linear", "non-linear"):
        codec, steps = network(kind), STEPS
        start_from_principal_components(codec, digits)
        for quality, lmbda in reversed(LAMBDAS.items()):
            train(codec, digits, lmbda, steps)
            write_weights(codec, WEIGHTS / f"{kind}-{quality}.safetensors", {})
            steps = STEPS // 2
    for quality, lmbda in LAMBDAS.items():
        code = vector_code.train(digits, lmbda * 255**2, VECTORS[quality])
        tensors = {"vectors": code.vectors, "counts": torch.from_numpy(code.counts)}
        save_file(tensors, WEIGHTS / f"vector-{quality}.safetensors")


def main() -> None:
    """Train, and write what `conftest.py` and the gate need."""
    torch.set_num_threads(1)
    for folder in (WEIGHTS, IMAGES):
        folder.mkdir(exist_ok=True)
    digits = blocks()
    train_all(digits[:TRAINED_ON])
    for number, some in enumerate(digits[TRAINED_ON:].split(100)):
        pixels = (sheet(some, columns=10)[0] * 255).round().byte().permute(1, 2, 0)
        Image.fromarray(pixels.numpy()).save(IMAGES / f"digits-{number + 1}.png")


if __name__ == "__main__":
    main()
