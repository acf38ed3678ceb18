"""The data set of synthetic documents."""

from __future__ import annotations

from lic_models.data import SyntheticDocuments
from pytest_lic.images.corpus import load_corpus
from tests.helpers.image_folders import SMALL, batches


def test_documents_to_train_on_are_drawn_here_and_the_corpus_is_tested_on() -> None:
    module = SyntheticDocuments(**SMALL)
    module.setup("fit")
    module.setup("test")
    train, validation, test = (module.images(s) for s in ("train", "validation", "test"))
    assert len(train) + len(validation) == 64
    assert len(validation) > 0
    names = [file.name for file in test.files]
    assert names == [image.name for image in load_corpus("synthetic-documents").images]
    assert batches(module).shape == (4, 3, 3, 16, 16)
