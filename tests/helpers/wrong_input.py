"""A config of the smallest codec, to be written with something wrong in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

C = "lic_models.components"
TRANSFORM = f"{C}.ConvolutionalTransform"
SMALL = {"channels": 4, "latent_channels": 4, "kernel_sizes": [3, 3, 3, 3]}
GOOD: dict[str, Any] = {
    "model": {"transform": {"class_path": TRANSFORM, "init_args": SMALL}, "start": "random"},
    "data": {
        "class_path": "lic_models.data.ImageFolder",
        "init_args": {"path": "photos", "batch_size": 1, "crop_size": 16, "steps_per_epoch": 1},
    },
    "trainer": {"max_steps": 1},
}


def write(changes: dict[str, Any], name: str = "my.yaml") -> None:
    """`GOOD` with some dotted keys set."""
    document = yaml.safe_load(yaml.safe_dump(GOOD))
    for key, value in changes.items():
        *above, last = key.split(".")
        place = document
        for each in above:
            place = place.setdefault(each, {})
        place[last] = value
    Path(name).write_text(yaml.safe_dump(document, sort_keys=False))


QUANTIZER = "model.quantizer"
NONLINEARITY = "model.transform.init_args.nonlinearity"
