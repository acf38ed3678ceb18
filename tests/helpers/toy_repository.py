"""Git in a toy project's folder, and a toy codec that gets worse by a little at a time."""

from __future__ import annotations

from tests.helpers.ab_project import AbProject
from tests.helpers.toy_project import Project

CREEPING = """
    STEP = {step}

    class Creeping(Toy):
        def encode(self, images):
            # 0.065 % more bytes a step.
            return [
                pack(Bitstream(self.fingerprint, *images.shape[2:], (code, bytes(padding))))
                for code in map(self.code, self.quantise(images))
                for padding in [round(len(code) * 0.00065 * STEP)]
            ]

        def decode(self, bitstreams):
            # About 0.005 dB less a step: more samples are off by half of what is rounded to.
            images = super().decode(bitstreams)
            samples = images.reshape(len(images), -1)
            places = np.random.default_rng(1).permutation(samples.shape[1])
            samples[:, places[: len(places) * 3 * STEP // 10_000]] += self.step / 510
            return images.clamp(0, 1)
"""
"""Worse by 0.09 % of BD-rate, and less than 0.01 dB, from each ``step`` to the next."""


def git(project: Project, *arguments: str) -> str:
    """What a git command prints in a project's folder."""
    made = AbProject.__new__(AbProject)
    made.path = project.path
    return made.git(*arguments)


def commit(project: Project, message: str) -> str:
    """Commit all that lies there; the commit."""
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(project, "rev-parse", "HEAD")
