"""The codec families that ship with pytest-lic, found through its entry point.

Importing this loads no torch: a family is a name with qualities until one of them is built.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.codec import CodecFamily
from pytest_lic.errors import WeightsError

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = Path(__file__).parent / "weights"

FP_GDN = "fp-gdn"
FP_GDN_LAMBDAS = {"1": 0.0018, "2": 0.0067, "3": 0.0250, "4": 0.0932}
# The third layer leaves 4 N numbers for 16 × 16 pixels, and no latent can hold more than these. On
# photographs 192 lose so much (35 dB) that the largest λ is wasted; 256 lose less (39 dB).
FP_GDN_WIDTH, FP_GDN_LATENTS = 64, 256


def families() -> Iterator[CodecFamily]:
    """Every shipped family."""
    yield compressai_family(
        FP_GDN,
        build_fp_gdn,
        FP_GDN_LAMBDAS,
        tags={
            "architecture": "fp",
            "nonlinearity": "gdn",
            "width": "pico",
            "quantizer": "noise",
            "prior": "factorized",
            "coder": "rans",
        },
        fingerprint=fp_gdn_fingerprint,
    )


def fp_gdn_fingerprint(quality: str) -> str:
    """The digest of the weights file of one quality of `FP_GDN`."""
    return weights_fingerprint(FP_GDN, quality)


def weights_path(family: str, quality: str) -> Path:
    """Where the weights of one quality of a shipped family lie."""
    return WEIGHTS / f"{family}-{quality}.safetensors"


def weights_fingerprint(family: str, quality: str) -> str:
    """The SHA-256 of one quality's weights file, without building the network.

    Raises:
        WeightsError: a file that can't be read.
    """
    path = weights_path(family, quality)
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(
            f"{path}: can't be read ({error.strerror or error}); reinstall the package, or train "
            "the network again with lic_models.training"
        ) from error


def build_fp_gdn(quality: str) -> nn.Module:
    """The factorized prior with GDN (Ballé et al., ICLR 2018), trained for one quality's λ.

    Raises:
        WeightsError: weights that are missing, damaged or of another architecture.
    """
    from compressai.models import FactorizedPrior

    from lic_models.weights_file import load_weights

    network: nn.Module = FactorizedPrior(FP_GDN_WIDTH, FP_GDN_LATENTS)
    load_weights(network, weights_path(FP_GDN, quality))
    return network
