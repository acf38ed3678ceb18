"""Three codes of the banana, trained, drawn, and measured against Shannon's bound.

    python banana.py        about a minute on one core; the pictures go to pictures/

The page that explains it is docs/transform-coding.md.
"""

from __future__ import annotations

import copy

import drawing
import torch
import transform_codes
import vector_code
from bound import BoundPoint, blahut_arimoto
from codes import Code, measure
from source import Grid, draw, grid

LAMBDAS = (4.0, 2.0, 1.0)
"""Bits that a squared error is worth. From the highest rate down: what is trained goes on there."""
STEPS = {"linear": (750, 750, 750), "non-linear": (1500, 500, 500)}
DRAWN = 4.0


def train() -> dict[str, dict[float, Code]]:
    """Kind → λ → the code."""
    made: dict[str, dict[float, Code]] = {}
    starts = {"linear": transform_codes.linear, "non-linear": transform_codes.nonlinear}
    for kind, make in starts.items():
        torch.manual_seed(0)
        code = make()
        for lmbda, steps in zip(LAMBDAS, STEPS[kind], strict=True):
            transform_codes.train(code, lmbda, steps)
            made.setdefault(kind, {})[lmbda] = copy.deepcopy(code)
    points = draw(60_000, seed=2)
    made["vector"] = {lmbda: vector_code.train(points, lmbda, most=1024) for lmbda in LAMBDAS}
    return made


def tell(
    codes: dict[str, dict[float, Code]], source: Grid, bounds: dict[float, BoundPoint]
) -> None:
    """Print each code's bits and error, and how many bits its Lagrangian is above the bound's."""
    fresh = draw(20_000, seed=3)
    print("code        λ   bits   error  cells  above the bound  bits, as coded")
    for lmbda in sorted(LAMBDAS):
        bound = bounds[lmbda]
        print(f"bound       {lmbda:g}  {bound.rate:.3f}  {bound.distortion:.3f}")
        for kind, by_lambda in codes.items():
            code = by_lambda[lmbda]
            rate, error = measure(code, source)
            above = rate - bound.rate + lmbda * (error - bound.distortion)
            cells = len(code.coded(source.points[source.masses.flatten() > 0]).cells.unique())
            spent = 8 * len(code.encode(fresh)) / len(fresh)
            found = f"{rate:.3f}  {error:.3f}  {cells:5}  {above:+15.3f}  {spent:.3f}"
            print(f"{kind:10}  {lmbda:g}  {found}")


def main() -> None:
    """Train, print and draw."""
    torch.set_num_threads(1)
    source = grid()
    bounds = {lmbda: blahut_arimoto(source, lmbda) for lmbda in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)}
    codes = train()
    tell(codes, source, bounds)
    points = {
        kind: [measure(code, source) for code in each.values()] for kind, each in codes.items()
    }
    drawing.cells({kind: each[DRAWN] for kind, each in codes.items()}, "cells.png")
    drawing.curves(points, list(bounds.values()), "bound.png")


if __name__ == "__main__":
    main()
