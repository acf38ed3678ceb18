"""Export: from a checkpoint of training to the weights file that the plugin loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lic_models.config.builder import build_codec
from lic_models.storage import eight_bits
from lic_models.storage.checkpoint import describe_checkpoint
from lic_models.storage.weights_file import copy_parameters, round_kernels, write_weights
from pytest_lic.errors import WeightsError


def export(
    checkpoint: Path,
    target: Path | None = None,
    *,
    half: bool = True,
    eight_bit: bool = False,
    transform_of: Path | None = None,
    remark: Callable[[str], None] | None = None,
) -> Path:
    """Write the weights of ``checkpoint``, with the entropy coder's tables.

    Args:
        checkpoint: written by ``fit``.
        target: safetensors file, replaced if it exists; by default where the codec's config says
            that its weights are, or {name}-{quality}.safetensors in the working folder.
        half: store kernels as float16.
        eight_bit: store the kernels of convolutions in eight bits, all others as ``half`` says.
        transform_of: another weights file, to be named in place of the transform it shares.
        remark: told what should be known of the weights, such as the dead entries of codebooks.

    Returns:
        The path of the weights file.

    Raises:
        WeightsError: a checkpoint that can't be read, does not say which codec it is of, or holds
            weights that are not finite; a target that can't be written; another transform than
            that of ``transform_of``.
    """
    described = describe_checkpoint(checkpoint)
    name, quality = described["name"], described["quality"]
    codec = build_codec(described["components"], str(checkpoint))
    copy_parameters(codec, checkpoint)
    codec.eval()
    # The tables have to be those of the weights as they will be loaded.
    try:
        if eight_bit:
            eight_bits.round_kernels(codec)
        if half:
            round_kernels(codec, matrices_alone=eight_bit)
    except WeightsError as error:
        raise WeightsError(f"{checkpoint}: {error}") from None
    codec.update()
    path = target or Path(described.get("weights", f"{name}-{quality}.safetensors"))
    header = {key: value for key, value in described.items() if key != "weights"}
    write_weights(codec, path, header, half=half, eight_bit=eight_bit, transform_of=transform_of)
    if remark is not None and codec.latent_coding.remark:
        remark(f"{path}: {codec.latent_coding.remark}")
    return path
