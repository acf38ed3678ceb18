"""From the description of a codec's components to the codec."""

from __future__ import annotations

from typing import Any

from jsonargparse import ArgumentError, ArgumentParser

from lic_models.codec import LearnedCodec
from pytest_lic.errors import UsageError


def build_codec(components: dict[str, Any], where: str) -> LearnedCodec:
    """Build a codec with random weights.

    Args:
        components: ``transform``, ``quantizer``, ``entropy_model`` and ``entropy_coder``, each a
            class path or a mapping of ``class_path`` and ``init_args``.
        where: names what describes them, for error messages.

    Raises:
        UsageError: a class or an argument that does not exist, or components that do not fit each
            other, naming the key.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(LearnedCodec, None, sub_configs=False)
    try:
        built = parser.instantiate(parser.parse_object(components))
    except ArgumentError as error:
        raise UsageError(f"{where}: {' '.join(str(error).split())}") from error
    try:
        return LearnedCodec(**vars(built))
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
