"""A results file of very many points: they are checked, and kept as the text that they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.baselines.layered import named_in
from pytest_lic.errors import ResultsError
from pytest_lic.results.json_file import (
    FILE,
    Frame,
    check_metrics,
    from_value,
    point_result,
    results_of,
    text_of_point,
    text_of_test,
)
from pytest_lic.results.results import Outcome, PointResult, Results, TestResult
from pytest_lic.results.schema import PointPart, ResultsFile
from pytest_lic.results.shard_facts import LEFT
from pytest_lic.system.environment import Environment
from pytest_lic.system.text_files import Place, TextFile, TextFiles
from pytest_lic.system.typed_json import structured


class KeptPoint(NamedTuple):
    """A point; ``digest`` is that of its corpus, both None where nothing was measured."""

    subject: str
    verdict: Verdict
    corpus: str | None
    digest: str | None
    place: Place


class KeptTest(NamedTuple):
    """A test; ``left`` where it is for the merge to judge, ``of_rd`` if it is of that check."""

    id: str
    subject: str
    outcome: Outcome
    left: bool
    of_rd: bool
    place: Place


@dataclass(frozen=True)
class LongFile:
    """The frame of a results file, and where its points and tests are kept."""

    frame: Frame
    points: tuple[KeptPoint, ...]
    tests: tuple[KeptTest, ...]


class _Texts(msgspec.Struct):
    points: list[msgspec.Raw]
    tests: list[msgspec.Raw]


_FILES = msgspec.json.Decoder(ResultsFile)
_TEXTS = msgspec.json.Decoder(_Texts)
_POINTS = msgspec.json.Decoder(PointPart)
_TESTS = msgspec.json.Decoder(TestResult)
_T = TypeVar("_T")


def load_long(path: Path, files: TextFiles) -> LongFile:
    """Read a results file, in far less time and memory than `load`.

    Raises:
        ResultsError: as `load`.
    """
    try:
        source = files.add(path)
    except OSError as error:
        raise ResultsError(f"results {path} can't be read: {error}") from error
    try:
        file, texts = _FILES.decode(source.content), _TEXTS.decode(source.content)
        places = [_places(source, part) for part in (texts.points, texts.tests)]
        if any(here.digest != digest for digest, here in file.environments.items()):
            raise ValueError("environments that were edited, and have other digests now")
    except ValueError:  # of msgspec, too: half a UTF-16 pair, or what is damaged
        return long_file_of(from_value(FILE.value(source.content, path), path))
    with FILE.parsing(path):
        results = results_of(msgspec.structs.replace(file, points=[], tests=()), path)
        check_metrics(file)
        sides = (side for point in file.points for side in (point.measured, point.baseline))
        for environment in {side.environment for side in sides if side is not None}:
            named_in(file.environments, environment)
    points: list[KeptPoint] = []
    for point, place in zip(file.points, places[0], strict=True):
        one, measured = point.comparison, point.measured
        corpus = None if measured is None else measured.corpus
        digest = None if measured is None else measured.digest
        points.append(KeptPoint(one.subject, one.verdict, corpus, digest, place))
    return LongFile(
        Frame(results, file.environments, frozenset(file.metrics or ())),
        tuple(points),
        tuple(starmap(_kept, zip(file.tests, places[1], strict=True))),
    )


def _places(source: TextFile, texts: list[msgspec.Raw]) -> list[Place]:
    """Where in a file the objects of a list stand; ValueError where that can't be told."""
    places: list[Place] = []
    content, place = source.content, source.place
    end = content.index(texts[0]) if texts else 0
    for text in map(bytes, texts):
        start = content.index(b"{", end)
        end = start + len(text)
        if content[start:end] != text:
            raise ValueError("a list that stands there twice")
        places.append(place(start, len(text)))
    return places


def long_file_of(results: Results) -> LongFile:
    """What `load_long` would read of the file of these results."""
    points = []
    for point in results.points:
        one, measured = point.comparison, point.measured
        corpus = None if measured is None else measured.cell.setting.corpus
        digest = None if measured is None else measured.corpus_digest
        text = _encoded(text_of_point(point))
        points.append(KeptPoint(one.subject, one.verdict, corpus, digest, text))
    return LongFile(Frame.of(results), tuple(points), tuple(map(kept_test, results.tests)))


def kept_test(test: TestResult) -> KeptTest:
    """A test that is in no file yet."""
    return _kept(test, _encoded(text_of_test(test)))


def _kept(test: TestResult, place: Place) -> KeptTest:
    left, of_rd = LEFT in test.text, "rd" in test.checks
    return KeptTest(test.id, test.subject, test.outcome, left, of_rd, place)


def read_point(text: bytes, environments: Mapping[str, Environment]) -> PointResult:
    """The point of a text that `load_long` has checked."""
    return point_result(_decoded(text, _POINTS, PointPart), environments)


def read_test(text: bytes) -> TestResult:
    """The test of such a text."""
    return _decoded(text, _TESTS, TestResult)


def _decoded(text: bytes, decoder: msgspec.json.Decoder[_T], kind: type[_T]) -> _T:
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:  # half a UTF-16 pair, of a name that is no UTF-8
        return structured(json.loads(text), kind)


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")
