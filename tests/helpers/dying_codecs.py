"""Toy codecs that take their process with them."""

DIES_ONCE = """
import os
import pathlib


class DiesOnce(Toy):
    def encode(self, images):
        here = pathlib.Path(f"died-{self.step}")
        if self.step == 20 and not here.exists():
            here.touch()
            os.kill(os.getpid(), 9)
        return super().encode(images)
"""
