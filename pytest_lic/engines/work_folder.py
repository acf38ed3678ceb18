"""What has arrived of a run's shards, kept until all of it is there.

    .pytest-lic/runs/1f0c…/      one folder for what is asked for: arguments, count, code
        request.json            what that is
        shard-3.json            the results of a shard
        jobs.json               shards that run elsewhere, for an engine that can find them again

The same command finds its folder again; another one, or other code, gets another.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from pytest_lic.errors import ResultsError, UsageError
from pytest_lic.measuring.shards import Shard
from pytest_lic.results.long_file import load_long
from pytest_lic.system.environment import package_version
from pytest_lic.system.files import write_whole
from pytest_lic.system.git import git, repository_root
from pytest_lic.system.text_files import TextFiles

DEFAULT = ".pytest-lic"
_WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt")
_CODE = frozenset((".py", ".toml", ".ini", ".cfg", ".yaml", ".yml", ".json", *_WEIGHTS))
_NAMED = 12


@dataclass(frozen=True)
class Request:
    """What makes results those of one run.

    Args:
        arguments: of pytest.
        count: of shards.
        start: where pytest is started, relative to the project's root.
        code: a digest of the project's code, as it is now.
        python: its version.
        pytest_lic: its version.
    """

    arguments: tuple[str, ...]
    count: int
    start: str
    code: str
    python: str
    pytest_lic: str

    @classmethod
    def here(
        cls,
        arguments: Sequence[str],
        count: int,
        root: Path,
        start: str,
        apart_from: Iterable[Path],
    ) -> Request:
        """The request of the project at ``root``, files and folders to be written left out."""
        code = _code(root, {path.resolve() for path in apart_from})
        python = ".".join(map(str, sys.version_info[:3]))
        return cls(
            tuple(arguments), count, start, code, python, package_version("pytest-lic") or ""
        )

    @property
    def name(self) -> str:
        """A digest of all of it."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:_NAMED]


class WorkFolder:
    """The folder of one request, for one process at a time.

    Args:
        folder: of all requests.
        request: whose it is.

    Raises:
        UsageError: it can't be made, or the same command runs already.
    """

    def __init__(self, folder: Path, request: Request) -> None:
        self.path = folder / "runs" / request.name
        self._count = request.count
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (folder / "runs" / ".gitignore").write_text("*\n")
            text = json.dumps(asdict(request), indent=1) + "\n"
            write_whole(self.path / "request.json", text.encode())
            self._lock = FileLock(folder / "runs" / f"{request.name}.lock")
            self._lock.acquire(timeout=0)
        except Timeout:
            raise UsageError(
                f"the same command runs already, in {self.path}; wait for it, or end it"
            ) from None
        except OSError as error:
            raise UsageError(f"--work {folder}: can't be written: {error}") from error

    def file(self, shard: Shard) -> Path:
        """Where the results of a shard lie, or will."""
        return self.path / f"shard-{shard.number}.json"

    def keep(self, shard: Shard, results: bytes) -> None:
        """Keep the results of a shard."""
        write_whole(self.file(shard), results)

    def arrived(self) -> dict[int, Path]:
        """Number of a shard → its results file; one that can't be read is none."""
        numbers = range(1, self._count + 1)
        files = {number: self.file(Shard(number, self._count)) for number in numbers}
        return {number: file for number, file in files.items() if self._is_whole(file)}

    def _is_whole(self, file: Path) -> bool:
        if not file.is_file():
            return False
        try:
            load_long(file, TextFiles())
        except ResultsError:
            return False  # it is made anew, and takes this one's place
        return True

    @property
    def jobs(self) -> dict[int, str]:
        """Number of a shard → the id of the job that runs it."""
        file = self.path / "jobs.json"
        if not file.is_file():
            return {}
        return {int(number): job for number, job in json.loads(file.read_text()).items()}

    @jobs.setter
    def jobs(self, jobs: Mapping[int, str]) -> None:
        write_whole(self.path / "jobs.json", json.dumps(jobs).encode())

    def forget(self) -> None:
        """Forget what arrived."""
        for file in self.path.glob("shard-*.json"):
            file.unlink()
        (self.path / "jobs.json").unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove all of it: the results are elsewhere."""
        shutil.rmtree(self.path)

    def close(self) -> None:
        """Let another process have it."""
        self._lock.release()


def _code(root: Path, apart_from: set[Path]) -> str:
    digest = hashlib.sha256()
    for part in _state(root, apart_from):
        digest.update(part.encode("utf-8", errors="surrogateescape") + b"\0")
    return digest.hexdigest()[:16]


def _state(root: Path, apart_from: set[Path]) -> Iterator[str]:
    try:
        top = repository_root(root)
        yield git("rev-parse", "HEAD", cwd=top)
        yield git("diff", "--binary", "HEAD", cwd=top)
        listed = git("ls-files", "--others", "--exclude-standard", "-z", cwd=top).split("\0")
        files = [top / name for name in listed if name]
        hidden = ("ls-files", "--others", "--ignored", "--exclude-standard", "-z")
        # Weights are left out of many a repository.
        files += [
            top / name for name in git(*hidden, cwd=top).split("\0") if name.endswith(_WEIGHTS)
        ]
    except UsageError:  # no repository, or no commit yet
        files = sorted(root.rglob("*"))
    for file in files:
        if _is_code(file, root) and not apart_from & {file.resolve(), *file.resolve().parents}:
            facts = file.stat()
            yield f"{file} {facts.st_size} {facts.st_mtime_ns}"


def _is_code(file: Path, root: Path) -> bool:
    """Whether a file may change what a run finds: by its name, and not one of a tool's own."""
    inside = file.relative_to(root) if file.is_relative_to(root) else file
    hidden = any(part.startswith((".", "__pycache__")) for part in inside.parts)
    return file.suffix in _CODE and not hidden and file.is_file()
