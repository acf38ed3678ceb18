"""Bytes at equal qualities, where variants have too few of them for a curve.

Codecs that share a transform code nearly the same latents at a quality, so that what differs is
bytes; what is estimated stands beside them, and what the codec takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import fmean

from pytest_lic.ablation.groups import Group, variant_of
from pytest_lic.ablation.result import Bits, Question
from pytest_lic.codec import Codec, CodecFamily, SupportsEstimate, SupportsPasses, SupportsWeights
from pytest_lic.errors import LicError, Unavailable
from pytest_lic.images.corpus import Corpus
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.measuring.rate_distortion import MIN_POINTS, metric_on
from pytest_lic.run.run import Run


def bits_of(
    run: Run,
    question: Question,
    setting: Setting,
    group: Group[CodecFamily],
    say: Callable[[str], None],
) -> tuple[Bits, ...]:
    """A row for each variant and quality that the reference and one without a curve have.

    Args:
        run: whose codecs and measurements are taken.
        question: what is compared.
        setting: on which images.
        group: the variants.
        say: called with what is being coded.
    """
    reference = group.reference
    short = [one.qualities for one in group.families if len(one.qualities) < MIN_POINTS]
    if reference is None or not short:
        return ()
    rows, axis = [], metric_on(question.metric).name
    for quality in reference.qualities:
        if not any(quality in qualities for qualities in short):
            continue
        first: Bits | None = None
        for family in group.families:
            if quality in family.qualities:
                say(f"coding {setting.id} with {family.name} q{quality}")
                label = variant_of(family, question.by)
                row = _row(run, Cell(family.name, quality, setting), label, axis, first)
                first = row if family is reference else first
                rows.append(row)
    return tuple(rows)


def _row(run: Run, cell: Cell, label: str, metric: str, reference: Bits | None) -> Bits:
    try:
        reason = run.setup.unavailable(cell.family, cell.setting.device)
        if reason is not None:
            return Bits(cell.family, label, cell.quality, Unavailable(reason))
        distortion = run.measurements.of(cell).measurement.mean(metric)
        codec = run.codecs.codec(cell)
        with coding.cpu_threads(run.setup.options.threads):
            return _coded(codec, cell, label, run.setup.corpus(cell), distortion, reference)
    except LicError as error:
        return Bits(cell.family, label, cell.quality, Unavailable(str(error)))


def _coded(
    codec: Codec,
    cell: Cell,
    label: str,
    corpus: Corpus,
    distortion: float | None,
    reference: Bits | None,
) -> Bits:
    sizes, estimates, encode, decode = [], [], [], []
    passes: int | None = None
    first = [corpus.images[0]]  # untimed: a coder makes its tables then, a GPU wakes up
    coding.decode(codec, coding.encode(codec, first, cell.setting.device), first)
    for image in corpus.images:
        pixels = image.width * image.height
        began = time.perf_counter()
        (bitstream,) = coding.encode(codec, [image], cell.setting.device)
        encoded = time.perf_counter()
        coding.decode(codec, [bitstream], [image])
        decode.append(time.perf_counter() - encoded)
        encode.append(encoded - began)
        sizes.append(8 * len(bitstream) / pixels)
        if isinstance(codec, SupportsEstimate):
            (bits,) = codec.estimated_bits(coding.image_batch([image], cell.setting.device))
            estimates.append(bits / pixels)
        if passes is None and isinstance(codec, SupportsPasses):
            passes = len(codec.pass_lengths(bitstream))
    bpp = fmean(sizes)
    compared = None if reference is None else reference.bpp
    return Bits(
        cell.family,
        label,
        cell.quality,
        bpp,
        100 * (bpp / compared - 1) if isinstance(compared, float) else None,
        distortion,
        100 * (bpp / fmean(estimates) - 1) if estimates else None,
        passes,
        sum(weight.numel() for weight in codec.weights())
        if isinstance(codec, SupportsWeights)
        else None,
        fmean(encode),
        fmean(decode),
    )
