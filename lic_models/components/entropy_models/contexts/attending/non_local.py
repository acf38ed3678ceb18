"""The non-local context: attention to all that is decoded, by how alike the surroundings are."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.entropy_models.contexts.attending.recalling import RecallingContext
from pytest_lic.errors import UsageError


class NonLocalContext(RecallingContext):
    """Each position sees its neighbourhood, and an average of all that was decoded before it.

    What stood at the positions before counts the more, the more what was known of them is like
    what is known of this one: side information and the decoded neighbourhood. Slot 0 has the score
    0, so that attention can be to nothing, as the first position's is. Decoding takes h · w passes.

    Li, Zhang, Zuo, Timofte and Zhang, "Learning context-based non-local entropy modeling for image
    compression", 2020, https://arxiv.org/abs/2005.04661; its similarity is a distance of masked
    patches, here it is a learned product as in Chen, Liu, Ma, Shen, Cao and Wang, "Neural image
    compression via non-local attention optimization and improved context modeling", TIP 2021,
    https://arxiv.org/abs/1910.06244.

    Args:
        heads: how many averages of different weights.
        hidden: channels of the layers between, a multiple of ``heads``.
        kernel_size: side of the neighbourhood, odd.

    Raises:
        UsageError: values out of range.
    """

    def __init__(self, heads: int = 4, hidden: int = 64, kernel_size: int = 5) -> None:
        super().__init__(hidden, kernel_size)
        if heads < 1 or hidden % heads:
            raise UsageError(f"heads: {heads}; expected a divisor of {hidden}, the hidden channels")
        self.heads = heads

    def _build_memory(self, channels: int) -> tuple[int, int]:
        self.to_queries = nn.Linear(self.hidden, self.hidden)
        self.to_keys = nn.Linear(self.hidden, self.hidden)
        self.to_values = nn.Linear(channels, self.hidden)
        self.expected = nn.Linear(2 * channels, self.hidden, bias=False)
        self.from_values = nn.Linear(self.hidden, self.hidden, bias=False)
        return self.hidden, self.hidden

    def _queries(self, told: Tensor, near: Tensor) -> Tensor:
        queries: Tensor = self.to_queries(told)
        return queries

    def _keys(self, told: Tensor, near: Tensor) -> Tensor:
        keys: Tensor = self.to_keys(told)
        return keys

    def _values(self, latents: Tensor, features: Tensor) -> Tensor:
        """What stood there, beside what was expected."""
        values: Tensor = self.to_values(latents) + self.expected(features)
        return values

    def _recalled(self, queries: Tensor, keys: Tensor, values: Tensor, seen: Tensor) -> Tensor:
        queries, keys, values = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (queries, keys, values)
        )
        average = F.scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
        recalled: Tensor = self.from_values(average.transpose(1, 2).flatten(2))
        return recalled
