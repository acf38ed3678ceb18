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
class Bits:
    """One variant at one quality, in means over the images, or why it has none.

    Attributes:
        family: its name.
        label: the variant.
        quality: label of the operating point.
        bpp: of whole bitstreams.
        change: percent of the reference's bpp at that quality; negative is fewer.
        distortion: by the metric that is asked for.
        excess: percent that bitstreams are longer than their likelihoods estimate.
        passes: in which the first image is decoded.
        parameters: of the network.
        encode: seconds of an image, in one go.
        decode: the same.
    """

    family: str
    label: str
    quality: str
    bpp: float | Unavailable
    change: float | None = None
    distortion: float | None = None
    excess: float | None = None
    passes: int | None = None
    parameters: int | None = None
    encode: float | None = None
    decode: float | None = None


@dataclass(frozen=True)
class Table:
    """The variants of one group in one setting, the reference first.

    ``reference`` is its family's name, or None where the group lacks it. ``timed`` names the
    images and ``qualities`` the qualities whose times were taken. ``bits`` compares single
    qualities, where a variant has too few for a curve.
    """

    tags: Mapping[str, str]
    setting: Setting
    corpus_digest: str
    reference: str | None
    rows: tuple[Variant, ...]
    timed: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    bits: tuple[Bits, ...] = ()


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
