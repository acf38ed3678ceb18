"""Building a codec from the description of its components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser

from lic_models.codec import LearnedCodec
from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_models import EntropyModel
from lic_models.components.latent_coding import LatentCoding
from lic_models.components.quantizers import Quantizer
from lic_models.components.rate_control import RateControl
from lic_models.components.transforms import Transform
from pytest_lic.errors import LicError, UnknownNameError, UsageError

_KINDS = {
    "transform": Transform,
    "quantizer": Quantizer,
    "entropy_model": EntropyModel,
    "entropy_coder": EntropyCoder,
    "latent_coding": LatentCoding,
    "rate_control": RateControl,
}


def build_codec(components: Mapping[str, Any], where: str) -> LearnedCodec:
    """Build a codec with random weights.

    Args:
        components: ``transform``, ``quantizer``, ``entropy_model`` and ``entropy_coder``, or
            ``latent_coding`` in place of these three, and ``rate_control``: each a class path or
            a mapping of ``class_path`` and ``init_args``. What is left out or None
            is `LearnedCodec`'s default.
        where: names what describes them, for error messages.

    Raises:
        UsageError: a class or an argument that does not exist, or components that do not fit each
            other, naming the key.
    """
    for name in components:
        if name not in _KINDS:
            raise UnknownNameError("component", name, _KINDS, where)
    described = {name: component for name, component in components.items() if component is not None}
    built = {name: _built(name, component, where) for name, component in described.items()}
    try:
        return LearnedCodec(**built)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def _built(name: str, component: Any, where: str) -> Any:
    # One parser a component: jsonargparse does not tell which one a constructor refused.
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument(f"--{name}", type=_KINDS[name])
    try:
        return parser.instantiate(parser.parse_object({name: component}))[name]
    except (ArgumentError, LicError, ValueError) as error:
        reason = " ".join(str(error).split()).removeprefix(f'Parser key "{name}": ')
        raise UsageError(f"{where}: {name}: {reason}") from error
