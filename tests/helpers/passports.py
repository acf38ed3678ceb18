"""Stamps to lay out in a matrix."""

from __future__ import annotations

from dataclasses import replace

from pytest_lic.checks.passport.stamp import FORMAT, Checked, Side, Stamp
from pytest_lic.system.environment import environment

HERE = environment("cpu", 1)
FINE = Checked("mine", "1", identical=3)
A_LEVEL = Checked("mine", "1", 1, 2, 0, "synthesis", "image0: by a level")
BROKEN = Checked("mine", "1", 1, 1, 1, "hyper-synthesis", "image<1>: by 1e-6")


def stamp(encoder: str, decoder: str, *codecs: Checked) -> Stamp:
    """One of machines whose environments differ in their processor."""
    sides = [Side(name, replace(HERE, processor=f"that of {name}")) for name in (encoder, decoder)]
    return Stamp(FORMAT, sides[0], sides[1], "ab" * 32, codecs)
