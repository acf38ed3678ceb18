"""`adapt`: proxies and the likelihood's scale are as the codec's own training left them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from lic_models.codec import LearnedCodec
from lic_models.command_line.training_images import training_images
from lic_models.components import (
    ConvolutionalTransform,
    MultiCodebookQuantizer,
    SoftToHardQuantizer,
    VectorQuantisedCoding,
)
from lic_models.training.adaptation import Schedule, Way, adapt
from pytest_lic.errors import UsageError
from tests.helpers.image_folders import write_image

pytestmark = pytest.mark.usefixtures("one_thread")


def vector_quantised(quantizer: SoftToHardQuantizer | MultiCodebookQuantizer) -> LearnedCodec:
    torch.manual_seed(0)
    transform = ConvolutionalTransform(channels=4, latent_channels=4)
    return LearnedCodec(transform, latent_coding=VectorQuantisedCoding(quantizer))


def first_step(
    folder: Path, way: Way = "encoder", distortion: str = "mse", scale: float | None = None
) -> Mapping[str, float]:
    write_image(folder / "1.png")
    schedule = Schedule(
        0.5,
        distortion,
        steps=1,
        batch_size=1,
        crop_size=16,
        scale=scale,  # type: ignore[arg-type]
    )
    codec, told = vector_quantised(SoftToHardQuantizer(4, 2)), []
    adapt(codec, training_images(str(folder), 16), way, schedule, lambda _, each: told.append(each))
    return told[0]


def test_a_proxy_that_was_annealed_stays_as_it_was_at_the_end(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png")
    images, schedule = training_images(str(tmp_path), 16), Schedule(0.01, steps=1, crop_size=16)
    soft, drawn = SoftToHardQuantizer(4, 2), MultiCodebookQuantizer(4, 2)
    for quantizer in (soft, drawn):
        adapt(vector_quantised(quantizer), images, "all", schedule, lambda *_: None)
    assert soft.sigma == soft.sigma_end != soft.sigma_start
    assert drawn.temperature == drawn.temperature_end != drawn.temperature_start


def test_a_laplace_likelihood_keeps_the_scale_that_was_learned(tmp_path: Path) -> None:
    narrow, wide = (first_step(tmp_path, "encoder", "laplace", scale) for scale in (0.01, 1.0))
    assert narrow["laplace"] == wide["laplace"]
    errors = narrow["loss"] - narrow["bpp"], wide["loss"] - wide["bpp"]
    expected = [
        0.5 * (wide["laplace"] / scale + torch.tensor(scale).log().item()) for scale in (0.01, 1.0)
    ]
    assert errors == pytest.approx(expected, rel=1e-4)


def test_a_laplace_likelihood_without_a_scale_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="laplace: no γ"):
        first_step(tmp_path, distortion="laplace")
