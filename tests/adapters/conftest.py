"""Each family of image files, and a photograph."""

from __future__ import annotations

import pytest
import torch

from pytest_lic.codec import CodecFamily
from tests.helpers.image_files import FAMILIES, batch_of


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> CodecFamily:
    return FAMILIES[request.param]


@pytest.fixture(scope="module")
def photograph() -> torch.Tensor:
    """160 × 144 pixels of a face, (1, 3, 144, 160)."""
    from skimage.data import astronaut

    return batch_of(astronaut()[40:184, 140:300])
