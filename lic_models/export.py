"""From a checkpoint of training to the weights file that the plugin loads."""

from __future__ import annotations

from pathlib import Path

from lic_models.checkpoint import read_checkpoint
from lic_models.codec_builder import build_codec
from lic_models.weights_file import copy_parameters, load_weights, write_weights
from pytest_lic.errors import WeightsError


def export(checkpoint: Path, target: Path | None = None, *, half: bool = True) -> Path:
    """Write the weights of ``checkpoint``, with the entropy coder's tables.

    Args:
        checkpoint: written by ``fit``.
        target: safetensors file; {name}-{quality}.safetensors in the working folder by default.
        half: store kernels as float16.

    Returns:
        The path of the weights file.

    Raises:
        WeightsError: a checkpoint that can't be read or does not say which codec it is of.
    """
    found = read_checkpoint(checkpoint).get("codec")
    if not isinstance(found, dict) or not found.get("components"):
        raise WeightsError(
            f"{checkpoint}: does not say which codec it is of; expected a checkpoint written by "
            "python -m lic_models fit"
        )
    codec = build_codec(found["components"], str(checkpoint))
    copy_parameters(codec, checkpoint)
    codec.eval()
    path = target or Path(f"{found['name']}-{found['quality']}.safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    # The tables are those of the weights as they will be loaded.
    codec.update()
    write_weights(codec, path, found, half=half)
    if half:
        load_weights(codec, path)
        codec.update()
        write_weights(codec, path, found, half=half)
    return path
