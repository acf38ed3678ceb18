"""What CompressAI's encoder put into its latest strings, to compare with what comes out again."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

_STRINGS = 256
_SYMBOLS = 2**22  # in all


class Written:
    """The messages of the latest strings that were encoded in this process.

    A string may stand for several: with other tables another message becomes the same bytes.
    """

    def __init__(self) -> None:
        self._messages: deque[tuple[bytes, list[Sequence[int]], int]] = deque(maxlen=_STRINGS)

    def watch(self, encoder: Any, buffered: Any) -> None:
        """From now on see what ``compressai.ans.RansEncoder`` and ``BufferedRansEncoder`` write."""
        encode, gather, flush = (
            encoder.encode_with_indexes,
            buffered.encode_with_indexes,
            buffered.flush,
        )
        gathered: WeakKeyDictionary[Any, list[Sequence[int]]] = WeakKeyDictionary()

        def encoded(self: Any, symbols: Sequence[int], *rest: Any) -> bytes:
            string: bytes = encode(self, symbols, *rest)
            note(string, [list(symbols)])
            return string

        def buffer(self: Any, symbols: Sequence[int], *rest: Any) -> None:
            gather(self, symbols, *rest)
            gathered.setdefault(self, []).append(list(symbols))

        def flushed(self: Any) -> bytes:
            string: bytes = flush(self)
            note(string, gathered.pop(self, []))
            return string

        note = self._note
        encoder.encode_with_indexes = encoded
        buffered.encode_with_indexes = buffer
        buffered.flush = flushed

    def into(self, string: bytes) -> list[Sequence[int]]:
        """The messages that became ``string``; none where that was not seen, or is long ago."""
        known = [parts for held, parts, _ in self._messages if held == string]
        return [[symbol for part in parts for symbol in part] for parts in known]

    def _note(self, string: bytes, parts: list[Sequence[int]]) -> None:
        self._messages.append((string, parts, sum(map(len, parts))))
        while sum(count for _, _, count in self._messages) > _SYMBOLS:
            self._messages.popleft()
