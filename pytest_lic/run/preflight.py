"""Preflight: what is wrong with a run as a whole, said once and before anything is measured."""

from __future__ import annotations

from pytest_lic.baselines.entries import Baselines
from pytest_lic.baselines.kept_streams import KeptStreams
from pytest_lic.baselines.milestone import Milestone
from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.images.corpus import check_corpus
from pytest_lic.measuring.metrics import BUILT_IN, METRICS, metric_fingerprint
from pytest_lic.measuring.metrics.trial import check_direction
from pytest_lic.measuring.published import published_names
from pytest_lic.measuring.selection import select_qualities
from pytest_lic.run.setup import Setup
from pytest_lic.system.environment import environment
from pytest_lic.system.simulated_environments import ENVIRONMENTS


def preflight(
    setup: Setup, baselines: Baselines, kept: KeptStreams, milestone: Milestone | None
) -> None:
    """Look for what would otherwise be said once for each cell.

    Raises:
        LicError: something that was asked for does not exist, or a stored file is damaged.
    """
    options = setup.options
    _check_anchors(setup)
    _check_required(setup)
    for corpus in options.selection.corpora:
        check_corpus(corpus)
    for device in options.selection.devices:
        if device != "cpu":
            environment(device, options.threads)
    metric_fingerprint(options.metrics)  # reads the weights given
    own = {metric.name for metric in BUILT_IN}
    for metric in options.metrics:
        if metric.name not in own:
            check_direction(metric)
    for family in setup.selected_families:
        baselines.check(family.name)
        kept.check(family.name)
        if milestone is not None:
            milestone.baselines.check(family.name)


def _check_anchors(setup: Setup) -> None:
    trained = [family.name for family in setup.families.by_name.values() if family.trained]
    names = [*trained, *published_names()]
    for anchor in setup.options.anchors:
        if anchor not in names:
            raise UnknownNameError("anchor", anchor, names, "--lic-anchor")
        chosen = _running(setup, whole=True)
        if setup.grid.part is not None and anchor not in (*chosen, *published_names()):
            raise UsageError(
                f"--lic-anchor {anchor}: pytest-lic merge takes an anchor's points from the "
                "shards, which leave this codec out; choose it with --lic-codec too"
            )


def _running(setup: Setup, *, whole: bool = False) -> list[str]:
    """The families that run; with ``whole`` with all qualities, or those that were asked for."""
    selection, families = setup.options.selection, setup.selected_families
    chosen, _ = select_qualities(families, selection) if families else ({}, [])
    counts = {family.name: len(family.qualities) for family in families}
    return [
        name
        for name, labels in chosen.items()
        if labels and (not whole or selection.names or len(labels) == counts[name])
    ]


def _check_required(setup: Setup) -> None:
    options = setup.options
    devices = options.selection.devices
    known = [*METRICS, "bd_rate", "cpu", "cuda", *devices, *setup.families.by_name, *ENVIRONMENTS]
    asked_for = {
        *(name for name, metric in METRICS.items() if not metric.of_pixels),
        *(metric.name for metric in options.metrics),
        *(["bd_rate"] if setup.grid.curves or setup.grid.part is not None else []),
        *(*devices, *(device.split(":")[0] for device in devices)),
        *(environment.name for environment in options.environments),
        *_running(setup),
    }
    for required in options.require:
        if required not in known:
            raise UnknownNameError("requirement", required, known, "--lic-require")
        if required not in asked_for:
            raise UsageError(f"--lic-require {required}: this run does not ask for it at all")
