"""What a user's functions ask for, from their signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

_KINDS = inspect.Parameter
_POSITIONAL = (_KINDS.POSITIONAL_ONLY, _KINDS.POSITIONAL_OR_KEYWORD)


def accepts(function: Callable[..., Any], name: str) -> bool:
    """Whether ``function`` has an argument called ``name``."""
    return any(parameter.name == name for parameter in _parameters(function) or ())


def wants_quality(build_network: Callable[..., Any]) -> bool:
    """Whether it is to be called with a quality: it needs an argument, or has one of that name.

    Not so where all are optional: the first is a number of channels then.
    """
    parameters = _parameters(build_network)
    if parameters is None:  # a builtin without a signature
        return True
    positional = [each for each in parameters if each.kind in _POSITIONAL]
    if any(each.kind is _KINDS.VAR_POSITIONAL for each in parameters) and not positional:
        return True
    return bool(positional) and (
        positional[0].default is _KINDS.empty or positional[0].name == "quality"
    )


def positional_needed(function: Callable[..., Any]) -> int:
    """How many positional arguments it can't do without."""
    parameters = _parameters(function) or ()
    return sum(each.kind in _POSITIONAL and each.default is _KINDS.empty for each in parameters)


def compress_needs(compress: Callable[..., Any]) -> tuple[str, ...]:
    """The names that an encoder can't do without, besides the image."""
    parameters = _parameters(compress) or ()
    positional = [each for each in parameters if each.kind in _POSITIONAL]
    named = positional[1:] + [each for each in parameters if each.kind is _KINDS.KEYWORD_ONLY]
    return tuple(each.name for each in named if each.default is _KINDS.empty)


def decoder_arguments(
    decompress: Callable[..., Any],
) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
    """Its named arguments after strings and shape, whether it takes a shape, the required names."""
    parameters = _parameters(decompress)
    if parameters is None:
        return (), True, ()
    positional = [each for each in parameters if each.kind in _POSITIONAL]
    any_number = any(each.kind is _KINDS.VAR_POSITIONAL for each in parameters)
    named = positional[2:] + [each for each in parameters if each.kind is _KINDS.KEYWORD_ONLY]
    required = tuple(each.name for each in named if each.default is _KINDS.empty)
    return tuple(each.name for each in named), any_number or len(positional) > 1, required


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """None for a builtin without a signature."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
