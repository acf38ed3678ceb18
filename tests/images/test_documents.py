"""Synthetic documents: the same ones each time, and none to train on that is tested on."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import ImageFont

from pytest_lic.errors import CorpusError
from pytest_lic.images.corpus import check_corpus, load_corpus
from pytest_lic.images.documents import DOCUMENTS, Split, synthetic_documents

DIGEST = (
    "from pytest_lic.images.corpus import load_corpus as c; print(c('synthetic-documents').digest)"
)


def drawn(split: Split) -> dict[str, bytes]:
    return {name: pixels.tobytes() for name, pixels in synthetic_documents(split)}


def test_the_corpus_holds_the_documents_to_test_on() -> None:
    check_corpus("synthetic-documents")
    corpus = load_corpus("synthetic-documents")
    assert corpus.name == "synthetic-documents"
    assert {image.name: image.pixels.tobytes() for image in corpus.images} == drawn("test")
    kinds = [image.name.split("_")[0] for image in corpus.images]
    assert kinds == ["text", "drawing", "chart", "page"] * 4
    for image in corpus.images:
        assert image.name.endswith(f"_{image.width}x{image.height}")
        assert 256 <= min(image.width, image.height) <= max(image.width, image.height) <= 512


def test_no_document_is_both_trained_and_tested_on() -> None:
    train, test = drawn("train"), drawn("test")
    assert (len(train), len(test)) == (DOCUMENTS["train"], DOCUMENTS["test"]) == (64, 16)
    assert len({*train.values(), *test.values()}) == 80


def test_each_has_something_on_its_paper() -> None:
    for name, pixels in synthetic_documents("test"):
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 4, name


def test_another_process_with_other_settings_draws_the_same() -> None:
    # A matplotlib that is set up otherwise, and hashes that differ from process to process.
    code = f"import matplotlib; matplotlib.rcParams.update({{'font.size': 20}}); {DIGEST}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == load_corpus("synthetic-documents").digest


def test_a_pillow_without_letters_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFont, "load_default", lambda _: ImageFont.ImageFont())
    with pytest.raises(CorpusError, match="'synthetic-documents': this Pillow has no FreeType"):
        next(synthetic_documents("test"))
