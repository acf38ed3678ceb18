"""Other machines, simulated on this one, where a bitstream has to decode alike.

A probability model is computed in floating point on both sides, and whatever adds in another
order rounds otherwise: another number of threads, an older instruction set, another memory
format, another library or device. One such environment is one child process (see
`fresh_process`), since most of this is settled when a process starts.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pytest_lic.errors import UnknownNameError

ALL = "all"
"""Stands for every environment there is."""

# What keeps torch's own kernels, oneDNN and MKL from newer instructions. MKL heeds its
# MKL_ENABLE_INSTRUCTIONS on Intel's processors only, the branch it is told to take on all.
_INSTRUCTIONS = ("ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR")
OLDEST = dict(zip(_INSTRUCTIONS, ("default", "SSE41", "SSE41", "COMPATIBLE"), strict=True))
"""Variables that limit a process to the oldest instructions that torch, oneDNN and MKL know."""
AVX2 = dict(zip(_INSTRUCTIONS, ("avx2", "AVX2", "AVX2", "AVX2"), strict=True))
"""Variables that limit it to AVX2."""


@dataclass(frozen=True)
class SimulatedEnvironment:
    """How a process differs from the run's own.

    Args:
        name: as ``--lic-environments`` takes it.
        meaning: in a few words, for a legend.
        threads: CPU threads, in place of the run's.
        variables: set for the process, whatever they were.
        other_memory_format: codes in the memory format that the codec did not choose (see
            `pytest_lic.codec.SupportsMemoryFormat`).
        mkldnn: whether torch may use oneDNN.
        device: in place of the cell's.
        tf32: whether a GPU may multiply in TF32; None leaves that as it is.
    """

    name: str
    meaning: str
    threads: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    other_memory_format: bool = False
    mkldnn: bool = True
    device: str | None = None
    tf32: bool | None = None


HERE = SimulatedEnvironment("here", "as the run itself")
ENVIRONMENTS: Mapping[str, SimulatedEnvironment] = {
    environment.name: environment
    for environment in (
        HERE,
        SimulatedEnvironment("threads-2", "2 CPU threads", threads=2, device="cpu"),
        SimulatedEnvironment("threads-4", "4 CPU threads", threads=4, device="cpu"),
        SimulatedEnvironment(
            "oldest", "the oldest instruction sets", variables=OLDEST, device="cpu"
        ),
        SimulatedEnvironment("avx2", "instructions up to AVX2", variables=AVX2, device="cpu"),
        SimulatedEnvironment("contiguous", "the other memory format", other_memory_format=True),
        SimulatedEnvironment("no-mkldnn", "without oneDNN", mkldnn=False, device="cpu"),
        SimulatedEnvironment("cuda", "a GPU in float32", device="cuda", tf32=False),
        SimulatedEnvironment("cuda-tf32", "a GPU in TF32", device="cuda", tf32=True),
    )
}
"""Every environment that can be asked for, by name."""


def chosen_environments(names: Collection[str]) -> tuple[SimulatedEnvironment, ...]:
    """The environments of these names, `HERE` first and always; none for no names.

    Raises:
        UnknownNameError: a name that is neither an environment's nor ``all``.
    """
    chosen = set(names)
    for name in names:
        if name != ALL and name not in ENVIRONMENTS:
            known = [*ENVIRONMENTS, ALL]
            raise UnknownNameError("environment", name, known, "--lic-environments")
    if not chosen:
        return ()
    return tuple(
        environment
        for environment in ENVIRONMENTS.values()
        if environment is HERE or {ALL, environment.name} & chosen
    )


def why_not_here(environment: SimulatedEnvironment, threads: int) -> str | None:
    """Why an environment can't be simulated on this machine, or would be no other; else None.

    Args:
        environment: which.
        threads: CPU threads of the run.
    """
    import torch

    if environment.threads == threads:
        return f"the run itself has {threads} threads"
    if not environment.mkldnn and not torch.backends.mkldnn.is_available():
        return "this torch was built without oneDNN"
    if environment.device == "cuda" and not torch.cuda.is_available():
        return f"torch {torch.__version__} sees no CUDA GPU"
    if environment.variables:
        return _why_not_older(environment, torch.backends.cpu.get_cpu_capability())
    return None


def settle(environment: SimulatedEnvironment) -> None:
    """Give this process, whose variables are set already, the rest of an environment.

    The number of threads is left to each request, and the memory format to the codec.
    """
    import torch

    if not environment.mkldnn:
        torch.backends.mkldnn.set_flags(False)
    if environment.tf32 is not None:
        torch.backends.cuda.matmul.allow_tf32 = environment.tf32
        torch.backends.cudnn.allow_tf32 = environment.tf32


def _why_not_older(environment: SimulatedEnvironment, native: str) -> str | None:
    """Why limiting instructions changes nothing; ``native`` is what torch's kernels use."""
    if all(os.environ.get(name) == value for name, value in environment.variables.items()):
        return "the run itself is limited to these instructions"
    if environment.variables["ATEN_CPU_CAPABILITY"] == "default":
        if native in ("DEFAULT", "NO AVX") and "ATEN_CPU_CAPABILITY" not in os.environ:
            return "this processor has none but the oldest"
        return None
    if native == "AVX512":
        return None
    if native == "AVX2":
        return "AVX2 is the newest that this processor has, or that the run is limited to"
    return f"this processor ({platform.machine()}, torch: {native}) has no AVX2"
