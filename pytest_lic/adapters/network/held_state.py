"""The digest of all that a network holds, tensors or not, or that it can't be told."""

from __future__ import annotations

import enum
import functools
import hashlib
import types
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = (bool, int, float, complex, str, type(None), range, slice, type(...))
_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
_WITHOUT_STATE = {"RansEncoder", "BufferedRansEncoder", "RansDecoder"}
"""CompressAI's coders, and those of its forks: empty between two calls, and not to be pickled."""


def state_digest(network: Any) -> str | None:
    """SHA-256 of all that the modules of a network hold; None where something can't be read.

    Besides tensors that is what torch packs (int8 weights), arrays, numbers and texts, and what
    objects and closures hold, as far as pickling would tell it. What pickle refuses (a lock, a
    session of another runtime, a scripted module) leaves no digest: it might change unseen.
    """
    try:
        return _Walk().digest(network)
    except Exception:  # what the user's objects raise when they are asked for their state
        return None


class _Walk:
    """One walk through the objects of a network; what was seen before is named by its number."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._seen: dict[int, tuple[int, Any]] = {}  # the object too: its id stays its own

    def digest(self, held: Any) -> str:
        self._take(held)
        return self._sha.hexdigest()

    def _say(self, *words: object) -> None:
        self._sha.update(f"{words!r}\n".encode("utf-8", "surrogatepass"))

    def _take(self, value: Any) -> None:
        import torch

        if type(value) in _PLAIN:
            self._say(type(value).__name__, value)
        elif isinstance(value, bytes | bytearray | memoryview):
            self._say(type(value).__name__, len(value))
            self._sha.update(value)
        elif isinstance(value, torch.dtype | torch.layout | torch.memory_format):
            self._say(value)
        elif isinstance(value, torch.device):
            self._say("a device")  # which one is the grid's matter
        elif isinstance(value, type | types.BuiltinFunctionType | types.ModuleType | enum.Enum):
            self._say(*_names(value))
        elif type(value) in (tuple, torch.Size):  # equal ones may or may not be the same one
            self._say("tuple", len(value))
            for part in value:
                self._take(part)
        elif id(value) in self._seen:
            self._say("as", self._seen[id(value)][0])
        else:
            self._seen[id(value)] = len(self._seen), value
            self._say(*_names(type(value)))
            for part in self._parts(value):
                self._take(part)
            self._say("end")

    def _parts(self, value: Any) -> Iterator[Any]:
        import numpy as np
        import torch

        if isinstance(value, torch.Tensor):
            yield from _tensor_parts(value)
        elif isinstance(value, torch.nn.Module):
            yield from _module_parts(value)
        elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
            yield from (value.dtype.str, value.shape, value.tobytes())
        elif isinstance(value, types.FunctionType):
            # Its code is a source's matter; one made at run time has none.
            yield from (*_names(value), _code_of(value.__code__))
            yield from (value.__defaults__, value.__kwdefaults__)
            yield from (cell.cell_contents for cell in value.__closure__ or ())
        elif isinstance(value, types.MethodType):
            yield from (value.__func__, value.__self__)
        elif isinstance(value, functools.partial):
            yield from (value.func, value.args, value.keywords)
        elif isinstance(value, Mapping) and type(value).__module__ in ("builtins", "collections"):
            for key, item in value.items():
                yield from (key, item)
        elif type(value) is list:
            yield from value
        elif type(value) in (set, frozenset):
            yield sorted(_Walk().digest(item) for item in value)
        elif type(value).__name__ not in _WITHOUT_STATE:
            reduced = value.__reduce_ex__(4)
            yield from map(_listed, reduced if isinstance(reduced, tuple) else (reduced,))


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, enum.Enum):
        return (*_names(type(value)), value.name)
    module = str(getattr(value, "__module__", None))
    return module, str(getattr(value, "__qualname__", getattr(value, "__name__", "")))


def _listed(part: Any) -> Any:
    """What an iterator of a reduced object's items will give."""
    return list(part) if isinstance(part, Iterator) else part


def _code_of(code: types.CodeType) -> tuple[Any, ...]:
    inner = (
        _code_of(part) if isinstance(part, types.CodeType) else part for part in code.co_consts
    )
    return code.co_code, code.co_names, *inner


def _module_parts(module: Any) -> Iterator[Any]:
    import torch

    of_torch = vars(torch.nn.Module())
    yield from sorted(module._parameters.items())
    yield from sorted(module._buffers.items())
    yield from module._modules.items()
    for hooks in _HOOKS:  # by a number that is another in each process
        yield from vars(module).get(hooks, {}).values()
    yield from sorted((k, v) for k, v in vars(module).items() if k not in of_torch)
    yield module.training
    if type(module).get_extra_state is not torch.nn.Module.get_extra_state:
        yield module.get_extra_state()


def _tensor_parts(tensor: Any) -> Iterator[Any]:
    """What tells a tensor from others; neither its device nor its memory layout does."""
    import torch

    flatten = getattr(tensor, "__tensor_flatten__", None)
    yield from (tensor.dtype, tuple(tensor.shape), tensor.is_conj(), tensor.is_neg())
    if flatten is not None:  # a tensor made of others, as quantised ones of torchao
        names, rest = flatten()
        yield rest
        yield from (getattr(tensor, name) for name in names)
        return
    plain = tensor.detach().cpu()
    if plain.layout != torch.strided:
        plain = plain.to_dense()
    if plain.is_quantized:
        yield str(plain.qscheme())
        if plain.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
            yield from (plain.q_scale(), plain.q_zero_point())
        else:
            yield from (plain.q_per_channel_scales(), plain.q_per_channel_zero_points())
            yield plain.q_per_channel_axis()
        plain = plain.int_repr()
    flat = plain.resolve_conj().resolve_neg().contiguous().reshape(-1)
    yield memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else b""
    yield from sorted(vars(tensor).items())
