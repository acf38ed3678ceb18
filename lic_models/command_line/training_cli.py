"""``python -m lic_models fit|validate --config FILE``: Lightning's command line for codecs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentError, ArgumentParser, Namespace
from lightning import Trainer
from lightning.pytorch.callbacks import EarlyStopping, ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from lic_models.config.blame import Sources
from lic_models.config.codec_config import SHIPPED, CodecConfig
from lic_models.config.seats import as_stored
from lic_models.data.module import CropDataModule
from lic_models.storage.checkpoint import (
    SafetensorsCheckpoints,
    describe_checkpoint,
    refuse_other_codec,
)
from lic_models.storage.weights_file import copy_parameters
from lic_models.storage.weights_header import read_header
from lic_models.training.callbacks import KeepCheckpoints, StopOnInterrupt
from lic_models.training.defaults import DEFAULTS, METRICS_FILE, logger_arguments, trainer_defaults
from lic_models.training.first_weights import PRINCIPAL_COMPONENTS, RANDOM, start_path
from lic_models.training.metrics_file import MetricsFile
from lic_models.training.module import CodecTraining
from lic_models.training.progress import (
    TrainingProgress,
    ended_lines,
    started_lines,
    validation_line,
)
from lic_models.training.run_folder import RUNS, checkpoint_path, folder_of, refuse_earlier_run
from lic_models.training.saved_config import SaveResolvedConfig
from pytest_lic.errors import LicError, UsageError, WeightsError

PROGRAM = "python -m lic_models"
COMMANDS = ("fit", "validate")
COMPONENTS = ("transform", "quantizer", "entropy_model", "entropy_coder")
MORE_COMPONENTS = ("latent_coding", "rate_control")  # which most codecs have none of
REPLACED = ("quantizer", "entropy_model", "entropy_coder")
"""What a latent coding other than of these three takes the place of."""


class TrainingCLI(LightningCLI):
    """Lightning's command line with a codec's components, and checkpoints that are safetensors.

    Args:
        config: the file that describes the codec.
        quality: label of the operating point; None for the only one.
        command: "fit" or "validate"; None builds and runs nothing: `components` and `data_module`
            tell what was understood.
        arguments: of the command line, without the command and the two above.
        weights: exported weights to validate.
        deadline: when to stop training and write a checkpoint, by `time.monotonic`.

    Raises:
        UsageError: naming the file, or the option, and the key that is wrong.
        TrainingInterrupted: Ctrl-C, or the deadline.
    """

    def __init__(
        self,
        config: CodecConfig,
        quality: str | None,
        command: str | None = None,
        arguments: Sequence[str] = (),
        weights: Path | None = None,
        deadline: float = math.inf,
    ) -> None:
        label, changes = config.overrides(quality)
        self._sources = Sources(config, label, changes, arguments)
        self._command = command
        self._weights = weights
        self._deadline = deadline
        self.folder = Path(RUNS, f"{config.name}-{label}")
        """Where this codec's run is."""
        of_runs = () if command else ("ckpt_path", "weights_only")
        settings = {key: value for key, value in config.settings.items() if key not in of_runs}
        if (settings.get("model") or {}).get("latent_coding") is not None:
            settings["model"] = {**dict.fromkeys(REPLACED), **settings["model"]}
        quiet = {"exit_on_error": False}
        of_commands = {name: dict(quiet) for name in self.subcommands()} if command else {}
        words = [
            *([command] if command else []),
            f"--config={yaml.safe_dump(settings)}",
            *(f"--{key}={_one_line(value)}" for key, value in changes.items()),
            *arguments,
        ]
        with self._blaming():
            super().__init__(
                CodecTraining,
                CropDataModule,
                subclass_mode_data=True,
                seed_everything_default=1,
                auto_configure_optimizers=False,
                save_config_callback=SaveResolvedConfig if command == "fit" else None,
                save_config_kwargs={"codec": config, "quality": label},
                trainer_defaults=trainer_defaults(self.folder),
                parser_kwargs={**quiet, "prog": PROGRAM, **of_commands},
                args=words,
                run=command is not None,
            )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Lightning's, without test and predict."""
        return {name: LightningCLI.subcommands()[name] for name in COMMANDS}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Early stopping beside the trainer's own, and the default of every component."""
        parser.add_lightning_class_args(EarlyStopping, "early_stopping")
        parser.set_defaults(DEFAULTS)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse what the constructor was given; Lightning would warn that there is sys.argv too."""
        self.config = parser.parse_args(args)

    def _set_seed(self) -> None:
        """Seed everything, unless there is nothing to run."""
        if self._command:
            super()._set_seed()

    def _parse_ckpt_path(self) -> None:
        """Lightning would unpickle the checkpoint here; ours is read by the trainer."""

    def before_instantiate_classes(self) -> None:
        """Find the run's folder and the checkpoint, and refuse what could not end well."""
        settings = self.settings
        logger = settings.trainer.logger
        ours = isinstance(logger, Namespace) and logger.get("class_path") == METRICS_FILE
        if ours:
            self.folder = Path(logger.init_args.save_dir, logger.init_args.name)
        elif settings.trainer.default_root_dir:
            self.folder = Path(settings.trainer.default_root_dir)
        if self._command is None:
            return
        resumed_in = self._find_checkpoint() if settings.ckpt_path else None
        if self._command == "validate":
            settings.trainer.logger = False
            settings.trainer.enable_checkpointing = False
            return
        if resumed_in is None:
            refuse_earlier_run(self.folder, "--trainer.logger.init_args.name=NAME")
        else:
            self.folder = resumed_in
            settings.trainer.default_root_dir = str(resumed_in)
            if ours:
                logger.init_args.update(Namespace(**logger_arguments(resumed_in)))
        if not settings.ckpt_path and settings.model.start not in (PRINCIPAL_COMPONENTS, RANDOM):
            start_path(settings.model.start)

    def instantiate_classes(self) -> None:
        """Build model, data and trainer, unless there is nothing to run."""
        if self._command is None:
            return
        super().instantiate_classes()
        config, data = self._sources.config, self.settings.data
        path = (data.get("init_args") or {}).get("path")
        self.model.description = {
            "name": config.name,
            "quality": self._sources.quality,
            "format_version": config.format_version,
            "components": self.components,
            "data": data.class_path.rsplit(".", 1)[-1] + (f" {Path(path).name}" if path else ""),
        }
        if SHIPPED.resolve() not in config.path.resolve().parents:
            weights = config.weights_path(self._sources.quality)
            self.model.description["weights"] = str(weights)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """A trainer with our callbacks, whose checkpoints are safetensors."""
        trainer = self._get(self.config_init, "trainer")
        callbacks, plugins = _listed(trainer.get("callbacks")), _listed(trainer.get("plugins"))
        has_bar = any(isinstance(callback, ProgressBar) for callback in callbacks)
        if trainer.get("enable_progress_bar") is not False and not has_bar:
            callbacks.append(TrainingProgress())
        if self._command == "fit" and trainer.get("enable_checkpointing") is not False:
            keeper = KeepCheckpoints()
            callbacks += [keeper, StopOnInterrupt(keeper, self._deadline)]
        elif self._command == "validate":
            callbacks = [callback for callback in callbacks if isinstance(callback, ProgressBar)]
        plugins.append(SafetensorsCheckpoints())
        return super().instantiate_trainer(callbacks=callbacks, plugins=plugins, **kwargs)

    def before_fit(self) -> None:
        """Say what is trained, and let a resumed run go on with its log."""
        settings = self.settings
        if settings.ckpt_path:
            self.model.resumes = True
            step = describe_checkpoint(Path(settings.ckpt_path))["training"]["steps"]
            for logger in self.trainer.loggers:
                if isinstance(logger, MetricsFile):
                    logger.resume(step)
            print(f"going on after step {step} of {settings.ckpt_path}")
        for line in started_lines(self.trainer, self.model, self.folder):
            print(line, flush=True)

    def after_fit(self) -> None:
        """Say what came out, and what to do with it."""
        for line in ended_lines(self.trainer, self.model, PROGRAM):
            print(line, flush=True)

    def validate(self, **arguments: Any) -> None:
        """Print the loss on the validation images, with real rounding."""
        if self._weights is not None:
            self.refuse_other(self._weights, read_header(self._weights).components)
            copy_parameters(self.model.codec, self._weights)
        self.trainer.validate(**{**arguments, "verbose": False})
        print(validation_line(self.trainer))

    @property
    def components(self) -> dict[str, Any]:
        """Class path and arguments of every component, defaults filled in."""
        self._dump_config()
        model = self.config_dump["model"]
        more = {name: model[name] for name in MORE_COMPONENTS if model[name] is not None}
        named = [n for n in COMPONENTS if n not in REPLACED or "latent_coding" not in more]
        return as_stored({name: model[name] for name in named} | more)

    def refuse_other(self, path: Path, components: dict[str, Any], *, coding: bool = False) -> None:
        """Compare what a checkpoint or weights file is of with what was described.

        Args:
            path: of the file.
            components: those that it is of.
            coding: whether the entropy coder, which training does without, must be the same too.

        Raises:
            WeightsError: naming the file, and the first argument that differs.
        """
        try:
            refuse_other_codec(components, self.components, coding=coding)
        except WeightsError as error:
            raise WeightsError(f"{path}: {error}") from None

    def data_module(self) -> CropDataModule:
        """The data module alone.

        Raises:
            UsageError: an argument that it refuses.
        """
        parser = ArgumentParser(exit_on_error=False)
        parser.add_subclass_arguments(CropDataModule, "data")
        with self._blaming():
            built = parser.instantiate(Namespace(data=self.settings.data))
        data: CropDataModule = built.data
        return data

    @property
    def settings(self) -> Any:
        """What was understood, defaults filled in: of the command that runs, if one does."""
        return self.config[self._command] if self._command else self.config

    def _find_checkpoint(self) -> Path | None:
        """Settle ``ckpt_path``, and compare what lies there; the folder of the run it belongs to.

        Raises:
            UsageError: there is no such file, or it is of another λ.
            WeightsError: it is no checkpoint, or one of another codec.
        """
        settings = self.settings
        checkpoint = checkpoint_path(str(settings.ckpt_path), self.folder)
        settings.ckpt_path = str(checkpoint)
        described = describe_checkpoint(checkpoint)
        self.refuse_other(checkpoint, described["components"])
        lmbda = settings.model.lmbda
        if self._command == "fit" and described["lmbda"] != lmbda:
            raise UsageError(
                f"{checkpoint}: trained for λ = {described['lmbda']:g}, not {lmbda:g}; to begin "
                f"with its weights give --model.start={checkpoint} in place of --ckpt_path"
            )
        return folder_of(checkpoint)

    def _options(self) -> list[str]:
        parsers = getattr(self, "_subcommand_parsers", {})
        parser = parsers.get(self._command) or getattr(self, "parser", None)
        return [] if parser is None else list(parser.get_defaults(skip_validation=True).keys())

    @contextmanager
    def _blaming(self) -> Iterator[None]:
        """Name the file and the key in what jsonargparse, Lightning or a constructor refuses."""
        try:
            yield
        except (ArgumentError, MisconfigurationException, LicError, ValueError, TypeError) as error:
            problem = self._sources.blamed(error, self._options())
            if problem is None or problem is error:
                raise
            raise problem from error


def described_components(config: CodecConfig, quality: str) -> dict[str, Any]:
    """Class path and arguments of every component of one quality, checked, defaults filled in.

    Raises:
        UsageError: naming the file and the key that is wrong.
    """
    return TrainingCLI(config, quality).components


def _listed(setting: Any) -> list[Any]:
    return list(setting) if isinstance(setting, list) else [] if setting is None else [setting]


def _one_line(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
