"""Families that can't be built, and the grids of them: a grid is only names."""

from __future__ import annotations

from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.measuring.gated_grid import make_grid
from pytest_lic.measuring.grid import Grid
from pytest_lic.measuring.selection import Selection

LAMBDAS = {"1": 0.0018, "2": 0.0067, "3": 0.025, "4": 0.0932}


def family(name: str, **more: object) -> CodecFamily:
    """A family whose network must not be built: a grid is only names."""

    def build(quality: str, device: str) -> Codec:
        raise AssertionError("a grid builds no network")

    given: dict = {"qualities": LAMBDAS, **more}
    return CodecFamily(name, build=build, **given)


FAMILIES = [
    family("fp-gdn", tags={"architecture": "fp", "nonlinearity": "gdn"}),
    family("msh-gdn", tags={"architecture": "msh", "nonlinearity": "gdn"}),
    family("msh-gsdn", tags={"architecture": "msh", "nonlinearity": "gsdn"}),
    family("jpeg", qualities=["30", "60", "90"]),
]


def grid(*families: CodecFamily, **selection: object) -> Grid:
    """The grid of these families, or of all."""
    return make_grid(families or FAMILIES, Selection(**selection))
