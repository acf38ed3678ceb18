"""How good the verdict of ``pytest-lic ab`` is: false alarms, and slowdowns found.

    python benchmarks/gate_power.py [--results gate_power.jsonl] [--budget 35]

Compares a convolutional codec with itself, and with copies that are slower by 2, 5 and 10 % in
encode or decode, many times over, as the command would: two commits of a small repository, fresh
processes on either side. "Found" means the verdict *slower*; any verdict *slower* on what was not
slowed is a false alarm. Each trial is a line of the results file, and a call with the same file
goes on where the last one stopped.

For the small slowdowns, trials are also resampled: as many starts as most live trials had are
drawn, with replacement, from those of all live trials of the same kind, and judged in the same way.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from tabulate import tabulate

from pytest_lic.ab.checkout import Repository, Revision, checked_out
from pytest_lic.ab.estimate import Speed, estimate, is_settled, value
from pytest_lic.ab.paired_times import take_paired_times
from pytest_lic.ab.result import DIRECTIONS, Demand, Timed
from pytest_lic.ab.side import Side
from pytest_lic.errors import LicError
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell, Setting

TRIALS = {0: 40, 10: 20, 5: 10, 2: 10}
"""Slowdown in percent → live trials."""
RESAMPLED = (5, 2)
RESOLUTION = "256"

CONFTEST = """
import time
import zlib

import numpy as np
import torch
from torch import nn

from pytest_lic import CodecFamily
from pytest_lic.adapters.network.heap_memory import keep_freed_memory

SLOWER = {slower}
CHANNELS = (3, 32, 32, 32, 96)


def layers(channels, kind, **arguments):
    pairs = zip(channels, channels[1:])
    each = [[kind(a, b, 5, 2, 2, **arguments), nn.ReLU()] for a, b in pairs]
    network = nn.Sequential(*sum(each, [])[:-1]).eval()
    return network.to(memory_format=torch.channels_last)


class Convolutional:
    def __init__(self):
        keep_freed_memory()
        torch.manual_seed(0)
        self.analysis = layers(CHANNELS, nn.Conv2d)
        self.synthesis = layers(CHANNELS[::-1], nn.ConvTranspose2d, output_padding=1)

    def encode(self, images):
        return self.slowed("encode", self.coded, images)

    def decode(self, bitstreams):
        return self.slowed("decode", self.decoded, bitstreams)

    @torch.no_grad()
    def coded(self, images):
        latents = self.analysis(images.to(memory_format=torch.channels_last))
        symbols = (100 * latents).round().clamp(-127, 127).to(torch.int8)
        self.shape = symbols.shape[1:]
        return [zlib.compress(each.numpy().tobytes()) for each in symbols.contiguous()]

    @torch.no_grad()
    def decoded(self, bitstreams):
        flat = [np.frombuffer(zlib.decompress(each), np.int8) for each in bitstreams]
        symbols = torch.from_numpy(np.stack(flat)).reshape(-1, *self.shape)
        latents = symbols.float().to(memory_format=torch.channels_last) / 100
        return self.synthesis(latents).clamp(0, 1).contiguous()

    def slowed(self, direction, step, given):
        start = time.perf_counter()
        result = step(given)
        end = time.perf_counter()
        end += SLOWER.get(direction, 0) * (end - start)
        while time.perf_counter() < end:
            pass
        return result


def pytest_lic_codecs():
    yield CodecFamily("guarded", ["1"], build=lambda quality, device: Convolutional())
"""
"""What is timed: four strided convolutions down and up, as wide as the shipped networks' first.

Its rate and quality are of no matter here, and without CompressAI its processes start within two
seconds, so that a trial is over within a minute.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("gate_power.jsonl"))
    parser.add_argument(
        "--budget", type=float, default=35.0, help="seconds of a trial (%(default)g)"
    )
    parser.add_argument("--resampled", type=int, default=400, help="trials of each kind")
    parser.add_argument("--only-print", action="store_true", help="take no more trials")
    options = parser.parse_args()
    done = recorded(options.results)
    if not options.only_print:
        with tempfile.TemporaryDirectory() as folder:
            take_trials(options, done, Path(folder))
    print_table(done, options.resampled)


def recorded(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text().splitlines()]


def take_trials(options: argparse.Namespace, done: list[dict[str, Any]], folder: Path) -> None:
    commits = make_repository(folder / "project")
    files = write_batches(folder)
    cell = Cell("guarded", "1", Setting("photos", RESOLUTION))
    demand = Demand(budget=options.budget)
    repository = Repository.around(folder / "project")
    base = repository.revision(commits[0, "encode"])
    for number, (percent, direction) in enumerate(plan()):
        if number < len(done):
            assert (done[number]["percent"], done[number]["direction"]) == (percent, direction)
            continue
        head = repository.revision(commits[percent, direction])
        start = time.monotonic()
        times = one_trial(repository, base, head, cell, files, demand)
        while not isinstance(times, Timed):  # the machine had no time for it
            print(f"trial {number + 1} is taken again: {times}", flush=True)
            start = time.monotonic()
            times = one_trial(repository, base, head, cell, files, demand)
        took = time.monotonic() - start
        done.append(as_record(percent, direction, times, took))
        with options.results.open("a") as results:
            results.write(json.dumps(done[-1]) + "\n")
        told = ", ".join(
            f"{name} {times.estimates[name].verdict} {times.estimates[name].ratio:.4f}"
            for name in DIRECTIONS
        )
        print(
            f"trial {number + 1} of {sum(TRIALS.values())}: {percent} % in {direction}: {told}; "
            f"{len(times.starts)} starts, {took:.0f} s",
            flush=True,
        )


def one_trial(
    repository: Repository,
    base: Revision,
    head: Revision,
    cell: Cell,
    files: Sequence[Path],
    demand: Demand,
) -> Timed | LicError:
    with checked_out(repository, base, head) as checkouts:
        sides = [Side(each, repository, (), demand.timeout) for each in checkouts]
        with closing(sides[0]), closing(sides[1]):
            return take_paired_times(*sides, {cell: files}, demand, 1, lambda text: None)[cell]


def plan() -> Iterator[tuple[int, str]]:
    """All trials in a fixed order that mixes the kinds, so that a part of it says something too."""
    kinds = [
        (percent, DIRECTIONS[index % 2])
        for percent, count in TRIALS.items()
        for index in range(count)
    ]
    random.Random(0).shuffle(kinds)
    yield from kinds


def make_repository(project: Path) -> dict[tuple[int, str], str]:
    """A repository with a commit of each kind: (percent, direction) → commit."""
    project.mkdir()

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=gate_power", "-c", "user.email=gate@power")
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=project, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    commits = {}
    for percent in TRIALS:
        for direction in DIRECTIONS:
            slower = {direction: percent / 100}
            text = CONFTEST.replace("{slower}", repr(slower))
            (project / "conftest.py").write_text(text)
            git("add", "conftest.py")
            git("commit", "--quiet", "--message", f"{direction} slower by {percent} %")
            commits[percent, direction] = git("rev-parse", "HEAD")
    return commits


def write_batches(folder: Path) -> list[Path]:
    files = []
    for index, image in enumerate(load_corpus("photos", RESOLUTION).images):
        files.append(folder / f"{index}.npy")
        np.save(files[-1], coding.image_batch([image]).numpy())
    return files


def as_record(percent: int, direction: str, times: Timed, took: float) -> dict[str, Any]:
    return {
        "percent": percent,
        "direction": direction,
        "seconds": took,
        "load": os.getloadavg()[0],
        "verdicts": {name: str(found.verdict) for name, found in times.estimates.items()},
        "ratios": {name: found.ratio for name, found in times.estimates.items()},
        "starts": [{"encode": start.encode, "decode": start.decode} for start in times.starts],
    }


def print_table(done: Sequence[dict[str, Any]], resampled: int) -> None:
    """Found and false alarms by kind."""
    rows = []
    for percent in TRIALS:
        trials = [trial for trial in done if trial["percent"] == percent]
        if not trials:
            continue
        found = false = 0
        for trial in trials:
            for name in DIRECTIONS:
                verdict = judged([value(start[name]) for start in trial["starts"]])
                slowed = percent > 0 and name == trial["direction"]
                found += slowed and verdict == Speed.SLOWER
                false += not slowed and verdict == Speed.SLOWER
        ratios = [
            ratio
            for trial in trials
            for name, ratio in trial["ratios"].items()
            if percent == 0 or name == trial["direction"]
        ]
        seconds = [trial["seconds"] for trial in trials]
        again = "–"
        if percent in RESAMPLED:
            again = f"{100 * found_again(trials, resampled):.1f} %"
        rows.append(
            (
                f"{percent} %",
                len(trials),
                found if percent else "–",
                again,
                false,
                f"{median(ratios):.4f}",
                f"{median(seconds):.0f}, {max(seconds):.0f}",
            )
        )
    columns = (
        *("slower by", "trials", "found", "resampled", "false", "median ratio"),
        "s (median, most)",
    )
    right = ("right",) * len(columns)
    print("\n" + tabulate(rows, columns, "plain", colalign=right, disable_numparse=True))
    print("found: the slowed direction was called slower; false: a direction that was not")
    scatter(done)
    load = [trial["load"] for trial in done]
    if load:
        print(f"load average of the machine, trials included: {min(load):.1f} to {max(load):.1f}")


def found_again(trials: Sequence[dict[str, Any]], count: int) -> float:
    """The share of resampled trials that call the slowed direction slower."""
    chance = random.Random(0)
    found = 0
    directions = sorted({trial["direction"] for trial in trials})
    for number in range(count):
        direction = directions[number % len(directions)]
        alike = [trial for trial in trials if trial["direction"] == direction]
        pool = [value(start[direction]) for trial in alike for start in trial["starts"]]
        most = round(median(len(trial["starts"]) for trial in trials))
        found += judged(chance.choices(pool, k=most)) is Speed.SLOWER
    return found / count


def judged(values: Sequence[float]) -> Speed:
    """The verdict of a trial whose starts gave these values, in this order."""
    asked = {"comparisons": len(DIRECTIONS), "threshold": Demand.fail_slower}
    for starts in range(1, len(values) + 1):
        if is_settled(values[:starts], **asked):
            return estimate(values[:starts], **asked).verdict
    return estimate(values, **asked, last=True).verdict


def scatter(done: Sequence[dict[str, Any]]) -> None:
    """How far the starts of one trial scatter, in percent."""
    for direction in DIRECTIONS:
        squares = []
        for trial in done:
            values = [value(start[direction]) for start in trial["starts"]]
            centre = sum(values) / len(values)
            squares.append(sum((one - centre) ** 2 for one in values) / (len(values) - 1))
        if squares:
            deviation = 100 * math.sqrt(sum(squares) / len(squares))
            print(f"starts of one trial scatter by {deviation:.2f} % in {direction}")


if __name__ == "__main__":
    main()
