"""What a process opens, sets and connects to is noted; what every Python reads is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, os, sqlite3, sys
from pathlib import Path

from pytest_lic.system.audit import Audit

here = Path(sys.argv[1])
audit = Audit(here / "own")
(here / "read_while_building").read_bytes()
with audit.noting({"photo.png"}) as touched:
    import colorsys, wave
    for name in ("own/scratch", "read_while_building", "module.py", "photo.png", "strange"):
        (here / name).read_bytes()
    os.chdir(here)
    open("relative")
    os.close(os.open("low", os.O_RDONLY))
    open(os.dup(0)).close()
    Path("/etc/hosts").exists() and Path("/etc/hosts").read_bytes()
    Path("written").write_text("x")
    Path("moved").rename("moved_to")
    sqlite3.connect("base")
    os.environ["SET"] = "1"
with audit.noting() as nothing:
    pass
(here / "after").read_bytes()
print(json.dumps([[str(each) for each in touched], [str(each) for each in nothing]]))
"""


def test_what_is_touched_inside_the_block_is_noted_once(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    for name in (
        *("own/scratch", "read_while_building", "module.py", "photo.png", "strange", "relative"),
        *("low", "moved", "after"),
    ):
        (tmp_path / name).touch()
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    touched, nothing = json.loads(ended.stdout)
    assert touched == [
        f"read {tmp_path}/photo.png",
        f"read {tmp_path}/strange",
        f"read {tmp_path}/relative",
        f"read {tmp_path}/low",
        f"wrote {tmp_path}/written",
        f"wrote {tmp_path}/moved_to",
        f"wrote {tmp_path}/base",
        "set the environment variable SET",
    ]
    assert nothing == []
