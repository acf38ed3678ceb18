"""``python -m lic_models integer``: exported weights whose hyper-synthesis is whole numbers."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_lic.errors import UsageError, WeightsError


def integer(program: str, arguments: Sequence[str]) -> int:
    """Run the command; returns 0.

    Raises:
        LicError: weights, images or options that are wrong, before anything is calibrated.
    """
    options = _parser(program).parse_args(arguments)

    from tqdm import tqdm

    from lic_models.command_line.training_images import training_images
    from lic_models.config.builder import build_codec
    from lic_models.storage import shared_transform
    from lic_models.storage.weights_file import (
        load_weights,
        read_json_header,
        read_tensors,
        write_entropy_model,
    )
    from lic_models.storage.weights_header import read_header
    from lic_models.training.calibration import calibrated, check_bits

    check_bits(options.bits, options.activation_bits)
    path, target = options.weights, options.out
    if target.is_dir():
        raise UsageError(
            f"--out {target}: a folder; expected a file, such as {target}/w.safetensors"
        )
    source = read_header(path)
    if source.adapted_from is not None:
        raise WeightsError(
            f"{path}: holds only what differs from {source.adapted_from['file']}; take whole "
            "weights"
        )
    components = _with_integers(source.components, path)
    codec, whole = (
        build_codec(described, str(path)) for described in (source.components, components)
    )
    load_weights(codec, path)
    shared_transform.named(path, target, read_tensors(path)[0], read_tensors)
    images = training_images(options.data, codec.downsampling_factor)
    with tqdm(total=len(images), desc="calibrating", unit="image", disable=None) as bar:
        found = calibrated(
            codec,
            whole,
            images,
            options.bits,
            options.activation_bits,
            lambda done: bar.update(done - bar.n),
        )
    name = options.name or f"{source.name}-integer"
    how = {
        "weights": options.bits,
        "activations": options.activation_bits,
        "data": Path(options.data).name,
        "images": images.digest,
    }
    header: dict[str, Any] = {
        **read_json_header(path),
        "name": name,
        "components": components,
        "training": {**source.training, "integer": how},
    }
    write_entropy_model(whole, path, target, header)
    print(
        f"{target}: {name} quality {source.quality}, λ = {source.lmbda:g}, hyper-synthesis of "
        f"{options.bits}-bit weights and {options.activation_bits}-bit activations; "
        f"{target.stat().st_size / 1e6:.2f} MB, read with {path.name}"
    )
    shares = ", ".join(f"{100 * share:.3g} %" for share in found.clamped)
    print(
        f"on {found.images} of {len(images)} images, kept for checking: clamped {shares} of z and "
        f"the activations of both layers; {100 * found.same:.2f} % of latents choose the table "
        f"that they chose; bytes {found.rate:+.2f} %"
    )
    return 0


def _with_integers(components: dict[str, Any], path: Path) -> dict[str, Any]:
    """The same components, their hyperprior with integers.

    Raises:
        WeightsError: no hyperprior, or one of integers already; or rate control.
    """
    from lic_models.config.seats import anchors

    described = copy.deepcopy(components)
    model = described.get("entropy_model")
    if model is None:
        raise WeightsError(
            f"{path}: a latent coding without an entropy model; expected a ScaleHyperprior or a "
            "MeanScaleHyperprior, whose hyper-synthesis can be integers"
        )
    if not isinstance(model, dict):
        model = described["entropy_model"] = {"class_path": model}
    kind = str(model["class_path"]).rsplit(".", 1)[-1]
    if kind not in ("ScaleHyperprior", "MeanScaleHyperprior"):
        raise WeightsError(
            f"{path}: its entropy model is a {kind}; expected a ScaleHyperprior or a "
            "MeanScaleHyperprior, whose hyper-synthesis can be integers"
        )
    arguments = model.setdefault("init_args", {})
    if arguments.get("arithmetic") == "integer":
        raise WeightsError(
            f"{path}: its hyper-synthesis is integers already; take the weights that it was made of"
        )
    if anchors(components):
        raise WeightsError(
            f"{path}: one network for several λ, whose rate control moves scales in float64; take "
            "weights without rate control"
        )
    arguments["arithmetic"] = "integer"
    return described


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program} integer",
        description="Make the hyper-synthesis of exported weights whole numbers, so that every "
        "machine chooses the same probability tables by construction. Nothing is trained: weights "
        "are rounded, and activations scaled by the largest ones on some images. The new codec has "
        "bitstreams of its own. Its file holds the entropy model alone and names WEIGHTS, which "
        "must lie beside it, or be shipped.",
        epilog="It takes a minute on one core.",
    )
    add = parser.add_argument
    add("weights", type=Path, metavar="WEIGHTS", help="exported weights with a hyperprior")
    add(
        "--data",
        required=True,
        metavar="FOLDER",
        help="photographs like those that were trained on, in folders of folders too; every "
        "fourth is kept for checking",
    )
    add("--out", type=Path, required=True, metavar="FILE", help="weights file to write")
    add("--name", help="of the codec family; that of WEIGHTS with -integer by default")
    add("--bits", type=int, default=8, metavar="N", help="of a weight, 2 to 8 (%(default)s)")
    add(
        "--activation-bits",
        type=int,
        default=12,
        metavar="N",
        help="of z and of activations, 2 to 20 (%(default)s)",
    )
    return parser
