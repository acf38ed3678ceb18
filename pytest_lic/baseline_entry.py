"""One baseline entry as JSON and back.

Every value is checked on the way back: people edit these files, and so do merges.
``mean`` is there for the reader of a diff and never read back. Why a metric is unavailable is not
stored: it belongs to the machine, not to the codec.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pytest_lic.environment import Environment
from pytest_lic.grid import Cell, Setting
from pytest_lic.measure import ImageResult, Measurement
from pytest_lic.metrics import METRICS

_MOST = 2**48  # pixels and bytes beyond it are a slip, and overflow what is computed from them
_T = TypeVar("_T")


def entry_to_json(measurement: Measurement) -> dict[str, Any]:
    """The JSON object of one measurement, its environment by digest alone."""
    cell = measurement.cell
    means = {
        metric: round(mean, METRICS[metric].digits + 2)
        for metric in METRICS
        if (mean := measurement.mean(metric)) is not None
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
        **({"lpips_net": measurement.lpips_net} if measurement.lpips_net else {}),
        "mean": means,
        "images": {
            name: {
                "height": image.height,
                "width": image.width,
                "bytes": image.bytes,
                "payload": image.payload,
                "lossless": image.lossless,
                **{metric: image.metrics[metric] for metric in METRICS if metric in image.metrics},
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
    environment = taken(stored, "environment", str)
    if environment not in environments:
        raise ValueError(f"environment {environment!r} is not among the environments")
    images = taken(stored, "images", dict)
    if not images:
        raise ValueError("it has no images")
    left_out = taken(stored, "left_out", list)
    if not all(isinstance(name, str) for name in left_out):
        raise ValueError(f"left_out is {_shown(left_out)}; expected names")
    setting = Setting(
        taken(stored, "corpus", str),
        taken(stored, "resolution", str),
        _count(stored, "batch"),
        taken(stored, "device", str),
    )
    return Measurement(
        Cell(family, taken(stored, "quality", str), setting),
        taken(stored, "digest", str),
        _number(stored, "lambda"),
        environments[environment],
        {name: _image(name, image) for name, image in images.items()},
        tuple(left_out),
        taken(stored, "lpips_net", str) if "lpips_net" in stored else None,
    )


def environment_from_json(value: object) -> Environment:
    """The environment of a JSON object that `Environment.to_json` made.

    Raises:
        ValueError: as `entry_from_json`.
    """
    stored = as_object(value)
    return Environment(
        python=taken(stored, "python", str),
        system=taken(stored, "system", str),
        processor=taken(stored, "processor", str),
        instructions=taken(stored, "instructions", str),
        device=taken(stored, "device", str),
        threads=_count(stored, "threads"),
        packages=taken(stored, "packages", dict),
        variables=taken(stored, "variables", dict),
    )


def as_object(value: object) -> dict[str, Any]:
    """``value`` itself, if it is a JSON object; ValueError if not."""
    if not isinstance(value, dict):
        raise ValueError(f"{_shown(value)} stands where an object is expected")
    return value


def taken(stored: Mapping[str, Any], key: str, kind: type[_T]) -> _T:
    """The value of ``key``; ValueError where it is missing or of another type."""
    if key not in stored:
        raise ValueError(f"{key!r} is missing")
    value = stored[key]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{key} is {_shown(value)}; expected {kind.__name__}")
    return value


def _image(name: str, value: object) -> ImageResult:
    try:
        stored = as_object(value)
        metrics = {metric: _number(stored, metric) for metric in METRICS if metric != "bpp"}
        return ImageResult(
            height=_count(stored, "height"),
            width=_count(stored, "width"),
            bytes=_count(stored, "bytes"),
            payload=None if stored.get("payload") is None else _count(stored, "payload", least=0),
            metrics={metric: number for metric, number in metrics.items() if number is not None},
            unavailable={},
            lossless=taken(stored, "lossless", bool),
            bitstream=taken(stored, "bitstream", str),
            reconstruction=taken(stored, "reconstruction", str),
        )
    except ValueError as error:
        raise ValueError(f"image {name}: {error}") from error


def _count(stored: Mapping[str, Any], key: str, least: int = 1) -> int:
    count = taken(stored, key, int)
    if not least <= count < _MOST:
        raise ValueError(f"{key} is {_shown(count)}; expected {least} to 2^48")
    return count


def _number(stored: Mapping[str, Any], key: str) -> float | None:
    """A finite number, or None where there is none."""
    number = stored.get(key)
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < _MOST:
        raise ValueError(f"{key} is {_shown(number)}; expected a finite number")
    return float(number)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
