"""``pytest-lic components``: every kind of component in every seat, and the codecs that have it."""

from __future__ import annotations

import argparse

from pytest_lic.commands.plugin_options import add_plugin_options, origin_here, plugin_arguments
from pytest_lic.commands.terminal import terminal_width
from pytest_lic.commands.written import add_json, require_folders, write_outputs
from pytest_lic.errors import UnknownNameError
from pytest_lic.project.components import component_kinds
from pytest_lic.project.discovery import Families, discover, pytest_config
from pytest_lic.report.components import KindHere, components_json, components_text

_OPTIONS = ("config",)
_MEANT_HERE = {"config": "also count the codecs that FILE describes"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "components",
        help="list the kinds of component: what each is, its paper, and the codecs that have it",
        description="List what may take each seat of a codec, such as its transform or its "
        "context: what it is, the paper, the class that a config names, whether trained weights "
        "are here, and the codecs that have it. A kind is written as --lic-component takes it "
        "(transform=swin); its seat is what pytest-lic ablation --by takes (transform).",
        epilog="example: pytest-lic components --seat transform",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--seat", metavar="SEAT", help="only the kinds of this seat, such as transform or context"
    )
    add_json(parser)
    add_plugin_options(parser, _OPTIONS, _MEANT_HERE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a few lines per kind; the exit status is 0.

    Raises:
        LicError: an unknown seat, or kinds or codecs that can't be.
    """
    require_folders(arguments)
    with pytest_config(origin_here(*plugin_arguments(arguments, _OPTIONS))) as config:
        kinds = component_kinds(config)
        seats = {kind.seat for kind in kinds}
        if arguments.seat is not None and arguments.seat not in seats:
            raise UnknownNameError("seat", arguments.seat, seats, "--seat")
        families = discover(config)
    chosen = [kind for kind in kinds if arguments.seat in (None, kind.seat)]
    listed = [
        KindHere(
            kind,
            _with(families, kind.seat, kind.tag, trained=True),
            _with(families, kind.seat, kind.tag, trained=False),
        )
        for kind in chosen
    ]
    print(components_text(listed, width=terminal_width()), end="")
    write_outputs(arguments, listed, components_json)
    return 0


def _with(families: Families, seat: str, tag: str, *, trained: bool) -> tuple[str, ...]:
    return tuple(
        name
        for name, family in families.by_name.items()
        if family.trained is trained and family.tags.get(seat) == tag
    )
