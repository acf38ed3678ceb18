"""What a codec family accepts, and what it answers."""

import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest

from pytest_lic import Codec, CodecFamily
from pytest_lic.codec import SupportsLatents
from pytest_lic.errors import UsageError


class Verbatim:
    """Speaks the protocol, whatever it codes."""

    def encode(self, images, /):
        return [b"" for _ in images]

    def decode(self, bitstreams, /):
        raise NotImplementedError


class VerbatimWithLatents(Verbatim):
    def decode_latents(self, bitstreams, /):
        raise NotImplementedError


def family(name="msh-gsdn", qualities=("1", "2"), **more) -> CodecFamily:
    return CodecFamily(name, qualities, build=lambda quality, device: Verbatim(), **more)


@pytest.mark.parametrize("name", ["jpeg", "fp-gdn", "msh-gsdn", "h.265+x", "ELIC_2022", "2x"])
def test_names_of_letters_digits_and_a_few_signs_are_accepted(name):
    assert family(name).name == name


@pytest.mark.parametrize(
    "name", ["", "-jpeg", "jpeg-", "a b", "a/b", "a:b", "a*", "a[1]", "jpég", "a\n", None, 3]
)
def test_any_other_name_is_refused_with_what_was_expected(name):
    with pytest.raises(UsageError, match="expected letters, digits and") as caught:
        family(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("qualities", [(), {}])
def test_a_family_without_qualities_is_refused(qualities):
    with pytest.raises(UsageError, match="'msh-gsdn' has no qualities; expected at least one"):
        family(qualities=qualities)


@pytest.mark.parametrize("label", ["", "a b", "1,2", "1/2", "*"])
def test_a_quality_that_could_not_stand_in_a_cell_s_name_is_refused(label):
    with pytest.raises(UsageError, match="'msh-gsdn': quality label") as caught:
        family(qualities=["1", label])
    assert repr(label) in str(caught.value)


def test_qualities_keep_their_order_and_their_lambdas():
    assert list(family(qualities={"9": 0.1, "1": 0.2}).qualities.items()) == [
        ("9", 0.1),
        ("1", 0.2),
    ]


def test_a_plain_sequence_of_qualities_has_no_lambdas():
    assert dict(family(qualities=[10, 20.5, "best"]).qualities) == {
        "10": None,
        "20.5": None,
        "best": None,
    }


def test_a_family_can_not_be_changed_afterwards():
    qualities, tags = {"1": 0.01}, {"nonlinearity": "gdn"}
    made = family(qualities=qualities, tags=tags, devices=["cpu"])
    qualities["2"] = 0.02
    tags["nonlinearity"] = "relu"
    assert dict(made.qualities) == {"1": 0.01}
    assert dict(made.tags) == {"nonlinearity": "gdn"}
    assert made.devices == ("cpu",)
    with pytest.raises(TypeError):
        made.qualities["3"] = None
    with pytest.raises(TypeError):
        made.tags["architecture"] = "fp"
    with pytest.raises(FrozenInstanceError):
        made.name = "other"


def test_making_a_family_builds_nothing():
    built = []
    CodecFamily("lazy", ["1"], build=lambda *arguments: built.append(arguments))
    assert built == []


def test_each_quality_is_a_network_of_its_own_unless_one_serves_all():
    assert family().network("1") != family().network("2")
    variable_rate = family(one_network=True)
    assert variable_rate.network("1") == variable_rate.network("2")


def test_networks_of_two_families_have_different_names():
    assert family("a").network("1") != family("b").network("1")
    assert family("a", one_network=True).network("1") != family("b", one_network=True).network("1")


def test_the_protocols_are_recognised_by_their_methods():
    assert isinstance(Verbatim(), Codec)
    assert not isinstance(object(), Codec)
    assert not isinstance(Verbatim(), SupportsLatents)
    assert isinstance(VerbatimWithLatents(), SupportsLatents)


def test_importing_the_protocol_loads_no_torch():
    modules = "pytest_lic, pytest_lic.codec, pytest_lic.container"
    script = (
        f"import sys, {modules}, pytest_lic.system.environment, pytest_lic.errors\n"
        "print(sorted({'torch', 'numpy', 'compressai', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
