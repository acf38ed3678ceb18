"""Parts of streams: quality against the bytes received."""

from __future__ import annotations

from typing import Any

from pytest_lic.report.html.content import Content

_SHOWN = 8  # codecs that are drawn at first


def progressive(content: Content) -> dict[str, Any] | None:
    """The section."""
    found = [
        (run, result) for run, results in content.runs.items() for result in results.progressive
    ]
    series = [
        {
            "name": result.subject + (f" · {run}" if len(content.runs) > 1 else ""),
            "kind": "measured",
            "colour": place,
            "shown": place < _SHOWN,
            "points": [
                {"passes": part.passes, "size": part.size, "psnr": part.psnr}
                for part in result.parts
            ],
        }
        for place, (run, result) in enumerate(found)
    ]
    return {"streams": found, "stream_series": series} if found else None
