"""The resolved config of a run, saved beside its log: alone, it describes the run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from lightning import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback

from lic_models.config.codec_config import CodecConfig
from lic_models.training.run_folder import CONFIG
from pytest_lic.system.files import write_whole

_OF_ONE_CALL = ("config", "ckpt_path", "weights_only")


class SaveResolvedConfig(SaveConfigCallback):
    """Writes ``config.yaml`` with every default filled in, for the one quality that is trained.

    Args:
        codec: the file that describes the codec.
        quality: label of the operating point.
        arguments: of Lightning's own callback, the parser and what it understood.
    """

    def __init__(self, *arguments: Any, codec: CodecConfig, quality: str, **more: Any) -> None:
        super().__init__(*arguments, save_to_log_dir=False, **more)
        self._codec = codec
        self._quality = quality

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the file, whole or not at all."""
        resolved = yaml.safe_load(self.parser.dump(self.config, skip_none=False, format="yaml"))
        described = {
            "name": self._codec.name,
            "qualities": {self._quality: {}},
            "weights": str(self._codec.weights_path(self._quality).resolve()),
            "format_version": self._codec.format_version,
            **{key: value for key, value in resolved.items() if key not in _OF_ONE_CALL},
        }
        target = Path(trainer.log_dir or trainer.default_root_dir) / CONFIG
        write_whole(target, yaml.safe_dump(described, sort_keys=False).encode())
