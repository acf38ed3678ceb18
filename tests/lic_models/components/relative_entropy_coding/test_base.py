"""Every sampler: the same on every machine; nearly every damage is noticed, nonsense refused.

That it keeps its promises, the suite ``properties`` tests.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from lic_models.components.relative_entropy_coding import (
    Gaussians,
    GreedySampler,
    ImportanceSampler,
    PoissonSampler,
    RejectionSampler,
)
from pytest_lic.errors import CorruptBitstreamError, UsageError
from tests.helpers.gaussian_pairs import NAMES, SAMPLERS, alike, each_sampler, mixed
from tests.helpers.places import ROOT

BOTH = pytest.mark.parametrize("make", [RejectionSampler, PoissonSampler])


@each_sampler
@pytest.mark.parametrize("scale", [0.999999999, 1.0, 1.5, 40.0])
def test_posteriors_as_wide_as_their_prior_or_wider_are_coded_too(make, scale):
    posterior, prior = alike(0.5, scale, 40)
    string, draw = make(1).encode(posterior, prior)
    np.testing.assert_array_equal(make(1).decode(string, prior), draw)


@each_sampler
def test_no_dimensions_are_no_bytes(make):
    nothing = Gaussians(np.empty(0), np.empty(0))
    assert make().encode(nothing, nothing)[0] == b""
    with pytest.raises(CorruptBitstreamError, match="3 bytes where no dimensions are due"):
        make().decode(b"abc", nothing)


CHILD = """
import hashlib, json, sys
import numpy as np
from tests.helpers.gaussian_pairs import SAMPLERS, mixed
prior = mixed(300)[1]
for make, string in zip(SAMPLERS, json.load(sys.stdin)):
    draw = make(7).decode(bytes.fromhex(string), prior)
    print(hashlib.sha256(draw.tobytes()).hexdigest())
"""


def test_a_fresh_process_decodes_the_draws_to_the_bit():
    posterior, prior = mixed(300)
    coded = [make(7).encode(posterior, prior) for make in SAMPLERS]
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps([string.hex() for string, _ in coded]),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    expected = [hashlib.sha256(draw.tobytes()).hexdigest() for _, draw in coded]
    assert child.stdout.split() == expected


@BOTH
def test_a_dimension_draws_alike_beside_thousands(make):
    """Not so with groups, where dimensions share an index; there the words do, `test_philox`."""
    posterior, prior = mixed(3000)
    draw = make(4).encode(posterior, prior)[1]
    for count in (1, 17, 2900):
        some = [Gaussians(each.means[:count], each.scales[:count]) for each in (posterior, prior)]
        np.testing.assert_array_equal(make(4).encode(*some)[1], draw[:count])


@pytest.mark.parametrize("make", SAMPLERS[1:3], ids=NAMES[1:3])
def test_later_groups_do_not_move_earlier_ones(make):
    posterior, prior = mixed(6000)
    draw = make(4).encode(posterior, prior)[1]
    some = [Gaussians(each.means[:900], each.scales[:900]) for each in (posterior, prior)]
    np.testing.assert_array_equal(make(4).encode(*some)[1][:800], draw[:800])


@each_sampler
def test_nearly_every_damage_is_noticed(make):
    """One in a few hundred may pass, as with any string of the entropy coder."""
    posterior, prior = mixed(400)
    string, draw = make(3).encode(posterior, prior)
    damaged = [
        *[string[:cut] for cut in np.linspace(0, len(string) - 1, 15).astype(int)],
        *[string + bytes([each]) for each in (0, 1, 255)],
        *[
            string[:at] + bytes([string[at] ^ 1 << at % 8]) + string[at + 1 :]
            for at in np.linspace(0, len(string) - 1, 60).astype(int)
        ],
        *[np.random.default_rng(each).bytes(200) for each in range(20)],
    ]
    noticed = 0
    for each in damaged:
        try:
            assert make(3).decode(each, prior).shape == draw.shape
        except CorruptBitstreamError:
            noticed += 1
    assert noticed >= len(damaged) - 2


@each_sampler
def test_another_number_of_dimensions_is_noticed(make):
    posterior, prior = mixed(200)
    string = make().encode(posterior, prior)[0]
    for count in (1, 199, 201, 5000):
        with pytest.raises(CorruptBitstreamError):
            make().decode(string, Gaussians(np.zeros(count), np.ones(count)))


WRONG = [
    (lambda: RejectionSampler(seed=-1), "RejectionSampler: seed -1; expected 0 to"),
    (lambda: PoissonSampler(seed=1 << 64), "PoissonSampler: seed"),
    (lambda: RejectionSampler(budget_bits=17), "budget_bits 17; expected 0 to 16"),
    (lambda: GreedySampler(shards=0), "shards 0; expected 1 to 63"),
    (lambda: GreedySampler(shard_bits=17), "shard_bits 17; expected 1 to 16"),
    (lambda: GreedySampler(size_bits=16), "size_bits 16; expected 0 to 15"),
    (lambda: GreedySampler(share=0), "share 0; expected"),
    (lambda: ImportanceSampler(index_bits=21), "index_bits 21; expected 1 to 20"),
    (lambda: ImportanceSampler(index_bits=4, spare_bits=5), "spare_bits 5; expected 0 to 4"),
    (lambda: ImportanceSampler(size_bits=-1), "size_bits -1"),
]


@pytest.mark.parametrize(("make", "wrong"), WRONG)
def test_arguments_out_of_range_are_refused(make, wrong):
    with pytest.raises(UsageError, match=wrong):
        make()


@pytest.mark.parametrize("make", SAMPLERS[:3], ids=NAMES[:3])
def test_an_outlier_beyond_sixteen_bits_is_refused(make):
    with pytest.raises(UsageError, match=r"7e\+04 scales of its prior away"):
        make().encode(*alike(70_000, 0.5, 2))


RECORDED = {
    "rejection": ("1f5958ea50d8e30786", "fcf62032e5bb1ed9"),
    "greedy": ("2e861b12e775ab296ebc", "10512e26f35a200c"),
    "importance": ("c21cc02a459daf", "c27e0e1f636c6b6c"),
    "poisson": ("8430645336e5d9e6f5", "754570b6c728d36b"),
}


@pytest.mark.parametrize(("name", "make"), list(zip(NAMES, SAMPLERS, strict=True)), ids=NAMES)
def test_strings_once_written_decode_to_the_same_draw_on_every_machine(name, make):
    string, digest = RECORDED[name]
    prior = Gaussians(
        np.array([0.0, -1.0, 2.5, 0.0, 1.0, 0.0]), np.array([1.0, 2.0, 0.5, 1.0, 1.0, 1.0])
    )
    draw = make(2024).decode(bytes.fromhex(string), prior)
    assert hashlib.sha256(draw.astype("<f8").tobytes()).hexdigest()[:16] == digest
