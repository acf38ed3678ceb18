"""What a number depends on besides the codec and the image.

On the environment that recorded a baseline, results are expected to the bit; elsewhere the
tolerances decide. torch is asked about a GPU only when the device is one.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path

from pytest_lic.system.typed_json import Count

_PACKAGES = (
    "pytest-lic",
    "torch",
    "numpy",
    "compressai",
    "Pillow",
    "pillow-heif",
    "scikit-image",
    "scipy",
    "constriction",
    "lpips",
)

# Variables that choose another kernel for the same arithmetic.
_VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_DEFAULT_FPMATH_MODE",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
)


_BY_NAME = ("packages", "variables")  # fields of an environment that are mappings


@dataclass(frozen=True)
class Environment:
    """The circumstances of a measurement; equal environments are expected to agree to the bit."""

    python: str
    system: str
    processor: str
    instructions: str
    device: str
    threads: Count
    packages: Mapping[str, str]
    variables: Mapping[str, str]

    @cached_property  # each point of a large result asks for it
    def digest(self) -> str:
        """12 hexadecimal digits, equal for equal environments."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def differences(then: Environment, now: Environment) -> list[str]:
    """What two environments differ in, such as ``torch 2.6.0 (now 2.7.0)``."""
    before, after = asdict(then), asdict(now)
    pairs = [(field, before[field], after[field]) for field in before if field not in _BY_NAME]
    for field in _BY_NAME:
        old, new = before[field], after[field]
        names = sorted(old.keys() | new.keys())
        pairs += [(name, old.get(name, "none"), new.get(name, "none")) for name in names]
    return [f"{name} {old} (now {new})" for name, old, new in pairs if old != new]


def environment(device: str, threads: int) -> Environment:
    """The environment of this process, measuring on ``device`` with ``threads`` CPU threads.

    Raises:
        pytest_lic.errors.UnavailableError: ``device`` is a GPU that torch can't see.
    """
    processor, instructions = _cpu()
    return Environment(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        processor=processor,
        instructions=instructions,
        device=_device(device),
        threads=threads,
        packages=_packages(),
        variables={name: os.environ[name] for name in _VARIABLES if name in os.environ},
    )


def package_version(name: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@cache
def _packages() -> dict[str, str]:
    versions = {name: package_version(name) for name in _PACKAGES}
    return {name: version for name, version in versions.items() if version is not None}


@cache
def _cpu() -> tuple[str, str]:
    """The processor's name, and a digest of its instruction set's flags."""
    fields: dict[str, str] = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name") or platform.processor() or platform.machine()
    flags = " ".join(sorted((fields.get("flags") or fields.get("Features") or "").split()))
    return name, hashlib.sha256(flags.encode()).hexdigest()[:12]


def _device(device: str) -> str:
    if not device.startswith("cuda"):
        return device
    import torch

    from pytest_lic.errors import UnavailableError

    if not torch.cuda.is_available():
        raise UnavailableError(
            f"device {device!r}: torch {torch.__version__} sees no CUDA GPU; "
            "use --lic-device cpu, or a machine and a torch build with CUDA"
        )
    tf32 = torch.backends.cudnn.allow_tf32
    return f"cuda {torch.cuda.get_device_name(device)} CUDA {torch.version.cuda} tf32={tf32}"
