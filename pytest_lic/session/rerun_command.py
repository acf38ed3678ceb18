"""The command line that runs the tests of one cell or curve alone."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from pytest_lic.images.corpus import CONFORMANCE
from pytest_lic.measuring.grid import Cell, Curve
from pytest_lic.project.option_table import METRIC_OPTIONS
from pytest_lic.project.pytest_options import Words
from pytest_lic.rate_matching import target_of

_OF_METRICS = {"metrics", "bd", "ctc", *(option.name for option in METRIC_OPTIONS)}


def rerun_command(
    subject: Cell | Curve,
    marker: str,
    configs: Mapping[str, str],
    corpora: Mapping[str, str],
    words: Words,
) -> str:
    """Such as ``pytest --pyargs pytest_lic.suites -m rd --lic-codec toy --lic-quality 3``.

    Args:
        subject: what is to be tested.
        marker: of the tests.
        configs: family → the file of ``--lic-config`` that describes it, as the user wrote it.
        corpora: corpus → what the user called it.
        words: what the user wrote of the options.
    """
    setting = subject.setting
    quality = subject.quality if isinstance(subject, Cell) else ""
    target = target_of(quality)
    values = {
        "config": configs.get(subject.family, ""),
        "codec": subject.family,
        "quality": quality if target is None else "",
        "target-bpp": "" if target is None else f"{target:g}",
        "corpus": corpora[setting.corpus],
        "resolution": setting.resolution,
        "batch": str(setting.batch),
        "device": setting.device,
    }
    if marker == "rd":
        values |= {name: text for name, text in words.typed.items() if name in _OF_METRICS}
    if setting.corpus == CONFORMANCE:
        del values["corpus"]  # no option asks for it
    command = ["pytest", "--pyargs", "pytest_lic.suites", "-m", marker]
    for name, value in values.items():
        if value and value != words.bare.get(name):
            command += [f"--lic-{name}", value]
    return shlex.join(command)
