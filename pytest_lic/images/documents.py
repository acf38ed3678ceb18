"""Synthetic documents: rendered text, line drawings, charts, and pages that mix them.

A domain far from photographs, made here with nothing to download. Pillow draws in its own font and
matplotlib in the one it bundles, from seeded random numbers: one pair of their versions gives the
same pixels everywhere. Another version may smooth an edge otherwise; the corpus's digest tells.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Literal

from pytest_lic.errors import CorpusError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

DOCUMENTS = {"train": 64, "test": 16}
"""Split → how many documents it has. No seed is in both."""
_SIZES = ((384, 256), (416, 288), (448, 320), (480, 352), (512, 384))
_PAPERS = ((255, 255, 255), (255, 255, 255), (250, 247, 238), (240, 244, 250), (24, 26, 32))
_INKS = ((20, 20, 20), (32, 58, 128), (150, 30, 40), (20, 100, 60), (120, 70, 20))
_LIGHT_INKS = ((235, 235, 235), (140, 180, 255), (255, 170, 120), (150, 230, 170))
_TEXT = """
    rate distortion latent bitstream decoder encoder quality table figure image pixel channel
    entropy model coding context prior scale mean bits file page section of the and to in is
    a for with as by on at from this that are was measured below above result sample filter
    transform quantised stored frequency theorem value error bound curve network layer
"""
_WORDS = _TEXT.split()

Split = Literal["train", "test"]
Colour = tuple[int, int, int]


def synthetic_documents(split: Split) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Name and pixels, uint8 (H, W, 3), RGB, of the documents of a split, always the same ones.

    Text, drawing, chart and page take turns. Sides are from 256 to 512 pixels; names give W × H.

    Raises:
        CorpusError: a Pillow that can't draw letters.
    """
    import numpy as np

    kinds = list(_KINDS)
    for index in range(DOCUMENTS[split]):
        kind = kinds[index % len(kinds)]
        draws = random.Random(f"pytest-lic synthetic documents {split} {index}")
        width, height = draws.choice(_SIZES)
        if draws.random() < 0.5:
            width, height = height, width
        paper = draws.choice(_PAPERS)
        image = _KINDS[kind](draws, (width, height), paper)
        yield f"{kind}_{index:02}_{width}x{height}", np.array(image, np.uint8)


def _text(draws: random.Random, size: tuple[int, int], paper: Colour) -> Image.Image:
    """Headings and paragraphs, in one column or two, in several sizes."""
    image, draw = _blank(size, paper)
    columns = draws.choice((1, 1, 2))
    margin = draws.randint(10, 24)
    width = (size[0] - (columns + 1) * margin) // columns
    for column in range(columns):
        left = margin + column * (width + margin)
        _paragraphs(draws, draw, (left, margin, left + width, size[1] - margin), paper)
    return image


def _drawing(draws: random.Random, size: tuple[int, int], paper: Colour) -> Image.Image:
    """Boxes, circles, polygons, arcs and lines of several widths, some filled, some labelled."""
    image, draw = _blank(size, paper)
    _shapes(draws, draw, (8, 8, size[0] - 8, size[1] - 8), paper, draws.randint(12, 28))
    return image


def _page(draws: random.Random, size: tuple[int, int], paper: Colour) -> Image.Image:
    """A chart or a drawing, with text above or below."""
    image, draw = _blank(size, paper)
    half = size[1] // 2
    first, second = (0, half), (half, size[1])
    figure, text = (first, second) if draws.random() < 0.5 else (second, first)
    if draws.random() < 0.5:
        image.paste(_chart(draws, (size[0], figure[1] - figure[0]), paper), (0, figure[0]))
    else:
        box = (12, figure[0] + 8, size[0] - 12, figure[1] - 8)
        _shapes(draws, draw, box, paper, draws.randint(6, 14))
    _paragraphs(draws, draw, (14, text[0] + 8, size[0] - 14, text[1] - 8), paper)
    return image


def _chart(draws: random.Random, size: tuple[int, int], paper: Colour) -> Image.Image:
    """Curves, bars, points or filled areas, with axes and a legend, as matplotlib draws them."""
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    dark = sum(paper) < 3 * 128
    with matplotlib.style.context(["default", *(["dark_background"] if dark else [])]):
        dots = 100
        figure = Figure(figsize=(size[0] / dots, size[1] / dots), dpi=dots)
        figure.patch.set_facecolor((paper[0] / 255, paper[1] / 255, paper[2] / 255))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.14, 0.2, 0.82, 0.66))
        axes.tick_params(labelsize=draws.choice((7, 8, 9)))
        kind = draws.choice(("curves", "bars", "points", "areas"))
        count = draws.randint(1, 4)
        for series in range(count):
            name = draws.choice(_WORDS)
            values = _walk(draws, draws.randint(6, 24))
            places = range(len(values))
            match kind:
                case "curves":
                    marker = draws.choice(("o", "s", "^", ""))
                    axes.plot(places, values, marker=marker, markersize=4, label=name)
                case "bars":
                    shifted = [place + series / (count + 1) for place in places]
                    axes.bar(shifted, values, 1 / (count + 1), label=name)
                case "points":
                    axes.scatter([draws.random() for _ in places], values, 12, label=name)
                case _:
                    axes.fill_between(places, values, alpha=0.5, label=name)
        axes.set_title(" ".join(draws.choices(_WORDS, k=3)), fontsize=10)
        axes.set_xlabel(draws.choice(_WORDS), fontsize=8)
        axes.grid(draws.random() < 0.5)
        if draws.random() < 0.7:
            axes.legend(fontsize=7, loc="upper left")
        drawn = BytesIO()
        figure.savefig(drawn, format="png")
        return Image.open(drawn).convert("RGB")


_KINDS = {"text": _text, "drawing": _drawing, "chart": _chart, "page": _page}


def _blank(size: tuple[int, int], paper: Colour) -> tuple[Image.Image, ImageDraw]:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", size, paper)
    return image, ImageDraw.Draw(image)


def _font(height: int) -> FreeTypeFont:
    from PIL import ImageFont

    font = ImageFont.load_default(height)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise CorpusError(
            "corpus 'synthetic-documents': this Pillow has no FreeType; install one that has"
        )
    # Raqm, which not every Pillow has, would set the letters otherwise.
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


def _walk(draws: random.Random, steps: int) -> list[float]:
    """A random walk, above zero."""
    values = [draws.uniform(1, 5)]
    while len(values) < steps:
        values.append(max(0.1, values[-1] + draws.uniform(-1, 1.2)))
    return values


def _ink(draws: random.Random, paper: Colour) -> Colour:
    inks: tuple[Colour, ...] = _LIGHT_INKS if sum(paper) < 3 * 128 else _INKS
    return inks[0] if draws.random() < 0.6 else draws.choice(inks)


def _paragraphs(
    draws: random.Random, draw: ImageDraw, box: tuple[int, int, int, int], paper: Colour
) -> None:
    """Fill a box, (left, top, right, bottom), with headings and paragraphs."""
    left, top, right, bottom = box
    while True:
        height = draws.choice((9, 10, 11, 12, 14, 18, 24))
        lines = 1 if height > 14 else draws.randint(2, 7)
        ink = _ink(draws, paper)
        font = _font(height)
        for _ in range(lines):
            if top + 1.3 * height > bottom:
                return
            line = draws.choice(_WORDS).capitalize()
            while True:
                longer = f"{line} {draws.choice(_WORDS)}"
                if draws.random() < 0.1:
                    longer = f"{longer} {draws.randint(0, 9999) / 100:.2f}"
                if font.getlength(longer) > right - left:
                    break
                line = longer
            draw.text((left, top), line, ink, font)
            top += round(1.3 * height)
        top += height // 2


def _shapes(
    draws: random.Random,
    draw: ImageDraw,
    box: tuple[int, int, int, int],
    paper: Colour,
    count: int,
) -> None:
    """Draw so many shapes and lines within a box, (left, top, right, bottom)."""
    left, top, right, bottom = box

    def place() -> tuple[int, int]:
        return draws.randint(left, right), draws.randint(top, bottom)

    for _ in range(count):
        ink, line = _ink(draws, paper), draws.choice((1, 1, 2, 3))
        fill = tuple(draws.randint(60, 230) for _ in range(3)) if draws.random() < 0.25 else None
        (x, y), (wide, high) = place(), (draws.randint(16, 110), draws.randint(16, 90))
        around = (x, y, min(x + wide, right), min(y + high, bottom))
        match draws.choice(("box", "circle", "line", "arc", "polygon", "label", "grid")):
            case "box":
                draw.rounded_rectangle(around, draws.choice((0, 0, 6)), fill, ink, line)
            case "circle":
                draw.ellipse(around, fill, ink, line)
            case "line":
                draw.line([place() for _ in range(draws.randint(2, 4))], ink, line)
            case "arc":
                start = draws.randint(0, 359)
                draw.arc(around, start, start + draws.randint(40, 300), ink, line)
            case "polygon":
                draw.polygon([place() for _ in range(3)], fill, ink, line)
            case "label":
                font = _font(draws.choice((10, 12, 16)))
                draw.text((x, y), draws.choice(_WORDS), ink, font)
            case _:
                for step in range(0, wide, draws.randint(4, 12)):
                    draw.line(((x + step, y), (x + step, around[3])), ink, 1)
