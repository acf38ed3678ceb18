"""Pixels for tests of crops."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage


def pixels(png: bytes) -> NDArray[np.uint8]:
    with PillowImage.open(io.BytesIO(png)) as opened:
        return np.asarray(opened)
