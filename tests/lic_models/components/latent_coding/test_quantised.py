"""The first passes of a latent are decoded alone; the rest takes what is expected of it."""

from __future__ import annotations

import pytest
import torch

from lic_models.components import (
    AnsCoder,
    JointEntropyModel,
    LearnedLevelsQuantizer,
    MeanScaleHyperprior,
    NoiseQuantizer,
    UniversalQuantizer,
)
from lic_models.components.latent_coding import QuantisedCoding
from pytest_lic.errors import CorruptBitstreamError, TruncatedBitstreamError, UsageError
from tests.lic_models.components.entropy_models.joint_parts import (
    CHANNELS,
    CONTEXTS,
    model,
)

SIZE = (6, 5)


def coding_of(context: str, distribution: str = "gaussian") -> QuantisedCoding:
    quantizer = UniversalQuantizer(levels=3)
    return QuantisedCoding(quantizer, model("mean-scale", context, distribution, quantizer))


def latents() -> torch.Tensor:
    return 4 * torch.randn((CHANNELS, *SIZE), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("context", "distribution"),
    [*((context, "gaussian") for context in CONTEXTS), ("checkerboard", "gaussian-mixture")],
)
def test_a_part_holds_what_its_passes_hold(context: str, distribution: str) -> None:
    coding = coding_of(context, distribution)
    strings = coding.compress(latents())
    whole = coding.decompress(strings, SIZE)
    lengths = coding.pass_lengths(strings, SIZE)
    model = coding.entropy_model
    assert isinstance(model, JointEntropyModel)
    schedule = model.context.schedule(*SIZE)
    numbers = schedule.unique().tolist()  # in a small latent some passes are empty
    assert len(lengths) == len(numbers)
    assert lengths[-1] == len(strings[-1])
    for count in sorted({1, 2, len(lengths) // 2, len(lengths) - 1, len(lengths)} & {*range(99)}):
        if not 1 <= count <= len(lengths):
            continue
        part = [*strings[:-1], strings[-1][: lengths[count - 1]]]
        found = coding.decompress_part(part, SIZE, count, len(strings[-1]))
        read = schedule <= numbers[count - 1]
        assert torch.equal(found[read], whole[read])
        assert torch.isfinite(found).all()
        if count == len(lengths):
            assert torch.equal(found, whole)


def test_what_is_missing_is_nearer_the_latent_than_nothing_would_be() -> None:
    coding = coding_of("checkerboard")
    own = latents()
    strings = coding.compress(own)
    found = coding.decompress_part(strings, SIZE, 1, len(strings[-1]))
    model = coding.entropy_model
    assert isinstance(model, JointEntropyModel)
    missing = model.context.schedule(*SIZE) == 1
    features = model.side_information.decompress(strings[:-1], SIZE, AnsCoder())
    centres = features[0, :CHANNELS].float() * model.log_unit.exp()[:, None, None]
    assert not torch.allclose(found[missing], centres[missing])  # the context tells more


def test_bytes_that_end_within_a_pass_are_refused() -> None:
    coding = coding_of("multistage-2")
    strings = coding.compress(latents())
    lengths = coding.pass_lengths(strings, SIZE)
    part = [*strings[:-1], strings[-1][: lengths[1] - 1]]
    with pytest.raises(TruncatedBitstreamError, match="end within pass 2"):
        coding.decompress_part(part, SIZE, 2, len(strings[-1]))


def test_all_passes_are_checked_to_their_end() -> None:
    coding = coding_of("checkerboard")
    strings = coding.compress(latents())
    damaged = bytearray(strings[-1])
    damaged[-1] ^= 1
    with pytest.raises(CorruptBitstreamError):
        coding.decompress_part([*strings[:-1], bytes(damaged)], SIZE, 2, len(damaged))
    longer = [*strings[:-1], strings[-1] + b"1"]
    with pytest.raises(CorruptBitstreamError, match=r"expected .* at most"):
        coding.decompress_part(longer, SIZE, 1, len(strings[-1]))


@pytest.mark.parametrize("passes", [0, 3, -1])
def test_passes_that_there_are_not_are_refused(passes: int) -> None:
    coding = coding_of("checkerboard")
    strings = coding.compress(latents())
    with pytest.raises(UsageError, match=f"passes: {passes}; expected 1 to 2"):
        coding.decompress_part(strings, SIZE, passes, len(strings[-1]))


def test_a_latent_of_one_pass_has_no_parts() -> None:
    coding = QuantisedCoding(NoiseQuantizer(), MeanScaleHyperprior(hyper_channels=8))
    coding.build(CHANNELS, "Test")
    coding.update()
    strings = coding.compress(latents())
    assert coding.pass_lengths(strings, SIZE) == [len(strings[-1])]
    with pytest.raises(UsageError, match="a part of its stream gives no picture"):
        coding.decompress_part(strings, SIZE, 1, len(strings[-1]))


def test_a_quantizer_whose_cells_will_be_uneven_is_refused_when_it_is_put_together() -> None:
    coding = QuantisedCoding(LearnedLevelsQuantizer(), JointEntropyModel())
    with pytest.raises(UsageError, match=r"quantizer: .* LearnedLevelsQuantizer .* entropy_model:"):
        coding.build(CHANNELS, "Test")


def test_the_fingerprint_tells_weights_and_tables_apart() -> None:
    one, same, other = coding_of("none"), coding_of("none"), coding_of("checkerboard")
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()
    with torch.no_grad():
        next(iter(same.entropy_model.parameters())).add_(1)
    assert one.fingerprint() != same.fingerprint()
