"""Looking through images before training: bad ones, links, and which are held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lic_models.data import scan as scanning
from lic_models.data.scan import hold_out
from pytest_lic.errors import CorpusError
from tests.helpers.image_folders import (
    HEIGHT,
    WIDTH,
    batches,
    cut_short,
    folder,
    names,
    write_image,
    write_images,
)


def test_adding_images_moves_none_between_training_and_validation() -> None:
    names = [f"{n}.jpg" for n in range(2000)]
    few, many = hold_out(names[:1000], 0.05), hold_out(names, 0.05)
    assert many & set(names[:1000]) == few
    assert 0.03 < len(many) / len(names) < 0.07


@pytest.mark.parametrize("share", [0.0001, 0.9999])
def test_one_image_at_least_is_held_out_and_one_is_left(share: float) -> None:
    assert len(hold_out(["a", "b", "c"], share)) == (1 if share < 0.5 else 2)


def test_a_linked_folder_is_read_once_even_if_links_loop(photographs: Path) -> None:
    write_images(photographs.parent / "elsewhere", "linked.png")
    (photographs / "link").symlink_to(photographs.parent / "elsewhere")
    (photographs / "loop").symlink_to(photographs)
    module = folder(photographs, validation_share=0.0)
    assert names(module, "train") == [*(f"{n}.png" for n in range(8)), "link/linked.png"]


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


def test_a_long_scan_shows_progress(
    photographs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(photographs).setup("fit")
    assert "headers" not in capsys.readouterr().err
    monkeypatch.setattr(scanning, "_QUIET_SECONDS", 0.0)
    folder(photographs).setup("fit")
    assert "reading image headers" in capsys.readouterr().err
