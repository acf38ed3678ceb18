"""A quantizer, coder, context model or sampler in a few lines of conftest.py is tested."""

from __future__ import annotations

import re

# Before pytester looks at sys.modules: neither can be imported twice.
import hypothesis.strategies  # noqa: F401
import pytest
import torch  # noqa: F401

from tests.helpers.places import ROOT

QUANTIZER = """
import torch
from pytest_lic import QuantizerUnderTest

class Mine:
    def symbols(self, values):
        return torch.round(values).int()
    def values(self, symbols):
        return symbols.float()

def pytest_lic_quantizers():
    yield QuantizerUnderTest("mine", Mine, ties="even")
"""
CODER = f"""
import sys
sys.path.append({str(ROOT)!r})
from tests.helpers.coder_mutants import PlainCoder
from pytest_lic import CoderUnderTest, TableMaker

class Mine(PlainCoder):
    pass

def pytest_lic_coders():
    yield CoderUnderTest("mine", Mine, escapes=True, escape_bits=lambda *_: 32, longest=1000)
    yield TableMaker("my-tables", lambda masses: [1, 65535])
"""
CONTEXT_MODEL = f"""
import sys
sys.path.append({str(ROOT)!r})
from tests.helpers.context_mutants import MaskB, Raster
from pytest_lic import ContextModelUnderTest

class Mine(Raster):
    pass

def pytest_lic_context_models():
    yield ContextModelUnderTest("mine", Mine, channels=[2])
"""
SAMPLER = f"""
import sys
sys.path.append({str(ROOT)!r})
from tests.helpers.plain_samplers import ForgetsTheSeed, Plain
from pytest_lic import SamplerUnderTest

class Mine(Plain):
    pass

def pytest_lic_samplers():
    yield SamplerUnderTest("mine", Mine, wide=False, most_bits=4)
"""
VECTOR_QUANTIZER = f"""
import sys
sys.path.append({str(ROOT)!r})
from tests.helpers.plain_vector_quantizers import FromTheEnd, Plain
from pytest_lic import VectorQuantizerUnderTest

class Mine(Plain):
    pass

def pytest_lic_vector_quantizers():
    yield VectorQuantizerUnderTest("mine", Mine, channels=4, entries=8, codebooks=2)
"""
NAME = "pytest_lic.suites.properties"


def run(
    pytester: pytest.Pytester, conftest: str, *options: str, chosen: str = "mine"
) -> pytest.RunResult:
    (pytester.path / "conftest.py").write_text(conftest)
    quiet = ("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
    return pytester.runpytest_inprocess(
        "--pyargs", "pytest_lic.suites", "-m", "properties", "-k", chosen, *quiet, *options
    )


def ran_on(result: pytest.RunResult, name: str) -> set[str]:
    """The test functions that ran on the thing of this name."""
    return {
        found[1]
        for line in result.stdout.lines
        if (found := re.search(rf"::test_(\w+)\[{name}\]", line))
    }


def test_a_quantizer_in_a_ten_line_conftest_has_all_its_promises_tested(
    pytester: pytest.Pytester,
) -> None:
    assert len([line for line in QUANTIZER.splitlines() if line]) <= 10
    result = run(pytester, QUANTIZER, "-v")
    assert result.ret == 0, result.stdout.str()
    assert ran_on(result, "mine") == {
        *("int32_symbols", "error_bound", "idempotence", "monotonicity", "ascending_values"),
        *("values_on_the_grid", "nearest_value", "ties", "determinism", "in_step"),
    }
    result.assert_outcomes(passed=10, deselected=result.parseoutcomes()["deselected"])


def test_a_broken_quantizer_fails_with_the_smallest_input_and_both_sides(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, QUANTIZER.replace("torch.round(values)", "torch.floor(values + 0.5)"))
    result.stdout.fnmatch_lines(
        [
            "*_ test_ties[[]mine[]] _*",
            "mine breaks a property: ties to even",
            "  input     [[]0.5[]]",
            "  expected  symbols [[]0[]]",
            "  came      symbols [[]1[]]",
            f"FAILED {NAME}.test_quantizers::test_ties[[]mine[]]*",
        ],
        consecutive=False,
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert ran_on(result, "mine") == {"ties"}


def test_an_exception_is_told_with_the_input_and_the_place(pytester: pytest.Pytester) -> None:
    broken = QUANTIZER.replace("symbols.float()", "symbols[5:6].float()[0]")
    result = run(pytester, broken, chosen="test_determinism and mine")
    result.stdout.fnmatch_lines(
        [
            "mine breaks a property: determinism",
            "  input     [[]0.0[]]",
            "  expected  no exception",
            "  came      IndexError: index 0 is out of bounds for dimension 0 * (conftest.py:9)",
        ]
    )


def test_a_coder_and_its_table_maker_have_all_their_promises_tested(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, CODER, "-v", chosen="mine or my-tables")
    assert ran_on(result, "mine") == {
        *("messages_decode", "no_symbols", "one_symbol", "every_symbol", "outside_symbols"),
        *("length", "long_message", "same_bytes"),
    }
    made = {"tables_sum_up", "likelier_gets_more", "same_counts", "too_many_symbols"}
    assert ran_on(result, "my-tables") == made
    result.stdout.fnmatch_lines(
        [
            "my-tables breaks a property: tables monotone and summing to 2[*][*]16",
            "  input     masses [[]0.*, 0.*[]]",
            "  expected  3 counts",
            "  came      shape (2,)",
        ]
    )
    assert result.parseoutcomes()["failed"] == 3, "one of these always makes the same two counts"


def test_a_context_model_has_all_its_promises_tested(pytester: pytest.Pytester) -> None:
    result = run(pytester, CONTEXT_MODEL, "-v")
    assert result.ret == 0, result.stdout.str()
    assert ran_on(result, "mine") == {
        *("partition", "declared_passes", "prediction_each", "causality"),
        *("encoder_and_decoder_in_step", "batch_independence", "sees_decoded"),
    }


def test_a_context_model_that_foresees_fails_with_pass_and_position(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, CONTEXT_MODEL.replace("Mine(Raster)", "Mine(MaskB)"))
    result.stdout.fnmatch_lines(
        [
            "mine breaks a property: nothing is predicted from what is not decoded yet",
            "  input     a latent 2 × 1 × 1 of the seed 0, changed by 1 at (0, 0, 0)",
            "  expected  prediction 0 at (0, 0, 0), of pass 0, the same whatever stands at *",
            "  came      *",
            f"FAILED {NAME}.test_context_models::test_causality[[]mine[]]*",
        ],
    )
    assert result.parseoutcomes()["failed"] == 2, "nor do encoder and decoder agree"


def test_a_vector_quantizer_has_all_its_promises_tested(pytester: pytest.Pytester) -> None:
    result = run(pytester, VECTOR_QUANTIZER, "-v")
    assert result.ret == 0, result.stdout.str()
    assert ran_on(result, "mine") == {
        *("own_indices", "every_entry", "nearest_entry", "idempotence", "in_step"),
        *("positions_apart", "refusal"),
    }


def test_a_vector_quantizer_that_takes_any_index_fails_with_the_index(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, VECTOR_QUANTIZER.replace("Mine(Plain)", "Mine(FromTheEnd)"))
    result.stdout.fnmatch_lines(
        [
            "mine breaks a property: a clear error for what no entry has",
            "  input     the index -1 at 0",
            "  expected  LicError or ValueError or IndexError",
            f"FAILED {NAME}.test_vector_quantizers::test_refusal[[]mine[]]*",
        ],
    )
    result.assert_outcomes(failed=1, passed=6, deselected=result.parseoutcomes()["deselected"])


def test_a_sampler_has_all_its_promises_tested(pytester: pytest.Pytester) -> None:
    result = run(pytester, SAMPLER, "-v")
    assert result.ret == 0, result.stdout.str()
    assert ran_on(result, "mine") == {
        *("draws_decode", "no_dimensions", "same_draw", "threads", "independent_of_others"),
        *("damaged_strings", "refused_pairs", "exact_draws", "independent_draws", "enough_bits"),
    }


def test_a_sampler_that_forgets_its_seed_fails_with_the_correlation(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, SAMPLER.replace("Mine(Plain)", "Mine(ForgetsTheSeed)"))
    result.stdout.fnmatch_lines(
        [
            "mine breaks a property: draws of dimensions and of seeds are independent",
            "  input     4000 times 2.06 ± 0.28, of a prior 1.5 ± 0.7",
            "  expected  draws uncorrelated, to 0.0867 (a false alarm in 1,000,000 seeds)",
            "  came      1.0000 between seed 0 and seed 1, 0 dimensions apart",
            f"FAILED {NAME}.test_samplers::test_independent_draws[[]mine[]]*",
        ],
    )
    result.assert_outcomes(failed=1, passed=9, deselected=result.parseoutcomes()["deselected"])


def test_a_broken_coder_fails_with_the_smallest_message_and_both_sides(
    pytester: pytest.Pytester,
) -> None:
    drops = (
        "    def encode(self, symbols, *rest):\n        return super().encode(symbols[1:], *rest)"
    )
    result = run(pytester, CODER.replace("    pass", drops), chosen="test_one_symbol and mine")
    result.stdout.fnmatch_lines(
        [
            "mine breaks a property: a message of one symbol decodes",
            "  input     symbols [[]0[]] of tables [[]0[]]",
            "            table 0: symbols 0 to 0, counts 65535, escape 1",
            "  expected  no exception",
            "  came      ValueError: zip() argument 2 is longer * (coder_mutants.py:*",
        ]
    )


def test_more_examples_come_from_a_profile_of_the_users(pytester: pytest.Pytester) -> None:
    counting = QUANTIZER.replace(
        "return symbols.float()", "print('called'); return symbols.float()"
    )
    profile = (
        "\nfrom hypothesis import settings\nsettings.register_profile('more', max_examples=300)"
    )
    (pytester.path / "conftest.py").write_text(counting + profile)
    command = ("--pyargs", f"{NAME}.test_quantizers::test_error_bound[mine]", "-s")
    # In processes of their own, since a profile stays loaded.
    few, many = (
        pytester.runpytest_subprocess(*command, *options)
        for options in ((), ("--hypothesis-profile=more",))
    )
    assert 50 <= few.stdout.str().count("called") <= 110
    assert many.stdout.str().count("called") > 250
    assert few.ret == many.ret == 0


def test_a_failure_that_was_stored_is_replayed_for_its_property_alone(
    pytester: pytest.Pytester,
) -> None:
    """With a profile of the user's, random and with a database, Hypothesis replays what failed."""
    broken = QUANTIZER.replace("torch.round(values)", "torch.floor(values + 0.6)")
    profile = """
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase
stored = DirectoryBasedExampleDatabase(".hypothesis/examples")
settings.register_profile("random", derandomize=False, database=stored)
"""
    (pytester.path / "conftest.py").write_text(broken + profile)
    command = ("--pyargs", f"{NAME}.test_quantizers", "-k", "mine", "--hypothesis-profile=random")
    for _ in range(2):
        result = pytester.runpytest_subprocess(*command)
        assert ran_on(result, "mine") == {"error_bound", "nearest_value", "ties"}
    assert len(list((pytester.path / ".hypothesis" / "examples").iterdir())) >= 3


def test_a_run_searches_alike_each_time_and_keeps_no_examples(pytester: pytest.Pytester) -> None:
    noting = QUANTIZER.replace("return torch", "print('got', values.tolist()); return torch")
    (pytester.path / "conftest.py").write_text(noting)
    command = ("--pyargs", f"{NAME}.test_quantizers::test_error_bound[mine]", "-s")
    first, again = (pytester.runpytest_subprocess(*command).stdout.lines for _ in range(2))
    inputs = [line for line in first if "got" in line]
    assert len(inputs) > 50
    assert inputs == [line for line in again if "got" in line]
    assert not (pytester.path / ".hypothesis" / "examples").exists()


def test_no_codec_is_needed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_lic.project.discovery.ENTRY_POINTS", "no.such.group")
    result = run(pytester, QUANTIZER)
    assert result.parseoutcomes()["passed"] == 10
    result.stdout.no_fnmatch_line("lic: *")


@pytest.mark.parametrize(
    ("conftest", "expected"),
    [
        (
            QUANTIZER.replace('"mine"', '"my own"'),
            "*conftest.py: quantizer name 'my own': expected letters, digits*",
        ),
        (
            QUANTIZER.replace('"mine"', '"noise"'),
            "two quantizers are named 'noise': one from *conftest.py, one from entry point *",
        ),
        (
            QUANTIZER.replace("yield Qua", "return Qua"),
            "*pytest_lic_quantizers in *conftest.py failed: TypeError: *not iterable; mend it*",
        ),
        (
            QUANTIZER.replace('yield QuantizerUnderTest("mine", Mine, ties="even")', "pass"),
            "*it returned nothing; expected it to yield QuantizerUnderTest objects",
        ),
        (
            QUANTIZER.replace("pytest_lic_quantizers", "pytest_lic_coders"),
            "*conftest.py gave QuantizerUnderTest(*; expected CoderUnderTest or TableMaker objects",
        ),
        (QUANTIZER.replace('"even"', '"odd"'), "*quantizer 'mine': ties='odd'; expected one of *"),
        (
            QUANTIZER.replace('"even"', '"even", dither=16'),
            "*quantizer 'mine': ties with a dither; expected one of them*",
        ),
        (
            CONTEXT_MODEL.replace("[2]", "[0]"),
            "*context model 'mine': channels=[[]0[]]; expected numbers of channels, each 1 or more",
        ),
        (
            CONTEXT_MODEL.replace("[2]", "[2], filled_from=8"),
            "*context model 'mine': filled_from=8; expected 1 to 7, the largest side tested",
        ),
        (
            CONTEXT_MODEL.replace('"mine"', '"checkerboard"'),
            "two context models are named 'checkerboard': one from *conftest.py, one from entry *",
        ),
        (
            CONTEXT_MODEL.replace("pytest_lic_context_models", "pytest_lic_quantizers"),
            "*conftest.py gave ContextModelUnderTest(*; expected QuantizerUnderTest objects",
        ),
        (
            VECTOR_QUANTIZER.replace("entries=8", "entries=1"),
            "*vector quantizer 'mine': entries=1; expected 2 or more",
        ),
        (
            SAMPLER.replace("most_bits=4", "most_bits=0.5"),
            "*sampler 'mine': most_bits=0.5; expected 1 to 100 bits, or None",
        ),
        (
            SAMPLER.replace("most_bits=4", "overhead=-1"),
            "*sampler 'mine': overhead=-1; expected 0 bits or more, or None",
        ),
        (
            SAMPLER.replace('"mine"', '"poisson"'),
            "two samplers are named 'poisson': one from *conftest.py, one from entry point *",
        ),
        (CODER.replace("1000", "20"), "*coder 'mine': longest=20; expected 1000 symbols or more*"),
    ],
)
def test_what_can_not_be_registered_is_refused_in_one_line(
    pytester: pytest.Pytester, conftest: str, expected: str
) -> None:
    result = run(pytester, conftest)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.stderr.lines if line]
    result.stderr.fnmatch_lines([f"ERROR: {expected}"])
    assert line.startswith("ERROR: ")


OWN = """
import pytest

@pytest.mark.lic_promise("{promise}")
def test_mine(lic_quantizer):
    assert lic_quantizer.{promise}
"""


def test_a_property_of_ones_own_is_spread_over_those_that_promise_it(
    pytester: pytest.Pytester,
) -> None:
    (pytester.path / "conftest.py").write_text(QUANTIZER)
    options = ("-v", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    test = pytester.makepyfile(OWN.format(promise="dither"))
    result = pytester.runpytest_inprocess(*options)
    assert {
        line.partition("[")[2].partition("]")[0] for line in result.stdout.lines if "::" in line
    } == {
        "universal-16",
        "universal-7",
    }
    test.write_text(OWN.format(promise="colour"))
    result = pytester.runpytest_inprocess(*options)
    result.stdout.fnmatch_lines(["*lic_promise names 'colour', which a quantizer can't promise"])


def test_where_nothing_promises_it_the_test_is_skipped_and_says_so(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, QUANTIZER, "-rs", chosen="test_splits")
    result.stdout.fnmatch_lines(["SKIPPED * no coder promises splits"])
    result.assert_outcomes(skipped=1, deselected=result.parseoutcomes()["deselected"])
