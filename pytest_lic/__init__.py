"""pytest-lic: a pytest plugin that keeps learned image codecs from getting worse."""

from typing import TYPE_CHECKING

from pytest_lic import properties
from pytest_lic.codec import (
    Codec,
    CodecFamily,
    SupportsLatents,
    SupportsMemoryFormat,
    SupportsParts,
    SupportsStages,
)
from pytest_lic.entropy_coder import CoderUnderTest, EntropyCoder, TableMaker
from pytest_lic.quantizer import Quantizer, QuantizerUnderTest

if TYPE_CHECKING:
    from pytest_lic.measuring.grid import Cell, Curve
    from pytest_lic.probability_tables import ProbabilityTables
    from pytest_lic.session.gate import Gate

__all__ = [
    "Cell",
    "Codec",
    "CodecFamily",
    "CoderUnderTest",
    "Curve",
    "EntropyCoder",
    "Gate",
    "ProbabilityTables",
    "Quantizer",
    "QuantizerUnderTest",
    "SupportsLatents",
    "SupportsMemoryFormat",
    "SupportsParts",
    "SupportsStages",
    "TableMaker",
    "properties",
]


def __getattr__(name: str) -> object:
    # These need pytest, NumPy and more, which a codec that only registers itself need not pay for.
    if name == "Gate":
        from pytest_lic.session.gate import Gate

        return Gate
    if name in ("Cell", "Curve"):
        from pytest_lic.measuring import grid

        return getattr(grid, name)
    if name == "ProbabilityTables":
        from pytest_lic.probability_tables import ProbabilityTables

        return ProbabilityTables
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
