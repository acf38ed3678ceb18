"""``pytest-lic passport``: what one machine encodes, all others decode, for real machines."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pytest_lic.checks.passport.checking import check
from pytest_lic.checks.passport.making import packed
from pytest_lic.checks.passport.matrix import matrix_of
from pytest_lic.checks.passport.pack import FORMAT, Pack, PackedCodec, new_pack, opened_pack
from pytest_lic.checks.passport.stamp import FORMAT as STAMP_FORMAT
from pytest_lic.checks.passport.stamp import Checked, Side, Stamp, read_stamp, stamp_text
from pytest_lic.codec import Codec
from pytest_lic.commands.plugin_options import add_plugin_options, origin_here, plugin_arguments
from pytest_lic.commands.terminal import say
from pytest_lic.commands.written import require_folder, write, writing
from pytest_lic.errors import UnavailableError, UsageError
from pytest_lic.images.corpus import EDGE, load_corpus
from pytest_lic.measuring import coding
from pytest_lic.project import family_calls
from pytest_lic.report.html.passport import passport_page
from pytest_lic.report.passport import matrix_markdown, matrix_text, stamp_lines
from pytest_lic.run.outside_pytest import opened_run
from pytest_lic.run.run import Run
from pytest_lic.run.setup import Setup
from pytest_lic.system.environment import environment
from pytest_lic.system.files import written_whole

OUT_OF_STEP = 1
"""The exit status where a bitstream does not decode as where it was encoded."""

_MADE = (
    *("codec", "config", "quality", "component", "corpus", "resolution", "device", "threads"),
)  # fmt: skip
_CHECKED = ("config", "device", "threads")
_Commands = argparse._SubParsersAction


def add_parser(commands: _Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "passport",
        help="check that what one machine encodes, all others decode",
        description="On one machine, make a pack of bitstreams and of what their decoder computes; "
        "on others, check it, which leaves a stamp; then show who decodes whom.",
    )
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    _add_make(steps)
    _add_check(steps)
    _add_matrix(steps)


def make(arguments: argparse.Namespace) -> int:
    """Write a pack; the exit status.

    Raises:
        LicError: a codec or image that can't be had, or does not decode here.
    """
    require_folder("--out", arguments.out)
    origin = origin_here(*plugin_arguments(arguments, _MADE))
    # Its own corpus: the photographs that ship, and what breaks codecs.
    edge = load_corpus(EDGE).images if not arguments.corpus else ()
    with opened_run(origin, (), say) as run, writing("--out", arguments.out):
        device = _one_device(run.setup.options.selection.devices)
        codecs: list[PackedCodec] = []
        with written_whole(arguments.out) as new, new_pack(new) as writer:
            for cell in run.setup.grid.of("rate"):
                say(cell.id)
                images = (*run.setup.corpus(cell).images, *edge)
                codec = run.codecs.codec(cell)
                with coding.cpu_threads(run.setup.options.threads):
                    codecs.append(packed(writer, len(codecs), codec, cell, images))
            side = _side(run, device, arguments.name)
            writer.finish(Pack(FORMAT, side.machine, side.environment, tuple(codecs)))
    count = sum(len(codec.images) for codec in codecs)
    size = arguments.out.stat().st_size
    print(f"{arguments.out}: {count} bitstreams of {side.machine}, {size / 2**20:.1f} MiB")
    return 0


def check_pack(arguments: argparse.Namespace) -> int:
    """Decode a pack, print what differs, and write the stamp that is asked for; the exit status.

    Raises:
        LicError: the pack can't be read, or none of its codecs can be had here.
    """
    if arguments.out is not None:
        require_folder("--out", arguments.out)
        if arguments.out.resolve() == arguments.pack.resolve():
            raise UsageError(f"--out {arguments.out}: this is the pack; name another file")
    origin = origin_here(*plugin_arguments(arguments, _CHECKED))
    with opened_pack(arguments.pack) as reader, opened_run(origin, (), say) as run:
        device = _one_device(run.setup.options.selection.devices)
        checked = []
        for codec in reader.pack.codecs:
            say(f"{codec.family} q{codec.quality}")
            checked.append(_checked(run.setup, codec, device, partial(check, reader, codec)))
        stamp = Stamp(
            STAMP_FORMAT,
            Side(reader.pack.machine, reader.pack.environment),
            _side(run, device, arguments.name),
            reader.digest,
            tuple(checked),
        )
    print("\n".join(stamp_lines(stamp)))
    if all(codec.unavailable for codec in stamp.codecs):
        raise UsageError(f"passport pack {arguments.pack}: none of its codecs can be had here")
    if arguments.out is not None:
        write("--out", arguments.out, stamp_text(stamp))
    return OUT_OF_STEP if stamp.broken else 0


def matrix(arguments: argparse.Namespace) -> int:
    """Show who decodes whom; the exit status.

    Raises:
        LicError: a stamp that can't be read or was edited, or two that contradict each other.
    """
    for option in ("markdown", "html"):
        if (file := getattr(arguments, option)) is not None:
            require_folder(f"--{option}", file)
    found = matrix_of({path: read_stamp(path) for path in arguments.stamps})
    print(matrix_text(found), end="")
    if arguments.markdown is not None:
        write("--markdown", arguments.markdown, matrix_markdown(found))
    if arguments.html is not None:
        write("--html", arguments.html, passport_page(found))
    return OUT_OF_STEP if found.broken else 0


def _add_make(steps: _Commands[argparse.ArgumentParser]) -> None:
    parser = steps.add_parser(
        "make",
        help="make a pack on this machine",
        description="Encode images with the codecs that are chosen, decode them here, and write "
        "bitstreams, what each stage of decoding computes, and the environment into a pack.",
        epilog="Exit status: 0 made; 2 a codec can't be had, or does not decode here.",
        allow_abbrev=False,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="PACK", help="a .zip to write")
    _add_name(parser)
    add_plugin_options(
        parser,
        _MADE,
        {
            "device": "the one device to code on (cpu)",
            "corpus": "as --lic-corpus (photos, and edge beside it)",
        },
    )
    parser.set_defaults(run=make)


def _add_check(steps: _Commands[argparse.ArgumentParser]) -> None:
    parser = steps.add_parser(
        "check",
        help="decode another machine's pack here",
        description="Decode the bitstreams of a pack with the codecs here, and tell for each codec "
        "whether that gave the same to the bit, the same latents, or something out of step, and "
        "the first stage that differs.",
        epilog="Exit status: 0 all in step; 1 a bitstream is out of step; 2 the pack can't be "
        "read, or none of its codecs can be had here.",
        allow_abbrev=False,
    )
    parser.add_argument("pack", type=Path, metavar="PACK", help="what passport make wrote")
    parser.add_argument("--out", type=Path, metavar="STAMP", help="write the stamp here, a .json")
    _add_name(parser)
    add_plugin_options(parser, _CHECKED, {"device": "the one device to decode on (cpu)"})
    parser.set_defaults(run=check_pack)


def _add_matrix(steps: _Commands[argparse.ArgumentParser]) -> None:
    parser = steps.add_parser(
        "matrix",
        help="show who decodes whom",
        description="Show of many stamps whose bitstreams decode where.",
        epilog="Exit status: 0 all in step; 1 a pair is out of step; 2 a stamp can't be read, was "
        "edited, or contradicts another.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "stamps", type=Path, nargs="+", metavar="STAMP", help="what passport check wrote"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write Markdown here")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page here")
    parser.set_defaults(run=matrix)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--name", help="what to call this machine (its system, device and a digest of the rest)"
    )


def _one_device(devices: Sequence[str]) -> str:
    if len(devices) != 1:
        raise UsageError(f"--device {','.join(devices)}: a passport is of one device")
    return devices[0]


def _side(run: Run, device: str, name: str | None) -> Side:
    here = environment(device, run.setup.options.threads)
    default = f"{here.system.replace(' ', '-')}-{device.replace(':', '')}-{here.digest[:6]}"
    return Side(name or default, here)


def _checked(
    setup: Setup, packed: PackedCodec, device: str, decode: Callable[[Codec, str], Checked]
) -> Checked:
    """What ``decode`` makes of the codec that a pack has; that it can't be had is told."""
    family = setup.families.by_name.get(packed.family)
    if family is None:
        reason: str | None = "no codec of that name is here"
    elif packed.quality not in family.qualities:
        reason = f"{family.name} has no quality {packed.quality} here"
    else:
        reason = setup.unavailable(family.name, device)
        if reason is None:
            try:
                codec = family_calls.build(family, packed.quality, device)
            except UnavailableError as error:
                reason = str(error)
            else:
                with coding.cpu_threads(setup.options.threads):
                    return decode(codec, device)
    return Checked(packed.family, packed.quality, unavailable=reason or "")
