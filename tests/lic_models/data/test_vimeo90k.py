"""Vimeo-90k: frames are images, and a triplet stays together."""

from __future__ import annotations

from pathlib import Path

from lic_models.data import Vimeo90K
from tests.helpers.image_folders import SMALL, names, vimeo


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
