"""The images on which codecs break: the same on every machine."""

from __future__ import annotations

import numpy as np

from pytest_lic.images.corpus import load_corpus


class TestEdge:
    def test_is_the_same_on_every_machine(self) -> None:
        assert load_corpus("edge").digest == "dfa0f7d3a6476940"

    def test_holds_the_sizes_and_contents_on_which_codecs_break(self) -> None:
        images = load_corpus("edge").images
        sizes = {(image.width, image.height) for image in images}
        assert {(1, 1), (67, 1), (1, 67), (61, 47), (97, 89)} <= sizes
        assert max(max(size) for size in sizes) < 100
        values = {image.name: image.pixels for image in images}
        assert not values["black_64x64"].any()
        assert (values["white_65x63"] == 255).all()
        assert set(np.unique(values["saturated_90x61"])) == {0, 255}
        assert set(np.unique(values["text_like_96x53"])) == {0, 255}

    def test_names_tell_the_size(self) -> None:
        for image in load_corpus("edge").images:
            assert image.name.endswith(f"_{image.width}x{image.height}")
