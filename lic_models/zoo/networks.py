"""The networks of some configs: every quality of every family, and how far each has come."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lic_models.config.codec_config import SHIPPED, CodecConfig, find_config, read_codec_config
from lic_models.storage.checkpoint import describe_checkpoint
from lic_models.training.run_folder import CHECKPOINTS, LAST
from pytest_lic.errors import UnknownNameError, UsageError


@dataclass(frozen=True)
class Network:
    """One quality of one family.

    Args:
        config: the file that describes the family.
        family: its name.
        quality: label of the operating point.
        lmbda: λ.
        goal: pixels of crops to train it on, in all.
        step_pixels: those of one step.
        components: class path and arguments of each.
        runs: the folder of all runs.
    """

    config: Path
    family: str
    quality: str
    lmbda: float
    goal: int
    step_pixels: int
    components: Mapping[str, Any]
    runs: Path

    @property
    def name(self) -> str:
        """Such as ``msh-gdn-2``."""
        return f"{self.family}-{self.quality}"

    @property
    def checkpoint(self) -> Path:
        """Where its training goes on from."""
        return self.runs / self.name / CHECKPOINTS / LAST

    def weights_in(self, folder: Path) -> Path:
        """Its exported weights in a folder of such.

        Raises:
            UsageError: there are none.
        """
        path = folder / f"{self.name}.safetensors"
        if not path.is_file():
            raise UsageError(
                f"--start {folder}: no {path.name}; expected the exported weights of every network "
                "that is to be trained"
            )
        return path

    def trained(self) -> dict[str, Any]:
        """What its checkpoint says of its training: ``steps``, ``pixels``, ``minutes``, …

        Raises:
            WeightsError: a checkpoint that can't be read.
        """
        if not self.checkpoint.is_file():
            return {"steps": 0, "pixels": 0, "minutes": 0.0}
        return dict(describe_checkpoint(self.checkpoint)["training"])

    def last_step(self) -> int:
        """The step after which it has come to its goal.

        Not goal / step_pixels: elsewhere it may have been trained with other batches.
        """
        trained = self.trained()
        left = max(0, self.goal - trained["pixels"])
        return int(trained["steps"]) + math.ceil(left / self.step_pixels)


def find_networks(
    wanted: Sequence[str], runs: Path, gigapixels: float | None, options: Sequence[str]
) -> list[Network]:
    """The networks of the configs that are wanted, families by name, λ rising within each.

    Args:
        wanted: names or globs of shipped configs (``msh-*``), or paths of configs.
        runs: the folder of all runs.
        gigapixels: to train each network on; None for as many steps as its config says.
        options: more options of `fit`, as its command line takes them.

    Raises:
        UnknownNameError: no shipped config of such a name.
        UsageError: a config that is wrong, or that says neither λ nor how long to train.
    """
    networks = [
        _network(config, quality, runs, gigapixels, options)
        for config in _configs(wanted)
        for quality in config.qualities
    ]
    return sorted(networks, key=lambda network: (network.family, network.lmbda))


def _configs(wanted: Sequence[str]) -> list[CodecConfig]:
    shipped = [config for path in SHIPPED.glob("*.yaml") if _is_family(config := _read(path))]
    names = {config.name: config for config in shipped}
    found: dict[Path, CodecConfig] = {}
    for asked in wanted:
        matches = [names[name] for name in sorted(fnmatch.filter(names, asked))]
        if not matches and Path(asked).is_file():
            matches = [_read(find_config(asked))]
        if not matches:
            raise UnknownNameError("config", asked, names, "--configs")
        found |= {config.path.resolve(): config for config in matches}
    return list(found.values())


def _read(path: Path) -> CodecConfig:
    return read_codec_config(path)


def _is_family(config: CodecConfig) -> bool:
    """Whether a shipped config is one, not what the others extend."""
    return config.says("extends")


def _network(
    config: CodecConfig,
    quality: str,
    runs: Path,
    gigapixels: float | None,
    options: Sequence[str],
) -> Network:
    from lic_models.command_line.training_cli import TrainingCLI

    line = TrainingCLI(config, quality, None, options)
    resolved = line.settings
    data = resolved.data.init_args
    step_pixels = data.batch_size * data.crop_size**2
    steps = resolved.trainer.max_steps
    if gigapixels is None and steps < 1:
        raise UsageError(
            f"{config.path}: trainer.max_steps is not given; say how long each network is to be "
            "trained, here or with --gigapixels"
        )
    return Network(
        config.path,
        config.name,
        quality,
        resolved.model.lmbda,
        round(gigapixels * 1e9) if gigapixels is not None else steps * step_pixels,
        step_pixels,
        line.components,
        runs,
    )
