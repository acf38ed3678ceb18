"""Where the tests find the repository and their own files."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
BENCHMARKS = ROOT / "benchmarks"
