"""The commit that moved a number of a codec: git bisect chooses commits, and each is measured.

    git bisect ─ next commit ─▶ checkout, install ─▶ code the images ─▶ good, bad or skip
        ◀──────────────────────────────────────────────────────────────────┘

A commit is bad whose number is nearer to that of the bad end than to that of the good one, and it
is skipped where it has no number. The bisection's own state lies in a worktree without files, which
the repository knows nothing of; what is measured lies in a checkout beside it. The loop that `git
bisect run` would run is here, so that whatever codes ends with this process.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pytest_lic.ab.checkout import (
    Repository,
    Revision,
    check_out_side,
    folder_for_checkouts,
)
from pytest_lic.ab.side import Side
from pytest_lic.errors import LicError, Unavailable, UnknownNameError, UsageError
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring.gated_grid import make_grid
from pytest_lic.measuring.measure import Measurement, measure, rd_curve
from pytest_lic.measuring.metrics import METRICS
from pytest_lic.measuring.rate_distortion import bd_rate
from pytest_lic.project.options import Options
from pytest_lic.system.commit_tree import without_files
from pytest_lic.system.git import git
from pytest_lic.system.words import plural

BD_RATE = "bd_rate"
"""The number that is taken of a whole curve: against that of the good commit, in percent."""

_FOUND = re.compile(r"^# first bad commit: \[(\w+)\]", re.MULTILINE)
_LEFT = re.compile(r"^# possible first bad commit: \[(\w+)\]", re.MULTILINE)
_SAME = 1e-9
_HERE = "commit"  # the label of the one checkout that is there at a time

Points = Mapping[str, Measurement]
"""Quality → measurement, of one commit."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Question:
    """What is looked for.

    ``number`` is `BD_RATE` or a metric, of the mean over images and qualities; ``arguments`` are
    those of pytest by which the codecs of each commit are found; ``timeout`` is in seconds, of one
    batch.
    """

    codec: str
    number: str
    options: Options
    arguments: Sequence[str]
    timeout: float


@dataclass(frozen=True)
class Culprit:
    """The commit that moved the number, which was ``before`` at its parent, and is ``after``."""

    revision: Revision
    before: float
    after: float
    measured: int
    skipped: int


def bisect(
    repository: Repository, good: Revision, bad: Revision, question: Question, say: Say
) -> Culprit:
    """Look for the commit.

    Raises:
        UsageError: ``good`` is no ancestor of ``bad``, one of the two has no number, both have the
            same, or only commits without a number are left.
    """
    if good.commit == bad.commit or not _is_ancestor(repository.root, good, bad):
        raise UsageError(
            f"{good.title} is no commit before {bad.title}, so nothing lies between them; "
            "--good names an ancestor of --bad"
        )
    with folder_for_checkouts(repository) as folder:
        numbers = _Numbers(repository, question, folder, good)
        ends = []
        for end in (good, bad):
            try:
                ends.append(numbers.of(end.commit))
            except LicError as error:
                raise UsageError(f"{end.title} has no number: {error}") from error
            say(f"{end.title}: {number_text(question.number, ends[-1])}")
        if abs(ends[1] - ends[0]) < _SAME:
            both = number_text(question.number, ends[0])
            raise UsageError(f"{question.codec}: {both} at {good.title} and {bad.title} alike")
        state = without_files(repository.root, bad.commit, folder / "bisect")
        git("bisect", "start", "--no-checkout", bad.commit, good.commit, cwd=state)
        skipped: dict[str, str] = {}
        while (found := _FOUND.search(git("bisect", "log", cwd=state))) is None:
            commit = git("rev-parse", "BISECT_HEAD", cwd=state).strip()
            try:
                number = numbers.of(commit)
            except LicError as error:
                word, why = "skip", str(error)
                skipped[commit] = why
            else:
                nearer_to_bad = abs(number - ends[1]) < abs(number - ends[0])
                word, why = "bad" if nearer_to_bad else "good", number_text(question.number, number)
            say(f"{word} {commit[:10]}: {why}")
            _mark(state, word, commit, skipped)
        parent = git("rev-parse", f"{found[1]}~1", cwd=repository.root).strip()
        return Culprit(
            repository.described(found[1][:10], found[1]),
            numbers.of(parent),
            numbers.of(found[1]),
            numbers.count,
            len(skipped),
        )


def _is_ancestor(root: Path, one: Revision, other: Revision) -> bool:
    try:
        return git("merge-base", one.commit, other.commit, cwd=root).strip() == one.commit
    except UsageError:  # they have no commit in common
        return False


def _mark(state: Path, word: str, commit: str, skipped: Mapping[str, str]) -> None:
    """Tell git what a commit is.

    Raises:
        UsageError: only skipped commits are left.
    """
    try:
        git("bisect", word, commit, cwd=state)
    except UsageError:
        left = _LEFT.findall(git("bisect", "log", cwd=state))
        if not left:
            raise
        first = next(one for one in left if one in skipped)
        raise UsageError(
            f"it is one of {', '.join(one[:10] for one in left)}, of which those before the first "
            f"can't be measured: {first[:10]}: {skipped[first]}"
        ) from None


class _Numbers:
    """The number of each commit, measured once."""

    def __init__(
        self, repository: Repository, question: Question, folder: Path, good: Revision
    ) -> None:
        self._repository = repository
        self._question = question
        self._folder = folder
        self._good = good
        self._points: dict[str, Points] = {}

    @property
    def count(self) -> int:
        """How many commits were measured."""
        return len(self._points)

    def of(self, commit: str) -> float:
        """The number of a commit.

        Raises:
            LicError: its codec can't be found, built or run, or gives no such number.
        """
        if commit not in self._points:
            self._points[commit] = self._measured(commit)
        points, number = self._points[commit], self._question.number
        first = self._points[self._good.commit]
        if points.keys() != first.keys():
            raise UsageError(f"its qualities are {', '.join(points)}, not {', '.join(first)}")
        if number == BD_RATE:
            try:
                curves = rd_curve("the good commit", first), rd_curve("it", points)
            except ValueError as error:  # a lossless point
                raise UsageError(f"no BD-rate: {error}; --metric names another number") from error
            rate = bd_rate(*curves).value
            if isinstance(rate, Unavailable):
                raise UsageError(f"no BD-rate: {rate.reason}; --metric names another number")
            return rate
        means = [point.mean(number) for point in points.values()]
        known = [METRICS[number].shown(mean) for mean in means if mean is not None]
        if len(known) < len(means):
            reasons = (point.unavailable().get(number) for point in points.values())
            raise UsageError(f"no {number}: {next(filter(None, reasons), 'not measured')}")
        return math.fsum(known) / len(known)

    def _measured(self, commit: str) -> Points:
        """The codec's points, of a checkout that is gone again afterwards."""
        question, revision = self._question, self._repository.described(_HERE, commit)
        try:
            checkout = check_out_side(self._repository, _HERE, revision, self._folder)
            side = Side(checkout, self._repository, question.arguments, question.timeout)
            with closing(side):
                return _coded(side, question)
        except LicError as error:  # whoever calls names the commit
            text = str(error).removeprefix(f"{_HERE}, ").removeprefix(f"{revision.title}: ")
            raise UsageError(text.removeprefix(f"{_HERE}: ")) from error
        finally:
            shutil.rmtree(self._folder / _HERE, ignore_errors=True)


def _coded(side: Side, question: Question) -> Points:
    options, families = question.options, side.families()
    if question.codec not in families:
        raise UnknownNameError("codec", question.codec, families, "CODEC")
    grid = make_grid([families[question.codec]], options.selection)
    cells = grid.of("rate")
    if len({cell.setting for cell in cells}) != 1:
        raise UsageError(
            f"{question.codec} has {plural(len(cells), 'cell')} here, of several images, "
            "resolutions, batches or devices, or none; choose one of each"
        )
    corpus = load_corpus(grid.corpora[cells[0].setting.corpus], cells[0].setting.resolution)
    points = {}
    for cell in cells:
        side.load(cell, options.threads)
        points[cell.quality] = measure(
            side.codec(), cell, corpus, lmbda=None, metrics=options.metrics, threads=options.threads
        )
    return points


def number_text(number: str, *values: float) -> str:
    """A number with its name and unit, or how it moved."""
    if number == BD_RATE:
        return f"BD-rate {' → '.join(f'{value:+.2f}' for value in values)} %"
    metric = METRICS[number]
    unit = "" if metric.unit in ("", metric.label) else f" {metric.unit}"
    return f"{metric.label} {' → '.join(f'{value:.{metric.decimals}f}' for value in values)}{unit}"
