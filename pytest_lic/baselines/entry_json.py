"""One baseline as the JSON object, or entry, that a file has of it, and read back from it.

``mean`` is there for the reader of a diff and never read back. Why a metric is unavailable is not
stored: it belongs to the machine, not to the codec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pytest_lic.baselines.layered import named_in
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.measuring.measure import ImageResult, Measurement
from pytest_lic.measuring.metrics import DEFAULTS, METRICS
from pytest_lic.system.environment import Environment
from pytest_lic.system.typed_json import Count, Finite

_KEYS = tuple(metric.name for metric in DEFAULTS)
"""Metrics that have a key of their own in an image's object; others stand under ``metrics``."""
_VARIANTS = {metric.name: metric.variant_field for metric in DEFAULTS if metric.variant_field}
"""Metric → the key under which its variant is written; others stand under ``variants``."""

if TYPE_CHECKING:
    ImageEntry = Any
else:
    ImageEntry = msgspec.defstruct(
        "ImageEntry",
        [
            ("height", Count),
            ("width", Count),
            ("bytes", Count),
            ("payload", Annotated[int, Meta(ge=0)] | None),
            ("lossless", bool),
            *((metric, Finite | UnsetType, UNSET) for metric in _KEYS),
            ("metrics", dict[str, Finite] | UnsetType, UNSET),
            ("bitstream", str),
            ("reconstruction", str),
        ],
        module=__name__,
        frozen=True,
        kw_only=True,
    )
    """One image, with the metrics that are available; in the order in which they are written."""

_FIELDS = {field.name for field in fields(ImageResult)} - {"metrics", "unavailable"}


class _Origin(msgspec.Struct, frozen=True, kw_only=True, rename={"lmbda": "lambda"}):
    """Of what a baseline is, and where it was recorded."""

    family: str | UnsetType = UNSET
    corpus: str
    digest: str
    resolution: str
    quality: str
    lmbda: Finite | None
    environment: Annotated[str, Meta(description="a key of environments")]
    device: str
    batch: Count
    left_out: list[str]


if TYPE_CHECKING:
    _Variants = _Origin
else:
    _Variants = msgspec.defstruct(
        "_Variants",
        [
            *((key, str | UnsetType, UNSET) for key in _VARIANTS.values()),
            ("variants", dict[str, str] | UnsetType, UNSET),
        ],
        bases=(_Origin,),
        module=__name__,
        frozen=True,
        kw_only=True,
    )


class Entry(_Variants, frozen=True, kw_only=True):
    """One baseline; its environment by digest alone."""

    mean: dict[str, float] = msgspec.field(default_factory=dict)
    images: Annotated[dict[str, ImageEntry], Meta(min_length=1)]


def entry_of(measurement: Measurement, family: str | UnsetType = UNSET) -> Entry:
    """The entry of one measurement; without the ``family`` where its file names that."""
    cell = measurement.cell
    known = next(iter(measurement.images.values())).metrics if measurement.images else {}
    means = {
        name: round(mean, metric.mean_decimals)
        for name, metric in METRICS.items()
        if (name in known or not metric.of_pixels) and (mean := measurement.mean(name)) is not None
    }
    return Entry(
        family=family,
        corpus=cell.setting.corpus,
        digest=measurement.corpus_digest,
        resolution=cell.setting.resolution,
        quality=cell.quality,
        lmbda=measurement.lmbda,
        environment=measurement.environment.digest,
        device=cell.setting.device,
        batch=cell.setting.batch,
        left_out=list(measurement.left_out),
        **variant_keys(measurement.variants),
        mean=means,
        images={name: _image_entry(image) for name, image in measurement.images.items()},
    )


def measurement_of(
    entry: Entry, family: str, environments: Mapping[str, Environment]
) -> Measurement:
    """The measurement of an entry.

    Raises:
        ValueError: its environment is not among the environments.
    """
    setting = Setting(entry.corpus, entry.resolution, entry.batch, entry.device)
    return Measurement(
        Cell(family, entry.quality, setting),
        entry.digest,
        entry.lmbda,
        named_in(environments, entry.environment),
        {name: _image_result(image) for name, image in entry.images.items()},
        tuple(entry.left_out),
        variants_in(msgspec.structs.asdict(entry)),
    )


def variant_keys(variants: Mapping[str, str]) -> dict[str, Any]:
    """What stands in an entry of the metrics' variants."""
    own = {key: variants[name] for name, key in _VARIANTS.items() if name in variants}
    others = {name: variant for name, variant in variants.items() if name not in _VARIANTS}
    return own | ({"variants": others} if others else {})


def variants_in(stored: Mapping[str, Any]) -> dict[str, str]:
    """The variants back from an entry's keys."""
    own = {name: stored[key] for name, key in _VARIANTS.items() if stored.get(key)}
    return own | (stored.get("variants") or {})


def same_results(one: Measurement, other: Measurement) -> bool:
    """Whether two measurements would be recorded with the same numbers and digests."""
    return one.lmbda == other.lmbda and entry_of(one).images == entry_of(other).images


def _image_entry(image: ImageResult) -> ImageEntry:
    shared = {name: getattr(image, name) for name in _FIELDS}
    own = {name: value for name, value in image.metrics.items() if name in _KEYS}
    others = {name: value for name, value in image.metrics.items() if name not in _KEYS}
    return ImageEntry(**shared, **own, metrics=others or UNSET)


def _image_result(entry: ImageEntry) -> ImageResult:
    values = {metric: getattr(entry, metric) for metric in _KEYS}
    metrics = {metric: value for metric, value in values.items() if value is not UNSET}
    return ImageResult(
        entry.height,
        entry.width,
        entry.bytes,
        entry.payload,
        metrics | (entry.metrics or {}),
        {},
        entry.lossless,
        entry.bitstream,
        entry.reconstruction,
    )
