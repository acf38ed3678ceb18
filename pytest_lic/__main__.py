"""``python -m pytest_lic``: the ``pytest-lic`` command, for where its script is not on the PATH."""

import sys

from pytest_lic.cli import main

if __name__ == "__main__":
    sys.exit(main())
