"""A codec's complexity, what it is compared with, and the words of what differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from pytest_lic.adapters.pillow import families
from pytest_lic.baselines.comparison import Verdict
from pytest_lic.baselines.costs import Complexity
from pytest_lic.costs.complexity import compared, complexity_of
from pytest_lic.errors import CodecError, LicError, Unavailable

RECORDED = Complexity(
    {"analysis": 2.788, "hyper-synthesis": 0.035},
    {"hyper-synthesis": 0.035, "synthesis": 12.4},
    1000,
    4000,
)


class Grey:
    """Stores the 8-bit mean of three channels, which a layer without training computes."""

    def __init__(self) -> None:
        self.layer = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.constant_(self.layer.weight, 1 / 3)

    @torch.no_grad()
    def encode(self, images: Tensor, /) -> list[bytes]:
        grey = (self.layer(images) * 255).round().clamp(0, 255).to(torch.uint8)
        side = images.shape[-1].to_bytes(2, "big")
        return [side + image.numpy().tobytes() for image in grey]

    def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
        side = int.from_bytes(bitstreams[0][:2], "big")
        decoded = [torch.frombuffer(bytearray(one[2:]), dtype=torch.uint8) for one in bitstreams]
        return torch.stack(decoded).reshape(len(decoded), 1, -1, side).expand(-1, 3, -1, -1) / 255


def verdict(measured: Complexity | Unavailable, recorded: Complexity | None = RECORDED):  # type: ignore[no-untyped-def]
    return compared("toy-q3", measured, recorded, "pytest -m complexity")


def test_without_stages_each_side_is_a_whole_and_modules_are_found_in_attributes() -> None:
    assert complexity_of(Grey(), "cpu") == Complexity({"whole": 0.003}, {"whole": 0.0}, 3, 12)


def test_a_codec_without_torch_has_none_which_is_no_failure() -> None:
    jpeg = next(family for family in families() if family.name == "jpeg")
    none = complexity_of(jpeg.build("40", "cpu"), "cpu")
    assert isinstance(none, Unavailable)
    told = verdict(none, None)
    assert told.verdict is Verdict.UNAVAILABLE
    assert told.reason.startswith("complexity is not applicable: it computes nothing in torch")


def test_a_codec_may_show_its_weights_itself_each_is_counted_once() -> None:
    class Elsewhere(Grey):
        def weights(self) -> Iterable[Tensor]:
            held = torch.zeros(10, dtype=torch.float16)
            yield from (held, held, torch.zeros(5))

    found = complexity_of(Elsewhere(), "cpu")
    assert isinstance(found, Complexity)
    assert (found.parameters, found.weight_bytes) == (15, 40)


def test_weights_that_are_no_tensors_are_one_clear_error() -> None:
    class Wrong(Grey):
        def weights(self) -> Iterable[object]:
            return ["weight"]

    with pytest.raises(LicError, match=r"counting operations: .*gave a str; expected tensors"):
        complexity_of(Wrong(), "cpu")  # type: ignore[arg-type]


def test_a_codec_that_does_not_come_back_is_not_counted() -> None:
    class Small(Grey):
        def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
            return super().decode(bitstreams)[..., :-1]

    with pytest.raises(CodecError, match=r"decoder returned shape"):
        complexity_of(Small(), "cpu")


def test_what_is_as_recorded_is_the_same() -> None:
    told = verdict(RECORDED)
    assert (told.verdict, told.reason) == (Verdict.SAME, "")


def test_a_stage_that_takes_more_is_named_with_both_numbers() -> None:
    told = verdict(replace(RECORDED, decoder={"hyper-synthesis": 0.035, "synthesis": 13.9}))
    assert told.verdict is Verdict.REGRESSED
    assert told.reason.splitlines() == [
        "it takes more than is recorded; if that is meant, record it: "
        "pytest -m complexity --lic-update",
        "  decoder, synthesis: 12.4 → 13.9 kMAC/pixel",
        "  decoder: 12.435 → 13.935 kMAC/pixel",
    ]


def test_the_smallest_change_shows() -> None:
    told = verdict(replace(RECORDED, encoder={"analysis": 2.788001, "hyper-synthesis": 0.035}))
    assert "encoder, analysis: 2.788 → 2.788001 kMAC/pixel" in told.reason
    told = verdict(replace(RECORDED, parameters=1_000_001, weight_bytes=4_000_004))
    assert "weights: 1000 → 1000001 parameters" in told.reason
    assert "weights: 4000 → 4000004 bytes" in told.reason


def test_more_in_one_place_is_not_made_up_for_in_another() -> None:
    told = verdict(replace(RECORDED, encoder={"analysis": 1.0, "hyper-synthesis": 0.036}))
    assert told.verdict is Verdict.REGRESSED
    assert "encoder, hyper-synthesis: 0.035 → 0.036 kMAC/pixel" in told.reason


def test_a_stage_that_nobody_recorded_is_caught_by_the_total() -> None:
    told = verdict(replace(RECORDED, encoder={**RECORDED.encoder, "context": 1.0}))
    assert told.verdict is Verdict.REGRESSED
    assert "encoder: 2.823 → 3.823 kMAC/pixel" in told.reason


def test_less_is_an_improvement_that_asks_to_be_recorded() -> None:
    told = verdict(replace(RECORDED, decoder={"hyper-synthesis": 0.035, "synthesis": 9.0}))
    assert told.verdict is Verdict.IMPROVED
    assert "record it with --lic-update\n  decoder, synthesis: 12.4 → 9 kMAC/pixel" in told.reason


def test_stages_of_other_names_that_come_to_the_same_have_changed() -> None:
    told = verdict(replace(RECORDED, decoder={"decoding": 12.435}))
    assert told.verdict is Verdict.CHANGED


def test_what_nobody_recorded_says_how_to() -> None:
    told = verdict(RECORDED, None)
    assert told.verdict is Verdict.NEW
    assert told.reason.endswith("record it: pytest -m complexity --lic-update-missing")


def test_complexity_that_is_lost_is_no_silence() -> None:
    told = verdict(Unavailable("it computes nothing in torch, and shows no weights"))
    assert told.verdict is Verdict.REGRESSED
    assert "encoder 2.823 kMAC/pixel, decoder 12.435 kMAC/pixel, 1000 parameters" in told.reason
