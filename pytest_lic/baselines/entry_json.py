"""One baseline entry as JSON and back.

``mean`` is there for the reader of a diff and never read back. Why a metric is unavailable is not
stored: it belongs to the machine, not to the codec.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_lic.baselines.json_file import as_object, count, environment_named, number, shown, taken
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.measuring.measure import ImageResult, Measurement
from pytest_lic.measuring.metrics import METRICS, QUALITIES
from pytest_lic.system.environment import Environment


def entry_to_json(measurement: Measurement) -> dict[str, Any]:
    """The JSON object of one measurement, its environment by digest alone."""
    cell = measurement.cell
    means = {
        name: round(mean, metric.mean_decimals)
        for name, metric in METRICS.items()
        if (mean := measurement.mean(name)) is not None
    }
    return {
        "corpus": cell.setting.corpus,
        "digest": measurement.corpus_digest,
        "resolution": cell.setting.resolution,
        "quality": cell.quality,
        "lambda": measurement.lmbda,
        "environment": measurement.environment.digest,
        "device": cell.setting.device,
        "batch": cell.setting.batch,
        "left_out": list(measurement.left_out),
        **{METRICS[name].variant_field: of for name, of in measurement.variants.items()},
        "mean": means,
        "images": {
            name: {
                "height": image.height,
                "width": image.width,
                "bytes": image.bytes,
                "payload": image.payload,
                "lossless": image.lossless,
                **{
                    metric: image.metrics[metric] for metric in QUALITIES if metric in image.metrics
                },
                "bitstream": image.bitstream,
                "reconstruction": image.reconstruction,
            }
            for name, image in measurement.images.items()
        },
    }


def entry_from_json(
    family: str, value: object, environments: Mapping[str, Environment]
) -> Measurement:
    """The measurement of a JSON object that `entry_to_json` made.

    Raises:
        ValueError: anything that it would not have made; the text says what, and where.
    """
    stored = as_object(value)
    environment = environment_named(stored, environments)
    images = taken(stored, "images", dict)
    if not images:
        raise ValueError("it has no images")
    left_out = taken(stored, "left_out", list)
    if not all(isinstance(name, str) for name in left_out):
        raise ValueError(f"left_out is {shown(left_out)}; expected names")
    setting = Setting(
        taken(stored, "corpus", str),
        taken(stored, "resolution", str),
        count(stored, "batch"),
        taken(stored, "device", str),
    )
    return Measurement(
        Cell(family, taken(stored, "quality", str), setting),
        taken(stored, "digest", str),
        number(stored, "lambda"),
        environment,
        {name: _image(name, image) for name, image in images.items()},
        tuple(left_out),
        {
            name: taken(stored, metric.variant_field, str)
            for name, metric in METRICS.items()
            if metric.variant_field in stored
        },
    )


def _image(name: str, value: object) -> ImageResult:
    try:
        stored = as_object(value)
        found = {metric: number(stored, metric) for metric in QUALITIES}
        return ImageResult(
            height=count(stored, "height"),
            width=count(stored, "width"),
            bytes=count(stored, "bytes"),
            payload=None if stored.get("payload") is None else count(stored, "payload", least=0),
            metrics={metric: value for metric, value in found.items() if value is not None},
            unavailable={},
            lossless=taken(stored, "lossless", bool),
            bitstream=taken(stored, "bitstream", str),
            reconstruction=taken(stored, "reconstruction", str),
        )
    except ValueError as error:
        raise ValueError(f"image {name}: {error}") from error
