"""The data modules: what their batches hold, exact resume, published layouts and refusals."""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonargparse
import numpy as np
import pytest
import torch
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, EarlyStopping, ModelCheckpoint
from PIL import Image

from lic_models.data import BundledPhotographs, Clic, Flickr2W, ImageFolder, Kodak, Vimeo90K
from lic_models.data import scan as scanning
from lic_models.data.module import CropDataModule
from lic_models.data.scan import hold_out
from pytest_lic.errors import CorpusError, UsageError

WIDTH, HEIGHT = 60, 44
SMALL = {"crop_size": 16, "batch_size": 3, "steps_per_epoch": 4}


def write_image(path: Path, number: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """An image whose red is 4 × column, green 4 × row and blue 10 × number."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = 4 * np.arange(width), 4 * np.arange(height)[:, None]
    pixels[..., 2] = 10 * number
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_images(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        write_image(folder / name, number)
    return folder


def cut_short(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-60])
    return path


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    return write_images(tmp_path / "photographs", *(f"{n}.png" for n in range(8)))


def folder(path: Path, **options: Any) -> ImageFolder:
    return ImageFolder(path, **{**SMALL, **options})


def batches(module: CropDataModule, **options: Any) -> torch.Tensor:
    """A whole epoch of training."""
    return torch.stack(list(module.train_dataloader(**options)))


def samples(images: torch.Tensor) -> np.ndarray:
    """8-bit samples (..., H, W, 3)."""
    return (images * 255).round().to(torch.uint8).movedim(-3, -1).numpy()


# What batches hold


def test_batches_are_float32_rgb_in_unit_range_channels_last(photographs: Path) -> None:
    module = folder(photographs, test_path=write_images(photographs.parent / "t", "a.png"))
    module.setup("fit")
    training = list(module.train_dataloader())
    assert len(training) == len(module.train_dataloader()) == 4
    for images in (*training, *module.val_dataloader(), *module.test_dataloader()):
        assert images.dtype == torch.float32
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert 0 <= images.min() < images.max() <= 1
    assert {images.shape for images in training} == {(3, 3, 16, 16)}
    assert [images.shape for images in module.test_dataloader()] == [(1, 3, HEIGHT, WIDTH)]


def test_an_unscaled_crop_is_a_window_of_its_image(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, scale=None, mirror=False, steps_per_epoch=40)))
    corners = set()
    for crop in crops.reshape(-1, 16, 16, 3):
        left, top = int(crop[0, 0, 0]) // 4, int(crop[0, 0, 1]) // 4
        assert (crop[..., 0] == 4 * np.arange(left, left + 16)).all()
        assert (crop[..., 1] == 4 * np.arange(top, top + 16)[:, None]).all()
        assert np.ptp(crop[..., 2]) == 0
        corners.add((left, top))
    lefts, tops = zip(*corners, strict=True)
    assert (min(lefts), max(lefts)) == (0, WIDTH - 16)
    assert (min(tops), max(tops)) == (0, HEIGHT - 16)


def test_half_of_the_crops_are_mirrored(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, scale=None, steps_per_epoch=40)))
    rising = (crops[..., 0, -1, 0] > crops[..., 0, 0, 0]).mean()
    assert 0.35 < rising < 0.65


def test_a_scaled_crop_shows_more_of_its_image(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, mirror=False, steps_per_epoch=40))).astype(int)
    spanned = (crops[..., 8, 15, 0] - crops[..., 8, 0, 0]) / 4 * 16 / 15
    assert spanned.min() == pytest.approx(16 / 0.8, abs=1.0)
    assert spanned.max() == pytest.approx(16 / 0.5, abs=1.0)


def test_an_image_is_scaled_only_as_far_as_it_covers_the_crop(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, mirror=False, crop_size=HEIGHT))).astype(int)
    assert (crops[..., 0, 0, 1] == 0).all()
    assert (crops[..., -1, 0, 1] == 4 * (HEIGHT - 1)).all()


def test_a_centre_crop_lies_in_the_centre(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, crop="centre", scale=None, mirror=False)))
    assert (crops[..., 0, 0, 0] == 4 * (WIDTH - 16) // 2).all()
    assert (crops[..., 0, 0, 1] == 4 * (HEIGHT - 16) // 2).all()


def test_whole_images_make_a_batch_only_if_their_sizes_agree(photographs: Path) -> None:
    assert batches(folder(photographs, crop="none")).shape[-2:] == (HEIGHT, WIDTH)
    write_image(photographs / "other.png", width=70)
    with pytest.raises(CorpusError, match=r"other\.png: 70×44 pixels.*--data\.batch_size=1"):
        folder(photographs, crop="none", validation_share=0.0).setup("fit")
    assert len(batches(folder(photographs, crop="none", batch_size=1, steps_per_epoch=1))) == 1


def test_validation_takes_fixed_centre_crops_in_order(photographs: Path) -> None:
    module = folder(photographs, validation_share=0.5, scale=None, batch_size=2)
    names = [file.name for file in module.images("validation").files]
    first, second = (torch.cat(list(module.val_dataloader())) for _ in range(2))
    assert torch.equal(first, second)
    assert [f"{crop[0, 0, 2] // 10}.png" for crop in samples(first)] == names == sorted(names)
    assert (samples(first)[:, 0, 0, 0] == 4 * (WIDTH - 16) // 2).all()


def test_validation_can_take_whole_images(photographs: Path) -> None:
    module = folder(photographs, validation_crop="none")
    assert {images.shape for images in module.val_dataloader()} == {(1, 3, HEIGHT, WIDTH)}


# What a crop follows from


@pytest.mark.parametrize("options", [{"workers": 2}, {"keep_in_memory": False}], ids=str)
def test_crops_are_the_same_however_they_are_prepared(
    photographs: Path, options: dict[str, Any]
) -> None:
    assert torch.equal(batches(folder(photographs)), batches(folder(photographs, **options)))


def test_a_seed_a_step_and_a_place_in_the_batch_each_give_another_crop(photographs: Path) -> None:
    one, other = batches(folder(photographs)), batches(folder(photographs, seed=2))
    assert len({crop.numpy().tobytes() for crop in torch.cat([*one, *other])}) == 24


def test_a_step_has_the_same_batch_wherever_training_started(photographs: Path) -> None:
    whole = batches(folder(photographs, steps_per_epoch=10))
    for workers in (0, 2):
        module = folder(photographs, steps_per_epoch=5, workers=workers)
        reached = SimpleNamespace(total=SimpleNamespace(processed=0))
        loops = SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=reached))
        module.trainer = SimpleNamespace(world_size=1, fit_loop=loops)  # type: ignore[assignment]
        loader = module.train_dataloader()
        abandoned = iter(loader)
        next(abandoned)  # the workers have prepared more than is taken
        for step in (3, 5):
            reached.total.processed = step
            assert torch.equal(torch.stack(list(loader)), whole[step : step + 5])


# Resuming


class Regressor(LightningModule):
    """Two optimizers, of which the main one counts as a global step, and decay on a plateau."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        torch.manual_seed(0)
        self.layer = torch.nn.Conv2d(3, 3, 3, padding=1)
        self.offset = torch.nn.Parameter(torch.zeros(3))
        self.trace: list[tuple[object, ...]] = []

    def configure_optimizers(self) -> Any:
        main = torch.optim.Adam(self.layer.parameters(), lr=0.01)
        auxiliary = torch.optim.Adam([self.offset], lr=0.01)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(main, patience=0, threshold=1e9)
        return [main, auxiliary], [plateau]

    def training_step(self, images: torch.Tensor, index: int) -> None:
        main, auxiliary = self.optimizers()
        torch.manual_seed(self.global_step)
        noisy = images + 0.1 * torch.rand_like(images)
        main.zero_grad()
        self.manual_backward((self.layer(noisy) - images).square().mean())
        main.step()
        auxiliary.zero_grad()
        self.manual_backward((self.offset - images.mean((0, 2, 3))).square().sum())
        auxiliary.optimizer.step()
        rate = main.param_groups[0]["lr"]
        seen = float(images.sum())
        self.trace.append(("step", self.global_step, self.current_epoch, index, rate, seen))

    def validation_step(self, images: torch.Tensor, _index: int) -> None:
        self.log("loss", (self.layer(images) - images).square().mean())

    def on_validation_epoch_end(self) -> None:
        if not self.trainer.sanity_checking:
            self.trace.append(("validation", self.global_step, self.current_epoch))
            self.lr_schedulers().step(self.trainer.callback_metrics["loss"])

    def on_train_epoch_start(self) -> None:
        self.trace.append(("epoch", self.global_step, self.current_epoch))


class InterruptAfter(Checkpoint):
    """Save and stop at the end of a step; at that of an epoch's last step, after validation."""

    def __init__(self, step: int, path: Path) -> None:
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self._stop(trainer)

    def on_validation_end(self, trainer: Trainer, *_: object) -> None:
        if not trainer.sanity_checking:
            self._stop(trainer)

    def _stop(self, trainer: Trainer) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)
            raise KeyboardInterrupt


def fit(
    module: CropDataModule, *callbacks: Any, resume: Path | None = None, **limits: Any
) -> Regressor:
    network = Regressor()
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=bool(callbacks),
        callbacks=list(callbacks),
        **limits,
    )
    before = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(network, datamodule=module, ckpt_path=resume)
    except SystemExit:  # how Lightning ends after KeyboardInterrupt, with signals ignored
        signal.signal(signal.SIGINT, before)
    return network


QUIET = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*exists and is not empty",
    "ignore:`isinstance.treespec, LeafSpec",
)


@QUIET
@pytest.mark.filterwarnings("error:.*resum")
@pytest.mark.parametrize("limits", [{"max_steps": 13}, {"max_epochs": 3}], ids=str)
@pytest.mark.parametrize(("step", "workers"), [(5, 0), (7, 0), (7, 2), (9, 0)])
def test_an_interrupted_run_ends_like_one_without_interruption(
    photographs: Path, tmp_path: Path, limits: dict[str, int], step: int, workers: int
) -> None:
    options: dict[str, Any] = {"steps_per_epoch": 5, "workers": workers}

    def callbacks(name: str) -> list[Any]:
        return [
            EarlyStopping("loss", patience=9, check_on_train_epoch_end=False),
            ModelCheckpoint(tmp_path / name, monitor="loss", save_on_train_epoch_end=False),
        ]

    checkpoint = tmp_path / "interrupted.ckpt"
    uninterrupted = fit(folder(photographs, **options), *callbacks("a"), **limits)
    begun = fit(
        folder(photographs, **options), *callbacks("b"), InterruptAfter(step, checkpoint), **limits
    )
    assert begun.trace[-1][1] == step
    resumed = fit(folder(photographs, **options), *callbacks("b"), resume=checkpoint, **limits)
    assert begun.trace + resumed.trace == uninterrupted.trace
    assert [entry for entry in uninterrupted.trace if entry[0] == "validation"][:2] == [
        ("validation", 5, 0),
        ("validation", 10, 1),
    ]
    seen = [entry[-1] for entry in uninterrupted.trace if entry[0] == "step"]
    assert len(set(seen)) == len(seen) >= 13  # no epoch repeats another's crops
    for name, value in uninterrupted.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@QUIET
def test_resuming_with_other_data_is_said(photographs: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "interrupted.ckpt"
    fit(folder(photographs), InterruptAfter(2, checkpoint), max_steps=3)
    write_image(photographs / "new.png", 9)
    with pytest.warns(UserWarning, match=r"other data: seed \(1 before, 5 now\), images \("):
        fit(folder(photographs, seed=5), resume=checkpoint, max_steps=3)


def test_ctrl_c_leaves_the_workers_to_the_main_process(photographs: Path) -> None:
    loader = folder(photographs, workers=2, steps_per_epoch=30).train_dataloader()
    images = iter(loader)
    seen = [next(images), next(images)]  # one of each worker: both have begun
    for worker in loader._iterator._workers:
        os.kill(worker.pid, signal.SIGINT)
    seen.extend(images)
    assert torch.equal(torch.stack(seen), batches(folder(photographs, steps_per_epoch=30)))


def test_several_devices_are_refused(photographs: Path) -> None:
    module = folder(photographs)
    module.trainer = SimpleNamespace(world_size=2)  # type: ignore[assignment]
    with pytest.raises(UsageError, match=r"training on 2 devices.*--trainer\.devices=1"):
        module.train_dataloader()


# Holding out


def test_adding_images_moves_none_between_training_and_validation() -> None:
    names = [f"{n}.jpg" for n in range(2000)]
    few, many = hold_out(names[:1000], 0.05), hold_out(names, 0.05)
    assert many & set(names[:1000]) == few
    assert 0.03 < len(many) / len(names) < 0.07


@pytest.mark.parametrize("share", [0.0001, 0.9999])
def test_one_image_at_least_is_held_out_and_one_is_left(share: float) -> None:
    assert len(hold_out(["a", "b", "c"], share)) == (1 if share < 0.5 else 2)


def test_training_and_validation_share_no_image(photographs: Path) -> None:
    module = folder(photographs, validation_share=0.3)
    module.setup("fit")
    parts = [{f.name for f in module.images(s).files} for s in ("train", "validation")]
    assert not parts[0] & parts[1]
    assert parts[0] | parts[1] == {f"{n}.png" for n in range(8)}


def test_a_single_image_can_not_be_held_out(tmp_path: Path) -> None:
    write_image(tmp_path / "one.png")
    with pytest.raises(CorpusError, match=r"one\.png: the only image.*validation_share=0"):
        folder(tmp_path).setup("fit")
    module = folder(tmp_path, validation_share=0.0)
    module.setup("fit")
    assert module.val_dataloader() == []
    with pytest.raises(UsageError, match="no images for validation"):
        module.setup("validate")


def test_a_folder_to_validate_on_replaces_holding_out(photographs: Path, tmp_path: Path) -> None:
    module = folder(photographs, validation_path=write_images(tmp_path / "v", "a.png", "b/c.png"))
    module.setup("fit")
    assert len(module.images("train")) == 8
    assert [file.name for file in module.images("validation").files] == ["a.png", "b/c.png"]


@pytest.mark.parametrize("option", ["validation_path", "test_path"])
def test_a_folder_to_measure_on_must_not_lie_in_the_training_folder(
    photographs: Path, option: str
) -> None:
    write_images(photographs / "held", "a.png")
    module = folder(photographs, **{option: photographs / "held"})
    with pytest.raises(UsageError, match=f"--data.{option} .*held: lies in the folder to train on"):
        module.setup("fit" if option == "validation_path" else "test")


# Published layouts


def names(module: CropDataModule, split: Any) -> list[str]:
    return [file.name for file in module.images(split).files]


def kodak(path: Path) -> Path:
    return write_images(path, *(f"kodim{n:02}.png" for n in range(1, 25)))


def test_kodak_is_for_evaluation_only(tmp_path: Path) -> None:
    module = Kodak(kodak(tmp_path), crop_size=16)
    module.setup("validate")
    module.setup("test")
    assert len(torch.cat(list(module.val_dataloader()))) == len(module.test_dataloader()) == 24
    assert names(module, "test")[0] == "kodim01.png"
    with pytest.raises(UsageError, match=r"Kodak is for evaluation only.*train on another"):
        module.setup("fit")


@pytest.mark.parametrize(
    ("train", "valid", "test"),
    [
        ("{0}_train_2020/train", "{0}_valid_2020/valid", "CLIC2020{1}_test/{0}"),
        ("{0}_train_2020", "{0}_valid_2020", "CLIC2020{1}_test"),
        ("{0}_train", "{0}_valid", "{0}_test"),
        ("{0}/train", "{0}/valid", "{0}/test"),
        ("train", "valid", "{0}"),
    ],
)
def test_clic_is_found_in_every_layout(tmp_path: Path, train: str, valid: str, test: str) -> None:
    for number, part in enumerate(("mobile", "professional")):
        for folder_name in (train, valid, test):
            path = tmp_path / folder_name.format(part, part.capitalize())
            write_image(path / f"{part}-{path.name}.png", number)
    for part in ("mobile", "professional", "both"):
        module = Clic(tmp_path, part, **SMALL)
        module.setup("fit")
        module.setup("test")
        expected = 2 if part == "both" else 1
        assert len(names(module, "test")) == expected
        assert (
            len(names(module, "train"))
            == len(names(module, "validation"))
            == (2 if train == "train" else expected)
        )
        if part != "both" and train != "train":
            assert all(part in name for name in names(module, "train"))


def test_flickr2w_is_one_flat_folder(tmp_path: Path) -> None:
    images = write_images(tmp_path / "flicker_2W_images", "1.jpg", "2.jpg", "crops/3.jpg")
    for path in (images, tmp_path):
        module = Flickr2W(path, **SMALL)
        module.setup("fit")
        assert sorted(names(module, "train") + names(module, "validation")) == ["1.jpg", "2.jpg"]
    with pytest.raises(UsageError, match=r"Flickr2W has no images for test.*Kodak"):
        module.setup("test")


def vimeo(path: Path, triplets: int = 6) -> Path:
    for number in range(triplets):
        write_images(path / f"sequences/00001/{number:04}", "im1.png", "im2.png", "im3.png")
    lines = [f"00001/{number:04}\n" for number in range(triplets)]
    (path / "tri_trainlist.txt").write_text("".join(lines[:-1]))
    (path / "tri_testlist.txt").write_text(lines[-1] + "\n")
    return path


def test_vimeo_frames_are_images_and_a_triplet_stays_together(tmp_path: Path) -> None:
    vimeo(tmp_path / "vimeo_triplet")
    for path in (tmp_path, tmp_path / "vimeo_triplet"):
        module = Vimeo90K(path, validation_share=0.3, **SMALL)
        module.setup("fit")
        module.setup("test")
        held_out, trained_on = names(module, "validation"), names(module, "train")
        assert len(held_out) + len(trained_on) == 15
        assert not {n[:10] for n in held_out} & {n[:10] for n in trained_on}
        assert names(module, "test") == [f"00001/0005/im{n}.png" for n in (1, 2, 3)]


def test_the_bundled_photographs_need_nothing() -> None:
    module = BundledPhotographs(**SMALL)
    module.setup("fit")
    module.setup("test")
    assert [len(module.images(s)) for s in ("train", "validation", "test")] == [4, 1, 5]
    assert batches(module).shape == (4, 3, 3, 16, 16)
    with pytest.raises(CorpusError, match=r"\d+×\d+ pixels, smaller than the crop of 500×500"):
        BundledPhotographs(crop_size=500).setup("fit")


def wrong_kodak(path: Path) -> CropDataModule:
    (kodak(path) / "kodim07.png").unlink()
    return Kodak(path)


def wrong_clic(path: Path) -> CropDataModule:
    write_images(path / "professional_train", "a.png")
    return Clic(path, "mobile")


def wrong_flickr(path: Path) -> CropDataModule:
    write_images(path / "somewhere", "a.jpg")
    return Flickr2W(path)


def wrong_vimeo(path: Path) -> CropDataModule:
    (vimeo(path) / "tri_trainlist.txt").unlink()
    return Vimeo90K(path)


def wrong_vimeo_list(path: Path) -> CropDataModule:
    (vimeo(path) / "tri_trainlist.txt").write_text("00001/0001\n../0002\n")
    return Vimeo90K(path)


def missing_vimeo_frame(path: Path) -> CropDataModule:
    (vimeo(path) / "sequences/00001/0002/im2.png").unlink()
    return Vimeo90K(path, **SMALL)


@pytest.mark.parametrize(
    ("make", "stage", "message"),
    [
        (wrong_kodak, "test", r"1 of the 24 Kodak images are missing \(kodim07\.png\)"),
        (
            wrong_clic,
            "fit",
            r"no mobile images of CLIC 2020 for train; looked for .*mobile_train_2020/train, .*"
            r"unpack mobile_train_2020\.zip there",
        ),
        (wrong_flickr, "fit", r"not laid out as Flickr2W; looked for .*flicker_2W_images"),
        (wrong_vimeo, "fit", r"not laid out as .*looked for tri_trainlist\.txt and sequences/"),
        (wrong_vimeo_list, "fit", r"tri_trainlist\.txt, line 2: '\.\./0002'; expected a triplet"),
        (missing_vimeo_frame, "fit", r"0002/im2\.png: not a file that can be read"),
    ],
)
def test_another_layout_is_refused_with_what_was_looked_for(
    tmp_path: Path, make: Any, stage: str, message: str
) -> None:
    with pytest.raises(CorpusError, match=message) as raised:
        make(tmp_path).setup(stage)
    assert str(tmp_path) in str(raised.value)


@pytest.mark.parametrize("kind", [ImageFolder, Kodak, Clic, Flickr2W, Vimeo90K])
def test_a_missing_folder_is_named(tmp_path: Path, kind: Any) -> None:
    stage = "validate" if kind is Kodak else "fit"
    with pytest.raises(CorpusError, match=r"nowhere: no such folder; --data\.path expects"):
        kind(tmp_path / "nowhere").setup(stage)
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match="file: a file, not a folder"):
        kind(tmp_path / "file").setup(stage)


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(CorpusError, match=f"{tmp_path}: no image in it"):
        folder(tmp_path).setup("fit")


def test_a_linked_folder_is_read_once_even_if_links_loop(photographs: Path) -> None:
    write_images(photographs.parent / "elsewhere", "linked.png")
    (photographs / "link").symlink_to(photographs.parent / "elsewhere")
    (photographs / "loop").symlink_to(photographs)
    module = folder(photographs, validation_share=0.0)
    assert names(module, "train") == [*(f"{n}.png" for n in range(8)), "link/linked.png"]


# Bad images


def text(path: Path) -> None:
    path.write_text("not an image")


def small(path: Path) -> None:
    write_image(path, width=15)


def deep(path: Path) -> None:
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint16)).save(path)


def cmyk(path: Path) -> None:
    Image.new("CMYK", (WIDTH, HEIGHT)).save(path, "TIFF")


def transparent(path: Path) -> None:
    Image.new("RGBA", (WIDTH, HEIGHT)).save(path)


def truncated(path: Path) -> None:
    cut_short(write_image(path))


BAD = [
    (text, "not a readable image"),
    (small, r"15×44 pixels, smaller than the crop of 16×16"),
    (deep, "more than 8 bits a sample"),
    (cmyk, "colour model CMYK; expected RGB or grey"),
    (transparent, "has transparent pixels"),
    (truncated, "not a readable image"),
]


@pytest.mark.parametrize(("spoil", "reason"), BAD, ids=[spoil.__name__ for spoil, _ in BAD])
def test_a_bad_image_is_found_at_set_up_or_left_out_by_name(
    photographs: Path, spoil: Any, reason: str
) -> None:
    spoil(photographs / "bad.png")
    # Among eight others, bad.png is not held out.
    with pytest.raises(
        CorpusError, match=rf"bad\.png: .*{reason}.* go on without it: --data\.on_broken=skip"
    ):
        folder(photographs).setup("fit")
    module = folder(photographs, on_broken="skip")
    with pytest.warns(UserWarning, match=rf"left out: .*bad\.png: .*{reason}") as caught:
        module.setup("fit")
    assert len(caught) == 1
    (photographs / "bad.png").unlink()
    assert torch.equal(batches(module), batches(folder(photographs)))


def test_grey_images_and_palettes_are_taken(photographs: Path) -> None:
    for mode in ("L", "P"):
        Image.new(mode, (WIDTH, HEIGHT)).save(photographs / f"{mode}.png")
    module = folder(photographs, validation_share=0.0)
    assert batches(module).shape[2] == 3
    assert len(module.images("train")) == 10


@pytest.mark.parametrize("workers", [0, 2])
def test_an_image_that_fails_only_when_decoded_is_named(photographs: Path, workers: int) -> None:
    for path in photographs.iterdir():
        cut_short(path)
    module = folder(photographs, keep_in_memory=False, workers=workers)
    module.setup("fit")  # headers alone are read, and they are whole
    for loader in (module.train_dataloader(), module.val_dataloader()):
        with pytest.raises(CorpusError, match=r"\.png: not a readable image.*=skip") as raised:
            list(loader)
        assert "Traceback" not in str(raised.value)


def test_a_replacement_is_drawn_whoever_draws_it_and_the_warning_comes_once(
    photographs: Path,
) -> None:
    for name in ("1.png", "2.png", "5.png"):
        cut_short(photographs / name)
    options: dict[str, Any] = {"keep_in_memory": False, "on_broken": "skip"}
    options |= {"steps_per_epoch": 20, "validation_share": 0.0}
    drawn = []
    for workers in (0, 2):
        with pytest.warns(UserWarning, match="left out") as caught:
            drawn.append(batches(folder(photographs, workers=workers, **options)))
        warned = [str(warning.message).split(": ")[1] for warning in caught]
        assert len(warned) == len(set(warned)) == 3
    assert torch.equal(*drawn)
    assert not {1, 2, 5} & {int(blue) // 10 for blue in samples(drawn[0])[..., 0, 0, 2].flat}


def test_images_that_all_fail_are_an_error_even_when_skipping(photographs: Path) -> None:
    for path in photographs.iterdir():
        cut_short(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(CorpusError, match="no other image can be decoded"):
            batches(folder(photographs, on_broken="skip", keep_in_memory=False))
        with pytest.raises(CorpusError, match="no usable image is left"):
            folder(photographs, on_broken="skip").setup("fit")


def test_a_broken_image_is_left_out_of_validation(photographs: Path) -> None:
    module = folder(
        photographs, validation_share=0.9, keep_in_memory=False, on_broken="skip", batch_size=1
    )
    left = names(module, "validation")
    cut_short(photographs / left[0])
    with pytest.warns(UserWarning, match=left[0]):
        assert len(list(module.val_dataloader())) == len(left) - 1


def test_a_long_scan_shows_progress(
    photographs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(photographs).setup("fit")
    assert "headers" not in capsys.readouterr().err
    monkeypatch.setattr(scanning, "_QUIET_SECONDS", 0.0)
    folder(photographs).setup("fit")
    assert "reading image headers" in capsys.readouterr().err


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop_size": 0}, r"--data\.crop_size 0: expected 1 or more"),
        ({"batch_size": 0}, r"--data\.batch_size 0"),
        ({"steps_per_epoch": 0}, r"--data\.steps_per_epoch 0"),
        ({"workers": -1}, r"--data\.workers -1: expected 0 or more"),
        ({"seed": -1}, r"--data\.seed -1"),
        ({"scale": (0.8, 0.5)}, r"--data\.scale \[0\.8, 0\.5\]: expected \[smallest, largest\]"),
        ({"scale": (0.5, 1.5)}, r"--data\.scale"),
        ({"validation_share": 1.0}, r"--data\.validation_share 1\.0"),
    ],
    ids=str,
)
def test_an_option_out_of_range_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BundledPhotographs(**options)


def parse(**config: Any) -> Any:
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(LightningDataModule, "data")
    return parser.instantiate(parser.parse_object({"data": config})).data


@pytest.mark.parametrize("kind", [ImageFolder, Clic, Flickr2W, Vimeo90K])
def test_a_config_names_a_data_module_and_its_options(kind: Any) -> None:
    options = {"path": "photographs", "crop_size": 64, "scale": [0.5, 0.9], "on_broken": "skip"}
    module = parse(class_path=f"lic_models.data.{kind.__name__}", init_args=options)
    assert type(module) is kind
    assert module._training_recipe.scale == (0.5, 0.9)


@pytest.mark.parametrize(
    ("kind", "option"),
    [("ImageFolder", "crop_sise"), ("Clic", "validation_share"), ("Kodak", "mirror")],
)
def test_an_option_that_a_data_set_lacks_is_refused(kind: str, option: str) -> None:
    with pytest.raises(jsonargparse.ArgumentError, match=option):
        parse(class_path=f"lic_models.data.{kind}", init_args={"path": "x", option: 1})
