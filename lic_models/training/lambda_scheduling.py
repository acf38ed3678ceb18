"""λ scheduling: the λ of each width of a slimmable codec falls until no width is wasted.

Trained with one λ for all, a narrow width spends bits on a distortion that it can't lower any more:
its point lies well below the curve on which a lower λ would put it. The steeper the line from there
to the next wider width's point, PSNR over rate, the more a bit that was spent in the narrow one is
worth in the wide one.

Yang, Herranz, Cheng and Mozerov, "Slimmable compressive autoencoders for practical neural image
compression", CVPR 2021, https://arxiv.org/abs/2103.15726.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lic_models.components.rate_control import SlimmableWidths
from lic_models.training.loss import estimated_bits, mean_psnr
from pytest_lic.errors import UsageError

if TYPE_CHECKING:
    from lic_models.training.module import CodecTraining


class Point(NamedTuple):
    """What one width gives: estimated bits per pixel, and PSNR in dB."""

    bpp: float
    psnr: float


@dataclass
class Schedule:
    """Where λ scheduling is: from the widest width down, one pair of neighbours after the other.

    Args:
        factor: what λ is multiplied by in each move.
        tries: the most moves for one pair.
        place: the narrower width of the pair; None before the first move, 0 when done: narrower
            than the narrowest there is none.
        slope: of the pair when last seen.
        tried: moves for this pair.
    """

    factor: float = 0.8
    tries: int = 7
    place: int | None = None
    slope: float = math.inf
    tried: int = 0

    def moved(self, lambdas: Sequence[float], points: Sequence[Point]) -> list[float]:
        """λ of each width, the narrowest first, after what its ``points`` now tell.

        As in the authors' program: λ of the narrower width of a pair, and of all that are narrower
        still, falls by ``factor``. After some training the slope between the two is looked at:
        while it falls, λ falls further; once it rises, or after so many tries, the next pair has
        its turn.
        """
        if self.place is None:
            self.place = len(lambdas) - 2
        elif not self.done:
            slope = _slope(points[self.place], points[self.place + 1])
            if slope > self.slope or self.tried >= self.tries:
                self.place, self.tried = self.place - 1, 0
        if self.done:
            return list(lambdas)
        self.slope = _slope(points[self.place], points[self.place + 1])
        self.tried += 1
        return [
            lmbda * (self.factor if index <= self.place else 1.0)
            for index, lmbda in enumerate(lambdas)
        ]

    @property
    def done(self) -> bool:
        """Whether every pair has had its turn."""
        return self.place is not None and self.place < 0


class LambdaScheduling(Callback):
    """Moves the λ of widths while a slimmable codec trains; see `Schedule`.

    Points are those of an average of the weights, since what a step's noise does to a slope is more
    than what a move does. The weights that train are not touched.

    What came out is in the checkpoint, and in the weights exported of it: λ of each width before
    and after, and each move with the points that it followed.

    Args:
        first_step: how long all widths are trained with one λ.
        every: steps between moves.
        factor: what λ is multiplied by in each move.
        tries: the most moves for one pair of neighbours.
        images: how many validation crops the points are taken of, with real rounding.
        decay: of the exponential average of the weights, step by step.

    Raises:
        UsageError: a value outside its range; when training starts, a codec that is not slimmable
            or no crops to validate with.
    """

    def __init__(
        self,
        first_step: int,
        every: int,
        factor: float = 0.8,
        tries: int = 7,
        images: int = 16,
        decay: float = 0.97,
    ) -> None:
        for name, value in (("every", every), ("tries", tries), ("images", images)):
            if value < 1:
                raise UsageError(f"{name}: {value}; expected at least 1")
        if first_step < 0:
            raise UsageError(f"first_step: {first_step}; expected at least 0")
        for name, share in (("factor", factor), ("decay", decay)):
            if not 0.0 < share < 1.0:
                raise UsageError(f"{name}: {share:g}; expected more than 0 and less than 1")
        self.first_step = first_step
        self.every = every
        self.images = images
        self.decay = decay
        self._averaged: AveragedModel | None = None
        self._resumed: dict[str, Any] = {}
        self.schedule = Schedule(factor, tries)
        self._moves: list[dict[str, Any]] = []
        self._before: list[float] = []
        self._crops: list[Tensor] = []

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the crops that the points are to be of."""
        self._control(pl_module)
        average = get_ema_multi_avg_fn(self.decay)
        self._averaged = AveragedModel(_training(pl_module).codec, multi_avg_fn=average).eval()
        if self._resumed:
            self._averaged.load_state_dict(self._resumed)
        loader = trainer.datamodule.val_dataloader()  # type: ignore[attr-defined]
        for batch in loader:
            self._crops += batch.split(1)
        del self._crops[self.images :]
        if not self._crops:
            raise UsageError(
                "trainer.callbacks: LambdaScheduling compares widths on validation crops, and "
                "there are none; give data.init_args.validation_share"
            )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        """Move λ, where it is time to."""
        if self.schedule.done:
            return
        training, control = _training(pl_module), self._control(pl_module)
        assert self._averaged is not None
        self._averaged.update_parameters(training.codec)
        step = trainer.global_step - self.first_step
        if step < 0 or step % self.every:
            return
        points = self._points(training)
        self._before = self._before or list(control.lambdas)
        control.move(self.schedule.moved(control.lambdas, points))
        self._moves.append(
            {
                "step": trainer.global_step,
                "points": [[round(number, 4) for number in point] for point in points],
                "lambdas": [round(lmbda, 8) for lmbda in control.lambdas],
            }
        )
        self._tell(training)
        shown = ", ".join(f"{bpp:.3f} bpp {psnr:.2f} dB" for bpp, psnr in points)
        what = "done" if self.schedule.done else "λ"
        lambdas = ", ".join(f"{lmbda:.5f}" for lmbda in control.lambdas)
        print(f"step {trainer.global_step}: widths: {shown}; {what} {lambdas}", flush=True)

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule is, what it did, and the average."""
        averaged = {} if self._averaged is None else self._averaged.state_dict()
        schedule = {"schedule": asdict(self.schedule), "averaged": averaged}
        return {**schedule, "moves": self._moves, "before": self._before}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self.schedule = Schedule(**state_dict["schedule"])
        self._resumed = state_dict["averaged"]
        self._moves, self._before = list(state_dict["moves"]), list(state_dict["before"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let checkpoints say what an interrupted run did."""
        if self._moves:
            self._tell(_training(pl_module))

    def _tell(self, training: CodecTraining) -> None:
        training.scheduled = {"lambdas_before": self._before, "lambda_moves": self._moves}

    @staticmethod
    def _control(module: LightningModule) -> SlimmableWidths:
        control = _training(module).codec.rate_control
        if not isinstance(control, SlimmableWidths):
            raise UsageError(
                "trainer.callbacks: LambdaScheduling moves the λ of SlimmableWidths; "
                f"model.rate_control is {type(control).__name__}"
            )
        return control

    @torch.no_grad()
    def _points(self, training: CodecTraining) -> list[Point]:
        """Of each width, the narrowest first."""
        points = []
        for level in range(round(training.codec.rate_control.highest) + 1):
            pairs = [self._point(crop.to(training.device), level) for crop in self._crops]
            means = (sum(numbers) / len(pairs) for numbers in zip(*pairs, strict=True))
            points.append(Point(*means))
        return points

    def _point(self, crop: Tensor, level: int) -> Point:
        assert self._averaged is not None
        outputs = self._averaged(crop, torch.tensor([float(level)], device=crop.device))
        bits = estimated_bits(outputs["likelihoods"]).sum()
        pixels = crop.size(-1) * crop.size(-2)
        return Point(float(bits) / pixels, float(mean_psnr(outputs["x_hat"], crop)))


def _slope(narrow: Point, wide: Point) -> float:
    """dB a bit per pixel, from one width to the next; without end where more dB cost no bit."""
    bits = wide.bpp - narrow.bpp
    return (wide.psnr - narrow.psnr) / bits if bits > 0 else math.inf


def _training(module: LightningModule) -> CodecTraining:
    from lic_models.training.module import CodecTraining

    assert isinstance(module, CodecTraining)
    return module
