"""Pixels for tests of metrics: seeded noise, and noise over an image."""

from __future__ import annotations

import numpy as np


def random_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def noisy(pixels: np.ndarray, strength: int, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(-strength, strength + 1, pixels.shape)
    return (pixels + noise).clip(0, 255).astype(np.uint8)
