"""Shards merged, and read as `pytest-lic merge` would have written them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pytest_lic.merging.merge import Merged, merge
from pytest_lic.merging.shard_results import ShardReader, ShardResults
from pytest_lic.results.json_file import load
from pytest_lic.results.results import Results
from pytest_lic.system.text_files import TextFiles


def shard_of(results: Results) -> ShardResults:
    return ShardReader(TextFiles()).of(results)


def merged(shards: Mapping[str, Results | Path]) -> Results:
    """All shards as one run, each from its results or from its file."""
    reader = ShardReader(TextFiles())
    read = {
        name: reader.load(one) if isinstance(one, Path) else reader.of(one)
        for name, one in shards.items()
    }
    return written(merge(read, ("pytest-lic", "merge"), reader.files))


def written(whole: Merged) -> Results:
    text = "".join(whole.parts())
    json.loads(text)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "all.json")
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
        return load(file)
