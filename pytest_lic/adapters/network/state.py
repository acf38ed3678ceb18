"""What a network carries besides its code: initial weights, entropy coder tables, their digest."""

from __future__ import annotations

import copy
import hashlib
import inspect
import random
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pytest_lic.adapters.network.signatures import accepts

TABLES = ("_offset", "_quantized_cdf", "_cdf_length", "scale_table")
"""What CompressAI's entropy models call the buffers of the entropy coder's tables."""
_SEED = 0


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Draw the same numbers in every process inside the block, and leave no trace outside.

    A network with random weights is then the same one in the process that encodes and in the one
    that decodes. Covers ``random``, numpy and torch on the CPU, where networks are initialised.
    """
    import numpy as np
    import torch

    python, legacy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(_SEED)
        np.random.seed(_SEED)
        torch.default_generator.manual_seed(_SEED)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)


def build_tables(network: Any, arguments: Mapping[str, Any]) -> None:
    """Build the entropy coder's tables that are missing, on the CPU.

    Tables that came with the weights stay: rebuilding them on another machine, or on a GPU, may
    change a count, and then streams of the two can't be exchanged. The tables of CompressAI's
    variable-rate bottleneck fit one rate only, so those are built anew for the one asked for.

    Args:
        network: in CompressAI's manner; left alone if it has no ``update(force=…)``.
        arguments: what its ``compress`` will be called with besides the image.
    """
    import torch

    update = getattr(network, "update", None)
    if update is None or not accepts(update, "force"):
        return
    scale = {}
    for module in _modules(network):
        if _is_variable_bottleneck(module):
            for name in TABLES[:3]:
                setattr(module, name, torch.IntTensor())
            scale = {"scale": _rate_scale(network, arguments)}
    with torch.no_grad():
        tables = _tables(network)
        if not tables or any(table.numel() == 0 for table in tables):
            update(**scale)
        if any(table.numel() == 0 for table in _tables(network)):
            update(force=True, **scale)


def fits_one_rate(network: Any) -> bool:
    """Whether its entropy coder's tables must be built anew for each rate."""
    return any(map(_is_variable_bottleneck, _modules(network)))


def _is_variable_bottleneck(module: Any) -> bool:
    return any(kind.__name__ == "EntropyBottleneckVbr" for kind in type(module).__mro__)


def _modules(network: Any) -> list[Any]:
    modules = getattr(network, "modules", None)
    return list(modules()) if callable(modules) else []


def _tables(network: Any) -> list[Any]:
    buffers = (dict(module.named_buffers(recurse=False)) for module in _modules(network))
    return [tables["_quantized_cdf"] for tables in buffers if "_quantized_cdf" in tables]


def _rate_scale(network: Any, arguments: Mapping[str, Any]) -> Any:
    """The inverse quantisation step that a variable-rate network of CompressAI will use."""
    parameters = inspect.signature(network.compress).parameters
    values = {name: parameter.default for name, parameter in parameters.items()} | dict(arguments)
    if values.get("stage") == 1:
        return None
    inverse_step = values.get("inputscale", 0)
    return inverse_step if inverse_step != 0 else network.Gain[values["s"]].detach().abs()


def weights_digest(network: Any) -> str | None:
    """SHA-256 of every parameter and buffer by name; None for what is not an ``nn.Module``.

    The device and the memory layout do not matter.
    """
    import torch

    if not isinstance(network, torch.nn.Module):
        return None
    return _tensors_digest(_tensors(network))


def part_digests(network: Any) -> dict[str, str]:
    """``weights`` and ``tables`` (the entropy coder's) → 16 hexadecimal digits.

    Tables are CompressAI's buffers and what a network calls ``tables``: a mapping of objects with
    ``to_arrays()``. What a network has none of, or does not show, is left out.
    """
    import torch

    tensors = _tensors(network) if isinstance(network, torch.nn.Module) else {}
    tables = {name: tensor for name, tensor in tensors.items() if name.split(".")[-1] in TABLES}
    weights = {name: tensor for name, tensor in tensors.items() if name not in tables}
    named = getattr(network, "tables", None)
    for name, table in named.items() if isinstance(named, Mapping) else ():
        if hasattr(table, "to_arrays"):
            arrays = table.to_arrays().items()
            tables |= {f"{name} {part}": torch.from_numpy(array) for part, array in arrays}
    parts = {"weights": weights, "tables": tables}
    return {part: _tensors_digest(held)[:16] for part, held in parts.items() if held}


def _tensors(network: Any) -> dict[str, Any]:
    return {**network.state_dict(), **dict(network.named_buffers())}


def _tensors_digest(tensors: Mapping[str, Any]) -> str:
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        if isinstance(tensor, torch.Tensor):
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            if flat.numel():
                content: Any = flat.view(torch.uint8).numpy()
                digest.update(content)
    return digest.hexdigest()


def settings_digest(network: Any) -> str:
    """SHA-256 of the numbers and texts that the modules of a network hold as attributes.

    A stride, a flag such as ``no_quantoffset``: they change what is coded and are no tensors.
    """
    digest = hashlib.sha256()
    for index, module in enumerate(_modules(network)):
        held = {name: value for name, value in vars(module).items() if name[:1] != "_"}
        settings = {name: value for name, value in held.items() if _is_setting(value)}
        digest.update(f"{index} {type(module).__qualname__} {sorted(settings.items())}\n".encode())
    return digest.hexdigest()


def _is_setting(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_setting(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


def with_own_tables(network: Any, *, share_weights: bool) -> Any:
    """A copy of a network whose entropy coder tables may differ from the original's.

    The weights of an ``nn.Module`` are shared only if asked for: moving shared ones to a GPU
    would move the original's. What can't be copied, such as an entropy coder of C++, is shared.
    """
    import torch

    shared: dict[int, Any] = {}
    if share_weights and isinstance(network, torch.nn.Module):
        shared = {id(weight): weight for weight in network.parameters()}
    while True:
        try:
            return copy.deepcopy(network, dict(shared))
        except (TypeError, RuntimeError, copy.Error) as error:
            stuck = _not_copied(error)
            if stuck is None or stuck is network or id(stuck) in shared:
                raise
            shared[id(stuck)] = stuck


def _not_copied(error: Exception) -> Any:
    """The innermost object that ``copy.deepcopy`` was at when it failed."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    copied = [frame for frame in frames if frame.f_code is copy.deepcopy.__code__]
    return copied[-1].f_locals["x"] if copied else None
