"""Which published curves there are, and for which corpora."""

import subprocess
import sys

import pytest
from PIL import Image

from pytest_lic.errors import UnavailableError, UnknownNameError
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring.published import DATASET_DIGESTS, published_curve, published_names
from pytest_lic.measuring.rate_distortion import bd_rate


def test_the_short_names_people_use_are_there():
    assert {"bpg-444", "vtm", "hm", "av1", "jpeg-published"} <= set(published_names())
    assert list(published_names()) == sorted(set(published_names()))


def test_no_published_curve_hides_behind_the_name_of_a_codec_that_gets_measured():
    assert not {"jpeg", "jpeg2000", "webp", "avif", "hevc", "fp-gdn"} & set(published_names())


@pytest.mark.parametrize("name", published_names())
def test_each_published_curve_can_be_an_anchor(name):
    anchor = published_curve(name, DATASET_DIGESTS["kodak"])
    assert anchor.name == name
    assert anchor.source.startswith("Kodak, ")
    assert "CompressAI" in anchor.source
    assert bd_rate(anchor, anchor).value == 0
    if anchor.ms_ssim[0] is not None:
        assert bd_rate(anchor, anchor, "ms_ssim_db").value == 0


def test_another_corpus_gets_no_published_curve():
    with pytest.raises(UnavailableError) as caught:
        published_curve("bpg-444", "0123456789abcdef")
    assert str(caught.value) == (
        "published curve bpg-444 holds for Kodak, CLIC 2020 mobile and CLIC 2020 professional "
        "only; this corpus (digest 0123456789abcdef) is not Kodak, and this release can't "
        "recognise CLIC 2020 mobile and CLIC 2020 professional yet; use the 24 images "
        "of Kodak, kodim01.png to kodim24.png, alone in a folder, or name a codec family as the "
        "anchor instead"
    )


def test_a_curve_of_one_data_set_speaks_of_that_one_only():
    with pytest.raises(UnavailableError, match="paper-elic2022 holds for Kodak only; this corpus"):
        published_curve("paper-elic2022", "0123456789abcdef")


def test_crops_of_the_right_images_get_no_published_curve():
    digest = DATASET_DIGESTS["kodak"]
    with pytest.raises(UnavailableError, match="holds for whole images, not for crops of 256 px"):
        published_curve("vtm", digest, "256")
    assert published_curve("vtm", digest, "native") == published_curve("vtm", digest)


def test_corpora_are_still_digested_as_when_the_data_sets_digests_were_taken(tmp_path):
    # Where this fails, DATASET_DIGESTS and the stored baselines no longer match any corpus.
    Image.new("RGB", (3, 2), (10, 20, 30)).save(tmp_path / "a.png")
    Image.new("RGB", (1, 4), (250, 128, 0)).save(tmp_path / "b.png")
    assert load_corpus(str(tmp_path)).digest == "edf1a87b84c2da1f"


def test_an_unknown_anchor_is_told_its_nearest_names():
    with pytest.raises(UnknownNameError, match="no anchor is named 'bpg'; did you mean bpg-444"):
        published_curve("bpg", DATASET_DIGESTS["kodak"])


def test_importing_curves_loads_neither_torch_nor_matplotlib():
    script = (
        "import sys, pytest_lic.measuring.published as p; p.published_names();"
        "print([name for name in ('torch', 'matplotlib', 'bjontegaard') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
