"""``python -m lic_models fit|validate|test --config FILE``: Lightning's command line for codecs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from jsonargparse import ArgumentError
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from lic_models.callbacks import KeepCheckpoints, StopOnInterrupt
from lic_models.checkpoint import SafetensorsCheckpoints
from lic_models.codec_config import CodecConfig
from lic_models.data.module import CropDataModule
from lic_models.training import CodecTraining
from pytest_lic.errors import UsageError

COMMANDS = ("fit", "validate", "test")
COMPONENTS = ("transform", "quantizer", "entropy_model", "entropy_coder")
RUNS = "runs"
_DEFAULTS = {
    "model.transform": "lic_models.components.ConvolutionalTransform",
    "model.quantizer": "lic_models.components.NoiseQuantizer",
    "model.entropy_model": "lic_models.components.Factorized",
    "model.entropy_coder": "lic_models.components.RangeCoder",
    "data": "lic_models.data.BundledPhotographs",
    "early_stopping.monitor": "validation_loss",
    "early_stopping.patience": 20,
    "early_stopping.strict": False,
    # At the epoch's end, a resumed run would not know the loss.
    "early_stopping.check_on_train_epoch_end": False,
}


class TrainingCLI(LightningCLI):
    """Lightning's command line with a codec's components, and checkpoints that are safetensors.

    Args:
        config: the file that describes the codec.
        quality: label of the operating point; None for the only one.
        arguments: of the command line, the subcommand first, but without the two above. Empty
            for none: then nothing is built or run, and `settings` tells what was understood.

    Raises:
        UsageError: naming the file and the key that is wrong.
    """

    def __init__(
        self, config: CodecConfig, quality: str | None, arguments: Sequence[str] = ()
    ) -> None:
        label, changes = config.overrides(quality)
        self._runs = bool(arguments)
        self._description = {"name": config.name, "quality": label}
        given = [
            *arguments[:1],
            f"--config={yaml.safe_dump(dict(config.settings))}",
            *(f"--{key}={_one_line(value)}" for key, value in changes.items()),
            *arguments[1:],
        ]
        quiet = {"exit_on_error": False}
        names = self.subcommands() if self._runs else {}
        try:
            super().__init__(
                CodecTraining,
                CropDataModule,
                subclass_mode_data=True,
                seed_everything_default=1,
                auto_configure_optimizers=False,
                save_config_kwargs={"overwrite": True},
                trainer_defaults={
                    "devices": 1,
                    "max_epochs": -1,
                    "num_sanity_val_steps": 0,
                    "logger": {
                        "class_path": "lightning.pytorch.loggers.CSVLogger",
                        "init_args": {"save_dir": RUNS, "name": f"{config.name}-{label}"},
                    },
                    "callbacks": [KeepCheckpoints(), StopOnInterrupt()],
                },
                parser_kwargs={**quiet, **{name: dict(quiet) for name in names}},
                args=given,
                run=self._runs,
            )
        except ArgumentError as error:
            raise UsageError(f"{config.path}: {' '.join(str(error).split())}") from error

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Lightning's, without predict."""
        return {name: LightningCLI.subcommands()[name] for name in COMMANDS}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Early stopping beside the trainer's own, and the default of every component."""
        parser.add_lightning_class_args(EarlyStopping, "early_stopping")
        parser.set_defaults(_DEFAULTS)

    def _set_seed(self) -> None:
        """Seed everything, unless there is nothing to run."""
        if self._runs:
            super()._set_seed()

    def _parse_ckpt_path(self) -> None:
        """Lightning would unpickle the checkpoint here; ours is read by the trainer."""

    def instantiate_classes(self) -> None:
        """Build model, data and trainer, unless there is nothing to run."""
        if self._runs:
            super().instantiate_classes()
            self.model.description = {**self._description, "components": self.components}

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """A trainer whose checkpoints are safetensors."""
        plugins = [SafetensorsCheckpoints()]
        return super().instantiate_trainer(plugins=plugins, **kwargs)

    @property
    def components(self) -> dict[str, Any]:
        """Class path and arguments of every component, defaults filled in."""
        self._dump_config()
        return {name: self.config_dump["model"][name] for name in COMPONENTS}


def described_components(config: CodecConfig, quality: str) -> dict[str, Any]:
    """Class path and arguments of every component of one quality, checked, defaults filled in.

    Raises:
        UsageError: naming the file and the key that is wrong.
    """
    return TrainingCLI(config, quality).components


def _one_line(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
