"""Training a learned codec: one step, one validation, and what is logged of them.

Everything random in a step follows from the seed and the step's number, so a run that was
interrupted and resumed ends with the same weights, to the bit, as one that never stopped.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from lic_models.codec import LearnedCodec
from lic_models.components.bounds import at_least
from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_models import EntropyModel
from lic_models.components.latent_coding import LatentCoding
from lic_models.components.quantizers import Quantizer
from lic_models.components.rate_control import RateControl
from lic_models.components.transforms import Transform
from lic_models.data.frozen_latents import Frozen
from lic_models.storage.checkpoint import refuse_other_codec
from lic_models.training.first_weights import (
    PRINCIPAL_COMPONENTS,
    RANDOM,
    refuse_odd_sizes,
    set_first_weights,
)
from lic_models.training.loss import (
    Distortion,
    estimated_bits,
    mean_psnr,
    rate_distortion_loss,
)
from lic_models.training.pace import Decay, learning_rate_of, planned_steps
from lic_models.training.running_means import RunningMeans
from pytest_lic.errors import UsageError
from pytest_lic.system.environment import environment

SHOWN_EVERY = 10
"""Steps after which the progress bar is drawn anew."""
_FIRST_SCALE = 0.05  # of RGB in [0, 1]: γ where training begins
_AS_MSE = {"mse": 1.0, "ms-ssim": 1.0, "mae": 20.0, "laplace": 100.0}
"""How many times the λ of the MSE theirs is at a like rate, roughly; for the first weights."""
_PRECISIONS = ("32-true", "bf16-mixed")


class CodecTraining(LightningModule):
    """A learned codec under training.

    Two optimizers: Adam on the rate-distortion loss for everything but the quantiles of the
    learned densities, and Adam on the auxiliary loss for these. Only the first one's steps count
    as steps.

    Args:
        transform: analysis and synthesis; default `ConvolutionalTransform`.
        quantizer: default `NoiseQuantizer`.
        entropy_model: default `Factorized`.
        entropy_coder: default `AnsCoder`; makes no difference to training.
        latent_coding: in place of these three.
        rate_control: default `NoRateControl`. Others are trained at levels drawn for each image, of
            whose λ the loss is; slimmable widths all together, as the mean of their losses.
        lmbda: λ, the weight of distortion against rate; rate control has its own.
        distortion: "mse", "ms-ssim", "mae" or "laplace"; see `rate_distortion_loss`.
        scale_floor: γ_∞, which the learned scale γ of "laplace" does not fall below, in units of
            RGB in [0, 1].
        start: where the weights begin: "principal-components" of the training images, "random",
            or the path of exported weights or of a checkpoint, such as those of another λ.
        trained: "entropy_model" leaves transform and quantizer as they start. The latents of the
            training images are then made once and kept, and the rate alone is minimised: no
            transform runs. A hyperprior that was trained on small crops, of which z is a few
            numbers, gains much from some steps of its own on large ones. A context that predicts
            residuals is trained on images and with their distortion all the same.
            "rate_control" leaves all but rate control as it starts.
        learning_rate: Adam's.
        auxiliary_learning_rate: of the quantiles.
        clip_norm: the largest norm of the gradient.
        decay: "plateau" halves the learning rate when the validation loss has not fallen for
            ``patience`` validations; "linear" lets it fall to zero over the run, "late" over the
            last 30 % of it, which need ``trainer.max_steps``; "constant" leaves it.
        warm_up: the first steps, in which the learning rate rises to its value.
        patience: validations to wait before the learning rate is halved.
        bfloat16_steps: the first steps, whose transforms run under bfloat16 autocast, on CPUs
            too: nearly twice as fast with matrix units for it (AMX), slower without. On a GPU,
            ``trainer.precision=bf16-mixed`` does so for all steps. The entropy model, its loss and
            validation are computed in float32 always.
        compiled: compile the step, which takes half a minute and makes steps of small networks
            1.2 times as fast; on a CPU this needs a C++ compiler.

    Raises:
        UsageError: components that do not fit each other, or a value outside its range.
    """

    def __init__(
        self,
        transform: Transform | None = None,
        quantizer: Quantizer | None = None,
        entropy_model: EntropyModel | None = None,
        entropy_coder: EntropyCoder | None = None,
        latent_coding: LatentCoding | None = None,
        rate_control: RateControl | None = None,
        lmbda: float = 0.0067,
        distortion: Distortion = "mse",
        scale_floor: float = 0.005,
        start: str = PRINCIPAL_COMPONENTS,
        trained: Literal["all", "entropy_model", "rate_control"] = "all",
        learning_rate: float = 3e-4,
        auxiliary_learning_rate: float = 1e-3,
        clip_norm: float = 1.0,
        decay: Decay = "plateau",
        warm_up: int = 0,
        patience: int = 5,
        bfloat16_steps: int = 0,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (
            ("lmbda", lmbda),
            ("learning_rate", learning_rate),
            ("auxiliary_learning_rate", auxiliary_learning_rate),
            ("clip_norm", clip_norm),
            ("scale_floor", scale_floor),
        ):
            if not 0.0 < value < math.inf:
                raise UsageError(f"model.{name}: {value:g}; expected a positive number")
        for name, count in (
            ("warm_up", warm_up),
            ("patience", patience),
            ("bfloat16_steps", bfloat16_steps),
        ):
            if count < 0:
                raise UsageError(f"model.{name}: {count}; expected 0 or more")
        self.automatic_optimization = False
        try:
            self.codec = LearnedCodec(
                transform, quantizer, entropy_model, entropy_coder, latent_coding, rate_control
            )
        except UsageError as error:
            raise UsageError(f"model.{error}") from error
        control = self.codec.rate_control
        if trained == "entropy_model" and latent_coding is not None:
            raise UsageError(
                f"model.trained: entropy_model, which {type(latent_coding).__name__} has none of; "
                "expected all"
            )
        if trained == "entropy_model" and control.highest:
            raise UsageError(
                "model.trained: entropy_model is trained on latents that are made once, and with "
                f"{type(control).__name__} they are others at each level; expected all"
            )
        if trained == "rate_control" and not any(p.requires_grad for p in control.parameters()):
            raise UsageError(
                f"model.trained: rate_control; {type(control).__name__} has nothing of its own to "
                "train; expected all"
            )
        self.lmbda = lmbda
        self.distortion: Distortion = distortion
        self.scale_floor = scale_floor
        if distortion == "laplace":
            self.log_scale = nn.Parameter(torch.tensor(_FIRST_SCALE).log())
        self.start = start
        self._begun_with = start if start in (PRINCIPAL_COMPONENTS, RANDOM) else _named(Path(start))
        self.trained = trained
        self.learning_rate = learning_rate
        self.auxiliary_learning_rate = auxiliary_learning_rate
        self.clip_norm = clip_norm
        self.decay = decay
        self.warm_up = warm_up
        self.patience = patience
        self.bfloat16_steps = bfloat16_steps
        self.compiled = compiled
        self.description: dict[str, Any] = {}
        """What checkpoints say: name, quality, components, the data's name, the weights' path."""
        self.scheduled: dict[str, Any] = {}
        """What λ scheduling did, for checkpoints; see `LambdaScheduling`."""
        self._on_latents = False
        self.resumes = False
        """Whether a checkpoint is going to replace the first weights."""
        self._steps: float = math.inf
        self.pixels = 0
        """How many pixels of crops this codec has been trained on."""
        self._rated = self._rated_eagerly
        self._means = RunningMeans()
        self._seconds, self._since = 0.0, time.monotonic()

    @property
    def minutes(self) -> float:
        """How long this codec has been trained, interruptions left out."""
        return (self._seconds + time.monotonic() - self._since) / 60

    def setup(self, stage: str) -> None:
        """Choose the memory layout and, unless a checkpoint follows, the first weights."""
        self.codec.to(memory_format=torch.channels_last)
        if self.trainer.precision not in _PRECISIONS:
            raise UsageError(
                f"trainer.precision: {self.trainer.precision}; expected {' or '.join(_PRECISIONS)}"
                " (the entropy model needs float32)"
            )
        if stage != "fit":
            return
        if self.compiled:
            self._rated = torch.compile(self._rated_eagerly, dynamic=False)
        anneals = self.codec.latent_coding.anneals
        self._steps = planned_steps(self.trainer, self.decay, anneals)
        data = getattr(self.trainer, "datamodule", None)
        freeze = getattr(data, "freeze", None)
        refines = self.codec.latent_coding.refines  # which latents alone do not train
        if self.trained == "entropy_model" and freeze is not None and not refines:
            self._on_latents = freeze(self._frozen)
        if self.resumes:
            return
        set_first_weights(self.codec, self.start, self.lmbda / _AS_MSE[self.distortion], data)

    def configure_optimizers(self) -> Any:
        """Adam for everything but the quantiles, and Adam for the quantiles, if there are any."""
        main, auxiliary = [], []
        for name, parameter in sorted(self.codec.named_parameters()):
            if self.trained != "all" and not name.startswith(f"{self.trained}."):
                parameter.requires_grad_(False)
                continue
            (auxiliary if name.endswith(".quantiles") else main).append(parameter)
        if self.distortion == "laplace":
            main.append(self.log_scale)
        optimizers = [torch.optim.Adam(main, lr=self.learning_rate, fused=True)]
        if auxiliary:
            optimizers.append(torch.optim.Adam(auxiliary, lr=self.auxiliary_learning_rate))
        if self.decay != "plateau":
            return optimizers
        return optimizers, [ReduceLROnPlateau(optimizers[0], factor=0.5, patience=self.patience)]

    def training_step(self, images: Tensor, _index: int) -> None:
        """One step of the optimizers on an image batch (B, 3, H, W), RGB in [0, 1]."""
        optimizers: Any = self.optimizers()  # one, where there are no quantiles
        main, *auxiliary = optimizers if isinstance(optimizers, list) else [optimizers]
        if self._on_latents:
            images = images.to(memory_format=torch.channels_last)
        else:
            refuse_odd_sizes(self.codec, images)
        step, device = self.global_step, images.device.type
        # Both seeds in one number: 2**32 steps are more than anyone takes.
        torch.manual_seed((int(os.environ.get("PL_GLOBAL_SEED", "0")) << 32) + step)
        self.codec.latent_coding.anneal(min(1.0, step / self._steps))
        rate = learning_rate_of(step, self._steps, self.decay, self.warm_up, self.learning_rate)
        if rate is not None:
            for group in main.param_groups:
                group["lr"] = rate
        rate = main.param_groups[0]["lr"]
        early = step < self.bfloat16_steps  # switching autocast off would undo the trainer's
        with torch.autocast(device, torch.bfloat16) if early else nullcontext():
            values = self._rated(images)
        main.zero_grad()
        self.manual_backward(values["loss"])
        # Not Lightning's, which refuses fused optimizers under bf16-mixed.
        nn.utils.clip_grad_norm_(main.param_groups[0]["params"], self.clip_norm)
        main.step()
        with torch.autocast(device, enabled=False):
            auxiliary_loss = self.codec.latent_coding.auxiliary_loss()
        for optimizer in auxiliary:
            # Not through Lightning's wrapper, which would count it as a step.
            optimizer.optimizer.zero_grad()
            auxiliary_loss.backward()  # type: ignore[no-untyped-call]
            optimizer.optimizer.step()
        self.pixels += self._pixels(images)
        means = self._means.add({**values, "auxiliary_loss": auxiliary_loss})
        means = {f"train_{name}": mean for name, mean in means.items()}
        interval = self.trainer.log_every_n_steps
        is_logged = interval > 0 and (step + 1) % interval == 0
        if is_logged or (step + 1) % SHOWN_EVERY == 0:  # Lightning takes milliseconds to note it
            self.log_dict(means, prog_bar=True, logger=False)
        if is_logged:
            # Not left to Lightning, which writes the row when Ctrl-C may have stopped the run.
            row = {name: float(mean) for name, mean in means.items()}
            for logger in self.trainer.loggers:
                logger.log_metrics(
                    {"epoch": self.current_epoch, **row, "learning_rate": rate}, step
                )
            self._means.clear()

    def validation_step(self, images: Tensor, _index: int) -> None:
        """The loss with real rounding, on an image batch (B, 3, H, W), RGB in [0, 1]."""
        with torch.autocast(images.device.type, enabled=False):
            values = _means(
                self._values(self._coded_whole(images, levels), images, levels)
                for levels in self._each(self._anchors(images, _index))
            )
        named = {f"validation_{name}": value for name, value in values.items()}
        self.log_dict(named, prog_bar=True, batch_size=len(images))

    def on_validation_epoch_end(self) -> None:
        """Let the learning rate follow the validation loss."""
        scheduler = self.lr_schedulers()
        if isinstance(scheduler, ReduceLROnPlateau) and not self.trainer.sanity_checking:
            scheduler.step(self.trainer.callback_metrics["validation_loss"])

    def on_train_start(self) -> None:
        """Start the clock; lay a checkpoint's moments out in memory as their parameters are."""
        # Fused Adam pairs numbers by their place in memory, whatever the strides say.
        for optimizer in self.trainer.optimizers:
            for parameter, moments in optimizer.state.items():
                for name, value in moments.items():
                    if value.shape == parameter.shape and value.stride() != parameter.stride():
                        moments[name] = torch.empty_like(parameter).copy_(value)
        self._since = time.monotonic()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say which codec this is, and how it was trained so far."""
        control = self.codec.rate_control
        checkpoint["means"] = self._means.state_dict()
        checkpoint["codec"] = {
            **self.description,
            "lmbda": self.lmbda,
            "training": {
                "steps": self.global_step,
                "pixels": self.pixels,
                "minutes": round(self.minutes, 1),
                "start": self._begun_with,
                "trained": self.trained,
                "distortion": self.distortion,
                **({} if self._scale is None else {"scale": float(self._scale.detach())}),
                "learning_rate": self.learning_rate,
                "decay": self.decay,
                "device": str(self.device),
                "machine": _machine(self.device),
                **({"lambdas": list(control.lambdas)} if control.one_at_a_time else {}),
                **self.scheduled,
            },
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another codec, before its tensors are found not to fit.

        Raises:
            WeightsError: naming the first argument that differs.
        """
        described = checkpoint.get("codec", {})
        components = self.description.get("components", {})
        refuse_other_codec(described.get("components", {}), components)
        if "means" in checkpoint:
            self._means.load_state_dict(checkpoint["means"], self.device)
        trained = described.get("training", {})
        self._begun_with = trained.get("start", self._begun_with)
        self._seconds = 60.0 * trained.get("minutes", 0.0)
        self.pixels = trained.get("pixels", 0)

    def _coded_whole(self, images: Tensor, levels: Tensor) -> dict[str, Any]:
        """The codec's outputs for images of any size, padded by repeating their edges."""
        factor = self.codec.downsampling_factor
        height, width = images.shape[-2:]
        below, right = -height % factor, -width % factor
        outputs = self.codec(F.pad(images, (0, right, 0, below), mode="replicate"), levels)
        return {**outputs, "x_hat": outputs["x_hat"][..., :height, :width]}

    def _rated_eagerly(self, images: Tensor) -> dict[str, Tensor]:
        """What training minimises, ``loss``, with the other values that are logged of it."""
        if not self._on_latents:
            factor = self.codec.downsampling_factor
            size = (images.size(2) // factor, images.size(3) // factor)
            drawn = self.codec.rate_control.drawn(len(images), size, images.device)
            return _means(
                self._values(self.codec(images, levels), images, levels)
                for levels in self._each(drawn)
            )
        with torch.autocast(images.device.type, enabled=False):
            rated = self.codec.latent_coding.forward(images.float())
        bpp = estimated_bits(rated.likelihoods).sum() / self._pixels(images)
        return {"loss": bpp, "bpp": bpp.detach()}

    def _pixels(self, batch: Tensor) -> int:
        """Of the images (B, 3, H, W) of a batch, or of those that its latents are of."""
        each = self.codec.downsampling_factor**2 if self._on_latents else 1
        return batch.numel() // batch.size(1) * each

    def _frozen(self) -> Frozen:
        """The transform as it stands, whose latents are kept beside the runs."""
        transform, device = self.codec.transform, self.device
        sha = hashlib.sha256()
        for name, value in sorted(transform.analysis.state_dict().items()):
            sha.update(name.encode())
            sha.update(value.detach().cpu().contiguous().numpy().tobytes())
        return Frozen(
            lambda images: transform.analysis(images.to(device)),
            self.codec.downsampling_factor,
            sha.hexdigest(),
            Path(self.trainer.default_root_dir).parent / "latents",
        )

    def _anchors(self, images: Tensor, first: int) -> Tensor:
        """Levels (B,) to validate at: of each image another anchor."""
        count = round(self.codec.rate_control.highest) + 1
        return (torch.arange(len(images), device=images.device) + first).remainder(count).float()

    def _each(self, levels: Tensor) -> list[Tensor]:
        """The levels (B,) to run a batch at: these, or every one in turn."""
        control = self.codec.rate_control
        if not control.one_at_a_time:
            return [levels]
        return [torch.full_like(levels, level) for level in range(round(control.highest) + 1)]

    @property
    def _scale(self) -> Tensor | None:
        """γ of the Laplace likelihood."""
        if self.distortion != "laplace":
            return None
        return at_least(self.log_scale, math.log(self.scale_floor)).exp()

    def _values(self, outputs: dict[str, Any], images: Tensor, levels: Tensor) -> dict[str, Tensor]:
        control = self.codec.rate_control
        lmbda = control.lmbda(levels) if control.highest else self.lmbda
        loss = rate_distortion_loss(outputs, images, lmbda, self.distortion, self._scale)
        psnr = mean_psnr(outputs["x_hat"].detach(), images)
        values = {"loss": loss.total, "bpp": loss.bpp.detach(), "psnr": psnr}
        if self.distortion == "ms-ssim":
            values["ms_ssim"] = 1.0 - loss.distortion.detach()
        if self._scale is not None:
            values["scale"] = self._scale.detach()
        return values


def _means(rows: Iterable[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each value over several runs of a batch."""
    first, *others = rows
    if not others:
        return first
    return {name: torch.stack([row[name] for row in (first, *others)]).mean() for name in first}


def _named(start: Path) -> str:
    """A file of weights, or a run's checkpoint, without where it lies here: weights say it too."""
    return "/".join(start.parts[-3:]) if start.suffix == ".ckpt" else start.name


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{environment('cpu', threads).processor}, threads: {threads}"
