"""A report keeps its records, in the process that made it and from a worker of pytest-xdist."""

from __future__ import annotations

import json

from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.results.records import Remark
from pytest_lic.session.reported import Reported
from tests.helpers.toy_project import Project

CELL = Cell("toy", "1", Setting("photos"))


def test_what_is_decoded_is_what_was_encoded() -> None:
    for reported in (
        Reported(CELL.id, CELL, ("rd",), (Remark(CELL.id, "one"), Remark(CELL.id, "two"))),
        Reported("", None, (), ()),
    ):
        carried = json.loads(json.dumps(reported.to_builtins()))
        assert Reported.from_builtins(carried) == reported


def test_other_plugins_can_write_reports_down(small: Project) -> None:
    """As a log of reports does, with pytest's own hook."""
    conftest = small.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """
import json

class Log:
    def __init__(self, config):
        self.config, self.hook = config, config.hook

    def pytest_runtest_logreport(self, report):
        if hasattr(report, "lic"):
            data = self.hook.pytest_report_to_serializable(config=self.config, report=report)
            data = json.loads(json.dumps(data))
            again = self.hook.pytest_report_from_serializable(config=self.config, data=data)
            assert again.lic == report.lic
            print("travelled:", *(type(record).__name__ for record in again.lic.records))

def pytest_configure(config):
    config.pluginmanager.register(Log(config))
"""
    )
    result = small.run("-m", "rd", "--lic-quality=1", "--lic-update", "-s")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["*travelled: PointRecord*"])
