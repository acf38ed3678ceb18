"""Values with their tensors on a device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def moved(value: Any, device: str) -> Any:
    """``value`` with every tensor in it on ``device``."""
    import torch

    match value:
        case torch.Tensor():
            return value.to(device)
        case torch.Size():
            return value
        case list() | tuple():
            return type(value)([moved(item, device) for item in value])
        case Mapping():
            return {key: moved(item, device) for key, item in value.items()}
    return value
