"""The child's side of `child_process`, for children that need the project's codecs.

    serve_codecs(origin, settle, answer)
        answers get a channel of their own ─► codecs are found again ─► settle()
        ─► for each JSON line: answer(families, request), or {"error": …}

What fails is an answer, and the child goes on: only its death ends it.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from pytest_lic.errors import CodecError
from pytest_lic.project.discovery import Families, Origin, rediscover

Answering = Callable[[Families, dict[str, Any]], Mapping[str, object]]


def serve_codecs(given: Mapping[str, Any], settle: Callable[[], None], answer: Answering) -> None:
    """Answer requests until stdin ends.

    Args:
        given: ``folder``, ``args`` and ``path`` of the origin that the codecs are found from.
        settle: called once they are found, before anything is asked for.
        answer: what to answer to a request; what it raises becomes the answer's ``error``.
    """
    # Codecs may print; answers get a channel of their own.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    families: Families | CodecError
    try:
        families = rediscover(Origin(given["folder"], tuple(given["args"]), tuple(given["path"])))
    except Exception as error:
        traceback.print_exc()
        families = CodecError(
            f"the codecs could not be found again: {type(error).__name__}: {error}"
        )
    settle()
    for line in sys.stdin:
        answered: Mapping[str, object]
        try:
            if isinstance(families, CodecError):
                raise families
            answered = answer(families, json.loads(line))
        except Exception as error:
            traceback.print_exc()
            answered = {"error": f"{type(error).__name__}: {error}"}
        channel.write(json.dumps(answered) + "\n")
        channel.flush()
