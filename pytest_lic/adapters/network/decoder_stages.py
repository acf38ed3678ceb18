"""What a network's decoder computes on its way, stage by stage: hooks on its modules and coder.

    hyper-latents ─► hyper-synthesis ─► table indices ─► symbols ─► latents ─► synthesis

The inputs and outputs of modules are seen by hooks. Table indices and symbols are what CompressAI's
entropy models give their entropy coder and get of it; a network that has an entropy coder of its
own tells them through a method ``noting(note)``: in that context it calls ``note(stage, values)``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

Note = Callable[[str, Any], None]

INDICES, SYMBOLS = "table indices", "symbols"
_RECEIVED = {"hyper-synthesis": "hyper-latents", "synthesis": "latents"}


def decoder_stages(
    network: object, parts: Mapping[str, nn.Module], decode: Callable[[], object]
) -> Iterator[tuple[str, Tensor]]:
    """Stage and tensor, on the CPU, in the order in which ``decode`` computes them.

    A stage that comes again is called ``symbols 2`` and so on. Where ``decode`` fails, its error is
    raised after the stages that it came to.

    Args:
        network: whose entropy coder is watched.
        parts: stage → the module that does it; those that decoding does not call tell nothing.
        decode: one decoding.
    """
    import torch

    noted: list[tuple[str, Tensor]] = []
    times: Counter[str] = Counter()

    def note(stage: str, values: Any) -> None:
        if isinstance(values, torch.Tensor):
            times[stage] += 1
            name = stage if times[stage] == 1 else f"{stage} {times[stage]}"
            # A copy, for a layer may overwrite it.
            noted.append((name, values.detach().to("cpu", copy=True)))

    failure: Exception | None = None
    try:
        with _modules_noted(parts, note), _coding_noted(network, note):
            decode()
    except Exception as error:
        failure = error
    for stage, tensor in noted:
        yield stage, tensor.clone()  # no longer one of inference mode's
    if failure is not None:
        raise failure


@contextmanager
def _modules_noted(parts: Mapping[str, nn.Module], note: Note) -> Iterator[None]:
    def before(stage: str, module: Any, inputs: tuple[Any, ...]) -> None:
        if stage in _RECEIVED and inputs:
            note(_RECEIVED[stage], inputs[0])

    def after(stage: str, module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        note(stage, output)

    with ExitStack() as hooks:
        for stage, part in parts.items():
            hooks.callback(part.register_forward_pre_hook(partial(before, stage)).remove)
            hooks.callback(part.register_forward_hook(partial(after, stage)).remove)
        yield


@contextmanager
def _coding_noted(network: object, note: Note) -> Iterator[None]:
    with ExitStack() as contexts:
        noting = getattr(network, "noting", None)
        if callable(noting):
            contexts.enter_context(noting(note))
        modules = getattr(network, "modules", None)
        for module in modules() if callable(modules) else ():
            coder = getattr(module, "entropy_coder", None)
            # One with quantiles codes hyper-latents, whose indices are their channels.
            if hasattr(coder, "decode_with_indexes") and not hasattr(module, "quantiles"):
                contexts.callback(setattr, module, "entropy_coder", coder)
                module.entropy_coder = _NotingCoder(coder, note)
        yield


class _NotingCoder:
    """CompressAI's entropy coder, overheard."""

    def __init__(self, coder: Any, note: Note) -> None:
        self._coder = coder
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coder, name)

    def decode_with_indexes(self, string: bytes, indexes: Sequence[int], *tables: Any) -> Any:
        import torch

        self._note(INDICES, torch.tensor(indexes, dtype=torch.int32))
        symbols = self._coder.decode_with_indexes(string, indexes, *tables)
        self._note(SYMBOLS, torch.tensor(symbols, dtype=torch.int32))
        return symbols
