"""Image batches to 8-bit pixels and back."""

from __future__ import annotations

import pytest
import torch

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import CodecError
from tests.helpers.image_files import FAMILIES, middle

pytestmark = pytest.mark.filterwarnings("error")


def test_samples_are_rounded_to_the_nearest_level(
    family: CodecFamily, photograph: torch.Tensor
) -> None:
    codec = middle(family)
    nudged = photograph + 0.4 / 255
    assert codec.encode(nudged) == codec.encode(photograph)
    assert codec.encode(photograph + 0.6 / 255) != codec.encode(photograph)


def test_encoding_leaves_its_input_alone_and_takes_any_memory_layout(
    family: CodecFamily, photograph: torch.Tensor
) -> None:
    codec = middle(family)
    given = photograph.clone().to(memory_format=torch.channels_last)
    assert codec.encode(given) == codec.encode(photograph)
    assert torch.equal(given, photograph)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 1, 8, 8), (1, 4, 8, 8)])
def test_an_image_batch_of_another_shape_is_a_codec_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(CodecError, match=r"expected \(B, 3, H, W\)"):
        middle(FAMILIES["jpeg"]).encode(torch.zeros(shape))
