"""``python -m lic_models adapt``: exported weights for another domain or another loss."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pytest_lic.errors import UsageError, WeightsError

_TOLD = {
    "all": "bitstreams of {source} no longer decode with it; raise the family's format_version "
    "where it takes that codec's place",
    "encoder": "bitstreams of {source} decode as before, and decoders of {source} decode the new",
    "synthesis": "bitstreams of {source} decode, to other pictures; both write the same ones",
    "enhance": "bitstreams of {source} decode as before; a new one is enhanced where that pays",
}


def adapt(program: str, arguments: Sequence[str]) -> int:
    """Run the command; returns 0.

    Raises:
        LicError: weights, images or options that are wrong, before anything is trained.
    """
    options = _parser(program).parse_args(arguments)
    for name in ("steps", "batch_size", "crop_size", "rank"):
        if getattr(options, name) < 1:
            option = name.replace("_", "-")
            raise UsageError(f"--{option} {getattr(options, name)}: expected at least 1")
    for name in ("learning_rate", "lpips_weight", "adversarial_weight"):
        value, option = getattr(options, name), name.replace("_", "-")
        if value is not None and not 0.0 < value < math.inf:
            raise UsageError(f"--{option} {value}: expected a positive number")

    from tqdm import tqdm

    from lic_models.command_line.training_images import training_images
    from lic_models.config.builder import build_codec
    from lic_models.config.seats import anchors
    from lic_models.storage import adapted, eight_bits
    from lic_models.storage.weights_file import (
        load_weights,
        read_json_header,
        round_kernels,
        write_tensors,
        write_weights,
    )
    from lic_models.storage.weights_header import ADAPTED_FROM, read_header
    from lic_models.training import adaptation
    from lic_models.training.generative import GenerativeWeights

    source, target = read_header(options.weights), options.out
    if target.is_dir():
        raise UsageError(
            f"--out {target}: a folder; expected a file, such as {target}/w.safetensors"
        )
    if anchors(source.components):
        raise UsageError(
            f"{source.path}: one network for several λ, of which adapt would train one; adapt "
            "weights without rate control"
        )
    named = adapted.named(source, target, options.way)
    distortion = source.training.get("distortion", "mse")
    if options.way == "enhance" and (distortion != "mse" or options.loss == "hific"):
        raise UsageError(
            f"{source.path}: trained for {distortion}; --way enhance chooses between two codecs by "
            "their MSE"
            if distortion != "mse"
            else "--loss hific: --way enhance chooses between two codecs by their MSE; take another"
        )
    weights = {"lpips": options.lpips_weight, "adversarial": options.adversarial_weight}
    weights = {name: value for name, value in weights.items() if value is not None}
    if weights and options.loss != "hific":
        raise UsageError(f"--{next(iter(weights))}-weight: of --loss hific alone; give that too")
    if options.loss == "hific" and distortion != "mse":
        raise UsageError(
            f"{source.path}: trained for {distortion}; --loss hific is beside MSE: adapt weights "
            "that were trained for it"
        )
    codec = build_codec(source.components, str(source.path))
    load_weights(codec, source.path)
    images = training_images(options.data, options.crop_size)
    schedule = adaptation.Schedule(
        source.lmbda,
        distortion,
        options.steps,
        options.batch_size,
        options.crop_size,
        options.learning_rate,
        options.rank,
        options.seed,
        source.training.get("scale"),
        GenerativeWeights(**weights) if options.loss == "hific" else None,
    )
    losses: list[Mapping[str, float]] = []
    with tqdm(total=options.steps, desc="adapting", unit="step", disable=None) as bar:

        def told(step: int, parts: Mapping[str, float]) -> None:
            losses.append(parts)
            bar.update(step - bar.n)
            if step % 20 == 0:
                means = {name: sum(each[name] for each in losses[-20:]) / 20 for name in parts}
                said = [f"{name} {mean:#.3g}" for name, mean in means.items()]
                bar.set_postfix_str(", ".join(said), refresh=False)

        try:
            trained = adaptation.adapt(codec, images, options.way, schedule, told)
        except UsageError as error:
            raise UsageError(f"{source.path}: {error}") from None
    # Whole weights name no other file's transform, and their thumbnails would be of other latents.
    stale = ("transform_of", "thumbnail") if options.way == "all" else ("transform_of",)
    header: dict[str, Any] = {
        **{key: value for key, value in read_json_header(source.path).items() if key not in stale},
        "name": options.name or source.name,
        "training": {
            "start": source.path.name,
            "trained": options.way,
            "steps": options.steps,
            "pixels": options.steps * options.batch_size * options.crop_size**2,
            "distortion": schedule.distortion,
            **({} if schedule.scale is None else {"scale": schedule.scale}),
            **({} if schedule.generative is None else {"hific": asdict(schedule.generative)}),
            "learning_rate": options.learning_rate,
            "data": {"name": options.data, "images": images.digest, "seed": options.seed},
        },
    }
    if options.way == "all":
        try:
            round_kernels(codec)
        except WeightsError as error:
            raise WeightsError(f"{target}: {error}") from None
        codec.update()
        write_weights(codec, target, header)
    else:
        if options.way == "synthesis":
            trained = eight_bits.packed(trained)
        write_tensors(trained, target, {**header, ADAPTED_FROM: named})
    tenth = max(1, len(losses) // 10)
    first, last = (
        sum(parts["loss"] for parts in some) / tenth for some in (losses[:tenth], losses[-tenth:])
    )
    print(
        f"{target}: {header['name']} quality {source.quality}, λ = {source.lmbda:g}, adapted to "
        f"{options.data}, loss {first:.3f} → {last:.3f}; {target.stat().st_size / 1e6:.2f} MB"
    )
    print(_TOLD[options.way].format(source=f"{source.name} ({source.path.name})"))
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program} adapt",
        description="Go on training exported weights on images of another domain, or for another "
        "loss. Old bitstreams decode as they did, to the bit, unless everything is trained, or the "
        "synthesis. Unless everything is, the new file holds only what differs, and must lie "
        "beside WEIGHTS, or these must be shipped.",
        epilog="Small codecs take a minute or two on one core. Ctrl-C leaves nothing behind, and "
        "there is no going on from there, as there is with fit: a run is too short to be worth it.",
    )
    add = parser.add_argument
    add("weights", type=Path, metavar="WEIGHTS", help="exported weights to begin with")
    add(
        "--data",
        required=True,
        metavar="FOLDER",
        help="images to train on, in folders of folders too; synthetic-documents for text, "
        "drawings and charts that are drawn here",
    )
    add(
        "--way",
        required=True,
        choices=tuple(_TOLD),
        help="all: train everything, which breaks with old bitstreams. encoder: analysis and "
        "hyper-analysis alone, for the decoder as it is. synthesis: that alone, which makes "
        "other pictures of the same bitstreams. enhance: add to the layers of a second, enhanced "
        "codec beside this one; each image is coded with the one that suits it",
    )
    add(
        "--loss",
        choices=("rate-distortion", "hific"),
        default="rate-distortion",
        help="rate-distortion: what WEIGHTS were trained for. hific: LPIPS and a discriminator "
        "beside it, for pictures that look right rather than have a small MSE (%(default)s)",
    )
    add("--out", type=Path, required=True, metavar="FILE", help="weights file to write")
    add("--name", help="of the codec family; that of WEIGHTS by default")
    for name, default, told in (
        ("steps", 1000, "of training"),
        ("batch-size", 2, "crops in a step"),
        ("crop-size", 192, "side of a crop in pixels; smaller images are left out"),
        ("rank", 8, "of what enhance adds to each layer: more is a larger file, and gains more"),
        ("seed", 1, "of crops and noise"),
    ):
        add(f"--{name}", type=int, default=default, metavar="N", help=f"{told} (%(default)s)")
    add("--learning-rate", type=float, default=3e-4, metavar="X", help="at first (%(default)s)")
    for name, told in (
        ("lpips", "LPIPS"),
        ("adversarial", "the discriminator's verdict"),
    ):
        what = f"of hific: what {told} weighs, in squared levels of 255 (the paper's ratio to MSE)"
        add(f"--{name}-weight", type=float, metavar="X", help=what)
    return parser
