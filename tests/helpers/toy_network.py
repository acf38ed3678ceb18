"""A project whose codec is a small network of named stages, to be made slower on purpose."""

from __future__ import annotations

import textwrap

from tests.helpers.toy_project import Project

NETWORK = '''
import torch
from torch import nn

from pytest_lic.adapters.compressai import compressai_family


class Net(nn.Module):
    """A convolution, 8 bits of each of its outputs, and a convolution back."""

    def __init__(self):
        super().__init__()
        self.g_a = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.Sigmoid())
        self.g_s = nn.Sequential(nn.ConvTranspose2d(8, 3, 4, stride=4), nn.Sigmoid())

    def compress(self, x):
        latents = (self.g_a(x) * 255).round().to(torch.uint8)
        return {"strings": [[one.numpy().tobytes() for one in latents]], "shape": x.shape[-2:]}

    def decompress(self, strings, shape):
        height, width = shape[0] // 4, shape[1] // 4
        flat = [torch.frombuffer(bytearray(one), dtype=torch.uint8) for one in strings[0]]
        latents = torch.stack(flat).reshape(len(flat), 8, height, width)
        return {"x_hat": self.g_s(latents / 255)}
'''
HOOK = """

def pytest_lic_codecs():
    yield compressai_family("net", NETWORK, ["1", "2"], multiple=16)
"""


def write_network(project: Project, change: str = "", network: str = "Net") -> None:
    """Write ``conftest.py``: the network, ``change``, and a family of ``network``."""
    body = NETWORK + textwrap.dedent(change) + HOOK.replace("NETWORK", f"lambda: {network}()")
    (project.path / "conftest.py").write_text(body)
