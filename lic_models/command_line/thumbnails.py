"""``python -m lic_models thumbnail``: a thumbnail synthesis for exported weights."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from pytest_lic.errors import UsageError, WeightsError

_GROUPS, _STEPS, _CROP, _SEED = 2, 2000, 256, 1


def thumbnail(program: str, arguments: Sequence[str]) -> int:
    """Run the command; returns 0.

    Raises:
        LicError: weights, images or options that are wrong, before anything is trained.
    """
    options = _parser(program).parse_args(arguments)
    for name, value in (("groups", options.groups), ("steps", options.steps)):
        if value < 1:
            raise UsageError(f"--{name} {value}: expected at least 1")
    target = options.weights if options.out is None else options.out

    import torch
    from tqdm import tqdm

    from lic_models.command_line.training_images import training_images
    from lic_models.components.thumbnails import DOWNSAMPLING_FACTOR
    from lic_models.config.builder import build_codec
    from lic_models.storage.weights_file import (
        add_thumbnail,
        check_thumbnail_target,
        load_weights,
    )
    from lic_models.storage.weights_header import read_header
    from lic_models.training import thumbnails as training

    size = options.crop_size
    if size < DOWNSAMPLING_FACTOR or size % DOWNSAMPLING_FACTOR:
        raise UsageError(f"--crop-size {size}: expected a multiple of {DOWNSAMPLING_FACTOR}")
    header = read_header(options.weights)
    codec = build_codec(header.components, str(options.weights))
    load_weights(codec, options.weights)
    codec.requires_grad_(False)
    try:
        synthesis = training.new_thumbnail(codec, options.groups, _SEED)
    except UsageError as error:
        raise WeightsError(f"{options.weights}: {error}") from None
    check_thumbnail_target(options.weights, target)
    images = training_images(options.data, size)
    count = min(training.CROPS, training.BATCH * options.steps)

    latents, targets = [], []
    with tqdm(total=count, desc="coding crops", unit="crop", disable=None) as bar:
        for crops in training.crops_of(images, size, count, _SEED):
            decoded, scaled = training.decoded_crops(codec, crops, synthesis.latent_channels)
            latents.append(decoded)
            targets.append(scaled)
            bar.update(len(crops))
    with tqdm(total=options.steps, desc="training", unit="step", disable=None) as bar:

        def told(step: int, loss: float) -> None:
            bar.update(step - bar.n)
            if step % 50 == 0:
                bar.set_postfix_str(f"{_psnr(loss):.1f} dB", refresh=False)

        loss = training.train_thumbnail(
            synthesis, torch.cat(latents), torch.cat(targets), options.steps, _SEED, told
        )
    how = {"steps": options.steps, "crops": count, "images": images.digest}
    add_thumbnail(options.weights, synthesis, target, how)
    parameters = sum(value.numel() for value in synthesis.parameters())
    print(
        f"{target}: {header.name} quality {header.quality}, thumbnails of {options.groups} of "
        f"{len(codec.latent_coding.groups)} groups ({synthesis.latent_channels} channels), "
        f"{parameters} parameters, {_psnr(loss):.2f} dB on the crops"
    )
    return 0


def _psnr(mean_squared_error: float) -> float:
    return -10.0 * math.log10(max(mean_squared_error, 1e-10))


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program} thumbnail",
        description="Train a small network that makes an eighth-size picture from the groups of "
        "channels that are decoded first, and write it into a weights file. The codec itself "
        "stays as it is, to the bit, and so does what it decodes; but its bitstreams name the "
        "file's digest, so those that were written before are refused afterwards. Do it before "
        "the weights are shipped, or write another file with --out.",
        epilog="It takes a minute or two on one core.",
    )
    add = parser.add_argument
    add(
        "weights",
        type=Path,
        metavar="WEIGHTS",
        help="exported weights whose context is in groups of channels",
    )
    add(
        "--data",
        required=True,
        metavar="FOLDER",
        help="photographs to train on, in folders of folders too",
    )
    add(
        "--groups",
        type=int,
        default=_GROUPS,
        metavar="N",
        help="how many groups a thumbnail needs: more of them are more bytes and a better picture "
        "(%(default)s)",
    )
    add("--steps", type=int, default=_STEPS, metavar="N", help="of training (%(default)s)")
    add(
        "--crop-size",
        type=int,
        default=_CROP,
        metavar="N",
        help="side of the crops that are trained on, in pixels; images too small for one are left "
        "out (%(default)s)",
    )
    add(
        "--out",
        type=Path,
        metavar="FILE",
        help="weights file to write; WEIGHTS itself by default, whose thumbnail synthesis is "
        "replaced if it has one",
    )
    return parser
