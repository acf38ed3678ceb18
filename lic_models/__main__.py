"""``python -m lic_models``: train, validate, test and export learned codecs.

fit       train the codec that a config describes
validate  its loss on the validation images, with real rounding
test      its rate and quality on whole images, measured on real bitstreams
export    write the weights of checkpoints for the plugin
thumbnail train a small network that makes previews of the first bytes, for exported weights
adapt     exported weights for another domain or another loss
integer   exported weights whose hyper-synthesis is computed in integers
zoo       train every network of some configs for as long as there is time
pack      small copies of a zoo's checkpoints, to go on from elsewhere
figure    draw a zoo's losses against the pixels that it was trained on
"""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from lic_models.command_line.quiet import silence_logs, silence_warnings
from lic_models.config.codec_config import CodecConfig, empty_config, find_config, read_codec_config
from lic_models.storage.weights_header import read_header
from pytest_lic.errors import LicError, UsageError

PROGRAM = "python -m lic_models"
INTERRUPTED = 130
_RAW = argparse.RawDescriptionHelpFormatter
_CHECKPOINT = "--ckpt_path"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status: 0, 2 after an error, 130 after Ctrl-C."""
    silence_warnings()
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__, formatter_class=_RAW)
    parser.add_argument("command", choices=_COMMANDS, help="--help after it tells more")
    if not words:
        parser.print_help()
        return 2
    command = _COMMANDS[parser.parse_args(words[:1]).command]
    try:
        return command(words[1:])
    except LicError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return INTERRUPTED


def _fit(arguments: list[str]) -> int:
    parser = _parser(
        "fit",
        "Train the codec that FILE describes. Log and checkpoints go to runs/NAME-QUALITY.\n"
        "Ctrl-C, or the end of --minutes, stops after the step, and tells how to go on.",
        "  --ckpt_path=PATH      go on from this checkpoint; last for that of runs/NAME-QUALITY\n"
        "  --model.start=PATH    begin with the weights of another run, such as another λ's\n",
    )
    parser.add_argument(
        "--minutes", type=_minutes, default=math.inf, metavar="M", help="stop after this long"
    )
    options, others = parser.parse_known_args(arguments)
    deadline = time.monotonic() + 60.0 * options.minutes
    config = _config(parser, options, others)
    from lic_models.command_line.training_cli import TrainingCLI
    from lic_models.training.callbacks import TrainingInterrupted
    from lic_models.training.freed_memory import keep_freed_memory

    silence_logs()
    keep_freed_memory()
    try:
        TrainingCLI(config, options.quality, "fit", others, deadline=deadline)
    except TrainingInterrupted as stopped:
        if stopped.checkpoint is None:
            print(f"{stopped}, at once; the last checkpoint stays as it was", flush=True)
        else:
            command = [*_without_checkpoint(arguments), f"{_CHECKPOINT}={stopped.checkpoint}"]
            print(f"{stopped}; to go on:\n{PROGRAM} fit {shlex.join(command)}", flush=True)
        return 0 if stopped.in_time else INTERRUPTED
    except SystemExit as error:  # how Lightning ends at Ctrl-C before the first step
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise
    return 0


def _validate(arguments: list[str]) -> int:
    parser = _parser(
        "validate",
        "Print the loss on the validation images, with real rounding, of a checkpoint or of\n"
        "exported weights; of those that FILE names by default.",
        "  --ckpt_path=PATH      a checkpoint; last or best for those of runs/NAME-QUALITY\n",
    )
    _add_weights(parser)
    options, others = parser.parse_known_args(arguments)
    config = _config(parser, options, others)
    has_checkpoint = any(word.split("=")[0] == _CHECKPOINT for word in others)
    weights = _weights(config, options, others, has_checkpoint)
    from lic_models.command_line.training_cli import TrainingCLI

    silence_logs()
    TrainingCLI(config, options.quality, "validate", others, weights)
    return 0


def _test(arguments: list[str]) -> int:
    parser = _parser(
        "test",
        "Code the data module's test images to real bitstreams, decode them, and print bpp,\n"
        "PSNR, MS-SSIM and the rate that the likelihoods estimate, of a checkpoint (as export\n"
        "would write it) or of exported weights; of those that FILE names by default.",
        "  --data=lic_models.data.Kodak --data.path=DIR   test on these images\n",
    )
    _add_weights(parser)
    parser.add_argument(_CHECKPOINT, metavar="PATH", help="last or best: of runs/NAME-QUALITY")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1 (%(default)s)")
    options, others = parser.parse_known_args(arguments)
    config = _config(parser, options, others)
    weights = _weights(config, options, others, options.ckpt_path is not None)
    from lic_models.command_line import testing
    from lic_models.command_line.training_cli import TrainingCLI
    from lic_models.storage.checkpoint import describe_checkpoint
    from lic_models.training.run_folder import checkpoint_path

    silence_logs()
    line = TrainingCLI(config, options.quality, None, others)
    if weights is None:
        path, measured = checkpoint_path(options.ckpt_path, line.folder), testing.measure_checkpoint
        line.refuse_other(path, describe_checkpoint(path)["components"], coding=True)
    else:
        path, measured = weights, testing.measure_weights
        line.refuse_other(path, read_header(path).components, coding=True)
    corpus = testing.corpus_of(line.data_module())

    with tqdm(total=len(corpus.images), unit="image", disable=None) as bar:
        tested = measured(path, corpus, options.device, lambda done, _: bar.update(done - bar.n))
    cell = tested.measurement.cell
    print(
        f"{cell.family} quality {cell.quality}, λ = {tested.measurement.lmbda:g} ({path}), on "
        f"{corpus.name}, {cell.setting.device}"
    )
    for row in testing.report_lines(tested):
        print(row)
    return 0


def _export(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} export", description="Write the weights of checkpoints for the plugin."
    )
    parser.add_argument(
        "checkpoints", nargs="+", type=Path, metavar="CKPT", help="written by fit or zoo"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="weights file, of a single checkpoint; by default where the codec's config says that "
        "they are, which is NAME-QUALITY.safetensors beside it unless told otherwise",
    )
    parser.add_argument(
        "--float32", action="store_true", help="do not round the kernels to float16"
    )
    parser.add_argument(
        "--eight-bit",
        action="store_true",
        help="round the kernels of convolutions to eight bits, in files little more than half as "
        "large; not with --transform-of",
    )
    parser.add_argument(
        "--transform-of",
        type=Path,
        metavar="FILE",
        help="weights file whose transform this is, to the bit, since only the entropy model was "
        "trained: it is named instead of written again, and must lie beside the new file, or be "
        "shipped",
    )
    options = parser.parse_args(arguments)
    if options.out is not None and len(options.checkpoints) > 1:
        raise UsageError("--out: one file for several checkpoints; leave it out")
    if options.eight_bit and options.transform_of is not None:
        raise UsageError(
            "--eight-bit would round the transform, and --transform-of shares it to the bit; give "
            "one of them"
        )
    from lic_models.storage.export import export

    for checkpoint in options.checkpoints:
        path = export(
            checkpoint,
            options.out,
            half=not options.float32,
            eight_bit=options.eight_bit,
            transform_of=options.transform_of,
            remark=print,
        )
        header = read_header(path)
        print(
            f"{path}: {header.name} quality {header.quality}, λ = {header.lmbda:g}, "
            f"{header.training['steps']} steps; {path.stat().st_size / 1e6:.2f} MB"
        )
    return 0


def _thumbnail(arguments: list[str]) -> int:
    from lic_models.command_line.thumbnails import thumbnail

    return thumbnail(PROGRAM, arguments)


def _adapt(arguments: list[str]) -> int:
    from lic_models.command_line.adapting import adapt

    return adapt(PROGRAM, arguments)


def _integer(arguments: list[str]) -> int:
    from lic_models.command_line.integer import integer

    return integer(PROGRAM, arguments)


def _zoo(arguments: list[str]) -> int:
    from lic_models.zoo.command import zoo

    return zoo(PROGRAM, arguments)


def _pack(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} pack",
        description="Copy the runs of a zoo with checkpoints in half precision, logs and ledger: "
        "small enough to carry to another machine, where zoo --runs DIR goes on with them.",
    )
    parser.add_argument("runs", type=Path, metavar="RUNS", help="folder of runs")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of copies")
    options = parser.parse_args(arguments)
    from lic_models.zoo.pack import pack

    copies = pack(options.runs, options.out)
    size = sum(path.stat().st_size for path in copies)
    print(f"{options.out}: {len(copies)} checkpoints, {size / 1e6:.1f} MB")
    return 0


def _figure(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} figure",
        description="Draw the validation losses of a zoo's runs against gigapixels, one panel for "
        "each λ.",
    )
    parser.add_argument("runs", type=Path, metavar="RUNS", help="folder of runs")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=".svg or .png")
    options = parser.parse_args(arguments)
    from lic_models.zoo.figure import draw

    draw(options.runs, options.out)
    print(options.out)
    return 0


_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "fit": _fit,
    "validate": _validate,
    "test": _test,
    "export": _export,
    "thumbnail": _thumbnail,
    "adapt": _adapt,
    "integer": _integer,
    "zoo": _zoo,
    "pack": _pack,
    "figure": _figure,
}


def _parser(command: str, description: str, more: str) -> argparse.ArgumentParser:
    """The options that are ours; all others are Lightning's."""
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} {command}",
        usage=f"{PROGRAM} {command} --config FILE [--quality LABEL] [options]",
        description=description,
        epilog=f"options of model, data and trainer, of which below is the whole list:\n{more}"
        "  --model.lmbda=NUMBER  and so on: any key of the config\n"
        "  --model.transform.help CLASS, --data.help CLASS   what a class takes",
        formatter_class=_RAW,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("--help", "-h", action="store_true", help="show this, and all options")
    parser.add_argument(
        "--config",
        "-c",
        action="append",
        metavar="FILE",
        help="what describes the codec: a YAML file, or a shipped one's name, such as fp-gdn",
    )
    parser.add_argument("--quality", "-q", metavar="LABEL", help="which of its qualities")
    return parser


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0.0 < minutes < math.inf:
        raise argparse.ArgumentTypeError(f"{text}; expected a positive number of minutes")
    return minutes


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", type=Path, metavar="FILE", help="exported weights")


def _config(
    parser: argparse.ArgumentParser, options: argparse.Namespace, others: list[str]
) -> CodecConfig:
    """The config that was asked for; that of no codec in particular where only help was.

    Raises:
        UsageError: there is none, or several; or as `read_codec_config`.
    """
    if options.help:
        parser.print_help()
        print(flush=True)
        others.append("--help")
    configs = options.config or []
    if len(configs) > 1:
        raise UsageError(
            f"--config: given {len(configs)} times; let one file extend the other (extends: …)"
        )
    if configs:
        return read_codec_config(find_config(configs[0]))
    if not _only_tells(others):
        raise UsageError(
            f"{parser.prog}: no --config FILE; give a YAML file that describes the codec, such as "
            "one that begins with extends: fp-gdn"
        )
    return empty_config()


def _weights(
    config: CodecConfig, options: argparse.Namespace, others: list[str], has_checkpoint: bool
) -> Path | None:
    """The exported weights meant; None where a checkpoint is.

    Raises:
        UsageError: both are meant, or none is there.
    """
    if options.weights is not None and has_checkpoint:
        raise UsageError(f"--weights and {_CHECKPOINT}: give one of them")
    if options.weights is not None or has_checkpoint or _only_tells(others):
        weights: Path | None = options.weights
        return weights
    quality, _ = config.overrides(options.quality)
    path = config.weights_path(quality)
    if not path.is_file():
        raise UsageError(
            f"{config.path}: no exported weights yet ({path}); give {_CHECKPOINT}=last, the path "
            "of a checkpoint, or --weights=FILE"
        )
    return path


def _only_tells(arguments: list[str]) -> bool:
    """Whether the arguments only ask for help, or what the config resolves to."""
    names = [word.split("=")[0] for word in arguments if word.startswith("-")]
    return any(
        name in ("--help", "-h", "--print_config") or name.endswith(".help") for name in names
    )


def _without_checkpoint(arguments: list[str]) -> list[str]:
    others: list[str] = []
    skip = False
    for argument in arguments:
        if not skip and argument.split("=")[0] != _CHECKPOINT:
            others.append(argument)
        skip = argument == _CHECKPOINT
    return others


if __name__ == "__main__":
    sys.exit(main())
