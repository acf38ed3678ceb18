"""The program of a child process: answer one JSON line with another until stdin ends.

It runs as a script, of the standard library alone: what it serves may be another commit's.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import threading
import time
import traceback
from typing import Any


def main(argument: str) -> None:
    """Make the server that `child_process.ChildProcess` names, and call what it is asked for.

    What fails is an answer, and the child goes on: only its death ends it.
    """
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # Whatever is served may print; answers get a channel of their own.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    start = json.loads(argument)
    sys.path[:] = start["path"]
    server, failure = None, {"error": ""}
    try:
        server = _server(start["file"], start["server"])(**start["arguments"])
    except Exception as reason:
        failure = _told(reason)
    for line in sys.stdin:
        answer = failure
        if server is not None:
            try:
                request = json.loads(line)
                answer = getattr(server, request["do"])(**request["arguments"])
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as reason:  # a panic of Rust's is no Exception
                answer = _told(reason)
        channel.write(json.dumps(answer) + "\n")
        channel.flush()


def _end_with(parent: int) -> None:
    """End this process when its parent has, which may have had no time to end it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _server(file: str, name: str) -> Any:
    """A class by its file, since ``sys.path`` may lead to another version of its module."""
    spec = importlib.util.spec_from_file_location("pytest_lic_served", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


def _told(error: BaseException) -> dict[str, str]:
    text = "".join(traceback.format_exception(error))
    print(text, file=sys.stderr)
    return {"error": f"{type(error).__name__}: {error}", "traceback": text}


if __name__ == "__main__":
    main(sys.argv[1])
