"""pytest-lic: a pytest plugin that keeps learned image codecs from getting worse."""

from typing import TYPE_CHECKING

from pytest_lic.codec import Codec, CodecFamily, SupportsLatents, SupportsParts, SupportsStages

if TYPE_CHECKING:
    from pytest_lic.gate import Gate
    from pytest_lic.grid import Cell, Curve

__all__ = [
    "Cell",
    "Codec",
    "CodecFamily",
    "Curve",
    "Gate",
    "SupportsLatents",
    "SupportsParts",
    "SupportsStages",
]


def __getattr__(name: str) -> object:
    # These need pytest and more, which a codec that only registers itself should not pay for.
    if name == "Gate":
        from pytest_lic.gate import Gate

        return Gate
    if name in ("Cell", "Curve"):
        from pytest_lic import grid

        return getattr(grid, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
