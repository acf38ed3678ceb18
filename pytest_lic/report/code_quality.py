"""What got worse, as GitLab's code quality report, which a merge request shows as a list.

One object for each cell, curve or test that failed. They are no lines of code: each points to where
the codec's baselines are kept.
"""

from __future__ import annotations

import hashlib
import json

from pytest_lic.results.results import Results, TestResult


def code_quality(results: Results) -> str:
    """The report of a run, a JSON array."""
    failed = [test for test in results.tests if test.outcome == "failed"]
    issues = [_issue(test, _family(test.subject, results)) for test in failed]
    return json.dumps(issues, indent=1, ensure_ascii=False) + "\n"


def _issue(test: TestResult, family: str) -> dict[str, object]:
    what = test.first_line
    return {
        "description": what,
        "check_name": " ".join(test.checks) or "test",
        # The same failure of the same test is one that was there before.
        "fingerprint": hashlib.sha256(
            f"{test.id}\n{what}".encode(errors="backslashreplace")
        ).hexdigest(),
        "severity": "major",
        "location": {
            "path": f"baselines/{family}.json" if family else test.id.partition("::")[0],
            "lines": {"begin": 1},
        },
    }


def _family(subject: str, results: Results) -> str:
    """The family that a cell or curve is of; the longest name that fits."""
    fitting = [name for name in results.families if subject.startswith(f"{name}-")]
    return max(fitting, key=len, default="")
