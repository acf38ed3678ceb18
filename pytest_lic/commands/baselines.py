"""``pytest-lic baselines``: every edit of the baselines since a branch began."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from pytest_lic.baselines.at_commit import folder_at, fork, text_at
from pytest_lic.baselines.edits import BaselineFolders, Edit, baseline_edits, left_behind
from pytest_lic.baselines.layered import families_in
from pytest_lic.baselines.shipped import shipped_folder
from pytest_lic.baselines.tolerances import Tolerance, read_tolerances, tolerances_in
from pytest_lic.commands.plugin_options import (
    ALONE,
    add_plugin_options,
    origin_here,
    plugin_arguments,
)
from pytest_lic.commands.written import add_outputs, require_folders, write_outputs
from pytest_lic.costs.edits import cost_edits
from pytest_lic.project.discovery import pytest_config
from pytest_lic.project.options import read_options
from pytest_lic.project.root import project_root
from pytest_lic.report.baseline_edits import edits_json, edits_markdown, edits_text
from pytest_lic.system.git import commit_named

LOWERED = 1
"""The exit status where some bar was lowered."""

_OPTIONS = ("baselines",)
_MEANT_HERE = {"baselines": "the folder, from the root folder (default: as pytest's)"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "baselines",
        help="list every edit of the baselines since a branch began",
        description="List what was done to baselines, kept bitstreams and tolerances between the "
        "merge base of BASE and HEAD, and HEAD: added, removed, raised, lowered, by how much.",
        epilog="Exit status: 0 no bar was lowered beyond the tolerances of the merge base; 1 one "
        "was, or an entry was removed, or a kept bitstream replaced; 2 it can't be told.",
        allow_abbrev=False,
    )
    parser.add_argument("base", metavar="BASE", help="the branch or commit to be merged into")
    parser.add_argument(
        "head", metavar="HEAD", nargs="?", help="the commit in question (default: the working tree)"
    )
    add_outputs(parser)
    add_plugin_options(parser, _OPTIONS, _MEANT_HERE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List the edits, and say by the exit status whether one lowers a bar.

    Raises:
        LicError: a commit or a file that can't be read.
    """
    require_folders(arguments)
    edits = _edits(arguments)
    print(edits_text(edits), end="")
    write_outputs(arguments, edits, edits_json, edits_markdown)
    return LOWERED if any(edit.kind.lowers for edit in edits) else 0


def _edits(arguments: argparse.Namespace) -> list[Edit]:
    with pytest_config(origin_here(*ALONE, *plugin_arguments(arguments, _OPTIONS))) as config:
        options, root = read_options(config), project_root(config)
    project = root / "pyproject.toml"
    base = fork(Path.cwd(), arguments.base, arguments.head or "HEAD")

    def tolerances(commit: str) -> dict[str, Tolerance]:
        text = text_at(base.root, commit, project) or ""
        return tolerances_in(text, f"{commit[:10]}:{project.name}")

    shipped = shipped_folder()
    with tempfile.TemporaryDirectory(prefix="pytest-lic-baselines-") as into:
        after, later = options.baselines, read_tolerances(project)
        if arguments.head is not None:
            head = commit_named(base.root, arguments.head)
            after = folder_at(base.root, head, options.baselines, Path(into))
            later = tolerances(head)
        folders = BaselineFolders(
            folder_at(base.root, base.commit, options.baselines, Path(into)),
            after,
            shipped if shipped.resolve() != options.baselines.resolve() else None,
        )
        edits = [
            *baseline_edits(folders, tolerances(base.commit), later),
            *cost_edits(folders, options.memory_tolerance),
        ]
        edits.sort(key=lambda edit: -edit.kind.rank)
        then, now = (families_in(folder, "entries") for folder in (folders.before, after))
        if then or not now:
            return edits
        # A folder of another name would have no past that it could be compared with.
        whole = folder_at(base.root, base.commit, root, Path(into))
        return [*left_behind(whole, options.baselines.name), *edits]
