"""What the codes of digits make of digits that they were not trained on: pictures/digits.png.

python look.py          after `python digits.py`
"""

from __future__ import annotations

import drawing
import torch
from digits import LAMBDAS, TRAINED_ON, blocks, sheet

from conftest import pytest_lic_codecs


def main() -> None:
    """Code one row of digits with every codec; print bits and draw."""
    torch.set_num_threads(1)
    row = sheet(blocks()[TRAINED_ON : TRAINED_ON + 16], columns=16)
    shown = {"digits": row[0, 0]}
    for family in pytest_lic_codecs():
        for quality in list(LAMBDAS)[::3]:
            codec = family.build(quality, "cpu")
            bitstreams = codec.encode(row)
            kind = family.tags["code"]
            print(f"{kind:10}  quality {quality}  {len(bitstreams[0])} bytes for 16 digits")
            shown[f"{kind}, quality {quality}"] = codec.decode(bitstreams)[0, 0]
    drawing.digits(shown, "digits.png")


if __name__ == "__main__":
    main()
