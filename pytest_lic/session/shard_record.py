"""What a shard's results say of it, for the merge to tell whether all shards belong together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_lic.images.corpus import corpus_name
from pytest_lic.project.options import Options
from pytest_lic.results.shard_facts import LeftCurve, ShardFacts
from pytest_lic.run.run import Run
from pytest_lic.session.rerun_command import rerun_command


def shard_facts(run: Run) -> ShardFacts | None:
    """Of a run that is a shard; None of another."""
    setup, part = run.setup, run.setup.grid.part
    if part is None:
        return None
    configs, corpora = setup.families.configs, setup.grid.corpora
    return ShardFacts(
        part.shard.number,
        part.shard.count,
        len(setup.grid.every_cell),
        part.cells,
        part.plan,
        _digest([run.baselines.folder, run.baselines.earlier]),
        _options(setup.options),
        tuple(
            LeftCurve(
                curve.family,
                curve.setting,
                rerun_command(curve, "rd", configs, corpora, setup.options.words),
            )
            for curve in sorted(part.left, key=lambda curve: curve.id)
        ),
    )


def _options(options: Options) -> Mapping[str, str]:
    """Option → its value, of those that results depend on; folders by the names of corpora."""
    chosen = options.selection
    return {
        name: ",".join(map(str, values))
        for name, values in {
            "codec": chosen.codecs,
            "quality": chosen.qualities,
            "lambda": chosen.lambdas,
            "target-bpp": chosen.targets,
            "component": chosen.components,
            "corpus": map(corpus_name, chosen.corpora),
            "resolution": chosen.resolutions,
            "batch": chosen.batches,
            "device": chosen.devices,
            "threads": (options.threads,),
            "metrics": (metric.name for metric in options.metrics),
            "bd": options.bd,
            "ctc": options.ctc,
            "anchor": options.anchors,
            "require": options.require,
            "environments": (one.name for one in options.environments),
            "memory-tolerance": (options.memory_tolerance,),
            "hostile": (options.hostile,),
            "baselines-of": (options.baselines_of or "",),
        }.items()
    }


def _digest(folders: Iterable[Path | None]) -> str:
    """Of the files in these folders, by name and content."""
    digest = hashlib.sha256()
    for folder in filter(None, folders):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                digest.update(f"{path.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
