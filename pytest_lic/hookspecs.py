"""The hooks that pytest-lic calls, for ``conftest.py`` files and plugins."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from pytest_lic.codec import CodecFamily
from pytest_lic.component import ComponentKind
from pytest_lic.context_model import ContextModelUnderTest
from pytest_lic.entropy_coder import CoderUnderTest, TableMaker
from pytest_lic.measuring.metrics.base import Metric
from pytest_lic.quantizer import QuantizerUnderTest
from pytest_lic.sampler import SamplerUnderTest
from pytest_lic.vector_quantizer import VectorQuantizerUnderTest


@pytest.hookspec
def pytest_lic_codecs() -> Iterable[CodecFamily]:  # type: ignore[empty-body]
    """Yield the codec families of this project.

    A ``conftest.py`` in the folder pytest is started from, or above the tests, may define it. Mark
    it ``@pytest.hookimpl(optionalhook=True)`` if the project's tests must also run where
    pytest-lic is not installed.
    """


@pytest.hookspec
def pytest_lic_components() -> Iterable[ComponentKind]:  # type: ignore[empty-body]
    """Yield the kinds of component that ``pytest-lic components`` is to list, beside all others."""


@pytest.hookspec
def pytest_lic_quantizers() -> Iterable[QuantizerUnderTest]:  # type: ignore[empty-body]
    """Yield the quantizers whose promises ``-m properties`` is to test."""


@pytest.hookspec
def pytest_lic_vector_quantizers() -> Iterable[VectorQuantizerUnderTest]:  # type: ignore[empty-body]
    """Yield the vector quantizers whose promises ``-m properties`` is to test."""


@pytest.hookspec
def pytest_lic_coders() -> Iterable[CoderUnderTest | TableMaker]:  # type: ignore[empty-body]
    """Yield the entropy coders, and the makers of their tables, that ``-m properties`` tests."""


@pytest.hookspec
def pytest_lic_context_models() -> Iterable[ContextModelUnderTest]:  # type: ignore[empty-body]
    """Yield the context models whose promises ``-m properties`` is to test."""


@pytest.hookspec
def pytest_lic_samplers() -> Iterable[SamplerUnderTest]:  # type: ignore[empty-body]
    """Yield the samplers of relative-entropy coding whose promises ``-m properties`` is to test."""


@pytest.hookspec
def pytest_lic_metrics() -> Iterable[Metric]:  # type: ignore[empty-body]
    """Yield metrics that ``--lic-metrics`` may name, beside those that come with the plugin."""
