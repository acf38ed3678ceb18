"""Training a learned codec: one step, one validation, and what is logged of them.

Everything random in a step follows from the seed and the step's number, so a run that was
interrupted and resumed ends with the same weights, to the bit, as one that never stopped.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import LightningModule
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from lic_models.codec import LearnedCodec
from lic_models.components.entropy_coders import EntropyCoder
from lic_models.components.entropy_models import EntropyModel
from lic_models.components.quantizers import Quantizer
from lic_models.components.transforms import Transform
from lic_models.principal_components import start_from_principal_components
from lic_models.rate_distortion_loss import Distortion, Loss, rate_distortion_loss
from lic_models.weights_file import copy_parameters
from pytest_lic.errors import UsageError, WeightsError

PRINCIPAL_COMPONENTS, RANDOM = "principal-components", "random"
_START_CROPS = 64


class CodecTraining(LightningModule):
    """A learned codec under training.

    Two optimizers: Adam on the rate-distortion loss for everything but the quantiles of the
    learned densities, and Adam on the auxiliary loss for these. Only the first one's steps count
    as steps.

    Args:
        transform: analysis and synthesis; default `ConvolutionalTransform`.
        quantizer: default `NoiseQuantizer`.
        entropy_model: default `Factorized`.
        entropy_coder: default `RangeCoder`; makes no difference to training.
        lmbda: λ, the weight of distortion against rate.
        distortion: "mse" for λ · 255² · MSE + bpp, "ms-ssim" for λ · (1 − MS-SSIM) + bpp.
        start: where the weights begin: "principal-components" of the training images, "random",
            or the path of exported weights or of a checkpoint, such as those of another λ.
        learning_rate: Adam's.
        auxiliary_learning_rate: of the quantiles.
        clip_norm: the largest norm of the gradient.
        decay: "plateau" halves the learning rate when the validation loss has not fallen for
            ``patience`` validations; "linear" lets it fall to zero over the run, which needs
            ``trainer.max_steps``; "constant" leaves it.
        patience: validations to wait before the learning rate is halved.
        bfloat16_steps: the first steps, whose transforms run under bfloat16 autocast, on CPUs
            too: nearly twice as fast where the processor has it.

    Raises:
        UsageError: components that do not fit each other, or a value outside its range.
    """

    def __init__(
        self,
        transform: Transform | None = None,
        quantizer: Quantizer | None = None,
        entropy_model: EntropyModel | None = None,
        entropy_coder: EntropyCoder | None = None,
        lmbda: float = 0.0067,
        distortion: Distortion = "mse",
        start: str = PRINCIPAL_COMPONENTS,
        learning_rate: float = 3e-4,
        auxiliary_learning_rate: float = 1e-3,
        clip_norm: float = 1.0,
        decay: Literal["plateau", "linear", "constant"] = "plateau",
        patience: int = 5,
        bfloat16_steps: int = 0,
    ) -> None:
        super().__init__()
        for name, value in (
            ("lmbda", lmbda),
            ("learning_rate", learning_rate),
            ("auxiliary_learning_rate", auxiliary_learning_rate),
            ("clip_norm", clip_norm),
        ):
            if not 0.0 < value < math.inf:
                raise UsageError(f"model.{name} is {value}; expected a positive number")
        self.automatic_optimization = False
        self.codec = LearnedCodec(transform, quantizer, entropy_model, entropy_coder)
        self.lmbda = lmbda
        self.distortion: Distortion = distortion
        self.start = start
        self.learning_rate = learning_rate
        self.auxiliary_learning_rate = auxiliary_learning_rate
        self.clip_norm = clip_norm
        self.decay = decay
        self.patience = patience
        self.bfloat16_steps = bfloat16_steps
        self.description: dict[str, Any] = {}
        self._seconds, self._since = 0.0, time.monotonic()

    def setup(self, stage: str) -> None:
        """Choose the memory layout and, unless a checkpoint follows, the first weights."""
        self.codec.to(memory_format=torch.channels_last)
        if stage != "fit" or self.trainer.ckpt_path is not None:
            return
        if self.decay == "linear" and self.trainer.max_steps < 1:
            raise UsageError("model.decay=linear needs the number of steps: give trainer.max_steps")
        if self.start == PRINCIPAL_COMPONENTS:
            images = self._first_crops()
            start_from_principal_components(self.codec, images, self.lmbda)
        elif self.start != RANDOM:
            copy_parameters(self.codec, Path(self.start))

    def configure_optimizers(self) -> Any:
        """Adam for everything but the quantiles, and Adam for the quantiles."""
        main, auxiliary = [], []
        for name, parameter in sorted(self.codec.named_parameters()):
            (auxiliary if name.endswith(".quantiles") else main).append(parameter)
        optimizers = [
            torch.optim.Adam(main, lr=self.learning_rate),
            torch.optim.Adam(auxiliary, lr=self.auxiliary_learning_rate),
        ]
        if self.decay != "plateau":
            return optimizers
        return optimizers, [ReduceLROnPlateau(optimizers[0], factor=0.5, patience=self.patience)]

    def training_step(self, images: Tensor, _index: int) -> None:
        """One step of both optimizers on an image batch (B, 3, H, W), RGB in [0, 1]."""
        main, auxiliary = self.optimizers()  # type: ignore[misc]
        step = self.global_step
        # Both seeds in one number: 2**32 steps are more than anyone takes.
        torch.manual_seed((int(os.environ.get("PL_GLOBAL_SEED", "0")) << 32) + step)
        if self.trainer.max_steps > 0:
            self.codec.quantizer.anneal(min(1.0, step / self.trainer.max_steps))
        if self.decay == "linear":
            left = 1.0 - step / self.trainer.max_steps
            for group in main.param_groups:
                group["lr"] = self.learning_rate * left
        main.zero_grad()
        enabled = step < self.bfloat16_steps
        with torch.autocast(images.device.type, torch.bfloat16, enabled=enabled):
            loss = self._loss(images)
        self.manual_backward(loss.total)
        self.clip_gradients(main, self.clip_norm, "norm")
        main.step()
        # Not through Lightning's wrapper, which would count it as a step.
        auxiliary.optimizer.zero_grad()
        auxiliary_loss = self.codec.entropy_model.auxiliary_loss()
        auxiliary_loss.backward()  # type: ignore[no-untyped-call]
        auxiliary.optimizer.step()
        self._log("train", loss, auxiliary_loss=auxiliary_loss.detach())

    def validation_step(self, images: Tensor, _index: int) -> None:
        """The loss with real rounding, on an image batch (B, 3, H, W), RGB in [0, 1]."""
        self._log("validation", self._loss(images), batch_size=len(images))

    def on_validation_epoch_end(self) -> None:
        """Let the learning rate follow the validation loss."""
        scheduler = self.lr_schedulers()
        if isinstance(scheduler, ReduceLROnPlateau) and not self.trainer.sanity_checking:
            scheduler.step(self.trainer.callback_metrics["validation_loss"])

    def on_train_start(self) -> None:
        """Start the clock."""
        self._since = time.monotonic()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say which codec this is, and how it was trained so far."""
        checkpoint["codec"] = {
            **self.description,
            "lmbda": self.lmbda,
            "training": {
                "steps": self.global_step,
                "minutes": round((self._seconds + time.monotonic() - self._since) / 60, 1),
                "start": self.start,
                "distortion": self.distortion,
                "learning_rate": self.learning_rate,
                "decay": self.decay,
                "device": str(self.device),
            },
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another codec, before its tensors are found not to fit.

        Raises:
            WeightsError: naming the first component that differs.
        """
        found = checkpoint.get("codec", {}).get("components")
        expected = self.description.get("components")
        for name in expected if found and expected else ():
            if found.get(name) != expected[name]:
                raise WeightsError(
                    f"checkpoint of another codec: its {name} is {found.get(name)}, this one's is "
                    f"{expected[name]}; resume with the file and the options it was started with, "
                    "or start from its weights with --model.start=CKPT"
                )
        self._seconds = 60.0 * checkpoint.get("codec", {}).get("training", {}).get("minutes", 0.0)

    def _loss(self, images: Tensor) -> Loss:
        return rate_distortion_loss(self.codec(images), images, self.lmbda, self.distortion)

    def _log(self, stage: str, loss: Loss, batch_size: int | None = None, **more: Tensor) -> None:
        values = {"loss": loss.total, "bpp": loss.bpp, **more}
        if self.distortion == "mse":
            values["psnr"] = -10.0 * loss.distortion.log10()
        else:
            values["ms_ssim"] = 1.0 - loss.distortion
        values = {f"{stage}_{name}": value.detach() for name, value in values.items()}
        self.log_dict(values, prog_bar=True, batch_size=batch_size)

    def _first_crops(self) -> Tensor:
        """(64 or a little more, 3, H, W): the crops of the first steps."""
        data = getattr(self.trainer, "datamodule", None)
        if data is None:
            raise UsageError("start: principal components need a data module to draw crops from")
        crops: list[Tensor] = []
        for batch in data.train_dataloader():
            crops.append(batch)
            if sum(map(len, crops)) >= _START_CROPS:
                break
        return torch.cat(crops)
