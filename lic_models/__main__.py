"""``python -m lic_models``: train, validate, test and export learned codecs.

fit       train the codec that a config describes
validate  its loss on the validation images, with real rounding
test      its rate and quality on whole images, measured on real bitstreams
export    write the weights of a checkpoint for the plugin
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_lic.errors import LicError, UsageError

PROGRAM = "python -m lic_models"
TRAINING = ("fit", "validate", "test")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status: 0, 2 after an error, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["export"]:
            return _export(given[1:])
        if given[:1] and given[0] in TRAINING:
            return _train(given)
    except LicError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _parser().parse_args(given)
    _parser().print_help()
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=[*TRAINING, "export"], help="--help after it for more")
    return parser


def _train(arguments: list[str]) -> int:
    """Hand over to Lightning's command line, once the config and the quality are known."""
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} {arguments[0]}",
        add_help=False,
        allow_abbrev=False,
        description="All other options are Lightning's, of model, data and trainer:",
    )
    parser.add_argument("--config", "-c", type=Path, metavar="FILE", help="describes the codec")
    parser.add_argument("--quality", "-q", metavar="LABEL", help="which of its qualities")
    options, others = parser.parse_known_args(arguments[1:])
    from lic_models.codec_config import empty_config, read_codec_config
    from lic_models.command_line import TrainingCLI

    if {"--help", "-h"} & set(others):
        parser.print_help()
        print()
    elif options.config is None:
        raise UsageError(
            f"{PROGRAM} {arguments[0]}: no --config FILE; give a YAML file that describes the "
            "codec, such as one that begins with extends: fp-gdn"
        )
    config = empty_config() if options.config is None else read_codec_config(options.config)
    from lic_models.callbacks import TrainingInterrupted

    try:
        TrainingCLI(config, options.quality, [arguments[0], *others])
    except TrainingInterrupted as stopped:
        print(
            f"{stopped}; to go on: {PROGRAM} {' '.join(arguments)} --ckpt_path={stopped.checkpoint}"
        )
        return 130
    return 0


def _export(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} export", description="Write the weights of a checkpoint for the plugin."
    )
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="written by fit")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="weights file; NAME-QUALITY.safetensors here by default",
    )
    parser.add_argument(
        "--float32", action="store_true", help="do not round the kernels to float16"
    )
    options = parser.parse_args(arguments)
    from lic_models.export import export

    path = export(options.checkpoint, options.out, half=not options.float32)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
