"""Whether results are all shards of one run: none is missing, doubled, or of another run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_lic.errors import ResultsError
from pytest_lic.merging.shard_results import ShardResults
from pytest_lic.results.shard_facts import ShardFacts
from pytest_lic.system.words import listed

ENDED = (0, 1, 5)
"""pytest's exit statuses of a run that came to its end: passed, failed, or nothing to do."""

_NAMED = 10


def in_order(named: Mapping[str, ShardResults]) -> tuple[tuple[str, ShardResults], ...]:
    """All shards of a run, from the first to the last, each with what errors call it.

    Args:
        named: file → the shard in it.

    Raises:
        ResultsError: one is no shard, missing, doubled, of another run, or did not end.
    """
    numbered: dict[int, tuple[str, ShardResults]] = {}
    first: ShardFacts | None = None
    for file, one in named.items():
        shard = one.facts
        if shard is None:
            raise ResultsError(
                f"{file} is no shard, but of a whole run; expected what pytest --lic-shard K/N "
                "--lic-json wrote"
            )
        name = f"shard {shard.name} ({file})"
        if not 1 <= shard.number <= shard.count:
            raise ResultsError(f"{name} is damaged: there is no such shard; run it again")
        first = first or shard
        if shard.count != first.count:
            other = next(iter(numbered.values()))[0]
            raise ResultsError(
                f"{name} is not of as many shards as {other}; merge those of one run"
            )
        if shard.number in numbered:
            raise ResultsError(
                f"shard {shard.name} is there twice: {file} and {numbered[shard.number][0]}; leave "
                "one of them out"
            )
        numbered[shard.number] = (name, one)
    if first is None:
        raise ResultsError("there is no shard to merge")
    missing = [str(number) for number in range(1, first.count + 1) if number not in numbered]
    if missing:
        are = "s are" if len(missing) > 1 else " is"
        raise ResultsError(
            f"of {first.count} shards, {len(missing)} shard{are} missing: "
            f"{listed(missing, _NAMED)}; run them, or find their files"
        )
    shards = tuple(numbered[number] for number in sorted(numbered))
    for name, one in shards:
        _check_ended(name, one)
        _check_alike(shards[0], (name, one))
    _check_cells(shards)
    return shards


def _check_ended(name: str, shard: ShardResults) -> None:
    if shard.run.exit_status not in ENDED:
        raise ResultsError(
            f"{name} did not come to its end: exit status {shard.run.exit_status}; run it again"
        )


def _check_alike(one: tuple[str, ShardResults], other: tuple[str, ShardResults]) -> None:
    """ResultsError over the first thing that all shards of a run have in common, and these not."""
    (before, shard), (name, others) = one, other
    for (what, here), (_, there) in zip(_common(shard), _common(others), strict=True):
        if here != there:
            raise ResultsError(
                f"{name} has {what} {_text(there)}, {before} {_text(here)}; shards of one run have "
                "the same: run the one again that is wrong"
            )


def _common(one: ShardResults) -> Iterator[tuple[str, Any]]:
    run, shard = one.run, one.facts
    assert shard is not None
    yield "pytest-lic", run.pytest_lic
    yield "commit", run.commit
    yield "uncommitted changes", run.changed
    yield "options", sorted(shard.options)
    for option, value in sorted(shard.options.items()):
        yield f"--lic-{option}", value
    yield "--lic-strict", run.strict
    yield "tolerances", {name: vars(value) for name, value in sorted(run.tolerances.items())}
    yield "baselines of digest", shard.baselines
    yield "codecs", {name: dict(facts.qualities) for name, facts in one.families.items()}
    yield "a plan of digest", shard.plan
    yield "a whole grid of cells", shard.whole


def _text(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _check_cells(shards: Sequence[tuple[str, ShardResults]]) -> None:
    """ResultsError where a cell is in two shards or in none, or its images are not the same."""
    facts = [shard.facts for _, shard in shards if shard.facts is not None]
    cells, whole = sum(shard.cells for shard in facts), facts[0].whole
    if cells != whole:
        raise ResultsError(
            f"the {len(facts)} shards have {cells} cells together, the whole grid {whole}: they "
            "are of different grids; run them again with one version of pytest-lic"
        )
    subjects: dict[str, str] = {}
    digests: dict[str, tuple[str, str]] = {}
    for name, shard in shards:
        points = (point.subject for point in shard.points)
        curves = (curve.comparison.subject for curve in shard.frame.results.curves)
        tests = (test.id for test in shard.tests if not test.left)
        for subject in (*points, *curves, *tests):
            other = subjects.setdefault(subject, name)
            if other != name:
                raise ResultsError(f"{subject} is in {other} and in {name}; merge those of one run")
        for corpus, digest in {(one.corpus, one.digest): None for one in shard.points}:
            if corpus is None or digest is None:
                continue
            known, other = digests.setdefault(corpus, (digest, name))
            if known != digest:
                raise ResultsError(
                    f"{name} has other images in corpus {corpus} (digest {digest}) than {other} "
                    f"({known}); give all machines the same"
                )
