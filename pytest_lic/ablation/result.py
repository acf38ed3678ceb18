"""An ablation's question and its results: values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_lic.ablation import turns
from pytest_lic.errors import Unavailable
from pytest_lic.measuring.grid import Setting
from pytest_lic.measuring.rate_distortion import BD, CurveMetric, RDCurve


@dataclass(frozen=True)
class Question:
    """What an ablation is to tell.

    ``by`` are the tags whose effect is wanted, mostly one. ``reference`` is a variant, or None for
    the usual one; ``repetitions`` of the times are taken, none with 0.
    """

    by: tuple[str, ...]
    reference: str | None = None
    metric: CurveMetric = "psnr"
    repetitions: int = 3


@dataclass(frozen=True)
class Variant:
    """One variant: ``anchors`` maps each anchor to the BD-rate against it.

    ``rate`` and ``quality`` are BD-rate and BD-PSNR against the reference; None for itself.
    ``times`` holds its seconds, or the reason why they are missing; ``encode`` and ``decode`` the
    ratios to the reference's.
    """

    family: str
    label: str
    fingerprints: Mapping[str, str | None]
    curve: RDCurve | Unavailable
    anchors: Mapping[str, BD]
    rate: BD | None
    quality: BD | None
    times: turns.Times | Unavailable
    encode: turns.TimeRatio | None = None
    decode: turns.TimeRatio | None = None


@dataclass(frozen=True)
class Table:
    """The variants of one group in one setting, the reference first.

    ``reference`` is its family's name, or None where the group lacks it. ``timed`` names the
    images and ``qualities`` the qualities whose times were taken.
    """

    tags: Mapping[str, str]
    setting: Setting
    corpus_digest: str
    reference: str | None
    rows: tuple[Variant, ...]
    timed: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ablation:
    """All tables; ``alone`` names the codecs that differ from all others in more than ``by``.

    ``anchors`` are the anchors' curves in each setting, or the reasons why they have none.
    ``measured`` points were measured now, ``earlier`` ones by earlier runs.
    """

    question: Question
    threads: int
    tables: tuple[Table, ...]
    anchors: Mapping[str, Mapping[str, RDCurve | Unavailable]]
    alone: tuple[str, ...]
    measured: int
    earlier: int
