"""The distributions by name."""

from __future__ import annotations

from lic_models.components.entropy_models.distributions.base import Distribution
from lic_models.components.entropy_models.distributions.kinds import GAUSSIAN, LAPLACE, LOGISTIC
from pytest_lic.errors import UsageError

Range = tuple[float, float]
_RANGE = (0.11, 256.0)


class Gaussian(Distribution):
    """One Gaussian; scales are standard deviations.

    Ballé, Minnen, Singh, Hwang and Johnston, "Variational image compression with a scale
    hyperprior", ICLR 2018, https://arxiv.org/abs/1802.01436.

    Args:
        scale_levels: how many scales there are tables for.
        scale_range: the smallest and the largest of them.
    """

    def __init__(self, scale_levels: int = 64, scale_range: Range = _RANGE) -> None:
        super().__init__((GAUSSIAN,), scale_levels, scale_range)


class Laplace(Distribution):
    """One Laplace distribution; a scale is the mean distance from the location.

    Zhou, Cai, Gao, Su and Wu, "Variational autoencoder for low bit-rate image compression", CVPR
    Workshops 2018,
    https://openaccess.thecvf.com/content_cvpr_2018_workshops/papers/w50/Zhou_Variational_Autoencoder_for_CVPR_2018_paper.pdf

    Args:
        scale_levels: how many scales there are tables for.
        scale_range: the smallest and the largest of them.
    """

    def __init__(self, scale_levels: int = 64, scale_range: Range = _RANGE) -> None:
        super().__init__((LAPLACE,), scale_levels, scale_range)


class Logistic(Distribution):
    """One logistic distribution; a scale is √3 / π standard deviations.

    Salimans, Karpathy, Chen and Kingma, "PixelCNN++: improving the PixelCNN with discretized
    logistic mixture likelihood and other modifications", ICLR 2017,
    https://arxiv.org/abs/1701.05517, of which this is one component.

    Args:
        scale_levels: how many scales there are tables for.
        scale_range: the smallest and the largest of them.
    """

    def __init__(self, scale_levels: int = 64, scale_range: Range = _RANGE) -> None:
        super().__init__((LOGISTIC,), scale_levels, scale_range)


class GaussianMixture(Distribution):
    """K Gaussians.

    Cheng, Sun, Takeuchi and Katto, "Learned image compression with discretized Gaussian mixture
    likelihoods and attention modules", CVPR 2020, https://arxiv.org/abs/2001.01568.

    Args:
        components: K, at least 2.
        scale_levels: how many scales there are look-ups for.
        scale_range: the smallest and the largest of them.

    Raises:
        UsageError: a single component.
    """

    def __init__(
        self, components: int = 3, scale_levels: int = 64, scale_range: Range = _RANGE
    ) -> None:
        if components < 2:
            raise UsageError(f"components: {components}; expected at least 2 of a mixture")
        super().__init__((GAUSSIAN,) * components, scale_levels, scale_range)


class GaussianLaplaceLogisticMixture(Distribution):
    """As many Gaussians, Laplace and logistic distributions.

    Fu et al., "Learned image compression with Gaussian-Laplacian-logistic mixture model and
    concatenated residual modules", IEEE TIP 2023, https://arxiv.org/abs/2107.06463.

    Args:
        components: of each kind.
        scale_levels: how many scales there are look-ups for.
        scale_range: the smallest and the largest of them.

    Raises:
        UsageError: no component.
    """

    def __init__(
        self, components: int = 1, scale_levels: int = 64, scale_range: Range = _RANGE
    ) -> None:
        if components < 1:
            raise UsageError(f"components: {components}; expected at least 1 of each kind")
        kinds = (GAUSSIAN,) * components + (LAPLACE,) * components + (LOGISTIC,) * components
        super().__init__(kinds, scale_levels, scale_range)
