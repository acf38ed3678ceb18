"""A metric tried on a made image: whether it can be computed here, which way, and how fast."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pytest_lic.errors import LicError, MetricError, is_crash
from pytest_lic.measuring.metrics import quality_metrics
from pytest_lic.measuring.metrics.base import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TIMED_SIZE = (512, 768)
"""Height and width of the image that `seconds` is told of."""


def made_image(height: int, width: int, noise: float = 0.0) -> NDArray[np.uint8]:
    """Waves in three colours under Gaussian noise of that strength: uint8 (H, W, 3)."""
    import numpy as np

    rows, columns = np.mgrid[0:height, 0:width]
    waves = [128 + 100 * np.sin(rows / step + columns / 17) for step in (11, 23, 41)]
    added = np.random.default_rng(0).normal(size=(height, width, 3))
    pixels: NDArray[np.uint8] = (np.stack(waves, -1) + noise * added).clip(0, 255).astype(np.uint8)
    return pixels


def check_direction(metric: Metric) -> None:
    """Have the metric tell a slightly noisy image from a very noisy one.

    Raises:
        MetricError: it finds the very noisy one better, or fails.
    """
    image = made_image(256, 256)
    little, much = (
        quality_metrics(image, made_image(256, 256, noise), [metric], "a test image")[0].get(
            metric.name
        )
        for noise in (3, 40)
    )
    if little is None or much is None:
        return
    try:
        better_with_noise = metric.worse_by(little, much) < 0
    except BaseException as error:
        if not is_crash(error):
            raise
        raise MetricError(
            f"metric {metric.name} can't compare {little:g} with {much:g}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if better_with_noise:
        better = "higher" if metric.higher_is_better else "lower"
        raise MetricError(
            f"metric {metric.name} says that {better} is better, and gives {little:g} for a "
            f"slightly noisy image and {much:g} for a very noisy one: turn higher_is_better round"
        )


def obstacle(metric: Metric) -> str | None:
    """Why the metric can't be computed here, and what to do; None where it can be."""
    pair = made_image(256, 256), made_image(256, 256, 3)
    try:
        unavailable = quality_metrics(*pair, [metric], "a test image")[1]
    except LicError as error:  # weights of another network, or a metric that fails
        return str(error)
    return unavailable.get(metric.name)


def seconds(metric: Metric) -> float:
    """How long it takes for two images of `TIMED_SIZE`, the quickest of three; CPU threads as set.

    Raises:
        LicError: it can't be computed; see `obstacle`.
    """
    pair = made_image(*TIMED_SIZE), made_image(*TIMED_SIZE, 3)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        quality_metrics(*pair, [metric], "a test image")
        times.append(time.perf_counter() - start)
    return min(times)
