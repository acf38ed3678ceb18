"""pytest-lic: a pytest plugin that keeps learned image codecs from getting worse.

What a project is made of:

codec                 the protocol of a codec, and families of operating points
levels                the range of a codec's rate control
rate_matching         the level at which a codec codes each image at a rate asked for
component             a kind of component, and whose paper it is of
container             the layout of a bitstream, for codecs that have none of their own
quantizer             what a quantizer under test must do
vector_quantizer      what a vector quantizer under test must do
context_model         what a context model under test must do
sampler               what a sampler of relative-entropy coding under test must do
entropy_coder         what an entropy coder or a table maker under test must do
probability_tables    tables as an entropy coder under test gets them
errors                every error that is raised on purpose
hookspecs             the hooks for ``conftest.py`` files and plugins
adapters              ready-made codec families
properties            what must hold of every quantizer, entropy coder, context model, sampler
strategies            hypothesis strategies for the inputs of a codec's parts

What runs it:

plugin                pytest's hooks and fixtures
cli                   the ``pytest-lic`` command
commands              its subcommands
session               pytest's side of a run
run                   one run: its parts, and what it does to the baselines
project               options, codecs and configuration of the project under test
images                images to code
measuring             rate and quality of cells, and BD-rates of curves
timing                times, and those that were saved
costs                 operations, weights and memory that coding takes
checks                of a codec: repeated, elsewhere, on old and on damaged bitstreams
ab                    two commits compared
ablation              the effect of one component
baselines             what is recorded, and the comparison with it
results               what a run found out, and its file
engines               the shards of a run, on this machine or on clusters
merging               the results of many shards made those of one run
report                results in words, tables and pages
system                processes, files, git, environment
"""

from typing import TYPE_CHECKING

from pytest_lic import properties
from pytest_lic.codec import (
    Codec,
    CodecFamily,
    SupportsDecoderStages,
    SupportsEncoderLatents,
    SupportsEstimate,
    SupportsLatents,
    SupportsMemoryFormat,
    SupportsParts,
    SupportsPasses,
    SupportsRateControl,
    SupportsRemarks,
    SupportsStages,
    SupportsWeights,
)
from pytest_lic.component import ComponentKind
from pytest_lic.context_model import ContextModel, ContextModelUnderTest
from pytest_lic.entropy_coder import CoderUnderTest, EntropyCoder, TableMaker
from pytest_lic.levels import Levels
from pytest_lic.quantizer import Quantizer, QuantizerUnderTest
from pytest_lic.sampler import Sampler, SamplerUnderTest
from pytest_lic.vector_quantizer import VectorQuantizer, VectorQuantizerUnderTest

if TYPE_CHECKING:
    from pytest_lic.measuring.grid import Cell, Curve
    from pytest_lic.measuring.metrics.base import Metric
    from pytest_lic.probability_tables import ProbabilityTables
    from pytest_lic.session.gate import Gate

__all__ = [
    "Cell",
    "Codec",
    "CodecFamily",
    "CoderUnderTest",
    "ComponentKind",
    "ContextModel",
    "ContextModelUnderTest",
    "Curve",
    "EntropyCoder",
    "Gate",
    "Levels",
    "Metric",
    "ProbabilityTables",
    "Quantizer",
    "QuantizerUnderTest",
    "Sampler",
    "SamplerUnderTest",
    "SupportsDecoderStages",
    "SupportsEncoderLatents",
    "SupportsEstimate",
    "SupportsLatents",
    "SupportsMemoryFormat",
    "SupportsParts",
    "SupportsPasses",
    "SupportsRateControl",
    "SupportsRemarks",
    "SupportsStages",
    "SupportsWeights",
    "TableMaker",
    "VectorQuantizer",
    "VectorQuantizerUnderTest",
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
    if name == "Metric":
        from pytest_lic.measuring.metrics.base import Metric

        return Metric
    if name == "ProbabilityTables":
        from pytest_lic.probability_tables import ProbabilityTables

        return ProbabilityTables
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
