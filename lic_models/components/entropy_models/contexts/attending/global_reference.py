"""The global reference: of all that is decoded, the position whose surroundings are most alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lic_models.components.entropy_models.contexts.attending.recalling import RecallingContext

_GRID = 2.0**16  # places between two whole numbers that similarities are rounded to


class GlobalReferenceContext(RecallingContext):
    """Each position sees its neighbourhood, and the one latent that stood in the most similar one.

    Similar are neighbourhoods, of which what is decoded counts, whose cosine is large. The latent
    of the reference comes with that similarity, the confidence. It is 0 to the first position,
    which has nothing around it, so that no confidence is negative; that position's own reference
    is zeros. Decoding takes h · w passes.

    Which one is most similar jumps, so encoder and decoder must not differ by the last bits of a
    sum. While coding, similarities are computed in float64, where these bits are some 10⁻¹⁵, and
    rounded to multiples of 2⁻¹⁶; of equal ones the last position counts. So another order of
    summation chooses another reference only where a similarity lies within 10⁻¹⁵ of the middle of
    two multiples and the best rival on the one beside it: in practice never. Training passes
    gradients through the confidence and the latent, and none through the choice.

    Qian, Tan, Sun, Lin, Li, Sun, Li and Jin, "Learning accurate entropy model with global reference
    for image compression", ICLR 2021, https://arxiv.org/abs/2010.08321.

    Args:
        hidden: channels of the layers between.
        kernel_size: side of the neighbourhood, odd.

    Raises:
        UsageError: values out of range.
    """

    def _build_memory(self, channels: int) -> tuple[int, int]:
        self.from_reference = nn.Linear(channels + 1, self.hidden, bias=False)
        return channels * (self.kernel_size**2 // 2), channels

    def _queries(self, told: Tensor, near: Tensor) -> Tensor:
        return self._keys(told, near)

    def _keys(self, told: Tensor, near: Tensor) -> Tensor:
        """Neighbourhoods of length 1, but for those that are shorter than a channel's unit."""
        return near * torch.rsqrt(near.square().sum(-1, keepdim=True) + 1)

    def _values(self, latents: Tensor, features: Tensor) -> Tensor:
        return latents

    def _recalled(self, queries: Tensor, keys: Tensor, values: Tensor, seen: Tensor) -> Tensor:
        similarity = queries @ keys.transpose(1, 2)
        chosen = _highest(similarity.detach(), seen)[..., None]
        confidence = similarity.gather(2, chosen)
        reference = values.gather(1, chosen.expand(-1, -1, values.size(-1)))
        recalled: Tensor = self.from_reference(torch.cat([reference, confidence], -1))
        return recalled


def _highest(similarity: Tensor, seen: Tensor) -> Tensor:
    """Of the slots (n, s) that are seen, the one of highest similarity (B, n, s): int64 (B, n)."""
    slots = torch.arange(seen.size(1), device=seen.device)
    # Each slot has a rank of its own, so that which of equals counts is not the library's choice.
    ranks = (similarity * _GRID).round().long() * len(slots) + slots
    return ranks.masked_fill(~seen, torch.iinfo(torch.int64).min).argmax(-1)
