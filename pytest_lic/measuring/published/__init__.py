"""Published rate-distortion curves, kept as numbers with their source, as anchors for BD-rate.

There is one JSON file per data set. A curve holds for the very images that it was measured on,
so it is handed out only for a corpus with that data set's digest.

timings  published times of networks, to look at
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from pytest_lic.errors import UnavailableError, UnknownNameError
from pytest_lic.measuring.rate_distortion import RDCurve

DATASET_DIGESTS: Mapping[str, str] = MappingProxyType({"kodak": "cb8357e1a5fbda17"})
"""Data set → `Corpus.digest` of its images under the names that ``images`` in its file tells.

A data set that is missing here has curves, but its images are not recognised yet.
"""

_FILES = ("kodak.json", "clic2020-mobile.json", "clic2020-professional.json")


@dataclass(frozen=True)
class _DataSet:
    key: str
    title: str
    images: str
    curves: Mapping[str, RDCurve]


def published_names() -> tuple[str, ...]:
    """The names that `published_curve` answers to, sorted."""
    return tuple(sorted({name for data_set in _data_sets() for name in data_set.curves}))


def published_curve(name: str, corpus_digest: str, resolution: str = "native") -> RDCurve:
    """The published curve ``name`` on the data set whose digest is ``corpus_digest``.

    Args:
        name: one of `published_names`.
        corpus_digest: digest of the corpus that the other curve was measured on.
        resolution: of the other curve's cells, ``"native"`` or a number of pixels.

    Raises:
        UnknownNameError: no data set has a curve of that name.
        UnavailableError: the corpus is not a data set that has one, or was cropped.
    """
    holders = [data_set for data_set in _data_sets() if name in data_set.curves]
    if not holders:
        raise UnknownNameError("anchor", name, published_names(), "--lic-anchor")
    if resolution != "native":
        raise UnavailableError(
            f"published curve {name} holds for whole images, not for crops of {resolution} px; "
            "use --lic-resolution native, or name a codec family as the anchor instead"
        )
    for data_set in holders:
        if DATASET_DIGESTS.get(data_set.key) == corpus_digest:
            return data_set.curves[name]
    raise UnavailableError(_not_held(name, corpus_digest, holders))


@cache
def _data_sets() -> tuple[_DataSet, ...]:
    folder = resources.files(__name__)
    return tuple(_read(folder.joinpath(file).read_text(encoding="utf-8")) for file in _FILES)


def _read(text: str) -> _DataSet:
    """A data set's curves, from its file; points run from the lowest rate to the highest."""
    stored = json.loads(text)
    curves = {}
    for name, curve in stored["curves"].items():
        count = len(curve["bpp"])
        curves[name] = RDCurve(
            name=name,
            bpp=tuple(curve["bpp"]),
            psnr=tuple(curve["psnr"]),
            ms_ssim=tuple(curve["ms_ssim"] or [None] * count),
            labels=tuple(str(number) for number in range(1, count + 1)),
            source=f"{stored['title']}, {curve['description']}; {curve['original']} of the "
            f"{stored['source']}",
        )
    return _DataSet(stored["dataset"], stored["title"], stored["images"], MappingProxyType(curves))


def _not_held(name: str, corpus_digest: str, holders: Sequence[_DataSet]) -> str:
    """What to tell somebody whose corpus is none of ``holders``, as far as that can be told."""
    known = [data_set for data_set in holders if data_set.key in DATASET_DIGESTS]
    others = [data_set.title for data_set in holders if data_set.key not in DATASET_DIGESTS]
    verdicts = []
    advice = "name a codec family as the anchor instead"
    if known:
        recognised = _listed([data_set.title for data_set in known])
        verdicts.append(f"this corpus (digest {corpus_digest}) is not {recognised}")
        advice = f"use {known[0].images}, or {advice}"
    if others:
        verdicts.append(f"this release can't recognise {_listed(others)} yet")
    titles = [data_set.title for data_set in holders]
    return (
        f"published curve {name} holds for {_listed(titles)} only; {', and '.join(verdicts)}; "
        f"{advice}"
    )


def _listed(words: Sequence[str]) -> str:
    *rest, last = words
    return f"{', '.join(rest)} and {last}" if rest else last
